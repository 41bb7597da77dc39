using System.Buffers.Binary;
using System.Buffers.Text;
using System.Formats.Cbor;
using System.Security.Cryptography;
using System.Text;

namespace Sparekey.Testing;

/// <summary>What a credential signs with.</summary>
public enum AuthenticatorAlgorithm
{
    /// <summary>ECDSA over P-256.</summary>
    Es256 = -7,

    /// <summary>Ed25519.</summary>
    EdDsa = -8,

    /// <summary>RSA of 2048 bits.</summary>
    Rs256 = -257,
}

/// <summary>What an authenticator and its browser say at a registration; each part can be changed to attack with it.</summary>
public sealed record RegistrationParts
{
    /// <summary>The client data, as text.</summary>
    public required string ClientData { get; init; }

    /// <summary>The authenticator data.</summary>
    public required byte[] AuthenticatorData { get; init; }

    /// <summary>The id that the browser says.</summary>
    public required byte[] CredentialId { get; init; }

    /// <summary>The form of the attestation.</summary>
    public string Format { get; init; } = "none";

    /// <summary>The statement, as CBOR; an empty map unless said.</summary>
    public byte[] Statement { get; init; } = [0xA0];

    /// <summary>The attestation object of the parts.</summary>
    public byte[] AttestationObject
    {
        get
        {
            var writer = new CborWriter(CborConformanceMode.Strict);
            writer.WriteStartMap(3);
            writer.WriteTextString("fmt");
            writer.WriteTextString(Format);
            writer.WriteTextString("attStmt");
            writer.WriteEncodedValue(Statement);
            writer.WriteTextString("authData");
            writer.WriteByteString(AuthenticatorData);
            writer.WriteEndMap();
            return writer.Encode();
        }
    }

    /// <summary>The client data, as bytes.</summary>
    public byte[] ClientDataBytes => Encoding.UTF8.GetBytes(ClientData);
}

/// <summary>An authenticator in software that holds one credential, and the browser before it.</summary>
public sealed class SoftwareAuthenticator : IDisposable
{
    /// <summary>User present and verified.</summary>
    public const byte PresentAndVerified = 0x05;

    private readonly AuthenticatorAlgorithm _algorithm;
    private readonly ECDsa? _ecdsa;
    private readonly RSA? _rsa;
    private readonly Ed25519Signer? _edwards;

    /// <summary>Makes one.</summary>
    /// <param name="rpId">The relying party that its credential is for.</param>
    /// <param name="algorithm">What it signs with.</param>
    public SoftwareAuthenticator(string rpId, AuthenticatorAlgorithm algorithm = AuthenticatorAlgorithm.Es256)
    {
        (RpId, _algorithm) = (rpId, algorithm);
        _ecdsa = algorithm == AuthenticatorAlgorithm.Es256 ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : null;
        _rsa = algorithm == AuthenticatorAlgorithm.Rs256 ? RSA.Create(2048) : null;
        _edwards = algorithm == AuthenticatorAlgorithm.EdDsa ? new Ed25519Signer() : null;
    }

    /// <summary>The relying party.</summary>
    public string RpId { get; }

    /// <summary>The credential's id.</summary>
    public byte[] CredentialId { get; } = RandomNumberGenerator.GetBytes(32);

    /// <summary>The model of the authenticator.</summary>
    public Guid Aaguid { get; init; } = new("08987058-cadc-4b81-b6e1-30de50dcbe96");

    /// <summary>The counter; it rises by one with every signature unless it is zero.</summary>
    public uint Counter { get; set; }

    /// <summary>The credential's public key, as COSE_Key in canonical CBOR.</summary>
    public byte[] PublicKey
    {
        get
        {
            var writer = new CborWriter(CborConformanceMode.Ctap2Canonical);
            if (_ecdsa is not null)
            {
                var point = _ecdsa.ExportParameters(false).Q;
                writer.WriteStartMap(5);
                Pair(1, 2);
                Pair(3, -7);
                Pair(-1, 1);
                Bytes(-2, point.X!);
                Bytes(-3, point.Y!);
            }
            else if (_edwards is not null)
            {
                writer.WriteStartMap(4);
                Pair(1, 1);
                Pair(3, -8);
                Pair(-1, 6);
                Bytes(-2, _edwards.PublicKey);
            }
            else
            {
                var key = _rsa!.ExportParameters(false);
                writer.WriteStartMap(4);
                Pair(1, 3);
                Pair(3, -257);
                Bytes(-1, key.Modulus!);
                Bytes(-2, key.Exponent!);
            }

            writer.WriteEndMap();
            return writer.Encode();

            void Pair(long label, long value)
            {
                writer.WriteInt64(label);
                writer.WriteInt64(value);
            }

            void Bytes(long label, byte[] value)
            {
                writer.WriteInt64(label);
                writer.WriteByteString(value);
            }
        }
    }

