using System.Diagnostics.CodeAnalysis;
using System.Formats.Cbor;
using System.Numerics;
using System.Security.Cryptography;
using Sparekey.Engine.Credentials.Keys;

namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>Signature algorithms that are taken, by their COSE numbers (RFC 9053 §2, RFC 8812 §2, WebAuthn §5.8.5).</summary>
public enum CoseAlgorithm
{
    /// <summary>ECDSA over P-256 with SHA-256.</summary>
    Es256 = -7,

    /// <summary>Ed25519: of the curves that EdDSA could name, WebAuthn allows this one.</summary>
    EdDsa = -8,

    /// <summary>RSASSA-PKCS1-v1_5 with SHA-256, of 2048 to 4096 bits.</summary>
    Rs256 = -257,
}

/// <summary>Which algorithms browsers are asked for.</summary>
public static class CoseAlgorithms
{
    /// <summary>
    /// The wished for first. ES256 leads: every authenticator has it, and nothing but .NET is needed to verify it. EdDSA is left out where
    /// <see cref="Ed25519"/> does not work.
    /// </summary>
    public static IReadOnlyList<CoseAlgorithm> Offered { get; } =
        Ed25519.IsSupported ? [CoseAlgorithm.Es256, CoseAlgorithm.EdDsa, CoseAlgorithm.Rs256] : [CoseAlgorithm.Es256, CoseAlgorithm.Rs256];
}

/// <summary>
/// A public key in the form of a credential (COSE_Key, RFC 9052 §7, in the canonical CBOR of CTAP2, WebAuthn §6.5.1.1). One that was
/// parsed is on its curve, or large enough, and can verify.
/// </summary>
internal sealed class CoseKey
{
    private const int KeyType = 1, Algorithm3 = 3;
    private const int OctetPair = 1, EllipticCurve = 2, Rsa = 3;
    private const int LongestRsaExponent = 4;

    private readonly ECParameters? _curve;
    private readonly RSAParameters? _rsa;
    private readonly byte[]? _edwards;

    private CoseKey(CoseAlgorithm algorithm, byte[] encoded, ECParameters? curve = null, RSAParameters? rsa = null, byte[]? edwards = null) =>
        (Algorithm, Encoded, _curve, _rsa, _edwards) = (algorithm, encoded, curve, rsa, edwards);

    /// <summary>Its algorithm.</summary>
    public CoseAlgorithm Algorithm { get; }

    /// <summary>The bytes that it was parsed from, and nothing behind them.</summary>
    public byte[] Encoded { get; }

    /// <summary>Reads a key at the beginning of some bytes.</summary>
    /// <param name="bytes">The bytes; something may follow the key.</param>
    /// <param name="fault">Why it was not taken.</param>
    /// <returns>The key, or null.</returns>
    public static CoseKey? Parse(ReadOnlyMemory<byte> bytes, out PasskeyFault? fault)
    {
        fault = PasskeyFault.KeyMalformed;
        var members = new Dictionary<long, object>();
        int length;
        try
        {
            var reader = new CborReader(bytes, CborConformanceMode.Ctap2Canonical, allowMultipleRootLevelValues: true);
            var count = reader.ReadStartMap();
            for (var i = 0; i < count; i++)
            {
                var label = reader.ReadInt64();
                members[label] = reader.PeekState() == CborReaderState.ByteString ? reader.ReadByteString() : reader.ReadInt64();
            }

            reader.ReadEndMap();
            length = bytes.Length - reader.BytesRemaining;
        }
        catch (Exception e) when (Cbor.IsMalformed(e))
        {
            return null;
        }

        if (members.GetValueOrDefault(KeyType) is not long type || members.GetValueOrDefault(Algorithm3) is not long algorithm)
        {
            return null;
        }

        var encoded = bytes[..length].ToArray();
        var key = (algorithm, type) switch
        {
            ((long)CoseAlgorithm.Es256, EllipticCurve) => Curve(members, encoded),
            ((long)CoseAlgorithm.EdDsa, OctetPair) => Edwards(members, encoded),
            ((long)CoseAlgorithm.Rs256, Rsa) => RsaKey(members, encoded),
            _ => null,
        };
        fault = key is not null ? null
            : Enum.IsDefined((CoseAlgorithm)Math.Clamp(algorithm, int.MinValue, int.MaxValue)) ? PasskeyFault.KeyMalformed
            : PasskeyFault.AlgorithmNotAllowed;
        return key;
    }

    /// <summary>Whether a signature over some data is this key's.</summary>
    /// <param name="data">The data.</param>
    /// <param name="signature">The signature, in the form of WebAuthn §6.5.5: DER for ECDSA, 64 bytes for Ed25519, PKCS#1 v1.5 for RSA.</param>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (_curve is { } curve)
        {
            using var ecdsa = ECDsa.Create(curve);
            return ecdsa.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }

        if (_edwards is not null)
        {
            return Ed25519.Verify(_edwards, data, signature);
        }

        using var rsa = RSA.Create(_rsa!.Value);
        return rsa.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    // RFC 9053 §7.1.1: crv -1, x -2, y -3. Of the forms of y only the whole one is allowed here (WebAuthn §6.5.1.1).
    private static CoseKey? Curve(Dictionary<long, object> members, byte[] encoded)
    {
        if (members.Count != 5 || members.GetValueOrDefault(-1) is not 1L
            || members.GetValueOrDefault(-2) is not byte[] { Length: 32 } x || members.GetValueOrDefault(-3) is not byte[] { Length: 32 } y)
        {
            return null;
        }

        var curve = new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x, Y = y } };
        try
        {
            // The library refuses a point that is not on the curve.
            using var ecdsa = ECDsa.Create(curve);
            return new CoseKey(CoseAlgorithm.Es256, encoded, curve: curve);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    // RFC 9053 §7.2: crv -1 (6: Ed25519), x -2. An unsupported library refuses it where its algorithm was not asked for.
    private static CoseKey? Edwards(Dictionary<long, object> members, byte[] encoded) =>
        members.Count == 4 && members.GetValueOrDefault(-1) is 6L && members.GetValueOrDefault(-2) is byte[] x && Ed25519.IsPublicKey(x)
            ? new CoseKey(CoseAlgorithm.EdDsa, encoded, edwards: x)
            : null;

    // RFC 8230 §4: n -1, e -2, both without leading zeros.
    private static CoseKey? RsaKey(Dictionary<long, object> members, byte[] encoded)
    {
        if (members.Count != 4
            || members.GetValueOrDefault(-1) is not byte[] { Length: >= 256 and <= 512 } n || n[0] == 0 || (n[^1] & 1) == 0
            || members.GetValueOrDefault(-2) is not byte[] { Length: >= 1 and <= LongestRsaExponent } e || e[0] == 0 || (e[^1] & 1) == 0
            || new BigInteger(e, isUnsigned: true, isBigEndian: true) < 3 || new BigInteger(n, isUnsigned: true, isBigEndian: true).GetBitLength() < 2048)
        {
            return null;
        }

        var parameters = new RSAParameters { Modulus = n, Exponent = e };
        try
        {
            using var rsa = RSA.Create(parameters);
            return new CoseKey(CoseAlgorithm.Rs256, encoded, rsa: parameters);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}

/// <summary>What the CBOR reader throws at bytes that are not what was asked for.</summary>
internal static class Cbor
{
    /// <summary>Whether an exception says that the bytes are malformed, and nothing else.</summary>
    /// <param name="exception">The exception.</param>
    public static bool IsMalformed([NotNullWhen(true)] Exception? exception) =>
        exception is CborContentException or InvalidOperationException or OverflowException or FormatException;
}
