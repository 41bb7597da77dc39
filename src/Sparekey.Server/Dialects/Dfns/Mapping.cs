using System.Buffers.Text;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>
/// Reads what Dfns's clients send. Base64url comes with padding and without; the name of a key is any text and is never decoded; members
/// that nobody asked for are passed over.
/// </summary>
internal static class Mapping
{
    private const int Longest = 96 * 1024;
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 8, AllowDuplicateProperties = false };

    /// <summary>A member that is a text; null when it is missing, empty or something else.</summary>
    /// <param name="from">The object.</param>
    /// <param name="name">The member.</param>
    public static string? Text(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
        && value.GetString() is { Length: > 0 and <= Longest } text ? text : null;

    /// <summary>A member that is an object; undefined when it is missing or something else.</summary>
    /// <param name="from">The object.</param>
    /// <param name="name">The member.</param>
    public static JsonElement Object(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value : default;

    /// <summary>A factor: what somebody proves themselves with.</summary>
    /// <param name="body">The body.</param>
    /// <returns>The proof; or <see cref="RefusalCode.InvalidRequest"/> with the member that is wrong.</returns>
    public static Result<FactorProof> ReadFactor(JsonElement body)
    {
        var factor = Object(body, "firstFactor");
        var assertion = Object(factor, "credentialAssertion");
        switch (Text(factor, "kind"))
        {
            case "Key" or "PasswordProtectedKey":
                return ReadProof(assertion, "firstFactor.credentialAssertion") is { Refusal: null } key
                    ? new FactorProof(null, key.Value)
                    : Wrong("firstFactor.credentialAssertion", "credId, clientData and signature are needed.");
            case "Fido2":
                return Text(assertion, "credId") is { } id && Text(assertion, "clientData") is { } client
                    && Text(assertion, "authenticatorData") is { } data && Text(assertion, "signature") is { } signature
                    ? new FactorProof(
                        new PasskeyAssertion(Bare(id), Bare(client), Bare(data), Bare(signature), Text(assertion, "userHandle") is { } handle ? Bare(handle) : null),
                        null)
                    : Wrong("firstFactor.credentialAssertion", "credId, clientData, authenticatorData and signature are needed.");
            default:
                return Wrong("firstFactor.kind", "must be Fido2, Key or PasswordProtectedKey");
        }
    }

    /// <summary>What a key signed.</summary>
    /// <param name="assertion">The assertion.</param>
    /// <param name="at">Where it stands, for the error.</param>
    public static Result<KeyProof> ReadProof(JsonElement assertion, string at) =>
        Text(assertion, "credId") is not { } id ? Wrong($"{at}.credId", "must be a text")
        : Bytes(assertion, "clientData") is not { } client ? Wrong($"{at}.clientData", "must be base64url")
        : Bytes(assertion, "signature") is not { } signature ? Wrong($"{at}.signature", "must be base64url")
        : new KeyProof(id, client, signature) { Algorithm = Text(assertion, "algorithm") };

    /// <summary>New credentials: the first factor, and perhaps a second one and a recovery credential.</summary>
    /// <param name="credentials">The object that holds them.</param>
    public static Result<NewCredentials> ReadNew(JsonElement credentials)
    {
        var first = ReadOne(credentials, "firstFactorCredential");
        if (first.Refusal is { } missing)
        {
            return missing;
        }

        var all = new Dictionary<string, OneCredential>(StringComparer.Ordinal) { ["firstFactorCredential"] = first.Value };
        foreach (var name in new[] { "secondFactorCredential", "recoveryCredential" })
        {
            if (!credentials.TryGetProperty(name, out var member) || member.ValueKind == JsonValueKind.Null)
            {
                continue;
            }

            var one = ReadOne(credentials, name);
            if (one.Refusal is { } wrong)
            {
                return wrong;
            }

            all[name] = one.Value;
        }

        // Who signs in must not be the one who recovers, and the other way round.
        return all.Any(c => c.Value.IsRecoveryKey != (c.Key == "recoveryCredential"))
            ? RefusalCode.KeyRefused
            : new NewCredentials(first.Value.Brought)
            {
                Second = all.GetValueOrDefault("secondFactorCredential")?.Brought,
                RecoveryKey = all.GetValueOrDefault("recoveryCredential")?.Brought,
            };
    }

    /// <summary>One new credential.</summary>
    /// <param name="credential">The object.</param>
    /// <param name="at">Where it stands, for the error.</param>
    public static Result<OneCredential> ReadOne(JsonElement credential, string at, bool flattened)
    {
        var from = flattened ? credential : Object(credential, at);
        var info = Object(from, "credentialInfo");
        var kind = Text(from, "credentialKind") ?? Text(from, "kind");
        var prefix = flattened ? "" : at + ".";
        if (from.ValueKind != JsonValueKind.Object || kind is null)
        {
            return Wrong($"{prefix}credentialKind", "must be Fido2, Key, PasswordProtectedKey or RecoveryKey");
        }

        if (Text(info, "credId") is not { } id || Text(info, "clientData") is not { } client || Text(info, "attestationData") is not { } data)
        {
            return Wrong($"{prefix}credentialInfo", "needs credId, clientData and attestationData");
        }

        var name = (Text(from, "credentialName") ?? Text(credential, "credentialName")) is { Length: <= 64 } given ? given : null;
        return kind switch
        {
            "Fido2" => new OneCredential(NewCredential.Of(new NewPasskey(Bare(id), Bare(client), Bare(data), [])) with { Name = name }, IsRecoveryKey: false),
            "Key" => ReadKey(id, client, data, null, name, isRecoveryKey: false),
            "PasswordProtectedKey" => Text(from, "encryptedPrivateKey") is { } key
                ? ReadKey(id, client, data, key, name, isRecoveryKey: false)
                : Wrong($"{prefix}encryptedPrivateKey", "must be a text"),
            "RecoveryKey" => ReadKey(id, client, data, Text(from, "encryptedPrivateKey"), name, isRecoveryKey: true),
            _ => Wrong($"{prefix}credentialKind", "must be Fido2, Key, PasswordProtectedKey or RecoveryKey"),
        };
    }

    private static Result<OneCredential> ReadOne(JsonElement credentials, string name) => ReadOne(credentials, name, flattened: false);

    // What a key attests is JSON within base64url: the key as PEM, and its signature in hexadecimal.
    private static Result<OneCredential> ReadKey(
        string id, string clientData, string attestation, string? encryptedPrivateKey, string? name, bool isRecoveryKey)
    {
        if (Decode(clientData) is not { } client || Decode(attestation) is not { } said)
        {
            return RefusalCode.KeyRefused;
        }

        try
        {
            using var document = JsonDocument.Parse(said, Strict);
            if (Text(document.RootElement, "publicKey") is not { } publicKey || Text(document.RootElement, "signature") is not { } signature)
            {
                return RefusalCode.KeyRefused;
            }

            var made = new NewKey(id, client, publicKey, Convert.FromHexString(signature))
            {
                Algorithm = Text(document.RootElement, "algorithm"),
                EncryptedPrivateKey = encryptedPrivateKey,
            };
            return new OneCredential(NewCredential.Of(made) with { Name = name }, isRecoveryKey);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return RefusalCode.KeyRefused;
        }
    }

    private static byte[]? Bytes(JsonElement from, string name) => Text(from, name) is { } text ? Decode(text) : null;

    private static byte[]? Decode(string text) => Base64Url.IsValid(Bare(text)) ? Base64Url.DecodeFromChars(Bare(text)) : null;

    private static string Bare(string text) => text.TrimEnd('=');

    private static Refusal Wrong(string member, string detail) =>
        new(RefusalCode.InvalidRequest, $"{member} {detail}");
}
