using System.Diagnostics.CodeAnalysis;

namespace Sparekey.Engine.Storage;

/// <summary>An act waiting for its turn, and the caller waiting for its answer.</summary>
internal abstract class WriteCommand
{
    /// <summary>Begins the act's turn. False when its caller gave up before: then it is dropped and never runs.</summary>
    public abstract bool Begin();

    /// <summary>Runs the act. False when it threw; the exception is kept for its caller.</summary>
    /// <param name="session">The act's session.</param>
    public abstract bool Run(DbSession session);

    /// <summary>Answers the caller with what the act returned or threw: its transaction is durable.</summary>
    public abstract void Complete();

    /// <summary>Answers the caller that nothing of the act stands: with what it threw itself, or with the outage.</summary>
    /// <param name="cause">Why its group was rolled back.</param>
    public abstract void Fail(Exception cause);
}

/// <inheritdoc cref="WriteCommand"/>
internal sealed class WriteCommand<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken) : WriteCommand
{
    // The act runs in its own caller's context (trace, culture, locals): none leaks from one caller into another.
    private readonly ExecutionContext? _context = ExecutionContext.Capture();

    // The caller goes on elsewhere: on the writer's thread it would hold up every other act.
    private readonly TaskCompletionSource<T> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private T? _returned;
    private Exception? _thrown;

    /// <summary>The caller's answer.</summary>
    public Task<T> Answer => _answer.Task;

    /// <inheritdoc/>
    public override bool Begin() => !cancellationToken.IsCancellationRequested || !_answer.TrySetCanceled(cancellationToken);

    /// <inheritdoc/>
    public override bool Run(DbSession session)
    {
        if (_context is null)
        {
            RunHere(session);
        }
        else
        {
            ExecutionContext.Run(_context, _ => RunHere(session), null);
        }

        return _thrown is null;
    }

    /// <inheritdoc/>
    public override void Complete()
    {
        if (_thrown is null)
        {
            _answer.TrySetResult(_returned!);
        }
        else
        {
            _answer.TrySetException(SqliteOutage.Translate(_thrown));
        }
    }

    /// <inheritdoc/>
    public override void Fail(Exception cause) => _answer.TrySetException(
        _thrown is null
            ? new StorageUnavailableException("SQLite rolled back the group of acts that this one was in.", cause)
            : SqliteOutage.Translate(_thrown));

    // SQLite's calls all return completed tasks, so this blocks only an act that breaks its rule and waits for something else.
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It goes to the caller, not to the other acts.")]
    private void RunHere(DbSession session)
    {
        try
        {
            _returned = act(session).GetAwaiter().GetResult();
            session.RefuseAfterFailure();
        }
        catch (Exception e)
        {
            _thrown = e;
        }
    }
}
