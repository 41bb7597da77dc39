using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Incidents;

/// <summary>
/// Freezes an account that somebody else may hold: its sessions and open recoveries end, nothing signs in to it and nothing recovers it,
/// until one principal asks to lift that and another agrees. The person asks with the token of a notice, an operator with a permission.
/// Whoever added an address lately must not be able to lock the person out with it: the token must be of an address that had been the
/// person's for 7 days when the notice went there.
/// </summary>
public sealed class FreezeAccount
{
    /// <summary>How long an address must have been verified before its notice.</summary>
    public static readonly TimeSpan VerifiedFor = TimeSpan.FromDays(7);

    private const int LongestText = 1000;

    private readonly Acts _acts;
    private readonly FreezeStore _store;
    private readonly ReportIncident _incidents;
    private readonly AccountStore _accounts;
    private readonly SessionStore _sessions;
    private readonly RecoveryStore _recoveries;
    private readonly RecoveryAct _recoveryAct;
    private readonly PolicyStore _policies;
    private readonly RepudiationTokens _notices;
    private readonly AccessTokenStore _tokens;

    internal FreezeAccount(
        Acts acts, FreezeStore store, ReportIncident incidents, AccountStore accounts, SessionStore sessions, RecoveryStore recoveries,
        RecoveryAct recoveryAct, PolicyStore policies, RepudiationTokens notices, AccessTokenStore tokens)
    {
        _acts = acts;
        _store = store;
        _incidents = incidents;
        _accounts = accounts;
        _sessions = sessions;
        _recoveries = recoveries;
        _recoveryAct = recoveryAct;
        _policies = policies;
        _notices = notices;
        _tokens = tokens;
    }

    /// <summary>What is wrong with a text that people must write.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pointer">Where it stands in what they sent.</param>
    internal static Refusal? FaultOf(string text, string pointer) =>
        string.IsNullOrWhiteSpace(text) || text.Length > LongestText || !CanonicalJson.CanWrite(text)
            ? new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault(pointer, $"A text of 1 to {LongestText} characters.")] }
            : null;

    /// <summary>Freezes an account for an operator.</summary>
    /// <param name="caller">Who asks; holds <c>account:write</c> and a ceiling that covers the account.</param>
    /// <param name="id">The account.</param>
    /// <param name="reason">Why.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// How it is frozen; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.AccountFrozen"/> already,
    /// <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.InvalidRequest"/>.
    /// </returns>
    public Task<Result<Freeze>> ByOperator(Caller caller, AccountId id, string reason, CancellationToken cancellationToken) =>
        _acts.Write<Result<Freeze>>(
            caller.Tenant,
            async act =>
            {
                if (await _tokens.StillHolds(act, caller) is { } over)
                {
                    return over;
                }

                if (FaultOf(reason, "/reason") is { } wrong)
                {
                    return wrong;
                }

                if (await _accounts.Find(act.Db, act.Tenant, id) is not { } account)
                {
                    return RefusalCode.AccountNotFound;
                }

                return caller.Grant.MayActOn(id, account.Kind, account.Role, account.Role, await _policies.Ranks(act.Db, act.Tenant)) is { } forbidden
                    ? forbidden
                    : account.Status == AccountStatus.Frozen
                    ? RefusalCode.AccountFrozen
                    : await Freeze(act, caller, caller.Principal, account, reason);
            },
            cancellationToken);

    /// <summary>Freezes an account for its person. Asked again, it answers how things stand and does nothing more.</summary>
    /// <param name="visitor">Where it comes from.</param>
    /// <param name="token">The token of a notice.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// How it is frozen; or <see cref="RefusalCode.SecretInvalid"/> for every text that is no token or is too old,
    /// <see cref="RefusalCode.AddressTooNew"/> where the notice went to an address that was not the person's for 7 days.
    /// </returns>
    public Task<Result<Freeze>> ByPerson(Visitor visitor, SecretText token, CancellationToken cancellationToken) =>
        _acts.Write<Result<Freeze>>(
            visitor.Tenant,
            async act =>
            {
                if (await _notices.FindValid(act, token) is not { } found)
                {
                    return RefusalCode.SecretInvalid;
                }

                if (!found.MayFreeze)
                {
                    return RefusalCode.AddressTooNew;
                }

                if (await _accounts.Find(act.Db, act.Tenant, found.Account) is not { } account)
                {
                    return RefusalCode.SecretInvalid;
                }

                if (await _store.Find(act.Db, act.Tenant, account.Id) is { } already)
                {
                    return already;
                }

                // A link freezes once: after two people lifted it, the same old message must not undo what they did.
                if (!await _notices.SpendFreeze(act, found))
                {
                    return RefusalCode.SecretInvalid;
                }

                await _incidents.Run(act, visitor, account.Id, []);
                return await Freeze(act, visitor, Principal.Of(account.Id), account, null);
            },
            cancellationToken);

    // If the process dies after this act, the account is frozen, ledgered and told of; before it, nothing of it is.
    private async Task<Freeze> Freeze(Act act, Visitor visitor, Principal by, Account account, string? reason)
    {
        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        var open = await _recoveries.Open(act.Db, act.Tenant, account.Id);
        foreach (var recovery in open)
        {
            // Quietly: the notice below says it.
            await _recoveryAct.Apply(
                act, new RecoveryAct.Found(recovery, account, policy), new RecoveryCommand.Cancel(by, "frozen"), visitor, quietly: true);
        }

        var ended = await _sessions.EndAll(act, account.Id);
        var frozen = account with
        {
            Status = AccountStatus.Frozen, Version = account.Version + 1, UpdatedAt = act.Now, StatusSince = act.Now,
        };
        if (!await _accounts.Update(act, account, frozen))
        {
            throw new InvalidOperationException("The account changed within its own freezing.");
        }

        var freeze = new Freeze(NewId.Make<FreezeId>(), account.Id, account.Status, act.Now, by, reason);
        await _store.Insert(act, freeze);
        var entry = AccountLedger.Entry(
            LedgerEvent.AccountFrozen, visitor, by, frozen,
            ("freeze", freeze.Id.ToString()), ("status_before", WireName.Of(account.Status)), ("sessions_ended", ended),
            ("recoveries", open.Select(r => r.Id.ToString()).ToList()));
        await act.Record(entry.With(("reason", reason)));
        await act.Send(new OutboxMessage(MessageKind.AccountFrozenNotice, account.Id)
        {
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["requested_by"] = by == Principal.Of(account.Id) ? "notice" : WireName.Of(by.Kind),
            },
        });
        return freeze;
    }
}
