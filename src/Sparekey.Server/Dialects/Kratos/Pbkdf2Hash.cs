using System.Buffers.Binary;
using System.Globalization;
using Sparekey.Core.Secrets;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Password hashes of PBKDF2 as Kratos takes them over: <c>$pbkdf2-sha256$i=100000,l=32$salt$hash</c>.</summary>
internal static class Pbkdf2Hash
{
    /// <summary>The hash in the form that accounts are imported with (ASP.NET Core Identity version 3); null when it is none.</summary>
    /// <param name="given">The hash as it came.</param>
    public static SecretText? ToIdentity(SecretText given)
    {
        if (given.Reveal() is not { Length: <= 512 } text || text.Split('$') is not ["", var name, var parameters, var salt, var hash]
            || PrfOf(name) is not { } prf || IterationsOf(parameters) is not { } iterations || Bytes(salt) is not { } saltBytes || Bytes(hash) is not { } key)
        {
            return null;
        }

        var bytes = new byte[13 + saltBytes.Length + key.Length];
        bytes[0] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1), prf);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(5), iterations);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(9), (uint)saltBytes.Length);
        saltBytes.CopyTo(bytes, 13);
        key.CopyTo(bytes, 13 + saltBytes.Length);
        return new SecretText(Convert.ToBase64String(bytes));
    }

    private static uint? PrfOf(string name) => name switch
    {
        "pbkdf2-sha256" => 1,
        "pbkdf2-sha512" => 2,
        _ => null,
    };

    private static uint? IterationsOf(string parameters) =>
        parameters.Split(',').FirstOrDefault(p => p.StartsWith("i=", StringComparison.Ordinal)) is { } found
            && uint.TryParse(found.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
            ? iterations
            : null;

    // Base64 with its padding or without.
    private static byte[]? Bytes(string text)
    {
        var bytes = new byte[256];
        return Convert.TryFromBase64String(text.TrimEnd('=').PadRight((text.TrimEnd('=').Length + 3) / 4 * 4, '='), bytes, out var length) ? bytes[..length] : null;
    }
}
