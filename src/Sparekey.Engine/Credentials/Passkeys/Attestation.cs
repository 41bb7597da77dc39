using System.Formats.Asn1;
using System.Formats.Cbor;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>How a new credential's origin was attested.</summary>
public enum AttestationKind
{
    /// <summary>Nobody attests anything.</summary>
    None,

    /// <summary>The credential signed for itself: nothing is known of its maker.</summary>
    Self,

    /// <summary>A maker's certificate signed for it, and leads to a root that policy trusts.</summary>
    Trusted,

    /// <summary>A certificate signed for it, and no root was asked for.</summary>
    Untrusted,

    /// <summary>Its form is not verified here.</summary>
    Unverified,
}

/// <summary>Which attestations are taken. Whatever is taken is recorded with the credential as what it is.</summary>
internal sealed record AttestationPolicy
{
    /// <summary>Every sound one, and forms that are not verified here: what suits people who bring their own authenticators.</summary>
    public static AttestationPolicy Open { get; } = new();

    /// <summary>Kinds that are refused.</summary>
    public IReadOnlyList<AttestationKind> Refused { get; init; } = [];

    /// <summary>Roots of makers; with none, certificates are not followed to their end.</summary>
    public IReadOnlyList<X509Certificate2> Roots { get; init; } = [];
}

/// <summary>An attestation object (WebAuthn §6.5.4): what was attested, in which form, and how.</summary>
/// <param name="Format">The form, for example <c>packed</c>.</param>
/// <param name="Statement">The statement, as CBOR.</param>
/// <param name="AuthenticatorData">What it is about, as it was signed.</param>
internal sealed record Attestation(string Format, ReadOnlyMemory<byte> Statement, ReadOnlyMemory<byte> AuthenticatorData)
{
    private const int MaxCertificates = 8;

    // id-fido-gen-ce-aaguid (§8.2.1)
    private const string AaguidExtension = "1.3.6.1.4.1.45724.1.1.4";

    /// <summary>Reads an attestation object.</summary>
    /// <param name="bytes">The bytes.</param>
    public static Verdict<Attestation> Parse(byte[] bytes)
    {
        try
        {
            var reader = new CborReader(bytes, CborConformanceMode.Strict);
            string? format = null;
            ReadOnlyMemory<byte>? statement = null, data = null;
            var count = reader.ReadStartMap();
            for (var i = 0; i < count; i++)
            {
                switch (reader.ReadTextString())
                {
                    case "fmt":
                        format = reader.ReadTextString();
                        break;
                    case "attStmt":
                        statement = reader.ReadEncodedValue();
                        break;
                    case "authData":
                        data = reader.ReadByteString();
                        break;
                    default:
                        return PasskeyFault.AttestationMalformed;
                }
            }

            reader.ReadEndMap();
            return count is not null && format is not null && statement is { } how && data is { } what && reader.BytesRemaining == 0
                ? new Attestation(format, how, what)
                : PasskeyFault.AttestationMalformed;
        }
        catch (Exception e) when (Cbor.IsMalformed(e))
        {
            return PasskeyFault.AttestationMalformed;
        }
    }

    /// <summary>Verifies the statement: steps 21 to 24 of §7.1.</summary>
    /// <param name="data">What the authenticator data says; it has a new credential.</param>
    /// <param name="clientDataHash">The SHA-256 of the client data.</param>
    /// <param name="policy">What is taken.</param>
    /// <param name="now">The time, at which certificates must be valid.</param>
    /// <param name="kind">How it was attested.</param>
    /// <returns>Null, or what is wrong.</returns>
    public PasskeyFault? Verify(
        AuthenticatorData data, byte[] clientDataHash, AttestationPolicy policy, DateTimeOffset now, out AttestationKind kind)
    {
        kind = AttestationKind.Unverified;
        var fault = Format switch
        {
            "none" => VerifyNone(out kind),
            "packed" => VerifyPacked(data, clientDataHash, policy, now, out kind),
            _ => null,
        };
        return fault ?? (policy.Refused.Contains(kind) ? PasskeyFault.AttestationNotAccepted : null);
    }

    // §8.7: an empty map.
    private PasskeyFault? VerifyNone(out AttestationKind kind)
    {
        kind = AttestationKind.None;
        return Statement.Span.SequenceEqual<byte>([0xA0]) ? null : PasskeyFault.AttestationInvalid;
    }

