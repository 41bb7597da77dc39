using System.Formats.Asn1;
using System.Formats.Cbor;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Passkeys;

/// <summary>A registration that is sound, and then with one thing changed.</summary>
[Trait("runs", "once")]
public sealed class RegistrationTests : IDisposable
{
    private const string Origin = "https://app.example.com";
    private const string RpId = "example.com";

    private static readonly DateTimeOffset Now = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly CoseAlgorithm[] All = [CoseAlgorithm.Es256, CoseAlgorithm.EdDsa, CoseAlgorithm.Rs256];

    private readonly byte[] _challenge = RandomNumberGenerator.GetBytes(32);
    private readonly SoftwareAuthenticator _authenticator = new(RpId);

    public void Dispose() => _authenticator.Dispose();

    [Theory]
    [InlineData(AuthenticatorAlgorithm.Es256)]
    [InlineData(AuthenticatorAlgorithm.EdDsa)]
    [InlineData(AuthenticatorAlgorithm.Rs256)]
    public void Takes_a_sound_one_and_keeps_what_it_says(AuthenticatorAlgorithm algorithm)
    {
        using var authenticator = new SoftwareAuthenticator(RpId, algorithm) { Counter = 7 };
        var parts = authenticator.Register(_challenge, Origin);
        parts = parts with { AuthenticatorData = authenticator.AuthenticatorData(0x5D) };
        var passkey = Verify(parts).Value.ShouldNotBeNull();
        passkey.CredentialId.ShouldBe(authenticator.CredentialId);
        passkey.PublicKey.ShouldBe(authenticator.PublicKey);
        (passkey.SignCount, passkey.Aaguid, passkey.BackupEligible, passkey.BackedUp, passkey.UserVerified, passkey.Attestation)
            .ShouldBe((7u, authenticator.Aaguid, true, true, true, AttestationKind.None));
        passkey.Transports.ShouldBe(["internal", "hybrid"]);
    }

    [Fact]
    public void Ignores_extensions_that_nobody_asked_for()
    {
        var parts = _authenticator.Register(_challenge, Origin);
        byte[] data = [.. _authenticator.AuthenticatorData(0xC5), .. Map(("credProtect", 2))];
        Verify(parts with { AuthenticatorData = data }).Fault.ShouldBeNull();
        Verify(parts with { AuthenticatorData = [.. data, 0] }).Fault.ShouldBe(PasskeyFault.AuthenticatorDataMalformed);
        Verify(parts with { AuthenticatorData = data[..^1] }).Fault.ShouldBe(PasskeyFault.AuthenticatorDataMalformed);
        Verify(parts with { AuthenticatorData = [.. _authenticator.AuthenticatorData(0xC5), 0x01] }).Fault.ShouldBe(PasskeyFault.AuthenticatorDataMalformed);
        Verify(parts with { AuthenticatorData = _authenticator.AuthenticatorData(0xC5) }).Fault.ShouldBe(PasskeyFault.AuthenticatorDataMalformed);
    }

