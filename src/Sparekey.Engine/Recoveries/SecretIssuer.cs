using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Issues the next generation of a recovery's secret within an act: asks the state machine, stores the hash, and gives the
/// clear text either to the caller's answer or, sealed, to the outbox. The one place where a secret is minted.
/// </summary>
/// <param name="store">The recoveries.</param>
/// <param name="writer">Writes decisions.</param>
/// <param name="secrets">Makes secrets.</param>
/// <param name="applications">Where links lead.</param>
internal sealed class SecretIssuer(
    RecoveryStore store, RecoveryWriter writer, RecoverySecrets secrets, ApplicationStore applications, EngineOptions options)
{
    /// <summary>Issues.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery as it is now.</param>
    /// <param name="account">Its account as it is now.</param>
    /// <param name="by">Who issues.</param>
    /// <param name="policy">The policy as it is now.</param>
    /// <param name="visitor">Where the command came from.</param>
    /// <returns>The recovery, and the secret when it goes to the caller.</returns>
    public async Task<Result<IssuedSecret>> Issue(
        Act act, Recovery recovery, Account account, Principal by, Policy policy, Visitor? visitor)
    {
        var recipients = account.AddressesForSecrets(AddressKind.Email, act.Now);
        if (recovery.Request.Channel == Channel.Email && recipients.IsEmpty)
        {
            return RefusalCode.NoUsableAddress;
        }

        var decision = RecoveryMachine.Decide(recovery, new RecoveryCommand.Issue(by, AccountFacts.Of(account)), policy, act.Now);
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

        var (stored, minted) = secrets.Mint(next, await LinkBase(act, next.Request.Application));
        await store.AddSecret(act, account.Id, stored);
        if (next.Request.Channel != Channel.Email)
        {
            return new IssuedSecret(next, minted);
        }

        await act.Send(MessageTo(recipients[0], next, minted));
        return new IssuedSecret(next, null);
    }

    // Links are built from what the application configured, never from what a request said about its host.
    private async Task<Uri> LinkBase(Act act, ApplicationId id)
    {
        var application = await applications.Find(act.Db, act.Tenant, id);
        var origin = application switch
        {
            { LinkHosts: [var host, ..] } => new Uri($"https://{host}"),
            { Origins: [var first, ..] } => first,
            _ => options.Origin,
        };
        return new Uri(origin, "/recover");
    }

    private static OutboxMessage MessageTo(Address address, Recovery recovery, MintedSecret minted) =>
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
            To = [new Recipient(WireName.Of(address.Kind), address.Value)],
            ExpiresAt = minted.ExpiresAt,
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["secret"] = minted.Text.Reveal(),
                ["application"] = recovery.Request.Application.ToString(),
            },
        };
}

/// <summary>A recovery whose secret was issued.</summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="Secret">The secret, when it goes to the caller; null when it went to the person's channel.</param>
public sealed record IssuedSecret(Recovery Recovery, MintedSecret? Secret);
