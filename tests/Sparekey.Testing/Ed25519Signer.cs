using System.Runtime.InteropServices;

namespace Sparekey.Testing;

/// <summary>Signs with a new Ed25519 key (RFC 8032), which .NET does not do, through OpenSSL's libcrypto.</summary>
public sealed partial class Ed25519Signer : IDisposable
{
    private const string Library = "libcrypto.so.3";
    private const int TypeEd25519 = 1087;

    private readonly nint _key;

    /// <summary>Makes a key.</summary>
    public Ed25519Signer()
    {
        var seed = System.Security.Cryptography.RandomNumberGenerator.GetBytes(32);
        _key = EVP_PKEY_new_raw_private_key(TypeEd25519, 0, seed, (nuint)seed.Length);
        var length = (nuint)PublicKey.Length;
        if (_key == 0 || EVP_PKEY_get_raw_public_key(_key, PublicKey, ref length) != 1)
        {
            throw new InvalidOperationException("libcrypto makes no Ed25519 key.");
        }
    }

    /// <summary>The public key, 32 bytes.</summary>
    public byte[] PublicKey { get; } = new byte[32];

    /// <summary>The signature over a message, 64 bytes.</summary>
    /// <param name="message">The message.</param>
    public byte[] Sign(byte[] message)
    {
        var signature = new byte[64];
        var length = (nuint)signature.Length;
        var context = EVP_MD_CTX_new();
        try
        {
            return EVP_DigestSignInit(context, 0, 0, 0, _key) == 1
                && EVP_DigestSign(context, signature, ref length, message, (nuint)message.Length) == 1
                    ? signature
                    : throw new InvalidOperationException("libcrypto does not sign.");
        }
        finally
        {
            EVP_MD_CTX_free(context);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => EVP_PKEY_free(_key);

    [LibraryImport(Library)]
    private static partial nint EVP_PKEY_new_raw_private_key(int type, nint engine, byte[] key, nuint length);

    [LibraryImport(Library)]
    private static partial int EVP_PKEY_get_raw_public_key(nint key, byte[] publicKey, ref nuint length);

    [LibraryImport(Library)]
    private static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Library)]
    private static partial nint EVP_MD_CTX_new();

    [LibraryImport(Library)]
    private static partial void EVP_MD_CTX_free(nint context);

    [LibraryImport(Library)]
    private static partial int EVP_DigestSignInit(nint context, nint keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Library)]
    private static partial int EVP_DigestSign(nint context, byte[] signature, ref nuint signatureLength, byte[] message, nuint messageLength);
}
