using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Testing;
using Sparekey.Testing.Fuzzing;

namespace Sparekey.Engine.Tests.Credentials.Keys;

/// <summary>Something sound that a key signed, and then with one thing changed.</summary>
public sealed class KeyCeremonyTests : IDisposable
{
    private const string Challenge = "ch-39e46-hbmvm-8ltqq3sj4887e7p8";
    private const string Origin = "https://app.example.com";

    private static readonly string Encoded = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(Challenge));
    private static readonly string[] Origins = ["https://other.example.com", Origin];

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose() => _key.Dispose();

    [Fact]
    public void Takes_the_registration_of_the_vectors()
    {
        var made = DfnsVectors.Registration;
        Convert.ToHexStringLower(SHA256.HashData(made.ClientData)).ShouldBe(DfnsVectors.ClientDataHash);
        Encoding.UTF8.GetString(KeyCeremonies.Fingerprint(made.ClientData, made.PublicKey)).ShouldBe(
            "{\"clientDataHash\":\"4d3c002b808d8a4d5885a2cf1a07f0cb5d75e0ea90a539f9b6e03403c4600264\",\"publicKey\":\"-----BEGIN PUBLIC KEY-----\\n"
            + "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAhfmF/C2RDkoJ4+WmZ5pojpPLBUr321s32bluAKC1O0ZSn3ry5dxLS3aPKhaqHZaVvRfx1hZllLyiXxlMG5XlA==\\n"
            + "-----END PUBLIC KEY-----\"}");
        KeyCeremonies.VerifyRegistration(made, DfnsVectors.RegistrationChallenge, ["http://localhost:3000"]).ShouldBeNull();
        KeyCeremonies.VerifyRegistration(made, DfnsVectors.RegistrationChallenge, Origins).ShouldBe(KeyFault.WrongOrigin);
        KeyCeremonies.VerifyRegistration(made, DfnsVectors.RecoveryChallenge, ["http://localhost:3000"]).ShouldBe(KeyFault.WrongChallenge);
    }

    [Fact]
    public void Takes_the_recovery_of_the_vectors_and_the_credentials_within_it()
    {
        KeyCeremonies.VerifySigned(DfnsVectors.Recovery, DfnsVectors.Registration.PublicKey, ["http://localhost:3000"], out var signed).ShouldBeNull();
        var said = JsonNode.Parse(Encoding.UTF8.GetString(Base64Url.DecodeFromChars(signed.ShouldNotBeNull().Challenge)))!;
        JsonNode.DeepEquals(said, DfnsVectors.NewCredentials).ShouldBeTrue();
        var first = DfnsVectors.FirstOf(said);
        first.PublicKey.ShouldEndWith("-----END PUBLIC KEY-----\n");
        KeyCeremonies.VerifyRegistration(first, DfnsVectors.RecoveryChallenge, []).ShouldBeNull();
        KeyCeremonies.VerifyRegistration(first, DfnsVectors.RegistrationChallenge, []).ShouldBe(KeyFault.WrongChallenge);
    }

    [Fact]
    public void No_byte_of_the_recovery_of_the_vectors_can_be_changed()
    {
        var (proof, key) = (DfnsVectors.Recovery, DfnsVectors.Registration.PublicKey);
        foreach (var i in Enumerable.Range(0, proof.ClientData.Length).Where(i => i % 7 == 0))
        {
            var changed = (byte[])proof.ClientData.Clone();
            changed[i] ^= 1;
            KeyCeremonies.VerifySigned(proof with { ClientData = changed }, key, ["http://localhost:3000"], out var signed).ShouldBe(KeyFault.WrongSignature);
            signed.ShouldBeNull();
        }

        KeyCeremonies.VerifySigned(proof, DfnsVectors.FirstOf(DfnsVectors.NewCredentials).PublicKey, ["http://localhost:3000"], out _).ShouldBe(KeyFault.WrongSignature);
        KeyCeremonies.VerifySigned(proof with { Algorithm = "SHA512" }, key, ["http://localhost:3000"], out _).ShouldBe(KeyFault.WrongSignature);
    }

    [Theory]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\"}", null)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"ENCODED\"}", null)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"ENCODED==\"}", null)]
    [InlineData("{\"challenge\":\"RAW\",\"crossOrigin\":false,\"origin\":\"https://app.example.com\",\"type\":\"key.create\"}", null)]
    [InlineData("{ \"type\" : \"key.create\" , \"challenge\" : \"RAW\" , \"more\" : [ 1 ] }", null)]
    [InlineData("{\"type\":\"key.get\",\"challenge\":\"RAW\"}", KeyFault.WrongType)]
    [InlineData("{\"type\":\"webauthn.create\",\"challenge\":\"RAW\"}", KeyFault.WrongType)]
    [InlineData("{\"type\":\"Key.create\",\"challenge\":\"RAW\"}", KeyFault.WrongType)]
    [InlineData("{\"challenge\":\"RAW\"}", KeyFault.ClientDataMalformed)]
    [InlineData("{\"type\":\"key.create\"}", KeyFault.ClientDataMalformed)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":1}", KeyFault.ClientDataMalformed)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW \"}", KeyFault.WrongChallenge)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW==\"}", KeyFault.WrongChallenge)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"\"}", KeyFault.WrongChallenge)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"ENCODEDAA\"}", KeyFault.WrongChallenge)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\",\"origin\":\"https://evil.example\"}", KeyFault.WrongOrigin)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\",\"origin\":\"https://app.example.com/\"}", KeyFault.WrongOrigin)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\",\"origin\":\"\"}", KeyFault.WrongOrigin)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\",\"origin\":null}", KeyFault.ClientDataMalformed)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\",\"crossOrigin\":true}", KeyFault.ClientDataMalformed)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\",\"crossOrigin\":\"false\"}", KeyFault.ClientDataMalformed)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\",\"topOrigin\":\"https://app.example.com\"}", KeyFault.ClientDataMalformed)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\",\"challenge\":\"RAW\"}", KeyFault.ClientDataMalformed)]
    [InlineData("{\"type\":\"key.create\",\"type\":\"key.get\",\"challenge\":\"RAW\"}", KeyFault.ClientDataMalformed)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"\\ud800\"}", KeyFault.ClientDataMalformed)]
    [InlineData("[\"key.create\",\"RAW\"]", KeyFault.ClientDataMalformed)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\"}x", KeyFault.ClientDataMalformed)]
    [InlineData("", KeyFault.ClientDataMalformed)]
    public void Client_data_of_a_registration(string text, KeyFault? fault) =>
        KeyCeremonies.VerifyRegistration(Made(Filled(text)), Challenge, Origins).ShouldBe(fault);

    [Theory]
    [InlineData("{\"type\":\"key.get\",\"challenge\":\"RAW\"}", null)]
    [InlineData("{\"type\":\"key.get\",\"challenge\":\"ENCODED\",\"origin\":\"https://app.example.com\",\"crossOrigin\":false}", null)]
    [InlineData("{\"type\":\"key.create\",\"challenge\":\"RAW\"}", KeyFault.WrongType)]
    [InlineData("{\"type\":\"webauthn.get\",\"challenge\":\"RAW\"}", KeyFault.WrongType)]
    [InlineData("{\"type\":\"key.get\",\"challenge\":\"ch-other\"}", KeyFault.WrongChallenge)]
    [InlineData("{\"type\":\"key.get\",\"challenge\":\"RAW\",\"origin\":\"http://app.example.com\"}", KeyFault.WrongOrigin)]
    [InlineData("{\"type\":\"key.get\",\"challenge\":\"RAW\",\"crossOrigin\":true}", KeyFault.ClientDataMalformed)]
    public void Client_data_of_an_assertion(string text, KeyFault? fault)
    {
        var client = Filled(text);
        KeyCeremonies.VerifyAssertion(new KeyProof("a key", client, Sign(client)), Pem(_key), Challenge, Origins).ShouldBe(fault);
    }

    [Fact]
    public void Refuses_bytes_that_are_no_text_and_texts_that_are_too_long()
    {
        byte[] half = [.. "{\"type\":\"key.create\",\"challenge\":\""u8, 0xC3, .. "\"}"u8];
        KeyCeremonies.VerifyRegistration(Made(half), Challenge, Origins).ShouldBe(KeyFault.ClientDataMalformed);
        var padding = new string(' ', SignedClientData.Longest);
        KeyCeremonies.VerifyRegistration(Made(Filled("{\"type\":\"key.create\",\"challenge\":\"RAW\"}" + padding)), Challenge, Origins).ShouldBe(KeyFault.ClientDataMalformed);
        KeyCeremonies.VerifyRegistration(Made(Filled(new string('[', 1000))), Challenge, Origins).ShouldBe(KeyFault.ClientDataMalformed);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("SHA256", null)]
    [InlineData("RSA-SHA256", null)]
    [InlineData("SHA512", KeyFault.WrongSignature)]
    [InlineData("RSA-SHA512", KeyFault.WrongSignature)]
    [InlineData("sha256", KeyFault.WrongSignature)]
    [InlineData("MD5", KeyFault.WrongSignature)]
    [InlineData("SHA1", KeyFault.WrongSignature)]
    [InlineData("none", KeyFault.WrongSignature)]
    public void Names_of_hashes(string? name, KeyFault? fault) =>
        KeyCeremonies.VerifyRegistration(Made(Good) with { Algorithm = name }, Challenge, Origins).ShouldBe(fault);

    [Fact]
    public void Takes_the_other_hash_where_it_was_signed_with_it()
    {
        var made = Made(Good);
        var other = _key.SignData(KeyCeremonies.Fingerprint(Good, made.PublicKey), HashAlgorithmName.SHA512, DSASignatureFormat.Rfc3279DerSequence);
        KeyCeremonies.VerifyRegistration(made with { Signature = other, Algorithm = "SHA512" }, Challenge, Origins).ShouldBeNull();
        KeyCeremonies.VerifyRegistration(made with { Signature = other }, Challenge, Origins).ShouldBe(KeyFault.WrongSignature);
    }

    [Fact]
    public void Refuses_signatures_over_something_else_or_in_another_form()
    {
        var made = Made(Good);
        var fingerprint = KeyCeremonies.Fingerprint(Good, made.PublicKey);
        foreach (var (signature, why) in new (byte[], string)[]
        {
            ([], "none"),
            (new byte[1025], "too long"),
            (new byte[64], "zeros"),
            ([0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00], "zero and zero"),
            ([0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01], "one and one"),
            (Sign(Good), "over the client data, as an assertion is"),
            (Sign(KeyCeremonies.Fingerprint(Good, made.PublicKey + "\n")), "over another writing of the key"),
            (_key.SignData(fingerprint, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation), "r and s, one behind the other"),
            ([.. Sign(fingerprint), 0], "a byte more"),
            (Encoding.ASCII.GetBytes(Convert.ToHexStringLower(Sign(fingerprint))), "in hexadecimal"),
        })
        {
            KeyCeremonies.VerifyRegistration(made with { Signature = signature }, Challenge, Origins).ShouldBe(KeyFault.WrongSignature, why);
        }
    }

    [Fact]
    public void Refuses_the_key_of_somebody_else()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        KeyCeremonies.VerifyRegistration(Made(Good) with { PublicKey = Pem(other) }, Challenge, Origins).ShouldBe(KeyFault.WrongSignature);
    }

    [Fact]
    public void The_name_of_a_key_is_any_text_of_at_most_1024_characters()
    {
        foreach (var name in new[] { "x", "A7U-KY6-9PT ==", "\u00e9\U0001F511", new string('x', 1024) })
        {
            KeyCeremonies.VerifyRegistration(Made(Good) with { CredentialId = name }, Challenge, Origins).ShouldBeNull();
        }

        KeyCeremonies.VerifyRegistration(Made(Good) with { CredentialId = "" }, Challenge, Origins).ShouldBe(KeyFault.KeyMalformed);
        KeyCeremonies.VerifyRegistration(Made(Good) with { CredentialId = new string('x', 1025) }, Challenge, Origins).ShouldBe(KeyFault.KeyMalformed);
    }

    [Fact]
    public void Takes_every_writing_of_PEM_as_it_was_signed()
    {
        var pem = Pem(_key);
        var line = string.Concat(pem.Split('\n')[1..^1]);
        foreach (var (written, why) in new[]
        {
            (pem, "64 columns"),
            (pem + "\n", "64 columns and a line's end, as Node writes it"),
            ($"-----BEGIN PUBLIC KEY-----\n{line}\n-----END PUBLIC KEY-----", "one line"),
            (pem.ReplaceLineEndings("\r\n"), "CRLF"),
            ("\n  " + pem + " \r\n", "white space around it"),
        })
        {
            KeyCeremonies.VerifyRegistration(Made(Good, written), Challenge, Origins).ShouldBeNull(why);

            // Signed in one writing and sent in another: not what was signed.
            KeyCeremonies.VerifyRegistration(Made(Good, written) with { PublicKey = written + "\n\n" }, Challenge, Origins).ShouldBe(KeyFault.WrongSignature, why);
        }
    }

    [Fact]
    public void Takes_RSA_and_Ed25519()
    {
        using var rsa = RSA.Create(2048);
        using var edwards = new Ed25519Signer();
        var (one, other) = (rsa.ExportSubjectPublicKeyInfoPem(), SoundCeremonies.PemOf(edwards));
        var signed = rsa.SignData(KeyCeremonies.Fingerprint(Good, one), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        KeyCeremonies.VerifyRegistration(new NewKey("rsa", Good, one, signed), Challenge, Origins).ShouldBeNull();
        KeyCeremonies.VerifyRegistration(new NewKey("rsa", Good, one, signed) { Algorithm = "RSA-SHA256" }, Challenge, Origins).ShouldBeNull();
        var padded = rsa.SignData(KeyCeremonies.Fingerprint(Good, one), HashAlgorithmName.SHA256, RSASignaturePadding.Pss);
        KeyCeremonies.VerifyRegistration(new NewKey("rsa", Good, one, padded), Challenge, Origins).ShouldBe(KeyFault.WrongSignature);

        KeyCeremonies.VerifyRegistration(new NewKey("ed", Good, other, edwards.Sign(KeyCeremonies.Fingerprint(Good, other))), Challenge, Origins).ShouldBeNull();
        KeyCeremonies.VerifyRegistration(new NewKey("ed", Good, other, edwards.Sign(Good)), Challenge, Origins).ShouldBe(KeyFault.WrongSignature);
        KeyCeremonies.VerifyRegistration(new NewKey("ed", Good, other, signed), Challenge, Origins).ShouldBe(KeyFault.WrongSignature);
        var get = Filled("{\"type\":\"key.get\",\"challenge\":\"RAW\"}");
        KeyCeremonies.VerifyAssertion(new KeyProof("ed", get, edwards.Sign(get)), other, Challenge, Origins).ShouldBeNull();
    }

    private static byte[] Good => Filled("{\"type\":\"key.create\",\"challenge\":\"RAW\",\"origin\":\"https://app.example.com\",\"crossOrigin\":false}");

    private static byte[] Filled(string text) => Encoding.UTF8.GetBytes(
        text.Replace("RAW", Challenge, StringComparison.Ordinal).Replace("ENCODED", Encoded, StringComparison.Ordinal));

    private NewKey Made(byte[] clientData, string? pem = null)
    {
        var written = pem ?? Pem(_key);
        return new NewKey("a key", clientData, written, Sign(KeyCeremonies.Fingerprint(clientData, written)));
    }

    private byte[] Sign(byte[] data) => _key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    private static string Pem(ECDsa key) => key.ExportSubjectPublicKeyInfoPem();
}
