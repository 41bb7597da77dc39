using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
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
/// <param name="options">Knows whether telephones are reached.</param>
internal sealed class SecretIssuer(
    RecoveryStore store, RecoveryWriter writer, RecoverySecrets secrets, RecoveryPages pages, Redemptions redemptions,
    AccountFactsReader facts, EngineOptions options)
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
    /// <param name="whole">Whether whoever collects it has no place for a second half.</param>
    /// <returns>The recovery, and the secret, or the redemption of a means that has none, when it goes to the caller.</returns>
    public Task<Result<IssuedSecret>> Issue(
        Act act, Recovery recovery, Account account, Principal by, Policy policy, Visitor? visitor, bool ahead = false,
        FlowCarrier? carrier = null, bool whole = false) =>
        Issue(act, recovery, account, by, policy, visitor, ahead, carrier, whole, opening: null);

    /// <summary>Issues what is opened in the same act, and writes both at once.</summary>
    /// <param name="act">The act.</param>
    /// <param name="opened">The decision that opens it; written here, whether it is issued or not.</param>
    /// <param name="prepared">What was decided on, read in this act; nothing is counted between opening and issuing it.</param>
    /// <param name="caller">Who opens and issues.</param>
    /// <param name="ahead">Whether it may be made, unusable, while requirements are open.</param>
    /// <returns>As <see cref="Issue(Act, Recovery, Account, Principal, Policy, Visitor, bool, FlowCarrier, bool)"/>.</returns>
    public Task<Result<IssuedSecret>> IssueOpened(
        Act act, Decision.Accepted opened, RecoveryPreparation.Prepared prepared, Caller caller, bool ahead) =>
        Issue(
            act, opened.Next, prepared.Account, caller.Principal, prepared.Policy.Policy, caller, ahead, carrier: null, whole: false,
            new Opening(opened, prepared.Command.Account, prepared.Application));

    private async Task<Result<IssuedSecret>> Issue(
        Act act, Recovery recovery, Account account, Principal by, Policy policy, Visitor? visitor, bool ahead, FlowCarrier? carrier, bool whole,
        Opening? opening)
    {
        var opened = opening?.Decision;
        var recipients = account.AddressesForSecrets(recovery.Request.Channel.TakesAddress(), act.Now);
        if (recovery.Request.Channel.ReachesPerson() && recipients.IsEmpty)
        {
            return await NotIssued(act, opened, RefusalCode.NoUsableAddress, visitor);
        }

        var known = opening?.Facts
            ?? await facts.Read(act.Db, act.Tenant, account, policy, new Requester(recovery.RequestedBy), act.Now, recovery.Id);
        var page = carrier?.Page
            ?? (opening is null ? await pages.Recover(act.Db, act.Tenant, recovery.Request.Application) : pages.Recover(opening.Application));
        var decision = RecoveryMachine.Decide(recovery, new RecoveryCommand.Issue(by, known, ahead), policy, act.Now);
        if (decision is Decision.Refused refused)
        {
            return await NotIssued(act, opened, refused.Refusal, visitor);
        }

        var accepted = (Decision.Accepted)decision;
        var secondWay = SecondWay(account, recovery.Request.Channel, act.Now);
        if (accepted is { Answer: null, Next.IsSplit: true } && (whole || carrier is not null || secondWay is null))
        {
            return await NotIssued(
                act, opened, secondWay is null ? new Refusal(RefusalCode.NoUsableAddress, SplitFault.NoSecondAddress) : SplitFault.NoPlace, visitor);
        }

        var next = opened is null
            ? await writer.Write(act, recovery, accepted, visitor)
            : await writer.WriteOpenedAndIssued(act, opened, accepted, visitor);
        if (accepted.Answer is { } answer)
        {
            return answer;
        }

        if (!next.Request.Means.HasSecret() && !next.Request.Channel.ReachesPerson())
        {
            return await OpenRedemption(act, next, account, policy, visitor);
        }

        var half = next.IsSplit ? RecoverySecrets.MintHalf() : null;
        (KeyedHash? kept, var minted) = carrier is null ? (null, await MintStored(act, next, page, half)) : secrets.MintFor(next, carrier);
        if (half is not null)
        {
            await SendHalf(act, next, half, secondWay!, minted.ExpiresAt, page);
        }

        if (!next.Request.Channel.ReachesPerson())
        {
            return new IssuedSecret(next, minted) { Kept = kept, SecondHalfTo = half is null ? null : MaskOf(account, secondWay!) };
        }

        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["secret"] = minted.Text.Reveal(),
            ["page"] = page.AbsoluteUri,
            ["application"] = next.Request.Application.ToString(),
        };
        if (next.Request.Means == Means.Link && carrier is null)
        {
            var (typed, code) = secrets.MintTypedCode(next, half);
            await store.AddSecret(act, account.Id, typed);
            values["code"] = code.Reveal();
        }

        await act.Send(MessageTo(carrier?.To ?? recipients[0], next, minted.ExpiresAt, values));
        return new IssuedSecret(next, null) { Kept = kept };
    }

    /// <summary>What is opened in the act that issues it.</summary>
    /// <param name="Decision">The decision that opens it.</param>
    /// <param name="Facts">What policy asked of the account.</param>
    /// <param name="Application">The application.</param>
    private sealed record Opening(Decision.Accepted Decision, AccountFacts Facts, Application Application);

    // It stays opened: what keeps it from being issued may be put right.
    private async Task<Refusal> NotIssued(Act act, Decision.Accepted? opened, Refusal refusal, Visitor? visitor)
    {
        if (opened is not null)
        {
            await writer.Write(act, null, opened, visitor);
        }

        return refusal;
    }

    // The other half goes where the first does not: by mail, to the next address where the first is mailed too; else to a telephone.
    private Recipient? SecondWay(Account account, Channel first, DateTimeOffset now)
    {
        var mailed = account.AddressesForSecrets(AddressKind.Email, now).Skip(first == Channel.Email ? 1 : 0);
        var called = options.Phone is not null && first.TakesAddress() != AddressKind.Phone
            ? account.AddressesForSecrets(AddressKind.Phone, now)
            : [];
        return mailed.Concat(called).Select(a => new Recipient(WireName.Of(a.Kind), a.Value)).FirstOrDefault();
    }

    private static string? MaskOf(Account account, Recipient recipient) =>
        account.Addresses.FirstOrDefault(a => a.Value == recipient.Value)?.Masked();

    private static Task SendHalf(Act act, Recovery recovery, SecretText half, Recipient to, DateTimeOffset expiresAt, Uri page) =>
        act.Send(new OutboxMessage(MessageKind.RecoverySecondHalf, recovery.Request.Account)
        {
            Recovery = recovery.Id,
            To = [to],
            ExpiresAt = expiresAt,
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["secret"] = half.Reveal(),
                ["page"] = page.AbsoluteUri,
                ["application"] = recovery.Request.Application.ToString(),
            },
        });

    private async Task<MintedSecret> MintStored(Act act, Recovery recovery, Uri page, SecretText? half)
    {
        var (stored, minted) = secrets.Mint(recovery, page, half);
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

    /// <summary>Where the second half went, masked; null for a secret that is whole, or that the caller does not see.</summary>
    public string? SecondHalfTo { get; init; }

    /// <summary>What the flow keeps that it was issued into.</summary>
    internal KeyedHash? Kept { get; init; }
}

/// <summary>Why a secret cannot be split that policy wants split.</summary>
internal static class SplitFault
{
    /// <summary>The person has one address alone that carries secrets.</summary>
    public const string NoSecondAddress = "Policy splits the secret, and there is no second address that may carry a half.";

    /// <summary>Other products' protocols carry one secret.</summary>
    public static Refusal NoPlace { get; } =
        new(RefusalCode.PolicyRefuses, "Policy splits the secret, and this protocol has no place for its second half.");
}
