using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Opens the recovery behind a request whose key is known, or names the key of one that waits for it; within an act.</summary>
/// <param name="applications">The applications.</param>
/// <param name="facts">What policy asks of accounts.</param>
/// <param name="opening">Writes what is opened.</param>
/// <param name="writer">Writes decisions.</param>
internal sealed class EscrowOpening(
    ApplicationStore applications, AccountFactsReader facts, RecoveryOpening opening, RecoveryWriter writer)
{
    /// <summary>The channel over which the token of a mail confirms.</summary>
    public const string OverEmail = "email";

    /// <summary>Why a recovery ends that another one takes the place of.</summary>
    public const string Superseded = "superseded";

    /// <summary>Opens one that the person asks for.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where it comes from.</param>
    /// <param name="account">The person.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="fingerprint">The request key.</param>
    /// <param name="confirmed">Whether the person proved their mailbox with it.</param>
    /// <returns>The recovery; or what the state machine refuses.</returns>
    public async Task<Result<Recovery>> Open(
        Act act, Visitor visitor, Account account, Policy policy, string fingerprint, bool confirmed)
    {
        var person = Principal.Of(account.Id);
        var application = await applications.OfHost(act.Db, act.Tenant, visitor.Host);
        var request = new RecoveryRequest(
            account.Id, account.Version, application.Id, Means.Escrow, Channel.Email, RecoveryLimits.DefaultLifetime(Channel.Email))
        {
            RequestKeyFingerprint = fingerprint,
        };
        var command = new RecoveryCommand.Open(
            NewId.Make<RecoveryId>(), act.Tenant, request, person,
            await facts.Read(act.Db, act.Tenant, account, policy, new Requester(person), act.Now), [])
        {
            Source = visitor.Source,
        };
        var longest = RecoveryMachine.Evaluate(command, policy, act.Now).LongestLifetime;
        command = command with { Request = request with { Lifetime = request.Lifetime < longest ? request.Lifetime : longest } };
        var decision = RecoveryMachine.Decide(null, command, policy, act.Now);
        if (decision is Decision.Refused refused)
        {
            await opening.Refused(act, command, refused.Refusal, visitor);
            return refused.Refusal;
        }

        var accepted = confirmed ? Confirm((Decision.Accepted)decision, person, policy, act.Now) : (Decision.Accepted)decision;
        return await opening.Write(act, command, accepted, visitor);
    }

    /// <summary>Names the key of one that waits for it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where it comes from.</param>
    /// <param name="recovery">The recovery.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="fingerprint">The request key.</param>
    /// <param name="by">The person, or Sparekey for what their device sent elsewhere.</param>
    /// <param name="confirmed">Whether the person proved their mailbox with it.</param>
    /// <returns>The recovery; or what the state machine refuses.</returns>
    public async Task<Result<Recovery>> Bind(
        Act act, Visitor? visitor, Recovery recovery, Policy policy, string fingerprint, Principal by, bool confirmed)
    {
        var decision = RecoveryMachine.Decide(recovery, new RecoveryCommand.BindKey(by, fingerprint), policy, act.Now);
        if (decision is Decision.Refused refused)
        {
            return refused.Refusal;
        }

        var accepted = (Decision.Accepted)decision;
        if (accepted.Answer is { } answer)
        {
            await writer.Write(act, recovery, accepted, visitor);
            return answer;
        }

        return await writer.Write(act, recovery, confirmed ? Confirm(accepted, by, policy, act.Now) : accepted, visitor);
    }

    // Both decisions are written as one, so that nobody is asked what they have just answered. Where policy demands no confirmation, or
    // one over another channel, it stays as it was, and the person is asked.
    private static Decision.Accepted Confirm(Decision.Accepted first, Principal person, Policy policy, DateTimeOffset now) =>
        RecoveryMachine.Decide(first.Next, new RecoveryCommand.Confirm(person, first.Next.Digest) { Over = OverEmail }, policy, now)
            is Decision.Accepted { Answer: null } second
            ? new Decision.Accepted(second.Next, [.. first.Events, .. second.Events])
            : first;
}
