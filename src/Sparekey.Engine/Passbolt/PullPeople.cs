using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Passbolt;

/// <summary>
/// Makes the people of the other server known here: an account of the lowest role for each, or a note on the account that has their
/// address already. Whom that server disables or deletes is disabled here where the companion had made the account; an account that was
/// here before stays as it is. Either way their recoveries that wait on that server end. Addresses are not changed: a changed address is a person's to confirm.
/// Each person is an act of their own; if the process dies between two, the next look finds the rest.
/// </summary>
/// <param name="acts">Runs acts.</param>
/// <param name="client">Reads that server.</param>
/// <param name="store">Who is known.</param>
/// <param name="options">Which server.</param>
/// <param name="policies">Knows the roles.</param>
/// <param name="accountAct">Changes accounts.</param>
/// <param name="accounts">The accounts.</param>
/// <param name="create">Makes accounts.</param>
/// <param name="change">Disables them, and enables them again.</param>
/// <param name="requests">Ends the requests of who left.</param>
/// <param name="log">The log.</param>
internal sealed partial class PullPeople(
    Acts acts, PassboltClient client, CompanionStore store, CompanionOptions options, PolicyStore policies, AccountAct accountAct,
    AccountStore accounts, CreateAccount create, ChangeAccount change, CompanionRequests requests, ILogger<PullPeople> log)
{
    /// <summary>
    /// The name under which accounts carry their ids there. It is not the one of our own escrow: that server chooses its ids, and must not
    /// choose who is who here.
    /// </summary>
    public const string Dialect = "passbolt-companion";

    private const int PageOfUsers = 500;
    private const int PageOfKeys = 200;
    private const int MostPages = 200;

    // So many may leave at once without anybody wondering whether the list was whole.
    private const int FewLeave = 5;

    /// <summary>Reads them.</summary>
    /// <param name="cancellationToken">Gives up between two people.</param>
    public async Task<PassboltAnswer> Run(CancellationToken cancellationToken)
    {
        var (users, isWhole, answer) = await client.List(
            "/users.json?contain[role]=1", PageOfUsers, MostPages, RemotePerson.Read, cancellationToken);
        if (!answer.Ok)
        {
            return answer;
        }

        var (keys, _, keyAnswer) = await client.List("/gpgkeys.json", PageOfKeys, MostPages, KeyOfPerson.Read, cancellationToken);
        if (!keyAnswer.Ok)
        {
            return keyAnswer;
        }

        var keyOf = keys.DistinctBy(k => k.User).ToDictionary(k => k.User, k => k.Armored);
        var known = (await acts.Read(db => store.ListPeople(db, options.Tenant), cancellationToken)).ToDictionary(p => p.User);
        var ranks = await acts.Read(db => policies.Ranks(db, options.Tenant), cancellationToken);
        var there = new HashSet<Guid>();
        foreach (var person in users)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (there.Add(person.User))
            {
                await Take(person, keyOf.GetValueOrDefault(person.User), known.GetValueOrDefault(person.User), ranks, cancellationToken);
            }
        }

        // Who is in the list no more was deleted there; but only of a whole list, which the companion's own user stands in.
        var gone = known.Values.Where(p => p.State == PersonState.Active && !there.Contains(p.User)).ToList();
        if (gone.Count == 0)
        {
            return answer;
        }

        if (!isWhole || !there.Contains(options.UserId)
            || gone.Count > Math.Max(FewLeave, known.Values.Count(p => p.State == PersonState.Active) / 2))
        {
            LogGone(log, gone.Count);
            return answer;
        }

        foreach (var person in gone)
        {
            await Disable(person, ranks, cancellationToken);
        }

        return answer;
    }

    private async Task Take(RemotePerson person, string? armored, CompanionPerson? known, RankOrder ranks, CancellationToken cancellationToken)
    {
        if (known is { State: PersonState.Forgotten } || (known is null && !person.IsActive))
        {
            return;
        }

        if (known is not null && !person.IsActive)
        {
            if (known.State == PersonState.Active)
            {
                await Disable(known, ranks, cancellationToken);
            }

            return;
        }

        // A key is read once; what cannot be read is none.
        var fingerprint = armored is null ? null
            : armored == known?.PublicKey ? known.Fingerprint
            : RemoteKey.Read(armored) is { Refusal: null } read ? read.Value.Fingerprint : null;
        var key = fingerprint is null ? null : armored;
        if (known is not null)
        {
            var now = known with { State = PersonState.Active, IsAdmin = person.IsAdmin, Username = person.Username, Fingerprint = fingerprint, PublicKey = key };
            if (now == known)
            {
                return;
            }

            // Only whom the companion itself had disabled: what operators did meanwhile stays.
            if (known.State == PersonState.AccountDisabled)
            {
                await ChangeStatus(known, AccountStatus.Active, ranks, cancellationToken);
            }

            await acts.Write(options.Tenant, act => store.PutPerson(act, now), cancellationToken);
            return;
        }

        var made = await accountAct.Run(CallerOf(ranks.Lowest), act => Make(act, person, fingerprint, key, ranks), cancellationToken);
        if (made.Refusal is { } refusal)
        {
            LogNotMade(log, person.User, WireName.Of(refusal.Code));
        }
    }

    private async Task<Result<Account>> Make(Act act, RemotePerson person, string? fingerprint, string? key, RankOrder ranks)
    {
        var external = new ExternalId(Dialect, person.User.ToString("D"));
        var account = await accounts.FindByExternalId(act.Db, act.Tenant, external);
        var made = false;
        if (account is null && await accounts.FindByIdentifier(act.Db, act.Tenant, person.Username) is { } namesake)
        {
            // Somebody else has the address there now, or the same person came back under another id: only an operator knows. They say so
            // by taking the former id off the account. Where the server itself is another one nobody of the former is known any more.
            var former = await store.FindPerson(act.Db, act.Tenant, namesake.Id);
            if (former is not null && (former.State == PersonState.Active || namesake.ExternalIds.Any(e => e.Dialect == Dialect)))
            {
                return RefusalCode.IdentifierTaken;
            }

            if (former is not null)
            {
                await store.RemovePerson(act, former.User);
                made = former.Made;
            }

            // Whoever they are here, they keep it: only the name under which the other server knows them is added.
            var caller = CallerOf(ranks.Highest);
            var found = new AccountAct.Found(namesake, ranks);
            var linked = await accountAct.Write(act, caller, found, namesake with { ExternalIds = namesake.ExternalIds.RemoveAll(e => e.Dialect == Dialect).Add(external) });
            if (linked.Refusal is { } refused)
            {
                return refused;
            }

            await act.Record(AccountLedger.Entry(
                LedgerEvent.AccountChanged, caller, linked.Value, ("changed", new List<string> { "external_ids" }), ("dialect", Dialect)));
            account = linked.Value;
        }

        if (account is null)
        {
            var wanted = AccountRules.Make(
                new NewAccount { Emails = [person.Username], ExternalIds = [external], Kind = AccountKind.Employee }, act.Now);
            var created = wanted.Refusal is { } wrong ? wrong
                : await create.Create(act, CallerOf(ranks.Lowest), wanted.Value, new FirstPassword(null, null));
            if (created.Refusal is not null)
            {
                return created;
            }

            (account, made) = (created.Value, true);
        }

        await store.PutPerson(
            act, new CompanionPerson(person.User, account.Id, PersonState.Active, made, person.IsAdmin, person.Username, fingerprint, key));
        return account;
    }

    // The account first: if the process dies before the note, the next look finds the account disabled already and leaves it so when the
    // person comes back, which an operator then has to see to.
    private async Task Disable(CompanionPerson person, RankOrder ranks, CancellationToken cancellationToken)
    {
        var disabled = person.Made && await ChangeStatus(person, AccountStatus.Disabled, ranks, cancellationToken);
        await acts.Write(
            options.Tenant,
            async act =>
            {
                await store.PutPerson(act, person with { State = disabled ? PersonState.AccountDisabled : PersonState.Disabled, IsAdmin = false });
                return await requests.PersonLeft(act, person.Account);
            },
            cancellationToken);
    }

    // Whether the account was otherwise before and is so now.
    private async Task<bool> ChangeStatus(CompanionPerson person, AccountStatus status, RankOrder ranks, CancellationToken cancellationToken)
    {
        var before = await acts.Read(db => accounts.Find(db, options.Tenant, person.Account), cancellationToken);
        if (before is null || before.Status == status)
        {
            return false;
        }

        var changed = await change.Run(CallerOf(ranks.Lowest), person.Account, new AccountChange { Status = status }, cancellationToken);
        if (changed.Refusal is { } refusal)
        {
            LogNotChanged(log, person.Account, status, WireName.Of(refusal.Code));
        }

        return changed.Refusal is null;
    }

    private Caller CallerOf(string ceiling) => CompanionCaller.Of(options.Tenant, ceiling, Permission.AccountWrite);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The list of people ended too early or lost {Count} at once: nobody is disabled for that")]
    private static partial void LogGone(ILogger logger, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The account {Account} cannot be made {Status} as the Passbolt server has it: {Refusal}")]
    private static partial void LogNotChanged(ILogger logger, AccountId account, AccountStatus status, string refusal);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The person {User} of the Passbolt server has no account here: {Refusal}")]
    private static partial void LogNotMade(ILogger logger, Guid user, string refusal);
}

