using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Sparekey.Engine.Credentials.Keys;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>
/// A service token: a compact JWS (RFC 7515) with which a client's backend vouches for one call. What it says counts for nothing until
/// <see cref="IsSignedBy"/> was asked.
/// </summary>
internal sealed class ServiceToken
{
    /// <summary>How long a token is good from <c>iat</c>.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <summary>How far ahead a client's clock may be.</summary>
    public static readonly TimeSpan Ahead = TimeSpan.FromSeconds(60);

    private const int Longest = 4096;
    private const int LongestText = 256;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 4, AllowDuplicateProperties = false };

    private readonly byte[] _signed;
    private readonly byte[] _signature;

    private ServiceToken(byte[] signed, byte[] signature) => (_signed, _signature) = (signed, signature);

    /// <summary>The client; null where the token leaves it to the request.</summary>
    public string? ClientId { get; private init; }

    /// <summary>The one thing it is for.</summary>
    public required string Scope { get; init; }

    /// <summary>What makes it count once.</summary>
    public required string Nonce { get; init; }

    /// <summary>When it was signed.</summary>
    public required DateTimeOffset IssuedAt { get; init; }

    /// <summary>The user name that it is for; null for every one.</summary>
    public string? Username { get; private init; }

    /// <summary>The user that it is for; null for every one.</summary>
    public string? UserId { get; private init; }

    /// <summary>Reads a token. Null for everything that is none.</summary>
    /// <param name="text">The token.</param>
    public static ServiceToken? Parse(string text)
    {
        if (text.Length > Longest || text.Split('.') is not [var header, var body, var signature]
            || Bytes(header) is not { } head || Bytes(body) is not { } claims || Bytes(signature) is not { Length: 64 } signed)
        {
            return null;
        }

        try
        {
            using var headers = JsonDocument.Parse(head, Strict);
            using var payload = JsonDocument.Parse(claims, Strict);

            // The algorithm is ours, never the token's to choose (RFC 8725 §3.1), and an extension that must be understood is not.
            return headers.RootElement is { ValueKind: JsonValueKind.Object } h && payload.RootElement is { ValueKind: JsonValueKind.Object } p
                && Text(h, "alg") == "ES256" && !h.TryGetProperty("crit", out _)
                    ? Read(p, Encoding.ASCII.GetBytes($"{header}.{body}"), signed)
                    : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null; // Not JSON, or half a character in an escape.
        }
    }

    /// <summary>Whether the holder of a key signed it.</summary>
    /// <param name="key">The key.</param>
    public bool IsSignedBy(SigningPublicKey key) =>
        key.Algorithm == KeyAlgorithm.P256 && key.Verify(_signed, _signature, SignatureForm.Fixed);

    /// <summary>Whether it is good now: at most five minutes old, at most a minute ahead.</summary>
    /// <param name="now">The time.</param>
    public bool IsFresh(DateTimeOffset now) => now < IssuedAt + Lifetime && IssuedAt <= now + Ahead;

    /// <summary>Shows nothing of the token.</summary>
    public override string ToString() => $"service token for {Scope}";

    private static ServiceToken? Read(JsonElement claims, byte[] signed, byte[] signature)
    {
        // Older documentation and the clients say "type", newer documentation "scope".
        var (type, scope) = (Text(claims, "type"), Text(claims, "scope"));
        if ((type ?? scope) is not { Length: > 0 } named || (type is not null && scope is not null && type != scope)
            || Text(claims, "nonce") is not { Length: > 0 } nonce
            || !claims.TryGetProperty("iat", out var iat) || iat.ValueKind != JsonValueKind.Number
            || !iat.TryGetInt64(out var seconds) || seconds is < 0 or > 253_402_300_799)
        {
            return null;
        }

        return new ServiceToken(signed, signature)
        {
            ClientId = Text(claims, "client_id"),
            Scope = named,
            Nonce = nonce,
            IssuedAt = DateTimeOffset.FromUnixTimeSeconds(seconds),
            Username = Text(claims, "username"),
            UserId = Text(claims, "user_id"),
        };
    }

    private static string? Text(JsonElement from, string name) =>
        from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: <= LongestText } text
            ? text
            : null;

    private static byte[]? Bytes(string part)
    {
        var bare = part.TrimEnd('=');
        return part.Length - bare.Length <= 2 && bare.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') && Base64Url.IsValid(bare)
            ? Base64Url.DecodeFromChars(bare)
            : null;
    }
}