    [Theory]
    [InlineData("\"type\":\"webauthn.create\"", "\"type\":\"webauthn.get\"", PasskeyFault.WrongType)]
    [InlineData("\"type\":\"webauthn.create\"", "\"type\":\"WEBAUTHN.CREATE\"", PasskeyFault.WrongType)]
    [InlineData("\"type\":\"webauthn.create\",", "", PasskeyFault.ClientDataMalformed)]
    [InlineData("\"challenge\":\"", "\"challenge\":\"A", PasskeyFault.WrongChallenge)]
    [InlineData("\"challenge\":\"", "\"challenge\":1,\"no\":\"", PasskeyFault.ClientDataMalformed)]
    [InlineData("https://app.example.com", "https://app.example.com/", PasskeyFault.WrongOrigin)]
    [InlineData("https://app.example.com", "https://app.example.com.evil.example", PasskeyFault.WrongOrigin)]
    [InlineData("https://app.example.com", "http://app.example.com", PasskeyFault.WrongOrigin)]
    [InlineData("https://app.example.com", "https://APP.example.com", PasskeyFault.WrongOrigin)]
    [InlineData("\"crossOrigin\":false", "\"crossOrigin\":true", PasskeyFault.CrossOrigin)]
    [InlineData("\"crossOrigin\":false", "\"crossOrigin\":false,\"topOrigin\":\"https://evil.example\"", PasskeyFault.CrossOrigin)]
    [InlineData("\"crossOrigin\":false", "\"crossOrigin\":\"false\"", PasskeyFault.ClientDataMalformed)]
    [InlineData("\"crossOrigin\":false", "\"crossOrigin\":false,\"type\":\"webauthn.create\"", PasskeyFault.ClientDataMalformed)]
    [InlineData("{\"type\"", "[{\"type\"", PasskeyFault.ClientDataMalformed)]
    [InlineData("}", "}x", PasskeyFault.ClientDataMalformed)]
    public void Refuses_other_client_data(string part, string changed, PasskeyFault fault)
    {
        var parts = _authenticator.Register(_challenge, Origin);
        var client = parts.ClientData.Replace(part, changed, StringComparison.Ordinal);
        client.ShouldNotBe(parts.ClientData);
        Verify(parts with { ClientData = client }).Fault.ShouldBe(fault);
    }

    [Fact]
    public void Takes_a_frame_of_a_page_that_was_expected_and_no_other()
    {
        var parts = _authenticator.Register(_challenge, Origin);
        var framed = parts with
        {
            ClientData = parts.ClientData.Replace("false", "true,\"topOrigin\":\"https://portal.example.com\"", StringComparison.Ordinal),
        };
        Verify(framed).Fault.ShouldBe(PasskeyFault.CrossOrigin);
        Verify(framed, Expected() with { TopOrigins = ["https://portal.example.com"] }).Fault.ShouldBeNull();
        Verify(framed, Expected() with { TopOrigins = ["https://other.example.com"] }).Fault.ShouldBe(PasskeyFault.CrossOrigin);
    }

    [Fact]
    public void Takes_client_data_with_members_of_later_versions() =>
        Verify(_authenticator.Register(_challenge, Origin) with
        {
            ClientData = SoftwareAuthenticator.ClientData("webauthn.create", _challenge, Origin).Replace("}", ",\"extra\":{\"any\":[1]}}", StringComparison.Ordinal),
        }).Fault.ShouldBeNull();

    [Fact]
    public void Refuses_bytes_that_are_no_text() =>
        PasskeyCeremonies.VerifyRegistration(
            new RegistrationResponse([], [0xFF, 0xFE], [], []), Expected(), All, AttestationPolicy.Open, Now).Fault.ShouldBe(PasskeyFault.ClientDataMalformed);

    [Theory]
    [InlineData(0x44, PasskeyFault.UserNotPresent)]
    [InlineData(0x41, PasskeyFault.UserNotVerified)]
    [InlineData(0x55, PasskeyFault.BackupFlags)]
    [InlineData(0x05, PasskeyFault.AuthenticatorDataMalformed)]
    public void Refuses_other_flags(byte flags, PasskeyFault fault) =>
        Verify(_authenticator.Register(_challenge, Origin) with { AuthenticatorData = _authenticator.AuthenticatorData(flags) }).Fault.ShouldBe(fault);

    [Fact]
    public void Takes_presence_alone_where_verification_was_not_asked_for() =>
        Verify(
            _authenticator.Register(_challenge, Origin) with { AuthenticatorData = _authenticator.AuthenticatorData(0x41) },
            Expected() with { RequiresUserVerification = false }).Value!.UserVerified.ShouldBeFalse();

    [Fact]
    public void Refuses_another_relying_party()
    {
        using var other = new SoftwareAuthenticator("evil.example");
        Verify(other.Register(_challenge, Origin)).Fault.ShouldBe(PasskeyFault.WrongRelyingParty);
    }