/// <summary>A person as the other server shows them.</summary>
/// <param name="User">Their id there.</param>
/// <param name="Username">Their name, an e-mail address.</param>
/// <param name="IsActive">Whether they set themselves up and were not disabled.</param>
/// <param name="IsAdmin">Whether they are an administrator.</param>
internal sealed record RemotePerson(Guid User, string Username, bool IsActive, bool IsAdmin)
{
    /// <summary>Reads one.</summary>
    /// <param name="json">What the server says.</param>
    /// <returns>The person; null where there is no making sense of it.</returns>
    public static RemotePerson? Read(JsonNode? json) =>
        Guid.TryParseExact(PassboltAnswer.TextAt(json, "id"), "D", out var id) && PassboltAnswer.TextAt(json, "username") is { Length: > 0 } name
            ? new RemotePerson(
                id, name,
                PassboltAnswer.At(json, "active") is not System.Text.Json.Nodes.JsonValue active || !active.TryGetValue<bool>(out var isActive) || isActive
                    ? !PassboltAnswer.IsTrueAt(json, "deleted") && PassboltAnswer.TextAt(json, "disabled") is null && !PassboltAnswer.IsTrueAt(json, "disabled")
                    : false,
                PassboltAnswer.TextAt(json, "role", "name") == "admin")
            : null;
}

