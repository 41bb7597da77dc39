using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sparekey.Engine.Credentials.Keys;

/// <summary>What a key signs with.</summary>
public enum KeyAlgorithm
{
    /// <summary>ECDSA over P-256.</summary>
    P256,

    /// <summary>RSA, PKCS #1 v1.5, 2048 to 4096 bits.</summary>
    Rsa,

    /// <summary>Ed25519 (RFC 8032).</summary>
    Ed25519,
}

/// <summary>How the signature of an elliptic curve is written.</summary>
public enum SignatureForm
{
    /// <summary>A DER sequence of r and s.</summary>
    Der,

    /// <summary>r and s, 32 bytes each (RFC 7518 §3.4).</summary>
    Fixed,
}

/// <summary>A public key that was given to us as PEM of a SubjectPublicKeyInfo (RFC 7468 §13, RFC 5280 §4.1).</summary>
public sealed class SigningPublicKey
{
    /// <summary>The longest name a holder gives a key.</summary>
    public const int LongestName = 1024;

    private const int LongestPem = 4096;
    private const string EllipticCurveKey = "1.2.840.10045.2.1";
    private const string RsaKey = "1.2.840.113549.1.1.1";
    private const string Ed25519Key = "1.3.101.112";

    // The parameters of a key on P-256: the curve by its name (RFC 5480 §2.1.1).
    private static readonly byte[] P256Curve = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

    private readonly byte[] _encoded;

    private SigningPublicKey(KeyAlgorithm algorithm, byte[] encoded) => (Algorithm, _encoded) = (algorithm, encoded);

    /// <summary>What it signs with.</summary>
    public KeyAlgorithm Algorithm { get; }

    /// <summary>SHA-256 of the SubjectPublicKeyInfo, as <c>SHA256:</c> and base64: which key it is, for people.</summary>
    public string Fingerprint => "SHA256:" + Convert.ToBase64String(SHA256.HashData(_encoded));

    /// <summary>Reads a key. Null for every text that is not one public key of an accepted kind, and nothing besides.</summary>
    /// <param name="pem">PEM with the label <c>PUBLIC KEY</c>, at most 4096 characters.</param>
    public static SigningPublicKey? Parse(string pem)
    {
        if (pem.Length > LongestPem || !PemEncoding.TryFind(pem, out var found) || !pem.AsSpan(found.Label).SequenceEqual("PUBLIC KEY")
            || pem.AsSpan()[..found.Location.Start.Value].Trim().Length > 0 || pem.AsSpan()[found.Location.End.Value..].Trim().Length > 0)
        {
            return null;
        }

        var encoded = Convert.FromBase64String(pem[found.Base64Data]);
        try
        {
            var info = PublicKey.CreateFromSubjectPublicKeyInfo(encoded, out var read);
            return read != encoded.Length ? null : info.Oid.Value switch
            {
                EllipticCurveKey when info.EncodedParameters?.RawData.AsSpan().SequenceEqual(P256Curve) == true && IsOnCurve(encoded) => new SigningPublicKey(KeyAlgorithm.P256, encoded),
                RsaKey when IsLongEnough(encoded) => new SigningPublicKey(KeyAlgorithm.Rsa, encoded),
                Ed25519Key when Ed25519.IsSupported && Ed25519.IsPublicKey(info.EncodedKeyValue.RawData) => new SigningPublicKey(KeyAlgorithm.Ed25519, encoded),
                _ => null,
            };
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>Checks a signature.</summary>
    /// <param name="data">What was signed.</param>
    /// <param name="signature">The signature.</param>
    /// <param name="form">How an elliptic curve's is written; others have one form.</param>
    /// <param name="hash">What an elliptic curve or RSA signed the hash of; SHA-256 when absent.</param>
    public bool Verify(byte[] data, byte[] signature, SignatureForm form = SignatureForm.Der, HashAlgorithmName? hash = null)
    {
        var hashed = hash ?? HashAlgorithmName.SHA256;
        switch (Algorithm)
        {
            case KeyAlgorithm.P256:
                using (var ecdsa = ECDsa.Create())
                {
                    ecdsa.ImportSubjectPublicKeyInfo(_encoded, out _);
                    return ecdsa.VerifyData(
                        data, signature, hashed,
                        form == SignatureForm.Der ? DSASignatureFormat.Rfc3279DerSequence : DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
                }

            case KeyAlgorithm.Rsa:
                using (var rsa = RSA.Create())
                {
                    rsa.ImportSubjectPublicKeyInfo(_encoded, out _);
                    return rsa.VerifyData(data, signature, hashed, RSASignaturePadding.Pkcs1);
                }

            default:
                return signature.Length == Ed25519.SignatureLength
                    && Ed25519.Verify(PublicKey.CreateFromSubjectPublicKeyInfo(_encoded, out _).EncodedKeyValue.RawData, data, signature);
        }
    }

    // A curve that the library does not know, and one that is spelt out, would be no refusal of the key but a fault of the library.
    private static bool IsOnCurve(byte[] encoded)
    {
        using var ecdsa = ECDsa.Create();
        ecdsa.ImportSubjectPublicKeyInfo(encoded, out _); // Throws at a point that is not on its curve.
        return true;
    }

    private static bool IsLongEnough(byte[] encoded)
    {
        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(encoded, out _);
        return rsa.KeySize is >= 2048 and <= 4096;
    }
}
