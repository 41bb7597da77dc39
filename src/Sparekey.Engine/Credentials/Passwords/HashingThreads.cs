using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Sparekey.Engine.Credentials.Passwords;

/// <summary>
/// Threads of their own for what costs a processor a tenth of a second. In the shared pool, which begins with as many threads as there
/// are processors, a flood of sign-ins would hold all of them, and every answer would wait for a hash.
/// </summary>
internal sealed class HashingThreads
{
    private readonly Channel<Action> _work = Channel.CreateUnbounded<Action>();
    private readonly int _count;
    private readonly Lock _gate = new();
    private bool _started;

    /// <summary>Makes them; they start with the first work.</summary>
    /// <param name="count">How many.</param>
    public HashingThreads(int count) => _count = count;

    /// <summary>Does work on one of them.</summary>
    /// <param name="work">What to do; it waits for nothing.</param>
    /// <returns>What it returned or threw.</returns>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It goes to the caller; the thread must live on.")]
    public Task<T> Run<T>(Func<T> work)
    {
        Start();
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_work.Writer.TryWrite(() =>
            {
                try
                {
                    done.SetResult(work());
                }
                catch (Exception e)
                {
                    done.SetException(e);
                }
            }))
        {
            done.SetCanceled();
        }

        return done.Task;
    }

    /// <summary>Lets them end when what was begun is done.</summary>
    public void End() => _work.Writer.TryComplete();

    private void Start()
    {
        lock (_gate)
        {
            for (var i = 0; !_started && i < _count; i++)
            {
                new Thread(Loop) { IsBackground = true, Name = "password hashing" }.UnsafeStart();
            }

            _started = true;
        }
    }

    private void Loop()
    {
        while (_work.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (_work.Reader.TryRead(out var next))
            {
                next();
            }
        }
    }
}