    /// <summary>What a browser writes of a ceremony.</summary>
    /// <param name="type"><c>webauthn.create</c> or <c>webauthn.get</c>.</param>
    /// <param name="challenge">The challenge.</param>
    /// <param name="origin">The page's origin.</param>
    public static string ClientData(string type, byte[] challenge, string origin) =>
        $"{{\"type\":\"{type}\",\"challenge\":\"{Base64Url.EncodeToString(challenge)}\",\"origin\":\"{origin}\",\"crossOrigin\":false}}";

    /// <summary>Authenticator data, with the new credential in it where the flags say so.</summary>
    /// <param name="flags">The flags.</param>
    /// <param name="credentialId">Another id than the credential's.</param>
    /// <param name="publicKey">Another key than the credential's.</param>
    public byte[] AuthenticatorData(byte flags, byte[]? credentialId = null, byte[]? publicKey = null)
    {
        var counter = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(counter, Counter);
        byte[] head = [.. SHA256.HashData(Encoding.UTF8.GetBytes(RpId)), flags, .. counter];
        if ((flags & 0x40) == 0)
        {
            return head;
        }

        var id = credentialId ?? CredentialId;
        var length = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)id.Length);
        return [.. head, .. Aaguid.ToByteArray(bigEndian: true), .. length, .. id, .. publicKey ?? PublicKey];
    }

    /// <summary>A registration with attestation <c>none</c>.</summary>
    /// <param name="challenge">The challenge.</param>
    /// <param name="origin">The page's origin.</param>
    public RegistrationParts Register(byte[] challenge, string origin) => new()
    {
        ClientData = ClientData("webauthn.create", challenge, origin),
        AuthenticatorData = AuthenticatorData(PresentAndVerified | 0x40),
        CredentialId = CredentialId,
    };

    /// <summary>The same with an attestation <c>packed</c> that the credential makes itself.</summary>
    /// <param name="parts">The registration.</param>
    public RegistrationParts AttestItself(RegistrationParts parts) => parts with
    {
        Format = "packed",
        Statement = Packed((long)_algorithm, Sign([.. parts.AuthenticatorData, .. SHA256.HashData(parts.ClientDataBytes)])),
    };

    /// <summary>A statement of the form <c>packed</c>.</summary>
    /// <param name="algorithm">Its algorithm.</param>
    /// <param name="signature">Its signature.</param>
    /// <param name="certificates">The certificates, the signer's first; none for self attestation.</param>
    public static byte[] Packed(long algorithm, byte[] signature, params byte[][] certificates)
    {
        var writer = new CborWriter(CborConformanceMode.Strict);
        writer.WriteStartMap(certificates.Length == 0 ? 2 : 3);
        writer.WriteTextString("alg");
        writer.WriteInt64(algorithm);
        writer.WriteTextString("sig");
        writer.WriteByteString(signature);
        if (certificates.Length > 0)
        {
            writer.WriteTextString("x5c");
            writer.WriteStartArray(certificates.Length);
            foreach (var certificate in certificates)
            {
                writer.WriteByteString(certificate);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndMap();
        return writer.Encode();
    }

    /// <summary>Signs as the credential does.</summary>
    /// <param name="data">What.</param>
    public byte[] Sign(byte[] data) => _ecdsa is not null
        ? _ecdsa.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)
        : _edwards is not null ? _edwards.Sign(data)
        : _rsa!.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    /// <summary>An assertion.</summary>
    /// <param name="challenge">The challenge.</param>
    /// <param name="origin">The page's origin.</param>
    /// <param name="flags">The flags.</param>
    /// <returns>Client data, authenticator data, and the signature over both.</returns>
    public (byte[] ClientData, byte[] AuthenticatorData, byte[] Signature) Assert(
        byte[] challenge, string origin, byte flags = PresentAndVerified)
    {
        Counter += Counter == 0 ? 0u : 1u;
        var client = Encoding.UTF8.GetBytes(ClientData("webauthn.get", challenge, origin));
        var data = AuthenticatorData(flags);
        return (client, data, Sign([.. data, .. SHA256.HashData(client)]));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ecdsa?.Dispose();
        _rsa?.Dispose();
        _edwards?.Dispose();
    }
}
