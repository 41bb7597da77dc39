using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>What somebody who is not known asks for.</summary>
/// <param name="Identifier">What they typed: user name, address or telephone number.</param>
/// <param name="Means">How the recovery ends: a link, or a recovery key with a mailed code.</param>
public sealed record RecoveryAsked(string Identifier, Means Means)
{
    /// <summary>For which application; null for the one of the host.</summary>
    public ApplicationId? Application { get; init; }

    /// <summary>How long the secret lives; null for the usual time.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>What ends with the completion.</summary>
    public IReadOnlyList<Revocation> Revoke { get; init; } = [Revocation.Sessions];
}

/// <summary>
/// A person asks for their own recovery by naming their account. Nobody proved anything yet, so the answer is the same for
/// known and unknown names, the secret goes to the person's own address, and what policy demands is demanded here too.
/// </summary>
public sealed class RequestRecovery
{
    /// <summary>How long a person's request stands before another one opens another recovery: a bored stranger sends one mail.</summary>
    public static readonly TimeSpan Between = TimeSpan.FromMinutes(5);

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ApplicationStore _applications;
    private readonly PolicyStore _policies;
    private readonly RecoveryStore _store;
    private readonly RecoveryWriter _writer;
    private readonly SecretIssuer _issuer;
    private readonly KeyStore _keys;
    private readonly Throttle _throttle;

    internal RequestRecovery(
        Acts acts, AccountStore accounts, ApplicationStore applications, PolicyStore policies, RecoveryStore store,
        RecoveryWriter writer, SecretIssuer issuer, KeyStore keys, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _applications = applications;
        _policies = policies;
        _store = store;
        _writer = writer;
        _issuer = issuer;
        _keys = keys;
        _throttle = throttle;
    }

    /// <summary>Asks.</summary>
    /// <param name="visitor">Where the request came from.</param>
    /// <param name="identifier">What the person typed: user name, address or telephone number.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null in every case but <see cref="RefusalCode.TooManyRequests"/>, which comes alike for unknown names.</returns>
    public Task<Refusal?> Run(Visitor visitor, string identifier, CancellationToken cancellationToken) =>
        Run(visitor, new RecoveryAsked(identifier, Means.Link), cancellationToken);

    /// <summary>Asks for a recovery of another means or application than the usual one.</summary>
    /// <param name="visitor">Where the request came from.</param>
    /// <param name="asked">What for.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null in every case but <see cref="RefusalCode.TooManyRequests"/>, which comes alike for unknown names.</returns>
    public Task<Refusal?> Run(Visitor visitor, RecoveryAsked asked, CancellationToken cancellationToken) =>
        _acts.Write(
            visitor.Tenant,
            async act =>
            {
                if (await _throttle.Count(act, ThrottleKind.RecoveryRequest, asked.Identifier, visitor.Source) is { } tooMany)
                {
                    return tooMany;
                }

                if (await _accounts.FindByIdentifier(act.Db, act.Tenant, asked.Identifier) is { } account && !await AskedLately(act, account))
                {
                    await Open(act, visitor, account, asked);
                }

                return (Refusal?)null;
            },
            cancellationToken);

    private async Task<bool> AskedLately(Act act, Account account) =>
        (await _store.Open(act.Db, act.Tenant, account.Id))
            .Any(r => r.RequestedBy.Kind == PrincipalKind.Anonymous && act.Now < r.CreatedAt + Between);

    private async Task Open(Act act, Visitor visitor, Account account, RecoveryAsked asked)
    {
        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        var application = (asked.Application is { } wanted ? await _applications.Find(act.Db, act.Tenant, wanted) : null)
            ?? await _applications.OfHost(act.Db, act.Tenant, visitor.Host);
        var facts = AccountFacts.Of(account);
        var longest = policy.Evaluate(
            new PolicyQuestion(asked.Means, Channel.Email, application.Id, PrincipalKind.Anonymous, facts), act.Now).LongestLifetime;
        var usual = RecoveryLimits.DefaultLifetime(Channel.Email);
        var request = new RecoveryRequest(
            account.Id, account.Version, application.Id, asked.Means, Channel.Email, Shortest(asked.Lifetime ?? usual, longest))
        {
            Revoke = [.. asked.Revoke],
        };
        var open = new RecoveryCommand.Open(NewId.Make<RecoveryId>(), act.Tenant, request, Principal.Anonymous, facts, []);
        var keyless = asked.Means == Means.RecoveryKey
            && (await _keys.List(act.Db, act.Tenant, account.Id, CredentialKind.RecoveryKey)).Count == 0;
        if (keyless || account.AddressesForSecrets(AddressKind.Email, act.Now).IsEmpty
            || RecoveryMachine.Decide(null, open, policy, act.Now) is not Decision.Accepted accepted)
        {
            return;
        }

        var recovery = await _writer.Write(act, null, accepted, visitor);
        if (recovery.State == RecoveryState.Ready)
        {
            await _issuer.Issue(act, recovery, account, Principal.System, policy, visitor);
        }
    }

    private static TimeSpan Shortest(TimeSpan wanted, TimeSpan longest) => wanted < longest ? wanted : longest;
}
