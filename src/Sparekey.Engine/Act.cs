using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Ledger;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine;

/// <summary>
/// One act of one tenant inside one transaction: what it changes, what the ledger says about it and what leaves by the
/// outbox are written together or not at all. If the process dies before the commit returns, either all three exist or none.
/// </summary>
public sealed class Act
{
    private readonly LedgerWriter _ledger;
    private readonly Outbox _outbox;

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

    /// <summary>Writes a ledger entry with the act.</summary>
    /// <param name="entry">The entry.</param>
    public Task Record(LedgerEntry entry) => _ledger.Append(Db, Tenant, Now, entry);

    /// <summary>Queues a message with the act.</summary>
    /// <param name="message">The message.</param>
    public Task Send(OutboxMessage message) => _outbox.Enqueue(this, message);

    /// <summary>Erases what is still queued for a recovery and may no longer leave.</summary>
    /// <param name="recovery">The recovery.</param>
    public Task EraseSecretMessages(RecoveryId recovery) => _outbox.EraseSecrets(this, recovery);
}

/// <summary>Runs acts and reads.</summary>
/// <param name="database">Storage.</param>
/// <param name="time">The clock.</param>
/// <param name="ledger">Writes the ledger.</param>
/// <param name="outbox">Queues messages.</param>
public sealed class Acts(Database database, TimeProvider time, LedgerWriter ledger, Outbox outbox)
{
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
        database.Write(db => act(new Act(db, tenant, Now, ledger, outbox)), cancellationToken);

    /// <summary>Reads one committed state.</summary>
    /// <param name="read">What to read.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageUnavailableException">Storage cannot serve now.</exception>
    public Task<T> Read<T>(Func<DbSession, Task<T>> read, CancellationToken cancellationToken) =>
        database.Read(read, cancellationToken);
}
