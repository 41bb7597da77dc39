using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Flows;

/// <summary>
/// Turns a recovery whose secret was presented into a session, within an act: the secret is spent, what was asked to end ends, every
/// other recovery of the account is over, and the session can set a credential within its short time. All of it or nothing.
/// </summary>
/// <param name="recoveries">Runs commands on recoveries.</param>
/// <param name="completion">Ends recoveries well.</param>
/// <param name="store">The recoveries.</param>
/// <param name="accounts">The accounts.</param>
/// <param name="sessions">The sessions.</param>
/// <param name="aliases">Their tokens in the protocol's own form.</param>
internal sealed class SessionOfRecovery(
    RecoveryAct recoveries, RecoveryCompletion completion, RecoveryStore store, AccountStore accounts, SessionStore sessions,
    SessionAliases aliases)
{
    /// <summary>Opens the session.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="found">The recovery, redeemable, of an active account.</param>
    /// <param name="proved">The address that the secret went to; null for none.</param>
    /// <param name="wanted">What to open.</param>
    /// <returns>The session; or <see cref="RefusalCode.SecretInvalid"/> where the secret is not good any more.</returns>
    public async Task<Result<OpenedSession>> Open(
        Act act, Visitor visitor, RecoveryAct.Found found, AddressId? proved, FlowSession wanted)
    {
        var redeemed = await recoveries.Apply(
            act, found, new RecoveryCommand.Redeem(Matches: true, TryOrigin.Handle, NewId.Make<RedemptionId>()), visitor);
        if (redeemed.Refusal is not null)
        {
            return RefusalCode.SecretInvalid;
        }

        var live = new LiveRedemption(redeemed.Value, found.Account, redeemed.Value.Redemption!.ExpiresAt);
        OpenedSession? opened = null;
        var completed = await completion.Commit(
            act, visitor, live, async (recovery, account) => opened = await OpenFor(act, recovery, account, wanted), byRecoveryKey: false,
            intoSession: true);
        if (completed.Refusal is not null || opened is null)
        {
            return RefusalCode.SecretInvalid;
        }

        await act.Record(SessionLedger.Opened(visitor, opened.Session));
        await EndOthers(act, visitor, found with { Recovery = completed.Value });
        if (proved is { } address)
        {
            await Confirm(act, visitor, found.Account, address);
        }

        return opened;
    }

    private async Task<OpenedSession> OpenFor(Act act, Recovery recovery, Account account, FlowSession wanted)
    {
        var opened = await sessions.Open(act, new NewSession(account.Id, [MethodOf(recovery.Request.Means)])
        {
            Application = recovery.Request.Application,
            RestrictedTo = SessionRestriction.Recovery,
            Lifetime = wanted.Lifetime,
        });
        return new OpenedSession(opened.Session, await aliases.Mint(act, opened.Session.Id, wanted.TokenPrefix));
    }

    // RFC 8176 has no name for it.
    private static string MethodOf(Means means) => means == Means.Link ? "link_recovery" : "code_recovery";

    // Whoever has an older link or code of the account must not undo what its person does now. The notice of the completion says enough.
    private async Task EndOthers(Act act, Visitor visitor, RecoveryAct.Found found)
    {
        var person = Principal.Of(found.Account.Id);
        foreach (var other in await store.Open(act.Db, act.Tenant, found.Account.Id))
        {
            await recoveries.Apply(act, found with { Recovery = other }, new RecoveryCommand.Cancel(person, "recovered"), visitor, quietly: true);
        }
    }

    // What was sent there came back.
    private async Task Confirm(Act act, Visitor visitor, Account account, AddressId id)
    {
        if (account.Addresses.FirstOrDefault(a => a.Id == id) is not { ConfirmedAt: null } address)
        {
            return;
        }

        var next = account with
        {
            Version = account.Version + 1,
            Addresses = account.Addresses.Replace(address, address with { ConfirmedAt = act.Now }),
        };
        if (await accounts.Update(act, account, next))
        {
            await act.Record(new LedgerEntry(LedgerEvent.AddressConfirmed, Principal.Of(account.Id), account.Id)
            {
                Facts = SessionLedger.Facts(visitor, ("address", id.ToString()), ("kind", WireName.Of(address.Kind)), ("version", next.Version)),
                Texts = new Dictionary<string, string>(SessionLedger.Source(visitor), StringComparer.Ordinal) { ["address"] = address.Value },
            });
        }
    }
}
