using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Server.Api;
using Sparekey.Server.Dialects.Dfns;
using Sparekey.Server.Http;
using Sparekey.Testing.Fuzzing;

namespace Sparekey.Server.Tests.Fuzzing;

/// <summary>What reads credentials from requests. Every body comes through <see cref="StrictBody"/>, as it does in the server.</summary>
internal static class ServerTargets
{
    private const int Limit = 256 * 1024;

    /// <summary>All of them, over ceremonies of new keys.</summary>
    public static IReadOnlyList<FuzzTarget> All()
    {
        var (native, dfns) = (NativeCredentials(), DfnsCredentials());
        var proof = Proof("credId", "clientData", "signature");
        return
        [
            OfBody("RecoveryKeyJson.ReadProof", Proof("credential_id", "client_data", "signature"), b => RecoveryKeyJson.ReadProof(b)),
            OfBody("RecoveryKeyJson.ReadNew", native, b => RecoveryKeyJson.ReadNew(b)),
            OfBody("PasskeyJson.ReadNew", Passkey(), b => PasskeyJson.ReadNew(b)),
            OfBody("PasskeyJson.ReadProof", PasskeyProof(), b => PasskeyJson.ReadProof(b)),
            EngineTargets.OfBytes("PasskeyJson.ReadNew of a form", [Bytes(Passkey())], Mutate, b => EngineTargets.Said(PasskeyJson.ReadNew(Encoding.UTF8.GetString(b)).Refusal is null)),
            OfBody("Mapping.ReadNew", dfns, b => Mapping.ReadNew(b)),
            OfBody("Mapping.ReadOne", dfns["recoveryCredential"]!, b => Mapping.ReadOne(b, "", flattened: true)),
            OfBody("Mapping.ReadFactor", new JsonObject { ["firstFactor"] = new JsonObject { ["kind"] = "Key", ["credentialAssertion"] = proof.DeepClone() } }, b => Mapping.ReadFactor(b)),
            OfBody("Mapping.ReadFactor of a passkey", DfnsPasskeyProof(), b => Mapping.ReadFactor(b)),
            OfBody("Mapping.ReadProof", proof, b => Mapping.ReadProof(b, "recovery")),
            Signed("SignedJson.Read, native", Bytes(native), b => RecoveryKeyJson.ReadNew(b)),
            Signed("SignedJson.Read, Dfns", Bytes(dfns), b => Mapping.ReadNew(b)),
            EngineTargets.OfBytes("DfnsId.ReadCredential", [Encoding.UTF8.GetBytes(DfnsId.Of("cr", Guid.Empty)), Encoding.UTF8.GetBytes(DfnsId.Of("cr", Guid.AllBitsSet))], MutateId, ReadCredential),
            .. KratosTargets.All(),
            EngineTargets.OfBytes("Expiration.TryRead", [.. new[] { "\"2026-11-21T08:00:00Z\"", "1800000000", "\"1800000000000\"" }.Select(e => Encoding.UTF8.GetBytes($"{{\"expiration\":{e}}}"))], Mutate, ReadExpiration),
        ];
    }

    private static FuzzTarget OfBody<T>(string name, JsonNode sound, Func<JsonElement, Result<T>> read) =>
        EngineTargets.OfBytes(name, [Bytes(sound)], Mutate, bytes => EngineTargets.Said(Body(bytes) is { } body && read(body).Refusal is null));

    // What was signed, what was sent, or both are changed. Whatever is taken says the same twice, by another reading.
    private static FuzzTarget Signed<T>(string name, byte[] sound, Func<JsonElement, Result<T>> read) => new(name, dice =>
    {
        var which = dice.Below(4);
        var signed = which is 0 or 2 ? Mutate(sound, dice) : sound;
        var sent = which is 1 ? Mutate(sound, dice) : which is 2 ? signed : sound;
        return new FuzzCase(
            () => Body(sent) is not { } body || SignedJson.Read(signed, body, read).Refusal is not null ? FuzzOutcome.Refused
                : Canonical(signed) == Canonical(sent) ? FuzzOutcome.Taken
                : FuzzOutcome.WronglyTaken,
            () => $"{Convert.ToBase64String(signed)} {Convert.ToBase64String(sent)}");
    });

    private static byte[] Mutate(byte[] bytes, Dice dice) => JsonMutator.Mutate(bytes, dice);

    private static byte[] MutateId(byte[] bytes, Dice dice) => dice.OneIn(3)
        ? Encoding.UTF8.GetBytes($"cr-{Group(dice)}-{Group(dice)}-{Group(dice)}{Group(dice)}{Group(dice)}")
        : ByteMutator.Mutate(bytes, dice);

    private static string Group(Dice dice) => string.Concat(Enumerable.Range(0, 5).Select(_ => dice.Pick("0123456789abcdefghijklmnopqrstuvwxyz".ToList())));

    private static FuzzOutcome ReadCredential(byte[] bytes)
    {
        var text = Encoding.UTF8.GetString(bytes);
        return DfnsId.ReadCredential(text) is not { } id ? FuzzOutcome.Refused
            : DfnsId.Of("cr", id.Value) == text ? FuzzOutcome.Taken
            : FuzzOutcome.WronglyTaken;
    }

    private static FuzzOutcome ReadExpiration(byte[] bytes) =>
        EngineTargets.Said(Body(bytes) is { } body && Expiration.TryRead(body, out var time) && (time is null || time.Value.ToUnixTimeMilliseconds() < long.MaxValue));