    // §8.2
    private PasskeyFault? VerifyPacked(
        AuthenticatorData data, byte[] clientDataHash, AttestationPolicy policy, DateTimeOffset now, out AttestationKind kind)
    {
        kind = AttestationKind.Self;
        long? algorithm = null;
        byte[]? signature = null;
        List<byte[]>? certificates = null;
        try
        {
            var reader = new CborReader(Statement, CborConformanceMode.Strict);
            var count = reader.ReadStartMap();
            for (var i = 0; i < count; i++)
            {
                switch (reader.ReadTextString())
                {
                    case "alg":
                        algorithm = reader.ReadInt64();
                        break;
                    case "sig":
                        signature = reader.ReadByteString();
                        break;
                    case "x5c":
                        certificates = ReadCertificates(reader);
                        break;
                    default:
                        return PasskeyFault.AttestationInvalid;
                }
            }

            reader.ReadEndMap();
            if (count is null)
            {
                return PasskeyFault.AttestationInvalid;
            }
        }
        catch (Exception e) when (Cbor.IsMalformed(e))
        {
            return PasskeyFault.AttestationInvalid;
        }

        if (algorithm is null || signature is null)
        {
            return PasskeyFault.AttestationInvalid;
        }

        byte[] signed = [.. AuthenticatorData.Span, .. clientDataHash];
        if (certificates is null)
        {
            // Self attestation: the credential's own key, and its own algorithm.
            return algorithm == (long)data.PublicKey!.Algorithm && data.PublicKey.Verify(signed, signature) ? null : PasskeyFault.AttestationInvalid;
        }

        kind = policy.Roots.Count == 0 ? AttestationKind.Untrusted : AttestationKind.Trusted;
        return VerifyCertificates(certificates, algorithm.Value, signed, signature, data.Aaguid, policy, now);
    }

    private static List<byte[]>? ReadCertificates(CborReader reader)
    {
        var all = new List<byte[]>();
        reader.ReadStartArray();
        while (reader.PeekState() != CborReaderState.EndArray && all.Count <= MaxCertificates)
        {
            all.Add(reader.ReadByteString());
        }

        reader.ReadEndArray();
        return all;
    }

    private static PasskeyFault? VerifyCertificates(
        List<byte[]> encoded, long algorithm, byte[] signed, byte[] signature, Guid aaguid, AttestationPolicy policy, DateTimeOffset now)
    {
        if (encoded.Count is 0 or > MaxCertificates)
        {
            return PasskeyFault.AttestationInvalid;
        }

        var certificates = new List<X509Certificate2>();
        try
        {
            certificates.AddRange(encoded.Select(X509CertificateLoader.LoadCertificate));
            var leaf = certificates[0];
            return !IsSignedBy(leaf, algorithm, signed, signature) || !IsAttestationCertificate(leaf, aaguid) ? PasskeyFault.AttestationInvalid
                : policy.Roots.Count > 0 && !LeadsToARoot(certificates, policy.Roots, now) ? PasskeyFault.AttestationNotAccepted
                : null;
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            return PasskeyFault.AttestationInvalid;
        }
        finally
        {
            certificates.ForEach(c => c.Dispose());
        }
    }

    private static bool IsSignedBy(X509Certificate2 certificate, long algorithm, byte[] signed, byte[] signature)
    {
        switch (algorithm)
        {
            case (long)CoseAlgorithm.Es256:
                using (var ecdsa = certificate.GetECDsaPublicKey())
                {
                    return ecdsa?.VerifyData(signed, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence) == true;
                }

            case (long)CoseAlgorithm.Rs256:
                using (var rsa = certificate.GetRSAPublicKey())
                {
                    return rsa?.VerifyData(signed, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1) == true;
                }

            default:
                return false;
        }
    }

    // §8.2.1: version 3, a subject with country, organisation, the fixed unit and a name, no authority, and the model it speaks for.
    private static bool IsAttestationCertificate(X509Certificate2 certificate, Guid aaguid)
    {
        var subject = certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(n => !n.HasMultipleElements)
            .ToLookup(n => n.GetSingleElementType().Value, n => n.GetSingleElementValue(), StringComparer.Ordinal);
        var models = certificate.Extensions.Where(e => e.Oid?.Value == AaguidExtension).ToList();
        return certificate.Version == 3
            && subject["2.5.4.6"].Any(c => c?.Length == 2)
            && subject["2.5.4.10"].Any(o => o?.Length > 0)
            && subject["2.5.4.11"].SequenceEqual(["Authenticator Attestation"], StringComparer.Ordinal)
            && subject["2.5.4.3"].Any(n => n?.Length > 0)
            && certificate.Extensions.OfType<X509BasicConstraintsExtension>().ToList() is [{ CertificateAuthority: false }]
            && (models is [] || (models is [{ Critical: false } model] && IsOf(model, aaguid)));
    }

    private static bool IsOf(X509Extension model, Guid aaguid) =>
        AsnDecoder.ReadOctetString(model.RawData, AsnEncodingRules.DER, out var read) is { Length: 16 } said
        && read == model.RawData.Length && new Guid(said, bigEndian: true) == aaguid;

    private static bool LeadsToARoot(List<X509Certificate2> certificates, IReadOnlyList<X509Certificate2> roots, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots.ToArray());
        chain.ChainPolicy.ExtraStore.AddRange(certificates.Skip(1).ToArray());
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        return chain.Build(certificates[0]);
    }
}
