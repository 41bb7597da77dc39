using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Tokens;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// The signed proof that an account was recovered: a JWT (RFC 7519, ES256) by which the team's own application can trust the
/// act without asking back. It lives 5 minutes and is meant for one application (<c>aud</c>).
/// </summary>
/// <param name="signing">The tenant's signing keys.</param>
/// <param name="options">The issuer's origin.</param>
/// <param name="time">The clock.</param>
internal sealed class RecoveryProof(SigningKeys signing, EngineOptions options, TimeProvider time)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <summary>Makes sure that the tenant has a key.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task Prepare(TenantId tenant, CancellationToken cancellationToken) => signing.Current(tenant, cancellationToken);

    /// <summary>Writes the proof of a completed recovery.</summary>
    /// <param name="recovery">The recovery.</param>
    /// <param name="method">How the person signs in from now on (RFC 8176), for example <c>pwd</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<string> Write(Recovery recovery, string method, CancellationToken cancellationToken)
    {
        var key = await signing.Current(recovery.Tenant, cancellationToken);
        var now = time.GetUtcNow();
        var claims = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["iss"] = options.Origin.GetLeftPart(UriPartial.Authority),
            ["aud"] = recovery.Request.Application.ToString(),
            ["sub"] = recovery.Request.Account.ToString(),
            ["recovery_id"] = recovery.Id.ToString(),
            ["amr"] = new[] { method },
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = (now + Lifetime).ToUnixTimeSeconds(),
            ["jti"] = NewId.Make<EntryId>().ToString(),
        };
        return SignedProof.Write(key, claims);
    }
}
