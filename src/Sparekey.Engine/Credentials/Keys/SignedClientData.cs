using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Sparekey.Engine.Credentials.Keys;

/// <summary>Why something that a key signed is not accepted.</summary>
public enum KeyFault
{
    /// <summary>The client data is no JSON of its kind.</summary>
    ClientDataMalformed,

    /// <summary>It was signed for something else.</summary>
    WrongType,

    /// <summary>It answers another challenge.</summary>
    WrongChallenge,

    /// <summary>It was signed on a page that is not the application's, or in a frame.</summary>
    WrongOrigin,

    /// <summary>The key is none that is taken.</summary>
    KeyMalformed,

    /// <summary>The signature is not the key's.</summary>
    WrongSignature,
}

/// <summary>
/// What a key's holder signs: who made it, for what and where. It looks like the client data of WebAuthn (§5.8.1), but a program may
/// write it that has no origin.
/// </summary>
/// <param name="Type"><c>key.create</c> or <c>key.get</c>.</param>
/// <param name="Challenge">The challenge that it answers, as it stands there.</param>
/// <param name="Origin">The page that it was made on; null for a program.</param>
internal sealed record SignedClientData(string Type, string Challenge, string? Origin)
{
    /// <summary>The most bytes of it: a recovery's challenge holds whole credentials.</summary>
    public const int Longest = 96 * 1024;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 8, AllowDuplicateProperties = false };

    /// <summary>Reads it from the signed bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>Null when it is none, or was made in a frame of another page.</returns>
    public static SignedClientData? Parse(byte[] bytes)
    {
        if (bytes.Length > Longest)
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(Utf8.GetString(bytes), Strict);
            var data = document.RootElement;
            if (data.ValueKind != JsonValueKind.Object || Text(data, "type") is not { } type || Text(data, "challenge") is not { } challenge)
            {
                return null;
            }

            var origin = Text(data, "origin");
            var hasOrigin = data.TryGetProperty("origin", out _);
            var framed = data.TryGetProperty("crossOrigin", out var cross) && cross.ValueKind != JsonValueKind.False;
            return framed || data.TryGetProperty("topOrigin", out _) || (hasOrigin && origin is null)
                ? null
                : new SignedClientData(type, challenge, origin);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Whether it answers a challenge: as it was sent, or as a browser writes it (base64url of its bytes, padded or not).</summary>
    /// <param name="challenge">The challenge that was sent, ASCII.</param>
    public bool Answers(string challenge)
    {
        var encoded = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(challenge));
        return Challenge == challenge || Challenge.TrimEnd('=') == encoded;
    }

    /// <summary>Whether it was made on a page of the application, where it says so at all.</summary>
    /// <param name="origins">The application's origins.</param>
    public bool IsFrom(IReadOnlyList<string> origins) => Origin is null || origins.Contains(Origin, StringComparer.Ordinal);

    private static string? Text(JsonElement data, string name) =>
        data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