    [Fact]
    public void Refuses_another_id_than_the_attested_one_and_ids_that_are_empty_or_too_long()
    {
        var parts = _authenticator.Register(_challenge, Origin);
        Verify(parts with { CredentialId = [.. parts.CredentialId, 0] }).Fault.ShouldBe(PasskeyFault.WrongCredentialId);
        Verify(parts with { AuthenticatorData = _authenticator.AuthenticatorData(0x45, []) }).Fault.ShouldBe(PasskeyFault.WrongCredentialId);
        Verify(WithId(new byte[1023])).Fault.ShouldBeNull();
        Verify(WithId(new byte[1024])).Fault.ShouldBe(PasskeyFault.WrongCredentialId);

        RegistrationParts WithId(byte[] id) => parts with { CredentialId = id, AuthenticatorData = _authenticator.AuthenticatorData(0x45, id) };
    }

    [Fact]
    public void Refuses_an_algorithm_that_was_not_asked_for()
    {
        PasskeyCeremonies.VerifyRegistration(Response(_authenticator.Register(_challenge, Origin)), Expected(), [CoseAlgorithm.Rs256], AttestationPolicy.Open, Now)
            .Fault.ShouldBe(PasskeyFault.AlgorithmNotAllowed);
        Verify(WithKey(Key((1, 2), (3, -35), (-1, 2), (-2, new byte[48]), (-3, new byte[48])))).Fault.ShouldBe(PasskeyFault.AlgorithmNotAllowed);

        // As a server without the library asks.
        using var edwards = new SoftwareAuthenticator(RpId, AuthenticatorAlgorithm.EdDsa);
        PasskeyCeremonies.VerifyRegistration(
            Response(edwards.Register(_challenge, Origin)), Expected(), [CoseAlgorithm.Es256, CoseAlgorithm.Rs256], AttestationPolicy.Open, Now)
            .Fault.ShouldBe(PasskeyFault.AlgorithmNotAllowed);
    }

    [Fact]
    public void Refuses_keys_that_are_none()
    {
        using var weak = RSA.Create(1024);
        var small = weak.ExportParameters(false);
        var point = new CborReader(_authenticator.PublicKey);
        var good = Members(_authenticator.PublicKey);
        using var signer = new Ed25519Signer();
        var edwards = signer.PublicKey;
        foreach (var (key, why) in new (byte[], string)[]
        {
            ([], "nothing"),
            ([0xA0], "empty map"),
            ([0xBF, 0xFF], "a map of unknown length"),
            (_authenticator.PublicKey[..^1], "cut"),
            (Key((1, 2), (3, -7), (-1, 1), (-2, good[-2]), (-3, new byte[32])), "a point off the curve"),
            (Key((1, 2), (3, -7), (-1, 2), (-2, good[-2]), (-3, good[-3])), "another curve"),
            (Key((1, 3), (3, -7), (-1, 1), (-2, good[-2]), (-3, good[-3])), "another type"),
            (Key((1, 2), (3, -7), (-1, 1), (-2, good[-2]), (-3, 1L)), "a compressed point"),
            (Key((1, 2), (3, -7), (-1, 1), (-2, ((byte[])good[-2])[..31]), (-3, good[-3])), "a short coordinate"),
            (Key((1, 2), (3, -7), (-1, 1), (-2, good[-2]), (-3, good[-3]), (-4, new byte[32])), "a private part"),
            (Key((1, 1), (3, -8), (-1, 6), (-2, new byte[32])), "a point of small order"),
            (Key((1, 1), (3, -8), (-1, 6), (-2, edwards[..31])), "a short point"),
            (Key((1, 1), (3, -8), (-1, 7), (-2, edwards)), "another curve of EdDSA"),
            (Key((1, 2), (3, -8), (-1, 6), (-2, edwards)), "EdDSA of another type"),
            (Key((1, 1), (3, -8), (-1, 6), (-2, edwards), (-4, edwards)), "a private part of EdDSA"),
            (Key((1, 1), (3, -7), (-1, 6), (-2, edwards)), "EdDSA's point under another algorithm"),
            (Key((1, 3), (3, -257), (-1, small.Modulus!), (-2, small.Exponent!)), "1024 bits"),
            (Key((1, 3), (3, -257), (-1, new byte[256]), (-2, small.Exponent!)), "a modulus of zeros"),
            (Key((1, 3), (3, -257), (-1, Enumerable.Repeat((byte)0xFF, 256).ToArray()), (-2, new byte[] { 1 })), "an exponent of one"),
            (Key((1, 3), (3, -257), (-1, Enumerable.Repeat((byte)0xFF, 513).ToArray()), (-2, small.Exponent!)), "more than 4096 bits"),
        })
        {
            Verify(WithKey(key)).Fault.ShouldBe(PasskeyFault.KeyMalformed, why);
        }

        point.PeekState().ShouldBe(CborReaderState.StartMap);
    }

