using System.Buffers.Text;
using System.Security.Cryptography;
using Sparekey.Core.Secrets;

namespace Sparekey.Engine.Secrets;

/// <summary>Makes secrets from the system's generator.</summary>
internal static class SecretMint
{
    /// <summary>256 random bits, 43 characters of base64url.</summary>
    public static SecretText NewToken32() => new(Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)));

    /// <summary>A code as it is shown.</summary>
    /// <param name="format">Its format.</param>
    /// <param name="digits">For digits: how many, 6 to 10.</param>
    public static SecretText NewCode(CodeFormat format, int digits = 8) =>
        CodeText.Make(format, digits, PhraseWords.All, RandomNumberGenerator.GetInt32);
}