/// <summary>A person's key as the other server shows it.</summary>
/// <param name="User">Whose.</param>
/// <param name="Armored">The key.</param>
internal sealed record KeyOfPerson(Guid User, string Armored)
{
    /// <summary>Reads one.</summary>
    /// <param name="json">What the server says.</param>
    /// <returns>The key; null where it is deleted, or there is no making sense of it.</returns>
    public static KeyOfPerson? Read(JsonObject json) =>
        !PassboltAnswer.IsTrueAt(json, "deleted") && Guid.TryParseExact(PassboltAnswer.TextAt(json, "user_id"), "D", out var user)
        && PassboltAnswer.TextAt(json, "armored_key") is { } armored
            ? new KeyOfPerson(user, armored)
            : null;
}

/// <summary>As whom the companion acts here.</summary>
internal static class CompanionCaller
{
    /// <summary>From where its acts come, in the ledger.</summary>
    public static Visitor Visitor(TenantId tenant) => new(tenant, "passbolt", "companion");

    /// <summary>Sparekey itself, with as little as the act needs.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="ceiling">The highest role that it acts on.</param>
    /// <param name="permissions">What it may do.</param>
    public static Caller Of(TenantId tenant, string ceiling, params IEnumerable<Permission> permissions) =>
        new(tenant, "passbolt", "companion", new Grant(Principal.System, PermissionSet.Of(permissions), ceiling, ExpiresAt: null));
}