    [Fact]
    public void Refuses_attestation_objects_that_are_none()
    {
        var parts = _authenticator.Register(_challenge, Origin);
        var whole = parts.AttestationObject;
        for (var length = 0; length < whole.Length; length++)
        {
            Refused(whole[..length], $"cut at {length}");
        }

        Refused([.. whole, 0], "one byte more");
        Refused([0xA0], "an empty map");
        Refused([0x80], "a list");
        Refused([0xBF, 0xFF], "a map of unknown length");
        Refused(Encoding.UTF8.GetBytes("{\"fmt\":\"none\"}"), "JSON");

        void Refused(byte[] bytes, string why) => PasskeyCeremonies.VerifyRegistration(
            new RegistrationResponse(parts.CredentialId, parts.ClientDataBytes, bytes, []), Expected(), All, AttestationPolicy.Open, Now)
            .Fault.ShouldBe(PasskeyFault.AttestationMalformed, why);
    }

    [Fact]
    public void An_attestation_of_nothing_says_nothing() =>
        Verify(_authenticator.Register(_challenge, Origin) with { Statement = Map(("alg", -7)) }).Fault.ShouldBe(PasskeyFault.AttestationInvalid);

    [Theory]
    [InlineData(AuthenticatorAlgorithm.Es256)]
    [InlineData(AuthenticatorAlgorithm.EdDsa)]
    [InlineData(AuthenticatorAlgorithm.Rs256)]
    public void Verifies_what_a_credential_attests_of_itself(AuthenticatorAlgorithm algorithm)
    {
        using var authenticator = new SoftwareAuthenticator(RpId, algorithm);
        var parts = authenticator.AttestItself(authenticator.Register(_challenge, Origin));
        Verify(parts).Value.ShouldNotBeNull().Attestation.ShouldBe(AttestationKind.Self);

        var other = authenticator.Sign(Encoding.UTF8.GetBytes("something else"));
        Verify(parts with { Statement = SoftwareAuthenticator.Packed((long)algorithm, other) }).Fault.ShouldBe(PasskeyFault.AttestationInvalid);
        byte[] signed = [.. parts.AuthenticatorData, .. SHA256.HashData(parts.ClientDataBytes)];
        var wrong = algorithm == AuthenticatorAlgorithm.Es256 ? -257 : -7;
        Verify(parts with { Statement = SoftwareAuthenticator.Packed(wrong, authenticator.Sign(signed)) }).Fault.ShouldBe(PasskeyFault.AttestationInvalid);
        Verify(parts with { Statement = [0xA0] }).Fault.ShouldBe(PasskeyFault.AttestationInvalid);
        Verify(parts, policy: new AttestationPolicy { Refused = [AttestationKind.Self] }).Fault.ShouldBe(PasskeyFault.AttestationNotAccepted);
    }

    [Fact]
    public void Follows_a_makers_certificate_to_a_root_that_is_trusted()
    {
        using var maker = new Maker(_authenticator.Aaguid);
        var parts = maker.Attest(_authenticator.Register(_challenge, Origin));
        Verify(parts).Value.ShouldNotBeNull().Attestation.ShouldBe(AttestationKind.Untrusted);
        Verify(parts, policy: new AttestationPolicy { Roots = [maker.Root] }).Value.ShouldNotBeNull().Attestation.ShouldBe(AttestationKind.Trusted);

        using var stranger = new Maker(_authenticator.Aaguid);
        Verify(parts, policy: new AttestationPolicy { Roots = [stranger.Root] }).Fault.ShouldBe(PasskeyFault.AttestationNotAccepted);
        PasskeyCeremonies.VerifyRegistration(
            Response(parts), Expected(), All, new AttestationPolicy { Roots = [maker.Root] }, Now.AddYears(30)).Fault.ShouldBe(PasskeyFault.AttestationNotAccepted);
    }

