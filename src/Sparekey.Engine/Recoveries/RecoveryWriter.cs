using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Telemetry;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Writes what the state machine decided: the recovery, the end of secrets and redemptions that died with it, one ledger
/// entry per event and the notices, all in the caller's act. Nothing else writes a recovery.
/// </summary>
/// <param name="store">The recoveries.</param>
/// <param name="spent">Remembers how codes ended.</param>
/// <param name="credentials">Knows what an account keeps.</param>
/// <param name="savedCodes">Uses up the saved code that opened a recovery.</param>
/// <param name="watchers">Tells whom policy names beside the person.</param>
/// <param name="confirmations">Asks the person.</param>
/// <param name="escrow">Lets the request for an escrowed key follow.</param>
internal sealed class RecoveryWriter(
    RecoveryStore store, SpentCodes spent, CredentialStore credentials, SpentRecoveryCodes savedCodes, TellWatchers watchers,
    AskForConfirmation confirmations, FollowRecovery escrow)
{
    // Who asked for their own account back is no operator.
    private const string Person = "person";

    /// <summary>Writes a decision. If the process dies after this line, all of it stands or none.</summary>
    /// <param name="act">The act.</param>
    /// <param name="before">The recovery as it was; null when it was just opened.</param>
    /// <param name="accepted">The decision.</param>
    /// <param name="visitor">Where the command came from; null for Sparekey itself.</param>
    /// <param name="quietly">Whether nobody is told, because another notice of the same act says it.</param>
    public async Task<Recovery> Write(Act act, Recovery? before, Decision.Accepted accepted, Visitor? visitor, bool quietly = false)
    {
        var next = accepted.Next;
        if (before is null)
        {
            await store.Insert(act, next);
        }
        else
        {
            await store.Update(act, before, next);
            await EndWhatDied(act, before, next);
        }

        if (next.IsClosed && before?.IsClosed != true)
        {
            await savedCodes.Spend(act, next, visitor);
        }

        await Tell(act, before, accepted, visitor, quietly);
        return next;
    }

    /// <summary>
    /// Writes a recovery that was opened and is issued in the same act: one row, as it stands in the end, and everything that is told of
    /// both. Nobody outside of the act ever sees it as it was between.
    /// </summary>
    /// <param name="act">The act.</param>
    /// <param name="opened">The decision that opened it; not written yet.</param>
    /// <param name="issued">The decision on what was opened.</param>
    /// <param name="visitor">Where the command came from; null for Sparekey itself.</param>
    public async Task<Recovery> WriteOpenedAndIssued(Act act, Decision.Accepted opened, Decision.Accepted issued, Visitor? visitor)
    {
        await store.Insert(act, issued.Next);
        await Tell(act, before: null, opened, visitor, quietly: false);
        await Tell(act, opened.Next, issued, visitor, quietly: false);
        return issued.Next;
    }

    private async Task Tell(Act act, Recovery? before, Decision.Accepted accepted, Visitor? visitor, bool quietly)
    {
        var next = accepted.Next;
        foreach (var happened in accepted.Events)
        {
            act.Count(new RecoveryHappened(happened.Event, next.Request.Means, visitor?.Surface ?? "system"));
            await act.Record(new LedgerEntry(happened.Event, happened.By, next.Request.Account, next.Id)
            {
                Facts = visitor is null ? happened.Facts : happened.Facts.SetItem("correlation_id", visitor.CorrelationId),
                Texts = visitor is null ? happened.Texts : happened.Texts.SetItem("source", visitor.Source),
            });
            await watchers.Run(act, happened.Event, next);
            if (!quietly && NoticeOf(happened, next) is { } notice)
            {
                await act.Send(notice.Kind == MessageKind.RecoveryCompletedNotice ? await WithWhatIsKept(act, notice, next) : notice);
            }
        }

        await confirmations.Run(act, before, next);
        await escrow.Run(act, before, next, accepted.Events);
    }

    private async Task EndWhatDied(Act act, Recovery before, Recovery next)
    {
        // A secret's row lives exactly as long as its generation: what is not stored cannot be redeemed.
        if (before.Secret is { } secret && next.Secret?.Number != secret.Number)
        {
            await spent.Keep(act, before);
            await store.DeleteSecrets(act, next.Id);
            await act.EraseSecretMessages(next.Id);
        }

        if (before.Redemption is { } redemption && next.Redemption?.Id != redemption.Id)
        {
            await store.DeleteRedemptions(act, next.Id);
        }
    }

    // A passkey that stays may be in the hands of whoever the person lost it to: they are told which ones do. It is asked before the
    // new one is bound.
    private async Task<OutboxMessage> WithWhatIsKept(Act act, OutboxMessage notice, Recovery completed)
    {
        if (completed.Request.Revoke.Contains(Revocation.Passkeys) || completed.Request.Revoke.Contains(Revocation.PasskeysForNow))
        {
            return notice;
        }

        var kept = (await credentials.List(act.Db, act.Tenant, completed.Request.Account))
            .Where(c => c is { Kind: CredentialKind.Passkey, State: CredentialState.Active })
            .Select(c => $"{c.Name} ({c.CreatedAt.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)})".TrimStart());
        return string.Join(", ", kept) is { Length: > 0 } names
            ? notice with { Values = new Dictionary<string, string>(notice.Values, StringComparer.Ordinal) { ["kept"] = names } }
            : notice;
    }

    // N14: every recovery causes a notice, apart from the secret and to every address that takes notices.
    private static OutboxMessage? NoticeOf(RecoveryEvent happened, Recovery recovery)
    {
        MessageKind? kind = happened.Event switch
        {
            LedgerEvent.RecoveryOpened when happened.By.Kind == PrincipalKind.Anonymous => MessageKind.RecoveryRequestedNotice,
            LedgerEvent.RecoveryOpened => MessageKind.RecoveryOpenedNotice,
            LedgerEvent.RecoveryIssued => MessageKind.RecoveryIssuedNotice,

            // The way to the key goes to one mailbox, which may be in other hands; that it is open, to every address.
            LedgerEvent.RecoveryCompleted when recovery.Request.Means == Means.Escrow => MessageKind.EscrowReleasedNotice,
            LedgerEvent.RecoveryCompleted => MessageKind.RecoveryCompletedNotice,
            LedgerEvent.RecoveryCancelled => MessageKind.RecoveryCancelledNotice,

            // The person could say no while time passed: they learn when it is over. What goes to them is told as issued at once.
            LedgerEvent.RecoveryReady when recovery.State == RecoveryState.Ready && recovery.Requirements.Any(r => r.Kind == RequirementKind.Wait)
                && !recovery.Request.Channel.ReachesPerson() => MessageKind.RecoveryReadyNotice,
            _ => null,
        };
        return kind is { } known
            ? new OutboxMessage(known, recovery.Request.Account) { Recovery = recovery.Id, Values = ValuesOf(happened, recovery) }
            : null;
    }

    /// <summary>What messages of a recovery have in common.</summary>
    /// <param name="recovery">The recovery.</param>
    /// <param name="more">What one says besides.</param>
    internal static Dictionary<string, string> ValuesOf(Recovery recovery, params ReadOnlySpan<(string Name, string Value)> more)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["means"] = WireName.Of(recovery.Request.Means),
            ["application"] = recovery.Request.Application.ToString(),
            ["requested_by"] = recovery.RequestedBy == Principal.Of(recovery.Request.Account) ? Person : WireName.Of(recovery.RequestedBy.Kind),
        };
        foreach (var (name, value) in more)
        {
            values[name] = value;
        }

        return values;
    }

    /// <summary>What a person is called in a message to another: their user name, or an address of theirs that is mostly hidden.</summary>
    /// <param name="account">The person.</param>
    internal static string NameOf(Account account) =>
        account.Username ?? (account.Addresses is [var first, ..] ? first.Masked() : account.Id.ToString());

    private static Dictionary<string, string> ValuesOf(RecoveryEvent happened, Recovery recovery) =>
        happened.Facts.GetValueOrDefault("into") is string into ? ValuesOf(recovery, ("into", into))
        : recovery.Request is { Means: Means.Escrow, RequestKeyFingerprint: { } key } ? ValuesOf(recovery, ("request_key", key))
        : ValuesOf(recovery);
}
