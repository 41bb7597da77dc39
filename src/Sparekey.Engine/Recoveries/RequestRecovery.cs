using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;

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
    private readonly RecoveryStore _store;
    private readonly RecoveryOfPerson _recoveries;
    private readonly Throttle _throttle;

    internal RequestRecovery(Acts acts, AccountStore accounts, RecoveryStore store, RecoveryOfPerson recoveries, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _store = store;
        _recoveries = recoveries;
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
                    await _recoveries.Open(act, visitor, account, asked, carrier: null);
                }

                return (Refusal?)null;
            },
            cancellationToken);

    private async Task<bool> AskedLately(Act act, Account account) =>
        (await _store.Open(act.Db, act.Tenant, account.Id))
            .Any(r => r.RequestedBy.Kind == PrincipalKind.Anonymous && act.Now < r.CreatedAt + Between);
}