    [Fact]
    public void Refuses_certificates_that_do_not_speak_for_the_authenticator()
    {
        var parts = _authenticator.Register(_challenge, Origin);
        foreach (var (maker, why) in new (Maker, string)[]
        {
            (new Maker(new Guid("00000000-0000-0000-0000-000000000001")), "another model"),
            (new Maker(_authenticator.Aaguid, "CN=Example, O=Example, C=CH, OU=Something"), "another unit"),
            (new Maker(_authenticator.Aaguid, "CN=Example, OU=Authenticator Attestation, C=CH"), "no organisation"),
            (new Maker(_authenticator.Aaguid, authority: true), "an authority"),
            (new Maker(_authenticator.Aaguid, twice: true), "constraints twice"),
            (new Maker(_authenticator.Aaguid, model: [0x04, 0x01, 0x00]), "a model of one byte"),
            (new Maker(_authenticator.Aaguid, model: []), "a model of nothing"),
            (new Maker(_authenticator.Aaguid, model: [0x04, 0x10, .. _authenticator.Aaguid.ToByteArray(bigEndian: true), 0x00]), "a model and a byte more"),
            (new Maker(_authenticator.Aaguid, model: [0x02, 0x01, 0x00]), "a model that is a number"),
        })
        {
            using (maker)
            {
                Verify(maker.Attest(parts)).Fault.ShouldBe(PasskeyFault.AttestationInvalid, why);
            }
        }

        using var good = new Maker(_authenticator.Aaguid);
        var attested = good.Attest(parts);
        Verify(attested with { ClientData = attested.ClientData.Replace("false}", "false }", StringComparison.Ordinal) }).Fault
            .ShouldBe(PasskeyFault.AttestationInvalid, "signed over other client data");
        Verify(parts with { Format = "packed", Statement = SoftwareAuthenticator.Packed(-7, new byte[70], [1, 2, 3]) }).Fault
            .ShouldBe(PasskeyFault.AttestationInvalid, "no certificate");
    }

    [Fact]
    public void T15_What_is_not_verified_is_recorded_as_such_or_refused_and_never_silent()
    {
        var parts = _authenticator.Register(_challenge, Origin) with { Format = "tpm", Statement = Map(("ver", 2)) };
        Verify(parts).Value.ShouldNotBeNull().Attestation.ShouldBe(AttestationKind.Unverified);
        Verify(parts, policy: new AttestationPolicy { Refused = [AttestationKind.Unverified] }).Fault.ShouldBe(PasskeyFault.AttestationNotAccepted);
        Verify(_authenticator.Register(_challenge, Origin), policy: new AttestationPolicy { Refused = [AttestationKind.None] }).Fault
            .ShouldBe(PasskeyFault.AttestationNotAccepted);
    }

    [Fact]
    public void Keeps_no_transport_that_is_none()
    {
        var parts = _authenticator.Register(_challenge, Origin);
        PasskeyCeremonies.VerifyRegistration(
            new RegistrationResponse(parts.CredentialId, parts.ClientDataBytes, parts.AttestationObject, ["usb", "usb", "<script>", "", new string('a', 33), "smart-card"]),
            Expected(), All, AttestationPolicy.Open, Now).Value.ShouldNotBeNull().Transports.ShouldBe(["usb", "smart-card"]);
    }

    [Fact]
    public void No_byte_of_a_registration_can_be_changed_into_an_exception()
    {
        var parts = _authenticator.AttestItself(_authenticator.Register(_challenge, Origin));
        var whole = parts.AttestationObject;
        for (var i = 0; i < whole.Length; i++)
        {
            foreach (var bit in new[] { 0x01, 0x10, 0x80 })
            {
                var changed = (byte[])whole.Clone();
                changed[i] ^= (byte)bit;
                PasskeyCeremonies.VerifyRegistration(
                    new RegistrationResponse(parts.CredentialId, parts.ClientDataBytes, changed, []), Expected(), All, AttestationPolicy.Open, Now);
            }
        }
    }

