using System.Data.Common;
using Dapper;

namespace Sparekey.Engine.Storage;

/// <summary>
/// The one door to storage. An act runs inside one transaction: everything it wrote is durable when <see cref="Write"/>
/// returns, and nothing of it exists when <see cref="Write"/> throws, except when the commit's own answer was lost: then the
/// act stands or not, whole, and a reader may find out which. An act that returns commits, whatever it returns; one that
/// throws is rolled back. An act may be run more than once (an engine that retries), so it has no effect outside the session,
/// and it never waits for anything but its own session.
/// </summary>
public abstract class Database : IAsyncDisposable
{
    static Database() => StoredBoolean.Register();

    /// <summary>How this engine's SQL differs.</summary>
    public abstract SqlDialect Dialect { get; }

    /// <summary>Runs an act in one read-write transaction.</summary>
    /// <param name="act">What to do; its session is valid only while it runs.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn; an act that began runs to its end.</param>
    /// <exception cref="StorageUnavailableException">The engine cannot write now (full, read-only, gone, or shutting down).</exception>
    /// <exception cref="UnstorableTextException">A text has a character that this engine does not store.</exception>
    public abstract Task<T> Write<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken);

    /// <summary>Runs reads that all see the same committed state.</summary>
    /// <param name="act">What to read; a write inside fails.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageUnavailableException">The engine cannot be read now.</exception>
    public abstract Task<T> Read<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken);

    /// <summary>Runs one statement that reads. It sees one committed state by itself, so that an engine need not begin and end anything for it.</summary>
    /// <param name="act">What to read; a second statement fails, and so does a write.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageUnavailableException">The engine cannot be read now.</exception>
    public virtual Task<T> ReadOne<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken) =>
        Read(db => act(db.ForOneStatement()), cancellationToken);

    /// <summary>
    /// What the engine needs done now and then so that what was erased is really gone. Costs acts next to nothing; what is in
    /// the way is left for the next call.
    /// </summary>
    /// <param name="cancellationToken">Gives up before it begins.</param>
    public virtual Task Maintain(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Lets the engine read tables that were empty in the way that their size asks for now. Costs next to nothing where none has grown.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageUnavailableException">The engine cannot be asked now.</exception>
    public virtual Task FollowGrowth(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}

/// <summary>Storage cannot serve now. Nothing of the act exists, unless its commit's answer was lost.</summary>
/// <param name="message">What happened, for the log.</param>
/// <param name="inner">The engine's own exception.</param>
public sealed class StorageUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A text has a character that the engine stores in no text, such as U+0000. Nothing of the act exists.</summary>
/// <param name="inner">The engine's own exception.</param>
public sealed class UnstorableTextException(Exception inner) : Exception("A text has a character that cannot be stored.", inner);

/// <summary>
/// A connection inside its transaction. SQL is constant text; values are bound parameters. A statement that fails ends the act: one
/// engine would go on within its transaction, another cannot, so none does.
/// </summary>
/// <param name="connection">The open connection.</param>
/// <param name="transaction">Its transaction.</param>
/// <param name="dialect">How this engine's SQL differs.</param>
/// <param name="waiting">Keeps statements until they are sent together; null where each costs no more alone.</param>
public sealed class DbSession(DbConnection connection, DbTransaction? transaction, SqlDialect dialect, IWaitingStatements? waiting = null)
{
    private Exception? _failure;
    private int? _left;

    /// <summary>How this engine's SQL differs.</summary>
    public SqlDialect Dialect => dialect;

    /// <summary>
    /// Runs a statement of which nobody asks how many rows it changed: at the latest before the next other statement, or before the commit.
    /// An engine behind a network gets all of these at once. What it refuses fails there, so that nobody can catch it here.
    /// </summary>
    /// <param name="sql">The statement.</param>
    /// <param name="parameters">Its parameters, by name; no lists, and a null is a text unless it is <see cref="NoNumber"/>.</param>
    public Task Post(string sql, object? parameters = null)
    {
        if (waiting is null)
        {
            return Execute(sql, parameters);
        }

        waiting.Add(sql, parameters);
        return Task.CompletedTask;
    }

    /// <summary>Runs a statement and returns how many rows it changed.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="parameters">Its parameters, by name.</param>
    public Task<int> Execute(string sql, object? parameters = null) => Noting(() => connection.ExecuteAsync(sql, parameters, transaction));

    /// <summary>The first column of the first row, or the type's default.</summary>
    /// <param name="sql">The query.</param>
    /// <param name="parameters">Its parameters, by name.</param>
    public Task<T?> Scalar<T>(string sql, object? parameters = null) =>
        Noting(() => connection.ExecuteScalarAsync<T>(sql, parameters, transaction));

    /// <summary>The only row, or the type's default. More than one row is a bug and throws.</summary>
    /// <param name="sql">The query.</param>
    /// <param name="parameters">Its parameters, by name.</param>
    public Task<T?> Find<T>(string sql, object? parameters = null) =>
        Noting(() => connection.QuerySingleOrDefaultAsync<T>(sql, parameters, transaction));

    /// <summary>All rows.</summary>
    /// <param name="sql">The query.</param>
    /// <param name="parameters">Its parameters, by name.</param>
    public async Task<IReadOnlyList<T>> List<T>(string sql, object? parameters = null) =>
        (await Noting(() => connection.QueryAsync<T>(sql, parameters, transaction))).AsList();

    /// <summary>The only row of a first query, or the type's default, and all rows of two more that go with it: one way to the engine.</summary>
    /// <param name="sql">The three queries, with semicolons between them.</param>
    /// <param name="parameters">Their parameters, by name.</param>
    public Task<(TOne? One, IReadOnlyList<TMany> Many, IReadOnlyList<TMore> More)> Together<TOne, TMany, TMore>(string sql, object? parameters = null) =>
        Noting<(TOne?, IReadOnlyList<TMany>, IReadOnlyList<TMore>)>(async () =>
        {
            using var rows = await connection.QueryMultipleAsync(sql, parameters, transaction);
            return (await rows.ReadSingleOrDefaultAsync<TOne>(), (await rows.ReadAsync<TMany>()).AsList(), (await rows.ReadAsync<TMore>()).AsList());
        });

    /// <summary>The same for one statement alone: a second one would see another state.</summary>
    internal DbSession ForOneStatement()
    {
        _left = 1;
        return this;
    }

    /// <summary>Called when an act returned, before its commit.</summary>
    /// <exception cref="InvalidOperationException">A statement failed and the act went on: what it wrote is not whole.</exception>
    internal void RefuseAfterFailure()
    {
        if (_failure is not null)
        {
            throw new InvalidOperationException("An act went on after one of its statements failed.", _failure);
        }
    }

    private async Task<T> Noting<T>(Func<Task<T>> statement)
    {
        if (_left-- == 0)
        {
            throw new InvalidOperationException("What reads one statement ran another.");
        }

        try
        {
            if (waiting is { IsEmpty: false })
            {
                await waiting.Send();
            }

            return await statement();
        }
        catch (Exception e)
        {
            _failure ??= e;
            throw;
        }
    }
}

/// <summary>Statements of an act that are sent together, in their order.</summary>
public interface IWaitingStatements
{
    /// <summary>Whether none waits.</summary>
    bool IsEmpty { get; }

    /// <summary>Has a statement wait.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="parameters">Its parameters, by name.</param>
    void Add(string sql, object? parameters);

    /// <summary>Runs those that wait.</summary>
    Task Send();
}

/// <summary>
/// What differs between the engines' SQL. Statements are written once, in SQL that both accept; a difference that cannot be
/// avoided is a member here.
/// </summary>
public abstract class SqlDialect
{
    /// <summary>The folder of this engine's migrations, below <c>Storage/Migrations</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Counts the tables of a name, <c>@name</c>, in the schema in use.</summary>
    public abstract string CountTables { get; }

    /// <summary>What a step of the schema begins with, so that it may take as long as it takes.</summary>
    public virtual string BeforeMigration => "SELECT 1";

    /// <summary>Whether acts of all callers run one after the other, so that what one has read stands until its commit.</summary>
    public virtual bool HasOneWriter => false;

    /// <summary>Whether an exception says that a unique or primary key is taken.</summary>
    /// <param name="exception">What a statement threw.</param>
    public abstract bool IsUniqueViolation(Exception exception);
}
