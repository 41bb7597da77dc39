using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Access;

/// <summary>
/// Makes the first access token of an installation: every permission, the highest role, 24 hours. If the process dies between
/// the commit and the moment the caller has written the token down, the token exists and nobody knows it: the operator makes
/// another with <c>sparekey token create</c>, and the lost one ends by itself.
/// </summary>
public sealed class Bootstrap
{
    private readonly Acts _acts;
    private readonly ManageTokens _tokens;
    private readonly PolicyStore _policies;

    internal Bootstrap(Acts acts, ManageTokens tokens, PolicyStore policies)
    {
        _acts = acts;
        _tokens = tokens;
        _policies = policies;
    }

    /// <summary>Makes the token, if the tenant never had one.</summary>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Its text, or null when there was one before.</returns>
    public Task<SecretText?> Run(CancellationToken cancellationToken) =>
        _acts.Write(
            TenantId.Default,
            async act =>
            {
                var ranks = await _policies.Ranks(act.Db, act.Tenant);
                var grant = new Grant(Principal.LocalOperator, PermissionSet.All, ranks.Highest, ExpiresAt: null);
                var minted = await _tokens.Bootstrap(act, new Caller(act.Tenant, "local", "bootstrap", grant));
                return minted?.Secret;
            },
            cancellationToken);
}