    private static JsonElement? Body(byte[] bytes)
    {
        var context = new DefaultHttpContext();
        context.Request.ContentType = "application/json";
        context.Request.Body = new MemoryStream(bytes);
        var read = StrictBody.ReadJson(context, Limit).GetAwaiter().GetResult();
        return read.Refusal is null ? read.Value.Json : null;
    }

    private static string Canonical(byte[] bytes)
    {
        using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { AllowDuplicateProperties = false });
        return Canonical(document.RootElement);
    }

    private static string Canonical(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => $"{{{string.Join(',', element.EnumerateObject().OrderBy(m => m.Name, StringComparer.Ordinal).Select(m => $"{JsonSerializer.Serialize(m.Name)}:{Canonical(m.Value)}"))}}}",
        JsonValueKind.Array => $"[{string.Join(',', element.EnumerateArray().Select(Canonical))}]",
        JsonValueKind.String => JsonSerializer.Serialize(element.GetString()),
        JsonValueKind.Number => double.Parse(element.GetRawText(), CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture),
        _ => element.GetRawText(),
    };

    private static byte[] Bytes(JsonNode node) => Encoding.UTF8.GetBytes(node.ToJsonString());

    private static JsonObject Passkey()
    {
        var parts = SoundCeremonies.Registrations()[1].Parts;
        return new JsonObject
        {
            ["id"] = Base64Url.EncodeToString(parts.CredentialId),
            ["rawId"] = Base64Url.EncodeToString(parts.CredentialId),
            ["type"] = "public-key",
            ["clientExtensionResults"] = new JsonObject(),
            ["response"] = new JsonObject
            {
                ["clientDataJSON"] = Base64Url.EncodeToString(parts.ClientDataBytes),
                ["attestationObject"] = Base64Url.EncodeToString(parts.AttestationObject),
                ["transports"] = new JsonArray("internal"),
            },
        };
    }

    private static JsonObject PasskeyProof()
    {
        var made = SoundCeremonies.Assertions()[0];
        return new JsonObject
        {
            ["id"] = Base64Url.EncodeToString(made.CredentialId),
            ["type"] = "public-key",
            ["response"] = new JsonObject
            {
                ["clientDataJSON"] = Base64Url.EncodeToString(made.ClientData),
                ["authenticatorData"] = Base64Url.EncodeToString(made.AuthenticatorData),
                ["signature"] = Base64Url.EncodeToString(made.Signature),
                ["userHandle"] = "AQIDBA",
            },
        };
    }

    private static JsonObject DfnsPasskeyProof()
    {
        var made = SoundCeremonies.Assertions()[0];
        return new JsonObject
        {
            ["firstFactor"] = new JsonObject
            {
                ["kind"] = "Fido2",
                ["credentialAssertion"] = new JsonObject
                {
                    ["credId"] = Base64Url.EncodeToString(made.CredentialId),
                    ["clientData"] = Base64Url.EncodeToString(made.ClientData),
                    ["authenticatorData"] = Base64Url.EncodeToString(made.AuthenticatorData),
                    ["signature"] = Base64Url.EncodeToString(made.Signature),
                    ["userHandle"] = "",
                },
            },
        };
    }

    private static JsonObject Proof(string id, string clientData, string signature)
    {
        var made = SoundCeremonies.Keys()[0].Assertion;
        return new JsonObject
        {
            [id] = made.CredentialId,
            [clientData] = Base64Url.EncodeToString(made.ClientData),
            [signature] = Base64Url.EncodeToString(made.Signature),
            ["algorithm"] = "SHA256",
        };
    }

    private static JsonObject NativeCredentials() => new()
    {
        ["first"] = new JsonObject { ["kind"] = "passkey", ["credential"] = Passkey(), ["name"] = "blue key" },
        ["second"] = NativeKey(SoundCeremonies.Keys()[0].Registration),
        ["recovery_key"] = NativeKey(SoundCeremonies.Keys()[2].Registration),
    };

    private static JsonObject NativeKey(NewKey made) => new()
    {
        ["kind"] = "key",
        ["credential_id"] = made.CredentialId,
        ["client_data"] = Base64Url.EncodeToString(made.ClientData),
        ["public_key"] = made.PublicKey,
        ["signature"] = Base64Url.EncodeToString(made.Signature),
        ["encrypted_private_key"] = "opaque",
    };

    private static JsonObject DfnsCredentials()
    {
        var parts = SoundCeremonies.Registrations()[1].Parts;
        return new JsonObject
        {
            ["firstFactorCredential"] = new JsonObject
            {
                ["credentialKind"] = "Fido2",
                ["credentialInfo"] = new JsonObject
                {
                    ["credId"] = Base64Url.EncodeToString(parts.CredentialId),
                    ["clientData"] = Base64Url.EncodeToString(parts.ClientDataBytes),
                    ["attestationData"] = Base64Url.EncodeToString(parts.AttestationObject),
                },
            },
            ["secondFactorCredential"] = DfnsKey(SoundCeremonies.Keys()[1].Registration, "Key"),
            ["recoveryCredential"] = DfnsKey(SoundCeremonies.Keys()[0].Registration, "RecoveryKey"),
        };
    }

    private static JsonObject DfnsKey(NewKey made, string kind) => new()
    {
        ["credentialKind"] = kind,
        ["credentialInfo"] = new JsonObject
        {
            ["credId"] = made.CredentialId,
            ["clientData"] = Base64Url.EncodeToString(made.ClientData),
            ["attestationData"] = Base64Url.EncodeToString(Bytes(new JsonObject
            {
                ["publicKey"] = made.PublicKey, ["signature"] = Convert.ToHexStringLower(made.Signature), ["algorithm"] = "SHA256",
            })),
        },
        ["encryptedPrivateKey"] = "opaque",
    };
}
