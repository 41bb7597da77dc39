using System.Numerics;
using System.Runtime.InteropServices;

namespace Sparekey.Engine.Credentials.Keys;

/// <summary>
/// Verifies Ed25519 (RFC 8032 §5.1) with OpenSSL's libcrypto, the library that .NET itself uses on Linux and that has what .NET's own
/// classes lack. Everything here is public, so that nothing depends on how long it takes.
/// </summary>
internal static partial class Ed25519
{
    /// <summary>The length of a public key, in bytes.</summary>
    public const int KeyLength = 32;

    /// <summary>The length of a signature, in bytes.</summary>
    public const int SignatureLength = 64;

    private const string Library = "libcrypto.so.3";
    private const int TypeEd25519 = 1087;

    private static readonly Lazy<bool> Works = new(TryItself);
    private static readonly BigInteger Prime = BigInteger.Pow(2, 255) - 19;
    private static readonly BigInteger D = Modulo(-121665 * Inverse(121666));

    // The ordinates of the points of small order. With such a key a signature can be made that fits many messages, so that it proves
    // nothing about any of them.
    private static readonly BigInteger[] SmallOrders =
    [
        BigInteger.Zero, BigInteger.One, Prime - 1, Number("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        Number("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ];

    /// <summary>Whether the library is there and verifies: it may be missing, or be held to a standard that leaves Ed25519 out.</summary>
    public static bool IsSupported => Works.Value;

    /// <summary>Whether some bytes are a public key: a point of the curve in its one encoding (§5.1.3), and of no small order.</summary>
    /// <param name="publicKey">The bytes.</param>
    public static bool IsPublicKey(ReadOnlySpan<byte> publicKey)
    {
        if (publicKey.Length != KeyLength)
        {
            return false;
        }

        Span<byte> ordinate = stackalloc byte[KeyLength];
        publicKey.CopyTo(ordinate);
        ordinate[^1] &= 0x7F;
        var y = new BigInteger(ordinate, isUnsigned: true);
        if (y >= Prime || SmallOrders.Contains(y))
        {
            return false;
        }

        // x² = (y² - 1) / (d y² + 1) has a root, by Euler's criterion. Only the points left out above have x = 0.
        var square = Modulo((y * y - 1) * Inverse(D * y * y + 1));
        return BigInteger.ModPow(square, (Prime - 1) / 2, Prime).IsOne;
    }

    /// <summary>Whether a signature over a message is a key's.</summary>
    /// <param name="publicKey">The public key, of 32 bytes.</param>
    /// <param name="message">The message.</param>
    /// <param name="signature">The signature, of 64 bytes.</param>
    /// <returns>Whether it is; never of bytes that are no key or no signature, and never without the library.</returns>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        IsSupported && signature.Length == SignatureLength && IsPublicKey(publicKey) && VerifyByLibrary(publicKey, message, signature);

    private static bool VerifyByLibrary(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        var key = EVP_PKEY_new_raw_public_key(TypeEd25519, 0, publicKey, (nuint)publicKey.Length);
        var context = EVP_MD_CTX_new();
        try
        {
            return key != 0 && context != 0
                && EVP_DigestVerifyInit(context, 0, 0, 0, key) == 1
                && EVP_DigestVerify(context, signature, (nuint)signature.Length, message, (nuint)message.Length) == 1;
        }
        finally
        {
            EVP_MD_CTX_free(context);
            EVP_PKEY_free(key);

            // A refusal leaves an error on the thread, where the next user of the library would find it and take it for its own.
            ERR_clear_error();
        }
    }

    // RFC 8032 §7.1, test 2, and the same with another message.
    private static bool TryItself()
    {
        var key = Convert.FromHexString("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        var signature = Convert.FromHexString(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
        try
        {
            return VerifyByLibrary(key, [0x72], signature) && !VerifyByLibrary(key, [0x73], signature);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return false;
        }
    }

    private static BigInteger Number(string hex) => new(Convert.FromHexString(hex), isUnsigned: true);

    private static BigInteger Inverse(BigInteger value) => BigInteger.ModPow(Modulo(value), Prime - 2, Prime);

    private static BigInteger Modulo(BigInteger value) => ((value % Prime) + Prime) % Prime;

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint EVP_PKEY_new_raw_public_key(int type, nint engine, ReadOnlySpan<byte> key, nuint length);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint EVP_MD_CTX_new();

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void EVP_MD_CTX_free(nint context);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int EVP_DigestVerifyInit(nint context, nint keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int EVP_DigestVerify(
        nint context, ReadOnlySpan<byte> signature, nuint signatureLength, ReadOnlySpan<byte> message, nuint messageLength);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void ERR_clear_error();
}
