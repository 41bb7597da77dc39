using System.Buffers.Binary;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// Password hashes of other systems in the form of ASP.NET Core Identity version 3:
/// <c>format(1) = 1, prf(4), iterations(4), salt length(4), salt, subkey</c>, numbers big-endian, in base64.
/// </summary>
internal static class ImportedHash
{
    // Whoever imports hashes chooses what every sign-in with them costs the server.
    private const uint MostIterations = 2_000_000;
    private const int HeaderLength = 13;

    /// <summary>Whether a text is such a hash, strong enough to verify and cheap enough to try.</summary>
    /// <param name="text">The text.</param>
    public static bool IsValid(string text)
    {
        Span<byte> bytes = stackalloc byte[256];
        if (!Convert.TryFromBase64String(text, bytes, out var length) || length < HeaderLength || bytes[0] != 1)
        {
            return false;
        }

        var prf = BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]); // HMAC-SHA-1, -256, -512.
        var iterations = BinaryPrimitives.ReadUInt32BigEndian(bytes[5..]);
        var salt = BinaryPrimitives.ReadUInt32BigEndian(bytes[9..]);
        return prf <= 2 && iterations is >= 1 and <= MostIterations && salt is >= 16 and <= 64
            && length - HeaderLength - (int)salt is >= 16 and <= 64;
    }
}
