using System.Buffers.Text;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Sparekey.Engine.Credentials.Keys;

namespace Sparekey.Testing.Fuzzing;

/// <summary>A sound registration, and the mutations that suit its parts.</summary>
/// <param name="Parts">What was made.</param>
/// <param name="IsSigned">Whether the statement signs the rest.</param>
public sealed record SoundRegistration(RegistrationParts Parts, bool IsSigned);

/// <summary>A sound assertion of a passkey.</summary>
/// <param name="CredentialId">Which.</param>
/// <param name="PublicKey">Its key, as COSE_Key.</param>
/// <param name="ClientData">The client data.</param>
/// <param name="AuthenticatorData">The authenticator data.</param>
/// <param name="Signature">The signature.</param>
public sealed record SoundAssertion(byte[] CredentialId, byte[] PublicKey, byte[] ClientData, byte[] AuthenticatorData, byte[] Signature);

/// <summary>A key, its sound registration and its sound assertion.</summary>
/// <param name="Registration">The registration.</param>
/// <param name="Assertion">The assertion.</param>
public sealed record SoundKey(NewKey Registration, KeyProof Assertion);

/// <summary>Sound ceremonies to start from, one of every kind that is taken.</summary>
public static class SoundCeremonies
{
    /// <summary>The relying party.</summary>
    public const string RpId = "example.com";

    /// <summary>The page.</summary>
    public const string Origin = "https://app.example.com";

    /// <summary>The challenge, as a text whose bytes WebAuthn signs.</summary>
    public const string Challenge = "ch-39e46-hbmvm-8ltqq3sj4887e7p8";

