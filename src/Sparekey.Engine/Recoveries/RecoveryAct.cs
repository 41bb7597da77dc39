using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// One command of a caller on one recovery, within an act: finds it, checks that the caller may act on its account, decides,
/// writes, and issues at once what became ready for the person's own channel.
/// </summary>
/// <param name="store">The recoveries.</param>
/// <param name="accounts">The accounts.</param>
/// <param name="policies">The policies.</param>
/// <param name="writer">Writes decisions.</param>
/// <param name="issuer">Issues secrets.</param>
/// <param name="facts">What policy asks of accounts.</param>
/// <param name="held">Knows what was answered already and waits for the rest.</param>
/// <param name="revocations">End what shall end with a completion.</param>
internal sealed class RecoveryAct(
    RecoveryStore store, AccountStore accounts, PolicyStore policies, RecoveryWriter writer, SecretIssuer issuer, AccountFactsReader facts,
    HeldEscrowAnswers held, AskedRevocations revocations)
{
    /// <summary>What an act on a recovery starts from.</summary>
    internal sealed record Found(Recovery Recovery, Account Account, Policy Policy);

    /// <summary>Finds a recovery the caller may act on.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who acts.</param>
    /// <param name="id">The recovery.</param>
    public async Task<Result<Found>> Find(Act act, Caller caller, RecoveryId id)
    {
        if (await store.Find(act.Db, act.Tenant, id) is not { } recovery)
        {
            return RefusalCode.RecoveryNotFound;
        }

        if (await accounts.Find(act.Db, act.Tenant, recovery.Request.Account) is not { } account)
        {
            return RefusalCode.AccountNotFound;
        }

        var policy = (await policies.Current(act.Db, act.Tenant)).Policy;
        return caller.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, policy.Ranks) is { } forbidden
            ? forbidden
            : new Found(recovery, account, policy);
    }

    /// <summary>Runs a command of a caller.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who acts.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="command">The command.</param>
    /// <returns>The recovery afterwards, as the caller may see it.</returns>
    public async Task<Result<Recovery>> Run(Act act, Caller caller, RecoveryId id, RecoveryCommand command)
    {
        var found = await Find(act, caller, id);
        return found.Refusal is { } refusal ? refusal : await Run(act, caller, found.Value, command);
    }

    /// <summary>Runs a command of a caller on what was found for them.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who acts.</param>
    /// <param name="found">What <see cref="Find"/> found in this act.</param>
    /// <param name="command">The command.</param>
    /// <returns>The recovery afterwards, as the caller may see it.</returns>
    public async Task<Result<Recovery>> Run(Act act, Caller caller, Found found, RecoveryCommand command)
    {
        var applied = await Apply(act, found, command, caller);
        return applied.Refusal is { } refused ? refused : applied.Value.AsSeenBy(caller.Principal, act.Now);
    }

    /// <summary>Decides and writes a command.</summary>
    /// <param name="act">The act.</param>
    /// <param name="found">What it starts from.</param>
    /// <param name="command">The command.</param>
    /// <param name="visitor">Where it came from; null for Sparekey itself.</param>
    /// <param name="quietly">Whether nobody is told, because another notice of the same act says it.</param>
    public async Task<Result<Recovery>> Apply(Act act, Found found, RecoveryCommand command, Visitor? visitor, bool quietly = false)
    {
        var decision = RecoveryMachine.Decide(found.Recovery, command, found.Policy, act.Now);
        if (decision is Decision.Refused refused)
        {
            // Time alone has come to where the person's own proof is next: what they are sent goes ahead of it.
            var sent = command is RecoveryCommand.Tick
                ? await ReleaseWhatIsHeld(act, await IssueToThePerson(act, found.Recovery, found, visitor), found, visitor)
                : found.Recovery;
            return sent.Version != found.Recovery.Version ? sent : refused.Refusal;
        }

        var accepted = (Decision.Accepted)decision;
        var next = await writer.Write(act, found.Recovery, accepted, visitor, quietly);
        if (found.Recovery.Secret is { Usable: false } && next.Secret is { Usable: true })
        {
            var account = await facts.Read(
                act.Db, act.Tenant, found.Account, found.Policy, new Requester(next.RequestedBy), act.Now, next.Id);
            next = RecoveryMachine.Reconsider(next, account, found.Policy, act.Now) is { } taken
                ? await writer.Write(act, next, taken, visitor, quietly)
                : next;
        }

        next = await ReleaseWhatIsHeld(act, await IssueToThePerson(act, next, found, visitor), found, visitor);
        return accepted.Answer is { } answer ? answer : next;
    }

    /// <summary>Issues a recovery that is ready for the person's own channel and was not issued yet.</summary>
    /// <param name="act">The act.</param>
    /// <param name="found">The recovery.</param>
    /// <returns>Whether it was issued.</returns>
    public async Task<bool> IssueWhatIsReady(Act act, Found found) =>
        (await IssueToThePerson(act, found.Recovery, found, visitor: null)).LastGeneration > found.Recovery.LastGeneration;

    /// <summary>Completes an escrow recovery whose answer is kept: the answer is released in this act.</summary>
    /// <param name="act">The act.</param>
    /// <param name="found">The recovery.</param>
    /// <param name="by">Who completes it.</param>
    /// <param name="visitor">Where it came from; null for Sparekey itself.</param>
    /// <returns>The completed recovery; or what the state machine refuses, and then the answer is still kept.</returns>
    public async Task<Result<Recovery>> CompleteDirectly(Act act, Found found, Principal by, Visitor? visitor)
    {
        var account = await facts.Read(
            act.Db, act.Tenant, found.Account, found.Policy, new Requester(found.Recovery.RequestedBy), act.Now, found.Recovery.Id);
        var decision = RecoveryMachine.Decide(found.Recovery, new RecoveryCommand.CompleteDirectly(by, account), found.Policy, act.Now);
        if (decision is Decision.Refused refused)
        {
            return refused.Refusal;
        }

        var accepted = (Decision.Accepted)decision;
        var next = await writer.Write(act, found.Recovery, accepted, visitor);
        if (next.State == RecoveryState.Completed)
        {
            await revocations.Run(act, next);
        }

        return accepted.Answer is { } answer ? answer : next;
    }

    // An answer that came before everything was met leaves in the act that meets the last of it.
    private async Task<Recovery> ReleaseWhatIsHeld(Act act, Recovery recovery, Found found, Visitor? visitor)
    {
        if (recovery.State != RecoveryState.Ready || recovery.Request.Means != Means.Escrow || await held.Of(act, recovery.Id) is not { } by)
        {
            return recovery;
        }

        var completed = await CompleteDirectly(act, found with { Recovery = recovery }, by, visitor);
        return completed.Refusal is null ? completed.Value : await store.Find(act.Db, act.Tenant, recovery.Id) ?? recovery;
    }

    // Nobody need come back for a secret that goes to the person anyway: it leaves in the act that met the last requirement.
    private async Task<Recovery> IssueToThePerson(Act act, Recovery recovery, Found found, Visitor? visitor)
    {
        var ahead = recovery.LastGeneration == 0 && recovery.AwaitsOnlyProof(act.Now);
        if (!(ahead || recovery.State == RecoveryState.Ready) || !recovery.Request.Channel.ReachesPerson()
            || !recovery.Request.Means.EndsInRedemption())
        {
            return recovery;
        }

        var issued = await issuer.Issue(act, recovery, found.Account, Principal.System, found.Policy, visitor, ahead);
        return issued.Refusal is null ? issued.Value.Recovery : await store.Find(act.Db, act.Tenant, recovery.Id) ?? recovery;
    }
}
