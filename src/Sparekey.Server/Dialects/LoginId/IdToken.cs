using Sparekey.Core;
using Sparekey.Engine.Tokens;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>The <c>jwt</c> of an answer, by which a team's backend believes who signed in.</summary>
/// <param name="keys">The tenant's signing keys.</param>
/// <param name="time">The clock.</param>
internal sealed class IdToken(SigningKeys keys, TimeProvider time)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <summary>Writes one.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="clientId">For which client.</param>
    /// <param name="user">The user.</param>
    /// <param name="username">The user's name.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<string> Write(TenantId tenant, string clientId, AccountId user, string username, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return SignedProof.Write(await keys.Current(tenant, cancellationToken), new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["iss"] = "loginid.io",
            ["sub"] = user.ToString(),
            ["aud"] = clientId,
            ["udata"] = username,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = (now + Lifetime).ToUnixTimeSeconds(),
        });
    }
}
