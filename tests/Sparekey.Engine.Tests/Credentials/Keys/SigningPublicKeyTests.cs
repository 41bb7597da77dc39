using System.Security.Cryptography;
using System.Text;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Testing;
using Sparekey.Testing.Fuzzing;

namespace Sparekey.Engine.Tests.Credentials.Keys;

/// <summary>Which keys are taken, and which are not.</summary>
[Trait("runs", "once")]
public sealed class SigningPublicKeyTests
{
    [Fact]
    public void A_fingerprint_is_the_hash_of_the_key_and_not_of_its_writing()
    {
        var pem = DfnsVectors.Registration.PublicKey;
        var encoded = Convert.FromBase64String(pem.Split('\n')[1]);
        var expected = "SHA256:" + Convert.ToBase64String(SHA256.HashData(encoded));
        SigningPublicKey.Parse(pem)!.Fingerprint.ShouldBe(expected);
        SigningPublicKey.Parse(PemEncoding.WriteString("PUBLIC KEY", encoded) + "\r\n")!.Fingerprint.ShouldBe(expected);
        SigningPublicKey.Parse(DfnsVectors.FirstOf(DfnsVectors.NewCredentials).PublicKey)!.Fingerprint.ShouldNotBe(expected);
    }

    [Fact]
    public void Takes_what_is_strong_enough()
    {
        using var p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var edwards = new Ed25519Signer();
        SigningPublicKey.Parse(p256.ExportSubjectPublicKeyInfoPem())!.Algorithm.ShouldBe(KeyAlgorithm.P256);
        SigningPublicKey.Parse(SoundCeremonies.PemOf(edwards))!.Algorithm.ShouldBe(KeyAlgorithm.Ed25519);
        foreach (var bits in new[] { 2048, 3072 })
        {
            using var rsa = RSA.Create(bits);
            SigningPublicKey.Parse(rsa.ExportSubjectPublicKeyInfoPem())!.Algorithm.ShouldBe(KeyAlgorithm.Rsa);
        }
    }

    [Fact]
    public void Refuses_weaker_keys_and_other_curves()
    {
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        using var koblitz = ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.10"));
        using var weak = RSA.Create(1024);
        using var p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var spelt = p256.ExportExplicitParameters(includePrivateParameters: false);
        using var explicitly = ECDsa.Create(spelt);
        foreach (var (pem, why) in new[]
        {
            (p384.ExportSubjectPublicKeyInfoPem(), "P-384"),
            (p521.ExportSubjectPublicKeyInfoPem(), "P-521"),
            (koblitz.ExportSubjectPublicKeyInfoPem(), "secp256k1"),
            (explicitly.ExportSubjectPublicKeyInfoPem(), "P-256 spelt out"),
            (weak.ExportSubjectPublicKeyInfoPem(), "RSA of 1024 bits"),
            (Pem(0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x63), "a curve that nobody knows"),
            (Pem(0x05, 0x00), "no curve"),
        })
        {
            SigningPublicKey.Parse(pem).ShouldBeNull(why);
        }

        // A key of its length whose curve is named otherwise.
        static string Pem(params byte[] curve)
        {
            byte[] algorithm = [0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, .. curve];
            byte[] body = [0x30, (byte)algorithm.Length, .. algorithm, 0x03, 0x42, 0x00, 0x04, .. new byte[64]];
            return PemEncoding.WriteString("PUBLIC KEY", [0x30, (byte)body.Length, .. body]);
        }
    }

    [Fact]
    public void Refuses_an_exponent_with_which_everybody_signs()
    {
        using var rsa = RSA.Create(2048);
        foreach (var exponent in new byte[][] { [1], [2], [0] })
        {
            try
            {
                using var bad = RSA.Create(new RSAParameters { Modulus = rsa.ExportParameters(false).Modulus, Exponent = exponent });
                SigningPublicKey.Parse(bad.ExportSubjectPublicKeyInfoPem()).ShouldBeNull(exponent[0].ToString());
            }
            catch (CryptographicException)
            {
                // The library makes no such key in the first place.
            }
        }
    }

    [Fact]
    public void Refuses_points_that_are_none()
    {
        using var p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var encoded = p256.ExportSubjectPublicKeyInfo();
        foreach (var (at, why) in new[] { (encoded.Length - 1, "off the curve"), (26, "of another form") })
        {
            var changed = (byte[])encoded.Clone();
            changed[at] ^= 1;
            SigningPublicKey.Parse(PemEncoding.WriteString("PUBLIC KEY", changed)).ShouldBeNull(why);
        }

        SigningPublicKey.Parse(PemEncoding.WriteString("PUBLIC KEY", [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00, .. new byte[32]]))
            .ShouldBeNull("of small order");
    }

    [Fact]
    public void Refuses_every_text_that_is_not_one_public_key_and_nothing_besides()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var rsa = RSA.Create(2048);
        var pem = key.ExportSubjectPublicKeyInfoPem();
        foreach (var (text, why) in new[]
        {
            ("", "nothing"),
            (key.ExportECPrivateKeyPem(), "a private key of the curve"),
            (key.ExportPkcs8PrivateKeyPem(), "a private key"),
            (rsa.ExportRSAPublicKeyPem(), "PKCS #1"),
            (pem.Replace("PUBLIC KEY", "EC PRIVATE KEY", StringComparison.Ordinal), "another label"),
            (pem.Replace("PUBLIC KEY", "CERTIFICATE", StringComparison.Ordinal), "a certificate's label"),
            (pem + "\nmore", "text behind it"),
            ("before\n" + pem, "text before it"),
            (pem + "\n" + pem, "twice"),
            (pem.Replace("-----END", "=====END", StringComparison.Ordinal), "no end"),
            (pem.Replace("-----BEGIN PUBLIC KEY-----", "", StringComparison.Ordinal), "no beginning"),
            (Convert.ToBase64String(key.ExportSubjectPublicKeyInfo()), "base64 alone"),
            (PemEncoding.WriteString("PUBLIC KEY", [.. key.ExportSubjectPublicKeyInfo(), 0]), "a byte more"),
            (PemEncoding.WriteString("PUBLIC KEY", key.ExportSubjectPublicKeyInfo().AsSpan()[..^1]), "a byte less"),
            (PemEncoding.WriteString("PUBLIC KEY", Encoding.UTF8.GetBytes("no key at all")), "no DER"),
            ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "nothing within"),
            (pem + new string('\n', 4097), "too long"),
        })
        {
            SigningPublicKey.Parse(text).ShouldBeNull(why);
        }
    }
}
