using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Ledger;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Telemetry;

namespace Sparekey.Engine;

/// <summary>
/// One act of one tenant inside one transaction: what it changes, what the ledger says about it and what leaves by the
/// outbox are written together or not at all. If the process dies before the commit returns, either all three exist or none.
/// </summary>
public sealed class Act
{
    private readonly LedgerWriter _ledger;
    private readonly Outbox _outbox;
    private readonly List<LedgerEntry> _entries = [];
    private readonly List<OutboxMessage> _messages = [];
    private List<Action>? _then;

    internal Act(DbSession db, TenantId tenant, DateTimeOffset now, LedgerWriter ledger, Outbox outbox)
    {
        Db = db;
        Tenant = tenant;
        Now = now;
        _ledger = ledger;
        _outbox = outbox;
    }

    /// <summary>The act's transaction.</summary>
    public DbSession Db { get; }

    /// <summary>The tenant; every statement names it.</summary>
    public TenantId Tenant { get; }

    /// <summary>When the act happens, to the millisecond: the same for every row it writes.</summary>
    public DateTimeOffset Now { get; }

    /// <summary><see cref="Now"/> as it is stored: milliseconds since 1970 in UTC.</summary>
    public long NowMs => Now.ToUnixTimeMilliseconds();

    /// <summary>Writes a ledger entry with the act, at its end together with the others.</summary>
    /// <param name="entry">The entry.</param>
    public Task Record(LedgerEntry entry)
    {
        _entries.Add(entry);
        return Task.CompletedTask;
    }

    /// <summary>Queues a message with the act, at its end together with the others.</summary>
    /// <param name="message">The message.</param>
    public Task Send(OutboxMessage message)
    {
        _messages.Add(message);
        return Task.CompletedTask;
    }

    /// <summary>Erases what is still queued for a recovery and may no longer leave, what this act queued among it.</summary>
    /// <param name="recovery">The recovery.</param>
    public async Task EraseSecretMessages(RecoveryId recovery)
    {
        await WriteOut();
        await _outbox.EraseSecrets(this, recovery);
    }

    /// <summary>
    /// Writes what was recorded and queued so far: before the act ends, and before it looks at or erases such rows itself. Acts record
    /// several entries and queue several messages; one statement for all of a kind costs little more than one for each.
    /// </summary>
    internal async Task WriteOut()
    {
        await _ledger.Append(Db, Tenant, Now, _entries);
        _entries.Clear();
        await _outbox.Enqueue(this, _messages);
        _messages.Clear();
    }

    /// <summary>Counts what happened to a recovery, once the act stands.</summary>
    /// <param name="happened">What.</param>
    internal void Count(RecoveryHappened happened)
    {
        if (Measures.RecoveryEvents.Enabled)
        {
            Then(() => Measures.Count(happened));
        }
    }

    /// <summary>
    /// Says what is done in this process once the act stands: a line in the log, a count. An act that is run again begins with nothing; if the
    /// process dies after the commit, it is not done.
    /// </summary>
    /// <param name="then">What to do; it does not fail.</param>
    internal void Then(Action then) => (_then ??= []).Add(then);

    /// <summary>The act stands.</summary>
    internal void Stands() => _then?.ForEach(then => then());
}

/// <summary>Runs acts and reads.</summary>
/// <param name="database">Storage.</param>
/// <param name="time">The clock.</param>
/// <param name="ledger">Writes the ledger.</param>
/// <param name="outbox">Queues messages.</param>
public sealed class Acts(Database database, TimeProvider time, LedgerWriter ledger, Outbox outbox)
{
    /// <summary>How the engine's SQL differs.</summary>
    internal SqlDialect Dialect => database.Dialect;

    /// <summary>The time, to the millisecond: finer would not survive storage.</summary>
    public DateTimeOffset Now => DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());

    /// <summary>
    /// Runs an act. What it returns decides nothing about the commit: a refusal that counted a try is committed too.
    /// </summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="act">What to do.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <exception cref="StorageUnavailableException">Storage cannot serve now.</exception>
    public Task<T> Write<T>(TenantId tenant, Func<Act, Task<T>> act, CancellationToken cancellationToken) =>
        Measures.ActsAreWatched
            ? WriteMeasured(tenant, act, cancellationToken)
            : WriteWhole(tenant, act, cancellationToken);

    /// <summary>Reads one committed state.</summary>
    /// <param name="read">What to read.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageUnavailableException">Storage cannot serve now.</exception>
    public Task<T> Read<T>(Func<DbSession, Task<T>> read, CancellationToken cancellationToken) =>
        Measures.ActsAreWatched ? ReadMeasured(database.Read, read, cancellationToken) : database.Read(read, cancellationToken);

    /// <summary>Reads by one statement: on an engine behind a network it costs one round trip instead of two.</summary>
    /// <param name="read">What to read; a second statement fails.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageUnavailableException">Storage cannot serve now.</exception>
    public Task<T> ReadOne<T>(Func<DbSession, Task<T>> read, CancellationToken cancellationToken) =>
        Measures.ActsAreWatched ? ReadMeasured(database.ReadOne, read, cancellationToken) : database.ReadOne(read, cancellationToken);

    private async Task<T> WriteWhole<T>(TenantId tenant, Func<Act, Task<T>> act, CancellationToken cancellationToken)
    {
        Act? last = null;
        var answer = await database.Write(
            db =>
            {
                last = new Act(db, tenant, Now, ledger, outbox);
                return Whole(last, act);
            },
            cancellationToken);
        last?.Stands();
        return answer;
    }

    private static async Task<T> Whole<T>(Act one, Func<Act, Task<T>> act)
    {
        var returned = await act(one);
        await one.WriteOut();
        return returned;
    }

    private async Task<T> WriteMeasured<T>(TenantId tenant, Func<Act, Task<T>> act, CancellationToken cancellationToken)
    {
        using var measure = new ActMeasure("write", time);
        try
        {
            return await WriteWhole(
                tenant,
                one =>
                {
                    measure.Runs();
                    return act(one);
                },
                cancellationToken);
        }
        catch (Exception e)
        {
            measure.Failed(e);
            throw;
        }
    }

    private async Task<T> ReadMeasured<T>(
        Func<Func<DbSession, Task<T>>, CancellationToken, Task<T>> way, Func<DbSession, Task<T>> read, CancellationToken cancellationToken)
    {
        using var measure = new ActMeasure("read", time);
        try
        {
            return await way(
                db =>
                {
                    measure.Runs();
                    return read(db);
                },
                cancellationToken);
        }
        catch (Exception e)
        {
            measure.Failed(e);
            throw;
        }
    }
}
