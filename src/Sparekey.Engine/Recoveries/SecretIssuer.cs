using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Issues the next generation of a recovery's secret within an act: asks the state machine, stores the hash, and gives the
/// clear text either to the caller's answer or, sealed, to the outbox. The one place where a secret is minted.
/// </summary>
/// <param name="store">The recoveries.</param>
/// <param name="writer">Writes decisions.</param>
/// <param name="secrets">Makes secrets.</param>
/// <param name="pages">Where links lead.</param>
/// <param name="redemptions">Opens what has no secret.</param>
/// <param name="facts">What policy asks of accounts.</param>
internal sealed class SecretIssuer(
    RecoveryStore store, RecoveryWriter writer, RecoverySecrets secrets, RecoveryPages pages, Redemptions redemptions,
    AccountFactsReader facts)
{
    /// <summary>Issues.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery as it is now.</param>
    /// <param name="account">Its account as it is now.</param>
    /// <param name="by">Who issues.</param>
    /// <param name="policy">The policy as it is now.</param>
    /// <param name="visitor">Where the command came from.</param>
    /// <param name="ahead">Whether it may be made, unusable, while requirements are open.</param>
    /// <param name="carrier">The flow that it is for; null where it names its recovery, or is found by the account.</param>
    /// <returns>The recovery, and the secret, or the redemption of a means that has none, when it goes to the caller.</returns>
    public async Task<Result<IssuedSecret>> Issue(
        Act act, Recovery recovery, Account account, Principal by, Policy policy, Visitor? visitor, bool ahead = false,
        FlowCarrier? carrier = null)
    {
        var recipients = account.AddressesForSecrets(recovery.Request.Channel.TakesAddress(), act.Now);
        if (recovery.Request.Channel.ReachesPerson() && recipients.IsEmpty)
        {
            return RefusalCode.NoUsableAddress;
        }

        var decision = RecoveryMachine.Decide(recovery, new RecoveryCommand.Issue(by, await facts.Read(act.Db, act.Tenant, account, policy, new Requester(recovery.RequestedBy), act.Now, recovery.Id), ahead), policy, act.Now);
        if (decision is Decision.Refused refused)
        {
            return refused.Refusal;
        }

        var accepted = (Decision.Accepted)decision;
        var next = await writer.Write(act, recovery, accepted, visitor);
        if (accepted.Answer is { } answer)
        {
            return answer;
        }

        if (!next.Request.Means.HasSecret() && !next.Request.Channel.ReachesPerson())
        {
            return await OpenRedemption(act, next, account, policy, visitor);
        }

        var page = carrier?.Page ?? await pages.Recover(act.Db, act.Tenant, next.Request.Application);
        (KeyedHash? kept, var minted) = carrier is null ? (null, await MintStored(act, next, page)) : secrets.MintFor(next, carrier);
        if (!next.Request.Channel.ReachesPerson())
        {
            return new IssuedSecret(next, minted) { Kept = kept };
        }

        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["secret"] = minted.Text.Reveal(),
            ["page"] = page.AbsoluteUri,
            ["application"] = next.Request.Application.ToString(),
        };
        if (next.Request.Means == Means.Link && carrier is null)
        {
            var (typed, code) = secrets.MintTypedCode(next);
            await store.AddSecret(act, account.Id, typed);
            values["code"] = code.Reveal();
        }

        await act.Send(MessageTo(carrier?.To ?? recipients[0], next, minted.ExpiresAt, values));
        return new IssuedSecret(next, null) { Kept = kept };
    }

    private async Task<MintedSecret> MintStored(Act act, Recovery recovery, Uri page)
    {
        var (stored, minted) = secrets.Mint(recovery, page);
        await store.AddSecret(act, recovery.Request.Account, stored);
        return minted;
    }

    // What has no secret has a redemption: it is opened where a secret would be shown, in the same act.
    private async Task<Result<IssuedSecret>> OpenRedemption(Act act, Recovery issued, Account account, Policy policy, Visitor? visitor)
    {
        var redeem = new RecoveryCommand.Redeem(Matches: true, TryOrigin.Handle, NewId.Make<RedemptionId>());
        var decision = RecoveryMachine.Decide(issued, redeem, policy, act.Now);
        if (decision is Decision.Refused refused)
        {
            return refused.Refusal;
        }

        var redeemed = await writer.Write(act, issued, (Decision.Accepted)decision, visitor);
        return new IssuedSecret(redeemed, null) { Redemption = await redemptions.Open(act, redeemed, account) };
    }

    private static OutboxMessage MessageTo(
        Address address, Recovery recovery, DateTimeOffset expiresAt, IReadOnlyDictionary<string, string> values) =>
        new(
            recovery.Request.Means switch
            {
                Means.Link => MessageKind.RecoveryLink,
                Means.Token => MessageKind.RecoveryToken,
                _ => MessageKind.RecoveryCode,
            },
            recovery.Request.Account)
        {
            Recovery = recovery.Id,
            To = [recovery.Request.Channel == Channel.Call ? new Recipient(Recipient.Call, address.Value) : new Recipient(WireName.Of(address.Kind), address.Value)],
            ExpiresAt = expiresAt,
            Values = values,
        };
}

/// <summary>A recovery whose secret was issued.</summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="Secret">The secret, when it goes to the caller; null when it went to the person's channel.</param>
public sealed record IssuedSecret(Recovery Recovery, MintedSecret? Secret)
{
    /// <summary>The redemption of a means that has no secret: recovery key, force.</summary>
    public OpenedRedemption? Redemption { get; init; }

    /// <summary>What the flow keeps that it was issued into.</summary>
    internal KeyedHash? Kept { get; init; }
}
