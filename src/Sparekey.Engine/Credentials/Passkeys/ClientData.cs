using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>What a ceremony is expected to be bound to.</summary>
/// <param name="Challenge">The challenge that was sent.</param>
/// <param name="RpId">The relying-party id.</param>
/// <param name="Origins">The origins that the application runs on, as browsers write them.</param>
internal sealed record CeremonyExpectation(byte[] Challenge, string RpId, IReadOnlyList<string> Origins)
{
    /// <summary>Whether the user must have been verified (by a PIN or a biometric), and not only be present.</summary>
    public bool RequiresUserVerification { get; init; } = true;

    /// <summary>
    /// The challenge as some clients write it, beside the form of the specification: the text whose bytes <see cref="Challenge"/> is.
    /// Null where there is one form.
    /// </summary>
    public string? RawChallenge { get; init; }

    /// <summary>The pages that may hold ours in a frame; none unless said.</summary>
    public IReadOnlyList<string> TopOrigins { get; init; } = [];
}

/// <summary>Checks what the browser says that it was asked for (WebAuthn §5.8.1).</summary>
internal static class ClientData
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Checks it: steps 5 to 11 of §7.1, which are steps 8 to 14 of §7.2.</summary>
    /// <param name="bytes">The client data, as it was signed.</param>
    /// <param name="type"><c>webauthn.create</c> or <c>webauthn.get</c>.</param>
    /// <param name="expected">What it must say.</param>
    /// <returns>Null, or what is wrong.</returns>
    public static PasskeyFault? Check(byte[] bytes, string type, CeremonyExpectation expected)
    {
        string text;
        try
        {
            text = Utf8.GetString(bytes);
        }
        catch (ArgumentException)
        {
            return PasskeyFault.ClientDataMalformed;
        }

        try
        {
            // Members that come twice would be read otherwise elsewhere.
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? Check(document.RootElement, type, expected)
                : PasskeyFault.ClientDataMalformed;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, or half a surrogate pair in one of its texts.
            return PasskeyFault.ClientDataMalformed;
        }
    }

    private static PasskeyFault? Check(JsonElement data, string type, CeremonyExpectation expected)
    {
        if (Text(data, "type") is not { } said || Text(data, "challenge") is not { } challenge || Text(data, "origin") is not { } origin
            || (data.TryGetProperty("crossOrigin", out var cross) && cross.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            || (data.TryGetProperty("topOrigin", out var top) && top.ValueKind != JsonValueKind.String))
        {
            return PasskeyFault.ClientDataMalformed;
        }

        if (said != type)
        {
            return PasskeyFault.WrongType;
        }

        if (!IsSame(challenge, Base64Url.EncodeToString(expected.Challenge))
            && !(expected.RawChallenge is { } raw && (IsSame(challenge, raw) || IsSame(challenge.TrimEnd('='), Base64Url.EncodeToString(expected.Challenge)))))
        {
            return PasskeyFault.WrongChallenge;
        }

        if (!expected.Origins.Contains(origin, StringComparer.Ordinal))
        {
            return PasskeyFault.WrongOrigin;
        }

        // In a frame only where that was expected, and of a page that was.
        var framed = (cross.ValueKind == JsonValueKind.True) || top.ValueKind == JsonValueKind.String;
        return !framed || (top.ValueKind == JsonValueKind.String && expected.TopOrigins.Contains(top.GetString(), StringComparer.Ordinal))
            ? null
            : PasskeyFault.CrossOrigin;
    }

    private static bool IsSame(string said, string wanted) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(said), Encoding.UTF8.GetBytes(wanted));

    private static string? Text(JsonElement data, string name) =>
        data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
