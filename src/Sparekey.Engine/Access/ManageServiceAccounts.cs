using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Access;

/// <summary>Makes, lists and ends programmes. Who makes one is the person behind it; only the machine's operator makes one for others.</summary>
public sealed class ManageServiceAccounts
{
    private readonly Acts _acts;
    private readonly AccessTokenStore _store;
    private readonly Idempotency _idempotency;

    internal ManageServiceAccounts(Acts acts, AccessTokenStore store, Idempotency idempotency)
    {
        _acts = acts;
        _store = store;
        _idempotency = idempotency;
    }

    /// <summary>Makes a service account.</summary>
    /// <param name="caller">Who makes it; holds <c>token:write</c>.</param>
    /// <param name="name">Its name, 1 to 64 characters, unique in the tenant.</param>
    /// <param name="owner">The person behind it: an account's id or <c>local-operator</c>; null for the caller's own person.</param>
    /// <param name="once">The idempotency key of the call, if it carries one.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The service account; or <see cref="RefusalCode.NameTaken"/>, <see cref="RefusalCode.SeparationOfDuties"/> for somebody
    /// else's, <see cref="RefusalCode.AccountNotFound"/> when the owner is none.
    /// </returns>
    public Task<Result<Happened<ServiceAccount>>> Create(
        Caller caller, string name, string? owner, OnceKey<ServiceAccount>? once, CancellationToken cancellationToken) =>
        _acts.Write(
            caller.Tenant, act => _idempotency.Run(act, caller, once, () => Create(act, caller, name, owner)), cancellationToken);

    /// <summary>One service account.</summary>
    /// <param name="caller">Who reads.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<ServiceAccount>> Read(Caller caller, ServiceAccountId id, CancellationToken cancellationToken) =>
        await _acts.Read(db => _store.FindServiceAccount(db, caller.Tenant, id), cancellationToken) is { } found
            ? found
            : RefusalCode.ServiceAccountNotFound;

    /// <summary>A page of service accounts in the order of their making.</summary>
    /// <param name="caller">Who reads.</param>
    /// <param name="afterAt">After this time, milliseconds.</param>
    /// <param name="afterId">After this id.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<ServiceAccount>> Page(
        Caller caller, long? afterAt, string? afterId, int limit, CancellationToken cancellationToken) =>
        _acts.Read(db => _store.ListServiceAccounts(db, caller.Tenant, afterAt, afterId, limit), cancellationToken);

    /// <summary>Ends a service account and all its tokens, at once.</summary>
    /// <param name="caller">Who ends it; its own person or the machine's operator.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null, or <see cref="RefusalCode.ServiceAccountNotFound"/>, <see cref="RefusalCode.SeparationOfDuties"/>.</returns>
    public Task<Refusal?> Delete(Caller caller, ServiceAccountId id, CancellationToken cancellationToken) =>
        _acts.Write<Refusal?>(
            caller.Tenant,
            async act =>
            {
                if (await _store.StillHolds(act, caller) is { } over)
                {
                    return over;
                }

                if (await _store.FindServiceAccount(act.Db, act.Tenant, id) is not { } found)
                {
                    return RefusalCode.ServiceAccountNotFound;
                }

                if (caller.Grant.MayActForOwner(found.OwnerId) is { } forbidden)
                {
                    return forbidden;
                }

                await _store.DeleteServiceAccount(act, id);
                await Record(act, caller, LedgerEvent.ServiceAccountDeleted, found);
                return null;
            },
            cancellationToken);

    /// <summary>Makes a service account within an act.</summary>
    internal async Task<Result<ServiceAccount>> Create(Act act, Caller caller, string name, string? owner)
    {
        var person = owner ?? caller.Principal.OwnerId ?? caller.Principal.Id;
        if (!IsName(name))
        {
            return new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/name", "1 to 64 printable characters.")] };
        }

        if (await _store.StillHolds(act, caller) is { } over)
        {
            return over;
        }

        if (caller.Grant.MayActForOwner(person) is { } forbidden)
        {
            return forbidden;
        }

        if (person != Principal.LocalOperator.Id && !await IsAccount(act.Db, act.Tenant, person))
        {
            return new Refusal(RefusalCode.AccountNotFound, "The owner is a person with an account here.");
        }

        if (await _store.FindServiceAccount(act.Db, act.Tenant, name) is not null)
        {
            return RefusalCode.NameTaken;
        }

        var made = new ServiceAccount(NewId.Make<ServiceAccountId>(), name, person, act.Now);
        await _store.AddServiceAccount(act, made, caller.Principal);
        await Record(act, caller, LedgerEvent.ServiceAccountCreated, made);
        return made;
    }

    internal static bool IsName(string name) =>
        name.Length is >= 1 and <= 64 && name == name.Trim() && Core.Accounts.Identifier.IsPlainText(name);

    private static async Task<bool> IsAccount(DbSession db, TenantId tenant, string id) => await db.Scalar<long>(
        "SELECT COUNT(*) FROM accounts WHERE tenant_id = @tenant AND id = @id AND deleted_at IS NULL",
        new { tenant = tenant.ToString(), id }) == 1;

    private static Task Record(Act act, Caller caller, LedgerEvent happened, ServiceAccount account) =>
        act.Record(new LedgerEntry(happened, caller.Principal)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["service_account"] = account.Id.ToString(),
                ["owner"] = account.OwnerId,
                ["correlation_id"] = caller.CorrelationId,
            },
            Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["name"] = account.Name, ["source"] = caller.Source },
        });
}
