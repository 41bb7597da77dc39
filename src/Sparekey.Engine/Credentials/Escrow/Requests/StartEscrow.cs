using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Whoever holds a mailed token.</summary>
/// <param name="Account">The person.</param>
/// <param name="Reason">Why they asked for the mail.</param>
/// <param name="ExpiresAt">When the token ends.</param>
public sealed record EscrowTokenHolder(Account Account, EscrowTokenReason Reason, DateTimeOffset ExpiresAt);

/// <summary>Looks at a mailed token. Looking uses nothing up.</summary>
public sealed class StartEscrow
{
    private readonly Acts _acts;
    private readonly EscrowHolders _holders;
    private readonly EscrowPolicyStore _policies;
    private readonly InEscrow _enrolled;
    private readonly EscrowRequestStore _requests;

    internal StartEscrow(Acts acts, EscrowHolders holders, EscrowPolicyStore policies, InEscrow enrolled, EscrowRequestStore requests)
    {
        _acts = acts;
        _holders = holders;
        _policies = policies;
        _enrolled = enrolled;
        _requests = requests;
    }

    /// <summary>Looks at a token that has just come by mail.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="account">Whose it should be.</param>
    /// <param name="token">The token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// Its holder; or a refusal whose fault names the rule: <c>token_unknown</c>, <c>token_consumed</c>, <c>token_expired</c>,
    /// <c>person_unknown</c> (also of a person who may not be used).
    /// </returns>
    public Task<Result<EscrowTokenHolder>> Run(Visitor visitor, AccountId account, string token, CancellationToken cancellationToken) =>
        _acts.Read<Result<EscrowTokenHolder>>(
            async db =>
            {
                var found = await _holders.Find(db, visitor.Tenant, account, token, _acts.Now);
                return found.Refusal is { } refusal ? refusal : Holder(found.Value);
            },
            cancellationToken);

    /// <summary>Looks at the token of a request that was answered: the person comes back to go on.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="account">Whose it should be.</param>
    /// <param name="token">The token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>As <see cref="Run"/>, and <see cref="RefusalCode.EscrowDisabled"/>, <c>not_enrolled</c>, <c>request_unknown</c>.</returns>
    public Task<Result<EscrowTokenHolder>> Continue(Visitor visitor, AccountId account, string token, CancellationToken cancellationToken) =>
        _acts.Read(db => Continue(db, visitor.Tenant, account, token), cancellationToken);

    private async Task<Result<EscrowTokenHolder>> Continue(DbSession db, TenantId tenant, AccountId account, string token)
    {
        if (!(await _policies.Current(db, tenant)).IsEnabled)
        {
            return RefusalCode.EscrowDisabled;
        }

        var found = await _holders.Find(db, tenant, account, token, _acts.Now);
        return found.Refusal is { } refusal ? refusal
            : !await _enrolled.HoldsHere(db, tenant, account) ? EscrowFaults.Refuse(EscrowFault.NotEnrolled)
            : await _requests.FindByToken(db, tenant, found.Value.Token) is null ? EscrowFaults.Refuse(EscrowFault.RequestUnknown)
            : Holder(found.Value);
    }

    private static EscrowTokenHolder Holder(EscrowHolders.Found found) => new(found.Account, found.Token.Reason, found.Token.ExpiresAt);
}

/// <summary>Finds who holds a mailed token.</summary>
/// <param name="accounts">The accounts.</param>
/// <param name="tokens">The tokens.</param>
internal sealed class EscrowHolders(AccountStore accounts, EscrowTokens tokens)
{
    /// <summary>A token and its person.</summary>
    internal sealed record Found(Account Account, EscrowToken Token);

    /// <summary>Finds them.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose it should be.</param>
    /// <param name="token">The token.</param>
    /// <param name="now">The time.</param>
    /// <returns>Both; or a refusal that says which is wrong.</returns>
    public async Task<Result<Found>> Find(DbSession db, TenantId tenant, AccountId account, string token, DateTimeOffset now)
    {
        if (await accounts.Find(db, tenant, account) is not { Status: AccountStatus.Active } person)
        {
            return EscrowFaults.Refuse(EscrowFault.PersonUnknown, "/account");
        }

        return await tokens.Find(db, tenant, token) is not { } found || found.Account != account
            ? EscrowFaults.Refuse(EscrowFault.TokenUnknown, "/token")
            : found.FaultAt(now) is { } fault ? EscrowFaults.Refuse(fault, "/token")
            : new Found(person, found);
    }
}
