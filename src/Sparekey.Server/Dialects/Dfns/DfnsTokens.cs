using System.Text.Json;
using System.Text.Json.Serialization;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Tokens;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>What a token is for, as Dfns names it.</summary>
internal enum TokenKind
{
    /// <summary>A programme's access token.</summary>
    ServiceAccount,

    /// <summary>A person's session.</summary>
    Token,

    /// <summary>An invitation to bind the first credentials.</summary>
    Temp,

    /// <summary>A recovery's redemption.</summary>
    Recovery,

    /// <summary>A challenge that was sent.</summary>
    Challenge,

    /// <summary>The signature of one call.</summary>
    UserAction,
}

/// <summary>A token that was presented and is ours.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="Inner">What of ours it stands for: a token, a ceremony's name.</param>
/// <param name="UserId">Whose, as Dfns writes it; null for nobody's.</param>
internal sealed record DfnsToken(TokenKind Kind, SecretText Inner, string? UserId);

/// <summary>
/// Writes and reads the JWTs of this dialect. Its clients look into them before they send them; what proves something here is the token of
/// ours within, so that a revocation holds at once. Both are checked: a JWT that was changed opens nothing.
/// </summary>
/// <param name="keys">The tenant's signing keys.</param>
/// <param name="options">Knows the origin.</param>
/// <param name="time">The clock.</param>
internal sealed class DfnsTokens(SigningKeys keys, EngineOptions options, TimeProvider time)
{
    private const string Metadata = "https://custom/app_metadata";
    private const string Username = "https://custom/username";

    /// <summary>Writes a token.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="kind">What it is for.</param>
    /// <param name="inner">What of ours it stands for.</param>
    /// <param name="expiresAt">When it ends.</param>
    /// <param name="orgId">The organisation.</param>
    /// <param name="userId">Whose; null for nobody's.</param>
    /// <param name="username">What they are called; null for nobody.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<string> Write(
        TenantId tenant, TokenKind kind, string inner, DateTimeOffset expiresAt, string orgId, string? userId, string? username,
        CancellationToken cancellationToken)
    {
        var issuer = options.Origin.GetLeftPart(UriPartial.Authority);
        var claims = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["iss"] = issuer,
            ["aud"] = issuer,
            ["sub"] = orgId,
            ["iat"] = time.GetUtcNow().ToUnixTimeSeconds(),
            ["exp"] = expiresAt.ToUnixTimeSeconds(),
            ["jti"] = inner,
            [Username] = username ?? "",
            [Metadata] = new AppMetadata(userId ?? "", orgId, kind.ToString(), orgId),
        };
        return SignedProof.Write(await keys.Current(tenant, cancellationToken), claims);
    }

    /// <summary>Reads a token.</summary>
    /// <param name="tenant">The tenant of the host that it was sent to.</param>
    /// <param name="text">The token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The token; null when anything is wrong or it is over.</returns>
    public async Task<DfnsToken?> Read(TenantId tenant, string text, CancellationToken cancellationToken)
    {
        if (text.Length == 0 || SignedProof.Read(text, await keys.Published(tenant, cancellationToken)) is not { } claims)
        {
            return null;
        }

        return claims.TryGetProperty("exp", out var exp) && exp.TryGetInt64(out var ends) && time.GetUtcNow().ToUnixTimeSeconds() < ends
            && claims.TryGetProperty("jti", out var inner) && inner.ValueKind == JsonValueKind.String
            && claims.TryGetProperty(Metadata, out var metadata) && metadata.ValueKind == JsonValueKind.Object
            && Enum.TryParse<TokenKind>(metadata.GetProperty("tokenKind").GetString(), out var kind)
                ? new DfnsToken(kind, new SecretText(inner.GetString()!), metadata.GetProperty("userId").GetString())
                : null;
    }

    private sealed record AppMetadata(
        [property: JsonPropertyName("userId")] string UserId,
        [property: JsonPropertyName("orgId")] string OrgId,
        [property: JsonPropertyName("tokenKind")] string TokenKind,
        [property: JsonPropertyName("tenantId")] string TenantId);
}
