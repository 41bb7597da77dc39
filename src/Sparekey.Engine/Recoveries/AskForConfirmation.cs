using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Asks the person "did you ask for this?" where a recovery waits for their word and they may give it on our page: a message of its own,
/// apart from notices and secrets, to every address that may carry a confirmation. Its link leads to a page that shows what was asked
/// for; nothing happens before they say yes or no there.
/// </summary>
/// <param name="tokens">The tokens of the links.</param>
/// <param name="accounts">Knows where people are reached.</param>
/// <param name="applications">Knows where links lead.</param>
/// <param name="pages">Makes the links.</param>
internal sealed class AskForConfirmation(
    ConfirmationTokens tokens, AccountStore accounts, ApplicationStore applications, RecoveryPages pages)
{
    /// <summary>The channel over which people confirm on our page.</summary>
    public const string OverPage = "page";

    // A reason that is written anew voids what was said, and asks again: whoever does so to wear a person down comes to an end soon (A18).
    private const int MostAsks = 3;

    /// <summary>Asks where a decision made it necessary, and takes the question back where the recovery ended. Part of the decision's act.</summary>
    /// <param name="act">The act.</param>
    /// <param name="before">The recovery as it was; null when it was just opened.</param>
    /// <param name="next">The recovery as it is now.</param>
    public async Task Run(Act act, Recovery? before, Recovery next)
    {
        if (next.IsClosed)
        {
            await TakeBack(act, before, next);
        }
        else if (Waits(next, act.Now) && (before is null || !Waits(before, act.Now) || before.Digest != next.Digest)
            && await accounts.Find(act.Db, act.Tenant, next.Request.Account) is { } account)
        {
            await Ask(act, next, account);
        }
    }

    private async Task Ask(Act act, Recovery recovery, Account account)
    {
        var application = await applications.Find(act.Db, act.Tenant, recovery.Request.Application);
        foreach (var address in account.AddressesForSecrets(AddressKind.Email, act.Now))
        {
            if (await tokens.Count(act.Db, act.Tenant, recovery.Id, address.Id) >= MostAsks)
            {
                continue;
            }

            var token = await tokens.Mint(act, recovery.Id, address.Id);
            await act.Send(new OutboxMessage(MessageKind.RecoveryConfirmation, account.Id)
            {
                Recovery = recovery.Id,
                To = [new Recipient(WireName.Of(address.Kind), address.Value)],
                ExpiresAt = recovery.OpenUntil,
                Values = new Dictionary<string, string>(StringComparer.Ordinal)
                {
                    ["secret"] = $"{pages.Confirm(application)}#{token.Reveal()}",
                    ["application"] = recovery.Request.Application.ToString(),
                    ["means"] = WireName.Of(recovery.Request.Means),
                    ["requested_by"] = recovery.RequestedBy == Principal.Of(account.Id) ? "person" : WireName.Of(recovery.RequestedBy.Kind),
                },
            });
        }
    }

    // What nobody waits for any more is not asked, and no token of it is kept.
    private async Task TakeBack(Act act, Recovery? before, Recovery next)
    {
        if (before?.IsClosed == false && next.Requirements.Any(r => r.Kind == RequirementKind.Confirmation))
        {
            await tokens.Delete(act, next.Id);
            await act.EraseSecretMessages(next.Id);
        }
    }

    // Before the person's device has named its key there is nothing to say yes to: that voids it.
    private static bool Waits(Recovery recovery, DateTimeOffset now) =>
        recovery.State == RecoveryState.Pending
        && recovery.Request is not { Means: Means.Escrow, RequestKeyFingerprint: null }
        && recovery.Requirements.Any(r => r.Kind == RequirementKind.Confirmation && !r.IsMet(now)
            && (r.Over.IsEmpty || r.Over.Contains(OverPage, StringComparer.Ordinal)));
}
