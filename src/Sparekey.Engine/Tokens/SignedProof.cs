using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;

namespace Sparekey.Engine.Tokens;

/// <summary>Writes and checks compact signed tokens (RFC 7515, RFC 7519) with ES256 (RFC 7518 §3.4), and nothing else.</summary>
public static class SignedProof
{
    // Pure ASCII, and none of the characters whose base64 could hold a minus or an underscore: some clients decode a token's claims with
    // the other alphabet, and as Latin-1.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = PlainEncoder() };

    /// <summary>Signs claims.</summary>
    /// <param name="key">The key; its id goes into the header.</param>
    /// <param name="claims">The claims: strings, numbers, lists of strings.</param>
    public static string Write(SigningKey key, IReadOnlyDictionary<string, object> claims)
    {
        var header = JsonSerializer.SerializeToUtf8Bytes(
            new Dictionary<string, string>(StringComparer.Ordinal) { ["alg"] = "ES256", ["kid"] = key.Id, ["typ"] = "JWT" }, Plain);
        var signed = $"{Base64Url.EncodeToString(header)}.{Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(claims, Plain))}";
        return $"{signed}.{Base64Url.EncodeToString(key.Sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    /// <summary>Checks a token's form, algorithm and signature. Its claims (time, audience) are the caller's to check.</summary>
    /// <param name="token">The token.</param>
    /// <param name="keys">The published keys.</param>
    /// <returns>The claims, or null when anything is wrong.</returns>
    public static JsonElement? Read(string token, IReadOnlyList<PublicJwk> keys)
    {
        if (token.Length > 8192 || token.Split('.') is not [var header, var body, var signature])
        {
            return null;
        }

        try
        {
            using var parsed = JsonDocument.Parse(Decode(header));
            var algorithm = parsed.RootElement.GetProperty("alg").GetString();
            var kid = parsed.RootElement.GetProperty("kid").GetString();

            // The algorithm is ours, never the token's to choose (RFC 8725 §3.1). An extension that must be understood is not
            // (RFC 7515 §4.1.11).
            if (algorithm != "ES256" || parsed.RootElement.TryGetProperty("crit", out _)
                || keys.FirstOrDefault(k => k.Kid == kid) is not { } key)
            {
                return null;
            }

            using var ecdsa = key.ToKey();
            return ecdsa.VerifyData(
                    Encoding.ASCII.GetBytes($"{header}.{body}"), Decode(signature), HashAlgorithmName.SHA256,
                    DSASignatureFormat.IeeeP1363FixedFieldConcatenation)
                && JsonSerializer.Deserialize<JsonElement>(Decode(body)) is { ValueKind: JsonValueKind.Object } claims
                    ? claims
                    : null;
        }
        catch (Exception e) when (e is FormatException or JsonException or KeyNotFoundException or InvalidOperationException
                                      or CryptographicException)
        {
            return null;
        }
    }

    private static JavaScriptEncoder PlainEncoder()
    {
        var settings = new TextEncoderSettings(UnicodeRanges.BasicLatin);
        settings.ForbidCharacters('>', '?', '~', '\u007F');
        return JavaScriptEncoder.Create(settings);
    }

    // The base library also takes white space and padding: one token would have several spellings.
    private static byte[] Decode(string part) =>
        part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? Base64Url.DecodeFromChars(part) : throw new FormatException();
}

/// <summary>A public key as it is published (RFC 7517, RFC 7518 §6.2).</summary>
/// <param name="Kty">Always <c>EC</c>.</param>
/// <param name="Crv">Always <c>P-256</c>.</param>
/// <param name="X">32 bytes, base64url.</param>
/// <param name="Y">32 bytes, base64url.</param>
/// <param name="Kid">The key's id.</param>
/// <param name="Alg">Always <c>ES256</c>.</param>
/// <param name="Use">Always <c>sig</c>.</param>
public sealed record PublicJwk(
    [property: JsonPropertyName("kty")] string Kty,
    [property: JsonPropertyName("crv")] string Crv,
    [property: JsonPropertyName("x")] string X,
    [property: JsonPropertyName("y")] string Y,
    [property: JsonPropertyName("kid")] string Kid,
    [property: JsonPropertyName("alg")] string Alg,
    [property: JsonPropertyName("use")] string Use)
{
    /// <summary>The public half of a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="kid">Its id.</param>
    public static PublicJwk Of(ECDsa key, string kid)
    {
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        return new PublicJwk("EC", "P-256", Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y), kid, "ES256", "sig");
    }

    /// <summary>The key as PEM of its SubjectPublicKeyInfo (RFC 7468 §13), for clients that read nothing else.</summary>
    public string ToPem()
    {
        using var key = ToKey();
        return key.ExportSubjectPublicKeyInfoPem() + "\n";
    }

    /// <summary>The key to check with.</summary>
    /// <exception cref="CryptographicException">The point is not on the curve.</exception>
    public ECDsa ToKey() => ECDsa.Create(new ECParameters
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = Base64Url.DecodeFromChars(X), Y = Base64Url.DecodeFromChars(Y) },
    });
}

/// <summary>A key that signs.</summary>
/// <param name="id">Its id.</param>
/// <param name="privateKey">PKCS #8.</param>
public sealed class SigningKey(string id, byte[] privateKey)
{
    /// <summary>Its id.</summary>
    public string Id => id;

    /// <summary>Signs bytes (ES256, 64 bytes).</summary>
    /// <param name="data">The bytes.</param>
    public byte[] Sign(byte[] data)
    {
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(privateKey, out _);
        return key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    /// <summary>Shows the id and nothing of the key.</summary>
    public override string ToString() => $"signing key {id}";
}
