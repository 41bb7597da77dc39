using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Server.Api;

/// <summary>
/// Passkeys as browsers read and write them: the members, in their own spelling, that <c>parseCreationOptionsFromJSON</c>,
/// <c>parseRequestOptionsFromJSON</c> and <c>toJSON</c> have (WebAuthn Level 3 §5.1). What a browser adds is ignored.
/// </summary>
internal static class PasskeyJson
{
    private const int TimeoutMs = 300_000;
    private const int Longest = 32 * 1024;
    private const int MostTransports = 16;
    private const string CredentialPointer = "/credential";

    /// <summary>Options to make one.</summary>
    /// <param name="creation">What is to be made.</param>
    public static object Options(PasskeyCreation creation) => new OptionsView(new Dictionary<string, object>(StringComparer.Ordinal)
    {
        ["challenge"] = creation.Challenge,
        ["rp"] = new { id = creation.Party.Id, name = creation.Party.Name },
        ["user"] = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["id"] = creation.UserHandle, ["name"] = creation.UserName, ["displayName"] = creation.UserName,
        },
        ["pubKeyCredParams"] = CoseAlgorithms.Offered.Select(a => new { type = "public-key", alg = (int)a }),
        ["excludeCredentials"] = creation.Exclude.Select(e => new { type = "public-key", id = e.Id, transports = e.Transports }),
        ["authenticatorSelection"] = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["residentKey"] = "required", ["requireResidentKey"] = true, ["userVerification"] = "required",
        },
        ["attestation"] = "none",
        ["timeout"] = TimeoutMs,
    });

    /// <summary>Options to prove one.</summary>
    /// <param name="request">What is to be proved.</param>
    public static object Options(PasskeyRequest request) => new OptionsView(new Dictionary<string, object>(StringComparer.Ordinal)
    {
        ["challenge"] = request.Challenge,
        ["rpId"] = request.Party.Id,
        ["allowCredentials"] = Array.Empty<object>(),
        ["userVerification"] = "required",
        ["timeout"] = TimeoutMs,
    });

    /// <summary>Options to sign a decision with one of a person's own, and what is signed.</summary>
    /// <param name="decision">What is to be signed.</param>
    public static object Options(DecisionChallenge decision) => new SignOptionsView(
        new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["challenge"] = decision.Challenge,
            ["rpId"] = decision.Party.Id,
            ["allowCredentials"] = decision.Allowed.Select(p => new { type = "public-key", id = p.Id, transports = p.Transports }),
            ["userVerification"] = "required",
            ["timeout"] = TimeoutMs,
        },
        decision.Statement);

    /// <summary>What <c>PublicKeyCredential.signalAllAcceptedCredentials</c> takes (WebAuthn Level 3 §5.1.10.2).</summary>
    /// <param name="signal">What is to be told.</param>
    public static IReadOnlyDictionary<string, object> Signal(PasskeySignal signal) => new Dictionary<string, object>(StringComparer.Ordinal)
    {
        ["rpId"] = signal.RpId,
        ["userId"] = signal.UserHandle,
        ["allAcceptedCredentialIds"] = signal.Accepted,
    };

    /// <summary>Reads what a browser made.</summary>
    /// <param name="credential">The <c>toJSON()</c> of the credential.</param>
    /// <returns>It, or <see cref="RefusalCode.InvalidRequest"/>.</returns>
    public static Result<NewPasskey> ReadNew(JsonElement credential) =>
        Response(credential) is { } response && Text(credential, "id") is { } id
        && Text(response, "clientDataJSON") is { } client && Text(response, "attestationObject") is { } attestation
            ? new NewPasskey(id, client, attestation, Transports(response))
            : Malformed();

    /// <summary>Reads what a browser made and a form carries.</summary>
    /// <param name="credential">The text of the credential's <c>toJSON()</c>.</param>
    /// <returns>It, or <see cref="RefusalCode.InvalidRequest"/>.</returns>
    public static Result<NewPasskey> ReadNew(string credential) => Parse(credential, ReadNew);

    /// <summary>Reads what a browser proved.</summary>
    /// <param name="credential">The <c>toJSON()</c> of the credential.</param>
    /// <param name="pointer">Where it stands in the body.</param>
    /// <returns>It, or <see cref="RefusalCode.InvalidRequest"/>.</returns>
    public static Result<PasskeyAssertion> ReadProof(JsonElement credential, string pointer = CredentialPointer) =>
        Response(credential) is { } response && Text(credential, "id") is { } id
        && Text(response, "clientDataJSON") is { } client && Text(response, "authenticatorData") is { } data
        && Text(response, "signature") is { } signature
            ? new PasskeyAssertion(id, client, data, signature, Text(response, "userHandle"))
            : Malformed(pointer);

    /// <summary>Reads what a browser proved and a form carries.</summary>
    /// <param name="credential">The text of the credential's <c>toJSON()</c>.</param>
    /// <returns>It, or <see cref="RefusalCode.InvalidRequest"/>.</returns>
    public static Result<PasskeyAssertion> ReadProof(string credential) => Parse(credential, e => ReadProof(e));

    private static Refusal Malformed(string pointer = CredentialPointer) => new(RefusalCode.InvalidRequest)
    {
        Faults = [new FieldFault(pointer, "The toJSON() of a public-key credential.")],
    };

    private static Result<T> Parse<T>(string credential, Func<JsonElement, Result<T>> read)
    {
        try
        {
            using var document = JsonDocument.Parse(credential, new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false });
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, or half a surrogate pair: a form was not read as strictly as a body is.
            return Malformed();
        }
    }

    private static JsonElement? Response(JsonElement credential) =>
        credential.ValueKind == JsonValueKind.Object && Text(credential, "type") == "public-key"
        && credential.TryGetProperty("response", out var response) && response.ValueKind == JsonValueKind.Object
            ? response
            : null;

    private static string? Text(JsonElement from, string name) =>
        from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: <= Longest } text ? text : null;

    private static List<string> Transports(JsonElement response) =>
        response.TryGetProperty("transports", out var all) && all.ValueKind == JsonValueKind.Array
            ? [.. all.EnumerateArray().Take(MostTransports).Where(t => t.ValueKind == JsonValueKind.String).Select(t => t.GetString()!)]
            : [];

    private sealed record SignOptionsView(IReadOnlyDictionary<string, object> PublicKey, string Statement);

    private sealed record OptionsView(IReadOnlyDictionary<string, object> PublicKey);
}
