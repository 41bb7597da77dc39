using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Sparekey.Engine.Credentials;

/// <summary>
/// A challenge that is a text: what keys sign is JSON, and a text can stand in it as it is. Its bytes are the challenge of WebAuthn.
/// </summary>
internal static class NamedChallenge
{
    /// <summary>How long a challenge can be answered.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>The challenge as WebAuthn writes it: base64url of its bytes.</summary>
    /// <param name="challenge">The challenge.</param>
    public static string EncodedOf(string challenge) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(challenge));

    /// <summary>Makes one of 134 random bits: <c>ch-</c> and 26 letters and digits in groups of 5, 5 and 16.</summary>
    public static string New() =>
        $"ch-{RandomNumberGenerator.GetString(Alphabet, 5)}-{RandomNumberGenerator.GetString(Alphabet, 5)}-{RandomNumberGenerator.GetString(Alphabet, 16)}";

    /// <summary>Makes one of 190 random bits, for products whose challenges have no name: 32 letters and digits, so 32 bytes.</summary>
    public static string Unnamed() => RandomNumberGenerator.GetString(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 32);
}
