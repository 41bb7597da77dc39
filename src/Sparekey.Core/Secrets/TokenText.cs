using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Sparekey.Core.Secrets;

/// <summary>What a token is for; the prefix says so to people and to secret scanners.</summary>
public enum TokenPrefix
{
    /// <summary>An access token, <c>spk_</c>.</summary>
    Access,

    /// <summary>The secret of a recovery link, <c>spl_</c>.</summary>
    Link,

    /// <summary>A reset token, <c>spt_</c>.</summary>
    Reset,

    /// <summary>A redemption's token, <c>spr_</c>.</summary>
    Redemption,

    /// <summary>A session's token, <c>sps_</c>.</summary>
    Session,

    /// <summary>What a notice carries so that the person can say "this was not me", <c>spn_</c>.</summary>
    NotMe,

    /// <summary>What a message carries so that the person can say "this was me", <c>spc_</c>.</summary>
    Confirmation,
}

/// <summary>
/// The one form of all tokens: <c>prefix_tenant_id_secret+checksum</c>, with the row's id as 32 hexadecimal digits, 256 random
/// bits as 43 characters of base64url, and 6 characters of a checksum by which a secret scanner tells a token from a lookalike.
/// Tenant and id are no secret: they say where to look.
/// </summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="Id">The row's id.</param>
/// <param name="Secret">What proves it, 43 characters.</param>
public sealed record TokenText(TenantId Tenant, Guid Id, SecretText Secret)
{
    private const int IdLength = 32;
    private const int SecretLength = 43;
    private const int ChecksumLength = 6;
    private const int LongestTenant = 32;

    /// <summary>Writes a token.</summary>
    /// <param name="prefix">What it is for.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The row's id.</param>
    /// <param name="secret">256 bits as 43 characters of base64url.</param>
    /// <exception cref="ArgumentException">The secret is none.</exception>
    public static SecretText Format(TokenPrefix prefix, TenantId tenant, Guid id, string secret)
    {
        if (!IsSecret(secret))
        {
            throw new ArgumentException("A token's secret is 43 characters of base64url.", nameof(secret));
        }

        var body = $"{PrefixOf(prefix)}{tenant}_{id:N}_{secret}";
        return new SecretText(body + Checksum(body));
    }

    /// <summary>Reads a token. False for every text that <see cref="Format"/> does not write.</summary>
    /// <param name="text">The text.</param>
    /// <param name="expected">What it must be for.</param>
    /// <param name="token">Its parts.</param>
    public static bool TryParse(string? text, TokenPrefix expected, out TokenText token)
    {
        token = null!;
        var prefix = PrefixOf(expected);
        var tail = 1 + IdLength + 1 + SecretLength + ChecksumLength;
        if (text is null || !text.StartsWith(prefix, StringComparison.Ordinal)
            || text.Length <= prefix.Length + tail || text.Length > prefix.Length + LongestTenant + tail)
        {
            return false;
        }

        // The secret may hold underscores, so the parts are cut from the end by their lengths.
        var body = text[..^ChecksumLength];
        var secret = body[^SecretLength..];
        var id = body[^(SecretLength + 1 + IdLength)..^(SecretLength + 1)];
        var tenantName = text[prefix.Length..^tail];
        if (text[^tail] != '_' || body[^(SecretLength + 1)] != '_'
            || !TenantId.TryParse(tenantName, out var tenant) || !Guid.TryParseExact(id, "N", out var row)
            || !IsSecret(secret) || Format(expected, tenant, row, secret).Reveal() != text)
        {
            return false;
        }

        token = new TokenText(tenant, row, new SecretText(secret));
        return true;
    }

    /// <summary>Shows whose token it is and nothing that proves it.</summary>
    public override string ToString() => $"token {Id}";

    private static string PrefixOf(TokenPrefix prefix) => prefix switch
    {
        TokenPrefix.Access => "spk_",
        TokenPrefix.Link => "spl_",
        TokenPrefix.Reset => "spt_",
        TokenPrefix.Redemption => "spr_",
        TokenPrefix.Session => "sps_",
        TokenPrefix.NotMe => "spn_",
        TokenPrefix.Confirmation => "spc_",
    };

    // The base library's own check refuses bits beyond the 256th, but lets white space and padding through.
    private static bool IsSecret(string text) =>
        text.Length == SecretLength && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') && Base64Url.IsValid(text);

    private static string Checksum(string body) =>
        Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(body)))[..ChecksumLength];
}
