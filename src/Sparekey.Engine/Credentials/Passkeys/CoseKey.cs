using System.Diagnostics.CodeAnalysis;
using System.Formats.Cbor;
using System.Numerics;
using System.Security.Cryptography;

namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>Signature algorithms that are taken, by their COSE numbers (RFC 9053 §2, RFC 8812 §2).</summary>
public enum CoseAlgorithm
{
    /// <summary>ECDSA over P-256 with SHA-256.</summary>
    Es256 = -7,

    /// <summary>RSASSA-PKCS1-v1_5 with SHA-256, of 2048 to 4096 bits.</summary>
    Rs256 = -257,
}

/// <summary>
/// A public key in the form of a credential (COSE_Key, RFC 9052 §7, in the canonical CBOR of CTAP2, WebAuthn §6.5.1.1). One that was
/// parsed is on its curve, or large enough, and can verify.
/// </summary>
internal sealed class CoseKey
{
    private const int KeyType = 1, Algorithm3 = 3;
    private const int EllipticCurve = 2, Rsa = 3;
    private const int LongestRsaExponent = 4;

    private readonly ECParameters? _curve;
    private readonly RSAParameters? _rsa;

    private CoseKey(CoseAlgorithm algorithm, byte[] encoded, ECParameters? curve, RSAParameters? rsa) =>
        (Algorithm, Encoded, _curve, _rsa) = (algorithm, encoded, curve, rsa);

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
    /// <param name="signature">The signature, in the form of WebAuthn §6.5.5: DER for ECDSA, PKCS#1 v1.5 for RSA.</param>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (_curve is { } curve)
        {
            using var ecdsa = ECDsa.Create(curve);
            return ecdsa.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
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
            return new CoseKey(CoseAlgorithm.Es256, encoded, curve, null);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

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
            return new CoseKey(CoseAlgorithm.Rs256, encoded, null, parameters);
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
