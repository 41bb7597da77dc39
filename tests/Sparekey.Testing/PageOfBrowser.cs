using System.Buffers.Text;
using System.Text.Json.Nodes;

namespace Sparekey.Testing;

/// <summary>What the script of a page at an origin gets from its browser, and posts.</summary>
/// <param name="Origin">The origin.</param>
public sealed record PageOfBrowser(string Origin)
{
    /// <summary>A passkey that was made, as <c>toJSON()</c> writes it, with members that nobody asked for.</summary>
    public JsonObject Made(SoftwareAuthenticator authenticator, JsonNode options)
    {
        var parts = authenticator.Register(Challenge(options), Origin);
        return Credential(authenticator, new JsonObject
        {
            ["clientDataJSON"] = Base64Url.EncodeToString(parts.ClientDataBytes),
            ["attestationObject"] = Base64Url.EncodeToString(parts.AttestationObject),
            ["transports"] = new JsonArray("internal"),
            ["publicKeyAlgorithm"] = -7,
        });
    }

    /// <summary>A passkey that was proved.</summary>
    public JsonObject Proved(SoftwareAuthenticator authenticator, JsonNode options, string user)
    {
        var (client, data, signature) = authenticator.Assert(Challenge(options), Origin);
        return Credential(authenticator, new JsonObject
        {
            ["clientDataJSON"] = Base64Url.EncodeToString(client),
            ["authenticatorData"] = Base64Url.EncodeToString(data),
            ["signature"] = Base64Url.EncodeToString(signature),
            ["userHandle"] = user,
        });
    }

    /// <summary>The same with another member in its response.</summary>
    public static JsonObject Changed(JsonObject credential, string member, string value)
    {
        var changed = credential.DeepClone().AsObject();
        changed["response"]![member] = value;
        return changed;
    }

    /// <summary>The challenge of options.</summary>
    public static byte[] Challenge(JsonNode options) => Base64Url.DecodeFromChars(options["public_key"]!["challenge"]!.ToString());

    private static JsonObject Credential(SoftwareAuthenticator authenticator, JsonObject response) => new()
    {
        ["id"] = Base64Url.EncodeToString(authenticator.CredentialId),
        ["rawId"] = Base64Url.EncodeToString(authenticator.CredentialId),
        ["type"] = "public-key",
        ["authenticatorAttachment"] = "platform",
        ["clientExtensionResults"] = new JsonObject(),
        ["response"] = response,
    };
}