    /// <summary>The time of all ceremonies.</summary>
    public static readonly DateTimeOffset Now = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);

    /// <summary>The challenge's bytes.</summary>
    public static byte[] ChallengeBytes => Encoding.UTF8.GetBytes(Challenge);

    /// <summary>Registrations of passkeys: every algorithm, with no attestation, with its own, and with a maker's.</summary>
    public static IReadOnlyList<SoundRegistration> Registrations()
    {
        var all = new List<SoundRegistration>();
        foreach (var algorithm in Enum.GetValues<AuthenticatorAlgorithm>())
        {
            using var authenticator = new SoftwareAuthenticator(RpId, algorithm) { Counter = 7 };
            var none = authenticator.Register(ChallengeBytes, Origin);
            all.Add(new SoundRegistration(none, IsSigned: false));
            all.Add(new SoundRegistration(authenticator.AttestItself(none), IsSigned: true));
            all.Add(new SoundRegistration(AttestByMaker(none, authenticator.Aaguid), IsSigned: true));
        }

        return all;
    }

    /// <summary>Assertions of passkeys, of every algorithm.</summary>
    public static IReadOnlyList<SoundAssertion> Assertions()
    {
        var all = new List<SoundAssertion>();
        foreach (var algorithm in Enum.GetValues<AuthenticatorAlgorithm>())
        {
            using var authenticator = new SoftwareAuthenticator(RpId, algorithm) { Counter = 7 };
            var (client, data, signature) = authenticator.Assert(ChallengeBytes, Origin);
            all.Add(new SoundAssertion(authenticator.CredentialId, authenticator.PublicKey, client, data, signature));
        }

        return all;
    }

    /// <summary>Keys of every algorithm, with the challenge in both its writings.</summary>
    public static IReadOnlyList<SoundKey> Keys()
    {
        using var p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var rsa = RSA.Create(2048);
        using var edwards = new Ed25519Signer();
        return
        [
            Key(p256.ExportSubjectPublicKeyInfoPem(), d => p256.SignData(d, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence), Challenge),
            Key(rsa.ExportSubjectPublicKeyInfoPem(), d => rsa.SignData(d, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), Base64Url.EncodeToString(ChallengeBytes)),
            Key(PemOf(edwards), edwards.Sign, Challenge),
        ];
    }

    /// <summary>The key of a signer, as PEM of a SubjectPublicKeyInfo (RFC 8410 §4).</summary>
    /// <param name="signer">The signer.</param>
    public static string PemOf(Ed25519Signer signer) => PemEncoding.WriteString(
        "PUBLIC KEY", [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00, .. signer.PublicKey]);

    /// <summary>Whether client data says what it must, by another reading than the one that is tested: every member once.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="type">The type.</param>
    /// <param name="needsOrigin">Whether the origin must be there.</param>
    public static bool IsSound(byte[] bytes, string type, bool needsOrigin)
    {
        var reader = new Utf8JsonReader(bytes);
        var seen = new Dictionary<string, string?>(StringComparer.Ordinal);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            var matters = name is "type" or "challenge" or "origin";
            if (!seen.TryAdd(name, matters && reader.TokenType == JsonTokenType.String ? reader.GetString() : reader.TokenType.ToString()))
            {
                return false;
            }

            reader.Skip();
        }

        var challenge = seen.GetValueOrDefault("challenge")?.TrimEnd('=');
        var origin = seen.GetValueOrDefault("origin");
        return seen.GetValueOrDefault("type") == type
            && (challenge == Challenge || challenge == Base64Url.EncodeToString(ChallengeBytes))
            && (origin == Origin || (!needsOrigin && !seen.ContainsKey("origin")))
            && seen.GetValueOrDefault("crossOrigin") is null or "False" && !seen.ContainsKey("topOrigin");
    }

    /// <summary>Changes authenticator data: its head, its flags, the key at its end, or any bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="dice">What is changed, and how.</param>
    public static byte[] MutateAuthenticatorData(byte[] bytes, Dice dice)
    {
        if (bytes.Length < 56 || dice.OneIn(4))
        {
            return ByteMutator.Mutate(bytes, dice);
        }

        var (changed, key) = ((byte[])bytes.Clone(), 55 + ((bytes[53] << 8) | bytes[54]));
        if (key >= bytes.Length || dice.OneIn(4))
        {
            changed[32] = (byte)dice.Next();
            return dice.OneIn(2) ? changed : [.. changed, .. CborMutator.Mutate([0xA1, 0x61, 0x61, 0x18, 0x20], dice)];
        }

        return dice.OneIn(4)
            ? [.. ByteMutator.Mutate(bytes[37..key], dice), .. bytes[key..]]
            : [.. bytes[..key], .. CborMutator.Mutate(bytes[key..], dice)];
    }

    /// <summary>Changes PEM: the key within it, or its writing.</summary>
    /// <param name="pem">The PEM.</param>
    /// <param name="dice">What is changed, and how.</param>
    public static string MutatePem(string pem, Dice dice)
    {
        if (dice.OneIn(2) && PemEncoding.TryFind(pem, out var found))
        {
            return PemEncoding.WriteString(pem[found.Label], DerMutator.Mutate(Convert.FromBase64String(pem[found.Base64Data]), dice));
        }

        return dice.Below(9) switch
        {
            0 => pem.ReplaceLineEndings("\r\n"),
            1 => pem.Replace("\n", "", StringComparison.Ordinal),
            2 => pem + dice.Pick([" ", "\n\n", "\0", "x", "\u00a0", "\u2028", pem]),
            3 => pem.Replace("PUBLIC", dice.Pick(["PRIVATE", "EC PRIVATE", "RSA PUBLIC", "", "public"]), StringComparison.Ordinal),
            4 => pem.Insert(dice.Below(pem.Length), dice.Pick([" ", "=", "-", "\\", "\"", "\t", "\n", "\u00e9", "A"])),
            5 => pem[..dice.Below(pem.Length)],
            6 => new string(dice.Pick([' ', '\n', '-', 'A']), dice.Pick([1, 4096, 5000])) + pem,
            7 => "",
            _ => Encoding.Latin1.GetString(ByteMutator.Mutate(Encoding.Latin1.GetBytes(pem), dice)),
        };
    }

    private static SoundKey Key(string pem, Func<byte[], byte[]> sign, string challenge)
    {
        var create = ClientData("key.create", challenge);
        var get = ClientData("key.get", challenge);
        return new SoundKey(
            new NewKey("a key", create, pem, sign(KeyCeremonies.Fingerprint(create, pem))), new KeyProof("a key", get, sign(get)));
    }

    private static byte[] ClientData(string type, string challenge) =>
        Encoding.UTF8.GetBytes($$"""{"type":"{{type}}","challenge":"{{challenge}}","origin":"{{Origin}}","crossOrigin":false}""");

    private static RegistrationParts AttestByMaker(RegistrationParts parts, Guid aaguid)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Example Attestation, OU=Authenticator Attestation, O=Example, C=CH", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        var writer = new AsnWriter(AsnEncodingRules.DER);
        writer.WriteOctetString(aaguid.ToByteArray(bigEndian: true));
        request.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.45724.1.1.4", writer.Encode(), false));
        using var certificate = request.CreateSelfSigned(Now.AddYears(-1), Now.AddYears(10));
        byte[] signed = [.. parts.AuthenticatorData, .. SHA256.HashData(parts.ClientDataBytes)];
        return parts with
        {
            Format = "packed",
            Statement = SoftwareAuthenticator.Packed(
                -7, key.SignData(signed, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence), certificate.RawData),
        };
    }
}
