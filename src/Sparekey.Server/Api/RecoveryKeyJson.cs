using System.Buffers.Text;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Server.Api;

/// <summary>Recovery keys on the wire: what a client needs to sign, and what it signed.</summary>
internal static class RecoveryKeyJson
{
    /// <summary>The new credentials are in a body twice, once encoded: a passkey and a recovery key make some 6 KB.</summary>
    public const int BodyLimit = 128 * 1024;

    private const int Longest = 96 * 1024;

    /// <summary>What a client needs.</summary>
    /// <param name="options">The options.</param>
    public static object Options(RecoveryKeyOptions options) => new
    {
        options.Challenge,
        Passkey = options.Passkey is { } creation ? PasskeyJson.Options(creation) : null,
        AllowedCredentials = options.Allowed.Select(k => new { k.CredentialId, k.EncryptedPrivateKey }),
    };

    /// <summary>What the recovery key signed: <c>credential_id</c>, <c>client_data</c>, <c>signature</c>, perhaps <c>algorithm</c>.</summary>
    /// <param name="recovery">The member <c>recovery</c>.</param>
    public static Result<KeyProof> ReadProof(JsonElement recovery) =>
        Text(recovery, "credential_id") is { } id && Bytes(recovery, "client_data") is { } client && Bytes(recovery, "signature") is { } signature
            ? new KeyProof(id, client, signature) { Algorithm = Text(recovery, "algorithm") }
            : Wrong("/recovery", "credential_id, client_data and signature; the last two as base64url.");

    /// <summary>New credentials: <c>first</c>, and perhaps <c>second</c> and <c>recovery_key</c>.</summary>
    /// <param name="credentials">The member <c>new_credentials</c>, as it was signed.</param>
    public static Result<NewCredentials> ReadNew(JsonElement credentials)
    {
        if (credentials.ValueKind != JsonValueKind.Object)
        {
            return Wrong("/new_credentials", "This is a JSON object.");
        }

        var read = new Dictionary<string, NewCredential>(StringComparer.Ordinal);
        foreach (var member in credentials.EnumerateObject())
        {
            if (member.Name is not ("first" or "second" or "recovery_key") || ReadOne(member.Value) is not { } credential)
            {
                return Wrong("/new_credentials", "first, second, recovery_key: each of the kind passkey or key, with what that kind has.");
            }

            read[member.Name] = credential;
        }

        return read.TryGetValue("first", out var first)
            ? new NewCredentials(first) { Second = read.GetValueOrDefault("second"), RecoveryKey = read.GetValueOrDefault("recovery_key") }
            : Wrong("/new_credentials/first", "This member is missing.");
    }

    private static NewCredential? ReadOne(JsonElement credential) => Text(credential, "kind") switch
    {
        "passkey" when credential.TryGetProperty("credential", out var made) && PasskeyJson.ReadNew(made) is { Refusal: null } passkey =>
            NewCredential.Of(passkey.Value) with { Name = Name(credential) },
        "key" when Text(credential, "credential_id") is { } id && Bytes(credential, "client_data") is { } client
            && Text(credential, "public_key") is { } publicKey && Bytes(credential, "signature") is { } signature =>
            NewCredential.Of(new NewKey(id, client, publicKey, signature)
            {
                Algorithm = Text(credential, "algorithm"),
                EncryptedPrivateKey = Text(credential, "encrypted_private_key"),
            }) with { Name = Name(credential) },
        _ => null,
    };

    private static string? Name(JsonElement credential) => Text(credential, "name") is { Length: > 0 and <= 64 } name ? name : null;

    private static string? Text(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
        && value.GetString() is { Length: <= Longest } text ? text : null;

    private static byte[]? Bytes(JsonElement from, string name) =>
        Text(from, name) is { } text && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : null;

    private static Refusal Wrong(string pointer, string detail) =>
        new(RefusalCode.InvalidRequest) { Faults = [new FieldFault(pointer, detail)] };
}
