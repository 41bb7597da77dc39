using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Opens a recovery for a person who named their account and proved nothing, within an act. What policy demands is demanded here too;
/// where it demands nothing, the secret leaves for the person's own address at once.
/// </summary>
/// <param name="applications">The applications.</param>
/// <param name="policies">The policies.</param>
/// <param name="opening">Writes what is opened.</param>
/// <param name="issuer">Issues secrets.</param>
/// <param name="keys">Recovery keys.</param>
/// <param name="facts">What policy asks of accounts.</param>
/// <param name="store">Knows what is asked already.</param>
internal sealed class RecoveryOfPerson(
    ApplicationStore applications, PolicyStore policies, RecoveryOpening opening, SecretIssuer issuer, KeyStore keys, AccountFactsReader facts,
    RecoveryStore store)
{
    /// <summary>Opens.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where the request came from.</param>
    /// <param name="account">Whose.</param>
    /// <param name="asked">What for.</param>
    /// <param name="carrier">The flow that the secret is for; null for our own page.</param>
    /// <returns>
    /// The recovery, which waits where policy demands something first; null where there can be none: nobody outside learns which.
    /// </returns>
    public async Task<IssuedSecret?> Open(Act act, Visitor visitor, Account account, RecoveryAsked asked, FlowCarrier? carrier)
    {
        var policy = (await policies.Current(act.Db, act.Tenant)).Policy;
        var application = (asked.Application is { } wanted ? await applications.Find(act.Db, act.Tenant, wanted) : null)
            ?? await applications.OfHost(act.Db, act.Tenant, visitor.Host);
        var request = new RecoveryRequest(
            account.Id, account.Version, application.Id, asked.Means, Channel.Email,
            asked.Lifetime ?? RecoveryLimits.DefaultLifetime(Channel.Email))
        {
            CodeFormat = asked.Means == Means.Code ? CodeFormat.Digits : null,
            Digits = asked.Means == Means.Code ? 8 : null,
            Revoke = [.. asked.Revoke],
        };
        var open = new RecoveryCommand.Open(
            NewId.Make<RecoveryId>(), act.Tenant, request, Principal.Anonymous,
            await facts.Read(act.Db, act.Tenant, account, policy, new Requester(Principal.Anonymous), act.Now), [])
        {
            Source = visitor.Source,
        };
        var longest = RecoveryMachine.Evaluate(open, policy, act.Now).LongestLifetime;
        open = open with { Request = request with { Lifetime = Shortest(request.Lifetime, longest) } };
        var keyless = asked.Means == Means.RecoveryKey
            && (await keys.List(act.Db, act.Tenant, account.Id, CredentialKind.RecoveryKey)).Count == 0;
        if (keyless || account.AddressesForSecrets(AddressKind.Email, act.Now).IsEmpty
            || RecoveryMachine.Decide(null, open, policy, act.Now) is not Decision.Accepted accepted)
        {
            return null;
        }

        // Whose word is waited for already is not asked again: the earlier request is there to be answered (A18).
        if (accepted.Next.Requirements.Any(AwaitsWord) && await AwaitsAnswer(act, account.Id, application.Id, asked.Means))
        {
            return null;
        }

        var recovery = await opening.Write(act, open, accepted, visitor);
        return recovery.State == RecoveryState.Ready || recovery.AwaitsOnlyProof(act.Now)
            ? await Issue(act, visitor, recovery, account, policy, carrier)
            : new IssuedSecret(recovery, null);

        bool AwaitsWord(Requirement requirement) => requirement.Kind == RequirementKind.Confirmation && !requirement.IsMet(act.Now);
    }

    /// <summary>Issues the next secret of a recovery that a person asked for; the former one dies.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where the request came from.</param>
    /// <param name="recovery">The recovery.</param>
    /// <param name="account">Whose.</param>
    /// <param name="carrier">The flow that the secret is for.</param>
    public async Task<IssuedSecret> IssueAgain(Act act, Visitor visitor, Recovery recovery, Account account, FlowCarrier carrier) =>
        await Issue(act, visitor, recovery, account, (await policies.Current(act.Db, act.Tenant)).Policy, carrier);

    private async Task<IssuedSecret> Issue(
        Act act, Visitor visitor, Recovery recovery, Account account, Policy policy, FlowCarrier? carrier)
    {
        // A flow has no place for a second half, nor for a second proof: our own page takes both.
        var ahead = recovery.AwaitsOnlyProof(act.Now);
        var issued = await issuer.Issue(
            act, recovery, account, Principal.System, policy, visitor, ahead, recovery.IsSplit || ahead ? null : carrier);
        return issued.Refusal is null ? issued.Value : new IssuedSecret(recovery, null);
    }

    private async Task<bool> AwaitsAnswer(Act act, AccountId account, ApplicationId application, Means means) =>
        (await store.Open(act.Db, act.Tenant, account)).Any(r =>
            r.RequestedBy.Kind == PrincipalKind.Anonymous && r.State == RecoveryState.Pending && r.Request.Means == means
            && r.Request.Application == application
            && r.Requirements.Any(q => q.Kind == RequirementKind.Confirmation && !q.IsMet(act.Now)));

    private static TimeSpan Shortest(TimeSpan wanted, TimeSpan longest) => wanted < longest ? wanted : longest;
}