    private Verdict<Passkey> Verify(RegistrationParts parts, CeremonyExpectation? expected = null, AttestationPolicy? policy = null) =>
        PasskeyCeremonies.VerifyRegistration(Response(parts), expected ?? Expected(), All, policy ?? AttestationPolicy.Open, Now);

    private static RegistrationResponse Response(RegistrationParts parts) =>
        new(parts.CredentialId, parts.ClientDataBytes, parts.AttestationObject, ["internal", "hybrid"]);

    private CeremonyExpectation Expected() => new(_challenge, RpId, [Origin]);

    private RegistrationParts WithKey(byte[] key) =>
        _authenticator.Register(_challenge, Origin) with { AuthenticatorData = _authenticator.AuthenticatorData(0x45, publicKey: key) };

    private static byte[] Key(params (long Label, object Value)[] members)
    {
        var writer = new CborWriter(CborConformanceMode.Ctap2Canonical);
        writer.WriteStartMap(members.Length);
        foreach (var (label, value) in members)
        {
            writer.WriteInt64(label);
            if (value is byte[] bytes)
            {
                writer.WriteByteString(bytes);
            }
            else
            {
                writer.WriteInt64(Convert.ToInt64(value));
            }
        }

        writer.WriteEndMap();
        return writer.Encode();
    }

    private static Dictionary<long, object> Members(byte[] key)
    {
        var (reader, members) = (new CborReader(key), new Dictionary<long, object>());
        for (var left = reader.ReadStartMap(); left > 0; left--)
        {
            var label = reader.ReadInt64();
            members[label] = reader.PeekState() == CborReaderState.ByteString ? reader.ReadByteString() : reader.ReadInt64();
        }

        return members;
    }

    private static byte[] Map((string Name, long Value) member)
    {
        var writer = new CborWriter();
        writer.WriteStartMap(1);
        writer.WriteTextString(member.Name);
        writer.WriteInt64(member.Value);
        writer.WriteEndMap();
        return writer.Encode();
    }

    /// <summary>A maker of authenticators, with a root and a certificate for one model.</summary>
    private sealed class Maker : IDisposable
    {
        private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        private readonly X509Certificate2 _certificate;

        public Maker(Guid aaguid, string subject = "CN=Example Attestation, OU=Authenticator Attestation, O=Example, C=CH", bool authority = false, byte[]? model = null, bool twice = false)
        {
            using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var root = new CertificateRequest($"CN=Example Root {RandomNumberGenerator.GetHexString(8)}", rootKey, HashAlgorithmName.SHA256);
            root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            Root = root.CreateSelfSigned(Now.AddYears(-1), Now.AddYears(20));
            var request = new CertificateRequest(subject, _key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(authority, false, 0, true));
            var writer = new AsnWriter(AsnEncodingRules.DER);
            writer.WriteOctetString(aaguid.ToByteArray(bigEndian: true));
            request.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.45724.1.1.4", model ?? writer.Encode(), false));
            if (twice)
            {
                request.CertificateExtensions.Add(new X509Extension("2.5.29.99", request.CertificateExtensions[0].RawData, true));
            }

            _certificate = request.Create(Root, Now.AddYears(-1), Now.AddYears(10), [1, 2, 3, 4]);
        }

        public X509Certificate2 Root { get; }

        public RegistrationParts Attest(RegistrationParts parts) => parts with
        {
            Format = "packed",
            Statement = SoftwareAuthenticator.Packed(
                -7,
                _key.SignData(
                    [.. parts.AuthenticatorData, .. SHA256.HashData(parts.ClientDataBytes)], HashAlgorithmName.SHA256,
                    DSASignatureFormat.Rfc3279DerSequence),
                Renumbered(_certificate.RawData)),
        };

        // Nobody issues an extension twice: one is made as another, of the same length, and given its number afterwards.
        private static byte[] Renumbered(byte[] encoded) =>
            Convert.FromHexString(Convert.ToHexString(encoded).Replace("0603551D63", "0603551D13", StringComparison.Ordinal));

        public void Dispose()
        {
            _key.Dispose();
            _certificate.Dispose();
            Root.Dispose();
        }
    }
}
