using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>What an access token says.</summary>
/// <param name="Issuer">The server's URL.</param>
/// <param name="Account">Whose.</param>
/// <param name="Session">The session that it stands for: with that it ends, whatever the token says.</param>
/// <param name="ExpiresAt">When it ends.</param>
internal sealed record AccessClaims(string Issuer, AccountId Account, SessionId Session, DateTimeOffset ExpiresAt);

/// <summary>Access tokens: compact JWS (RFC 7515) with RS256 (RFC 7518 §3.3), and nothing else.</summary>
internal static class AccessProof
{
    private const int Longest = 4096;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 4, AllowDuplicateProperties = false };

    /// <summary>Writes a token.</summary>
    /// <param name="pkcs8">The private key.</param>
    /// <param name="keyId">Its id.</param>
    /// <param name="claims">What it says.</param>
    public static string Write(ReadOnlySpan<byte> pkcs8, string keyId, AccessClaims claims)
    {
        var header = JsonSerializer.SerializeToUtf8Bytes(
            new Dictionary<string, string>(StringComparer.Ordinal) { ["typ"] = "JWT", ["alg"] = "RS256", ["kid"] = keyId });
        var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["iss"] = claims.Issuer,
            ["sub"] = claims.Account.ToString(),
            ["exp"] = claims.ExpiresAt.ToUnixTimeSeconds(),
            ["sid"] = claims.Session.ToString(),
        });
        var signed = $"{Base64Url.EncodeToString(header)}.{Base64Url.EncodeToString(body)}";
        using var key = RSA.Create();
        key.ImportPkcs8PrivateKey(pkcs8, out _);
        return $"{signed}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    /// <summary>Reads a token that a key signed. Null for everything else; its time and issuer are the caller's to look at.</summary>
    /// <param name="publicPem">The public key.</param>
    /// <param name="token">The token.</param>
    public static AccessClaims? Read(string publicPem, string token)
    {
        if (token.Length > Longest || token.Split('.') is not [var header, var body, var signature]
            || Decode(header) is not { } head || Decode(body) is not { } claims || Decode(signature) is not { } sign)
        {
            return null;
        }

        using var key = RSA.Create();
        key.ImportFromPem(publicPem);
        if (!key.VerifyData(Encoding.ASCII.GetBytes($"{header}.{body}"), sign, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))
        {
            return null;
        }

        try
        {
            using var read = JsonDocument.Parse(head, Strict);

            // The algorithm is ours, never the token's to choose (RFC 8725 §3.1), and an extension that must be understood is not.
            return read.RootElement.GetProperty("alg").GetString() == "RS256" && !read.RootElement.TryGetProperty("crit", out _) ? Claims(claims) : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    private static AccessClaims? Claims(byte[] body)
    {
        using var read = JsonDocument.Parse(body, Strict);
        var claims = read.RootElement;
        return Ids.TryParse<AccountId>(claims.GetProperty("sub").GetString(), out var account)
            && Ids.TryParse<SessionId>(claims.GetProperty("sid").GetString(), out var session)
            && claims.GetProperty("exp").TryGetInt64(out var until) && until is >= 0 and <= 253_402_300_799
                ? new AccessClaims(claims.GetProperty("iss").GetString() ?? "", account, session, DateTimeOffset.FromUnixTimeSeconds(until))
                : null;
    }

    // The base library also takes white space and padding: one token would have several spellings.
    private static byte[]? Decode(string part) =>
        part.Length > 0 && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') && Base64Url.IsValid(part) ? Base64Url.DecodeFromChars(part) : null;
}
