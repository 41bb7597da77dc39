using System.Buffers.Text;
using System.Formats.Cbor;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Tokens;

namespace Sparekey.Testing.Fuzzing;

/// <summary>What reads and verifies credentials and tokens in the engine.</summary>
public static class EngineTargets
{
    private static readonly CoseAlgorithm[] Algorithms = [CoseAlgorithm.Es256, CoseAlgorithm.EdDsa, CoseAlgorithm.Rs256];
    private static readonly string?[] Hashes = [null, null, "SHA256", "RSA-SHA256", "SHA512", "", "sha256", "MD5", "none"];

    private static CeremonyExpectation Expected => new(SoundCeremonies.ChallengeBytes, SoundCeremonies.RpId, [SoundCeremonies.Origin]) { RawChallenge = SoundCeremonies.Challenge };

    /// <summary>All of them, over ceremonies of new keys.</summary>
    public static IReadOnlyList<FuzzTarget> All()
    {
        var (registrations, assertions, keys) = (SoundCeremonies.Registrations(), SoundCeremonies.Assertions(), SoundCeremonies.Keys());
        return
        [
            OfBytes("Attestation.Parse", [.. registrations.Select(r => r.Parts.AttestationObject)], MutateAttestation, bytes => Said(Attestation.Parse(bytes).Value is not null)),
            OfBytes("AuthenticatorData.Parse", [.. registrations.Select(r => r.Parts.AuthenticatorData), .. assertions.Select(a => a.AuthenticatorData)], SoundCeremonies.MutateAuthenticatorData, ParseAuthenticatorData),
            OfBytes("CoseKey.Parse", [.. assertions.Select(a => a.PublicKey)], (b, d) => CborMutator.Mutate(b, d), ParseCoseKey),
            OfBytes("ClientData.Check", [.. assertions.Select(a => a.ClientData)], (b, d) => JsonMutator.Mutate(b, d), CheckClientData),
            OfBytes("PasskeyChallenge.SaidBy", [.. assertions.Select(a => a.ClientData)], (b, d) => JsonMutator.Mutate(b, d), bytes => Said(PasskeyChallenge.SaidBy(bytes) is not null)),
            new FuzzTarget("PasskeyCeremonies.VerifyRegistration", dice => Registration(dice.Pick(registrations), dice)),
            new FuzzTarget("PasskeyCeremonies.VerifyAssertion", dice => Assertion(dice.Pick(assertions), dice)),
            new FuzzTarget("SigningPublicKey.Parse", dice => PublicKey(SoundCeremonies.MutatePem(dice.Pick(keys).Registration.PublicKey, dice))),
            OfBytes("SignedClientData.Parse", [.. keys.Select(k => k.Assertion.ClientData)], (b, d) => JsonMutator.Mutate(b, d), ParseSignedClientData),
            new FuzzTarget("KeyCeremonies.VerifyRegistration", dice => KeyRegistration(dice.Pick(keys).Registration, dice)),
            new FuzzTarget("KeyCeremonies.VerifyAssertion", dice => KeyAssertion(dice.Pick(keys), dice)),
            Jwt(),
        ];
    }

    /// <summary>A target that takes bytes.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="sound">Sound inputs.</param>
    /// <param name="mutate">Changes one.</param>
    /// <param name="run">Asks.</param>
    public static FuzzTarget OfBytes(string name, IReadOnlyList<byte[]> sound, Func<byte[], Dice, byte[]> mutate, Func<byte[], FuzzOutcome> run) =>
        new(name, dice =>
        {
            var changed = mutate(dice.Pick(sound), dice);
            return new FuzzCase(() => run(changed), () => Convert.ToBase64String(changed));
        });

    /// <summary>What a parser said, of whose values none is worse than another.</summary>
    /// <param name="taken">Whether it took the input.</param>
    public static FuzzOutcome Said(bool taken) => taken ? FuzzOutcome.Taken : FuzzOutcome.Refused;

    private static FuzzOutcome Judge(bool taken, Func<bool> mayBe) =>
        !taken ? FuzzOutcome.Refused : mayBe() ? FuzzOutcome.Taken : FuzzOutcome.WronglyTaken;

    private static byte[] MutateAttestation(byte[] bytes, Dice dice) => CborMutator.Mutate(bytes, dice, MutatePart);

    private static byte[] MutatePart(byte[] part, Dice dice) =>
        part is [0x30, ..] ? DerMutator.Mutate(part, dice)
        : part.Length >= 37 && part.AsSpan(0, 32).SequenceEqual(SHA256.HashData(Encoding.UTF8.GetBytes(SoundCeremonies.RpId)))
            ? SoundCeremonies.MutateAuthenticatorData(part, dice)
            : ByteMutator.Mutate(part, dice);

    // Without extensions, what was read can be written again, to the same bytes.
    private static FuzzOutcome ParseAuthenticatorData(byte[] bytes)
    {
        if (AuthenticatorData.Parse(bytes).Value is not { } data)
        {
            return FuzzOutcome.Refused;
        }

        byte[] counter = [(byte)(data.SignCount >> 24), (byte)(data.SignCount >> 16), (byte)(data.SignCount >> 8), (byte)data.SignCount];
        byte[] written = [.. data.RpIdHash, bytes[32], .. counter];
        if (data.CredentialId is { } id)
        {
            written = [.. written, .. data.Aaguid.ToByteArray(bigEndian: true), (byte)(id.Length >> 8), (byte)id.Length, .. id, .. data.PublicKey!.Encoded];
        }

        var same = data.Flags.HasFlag(AuthenticatorFlags.Extensions) ? bytes.AsSpan().StartsWith(written) : bytes.AsSpan().SequenceEqual(written);
        return same ? FuzzOutcome.Taken : FuzzOutcome.WronglyTaken;
    }

    private static FuzzOutcome ParseCoseKey(byte[] bytes)
    {
        var key = CoseKey.Parse(bytes, out var fault);
        return key is null
            ? fault is null ? FuzzOutcome.WronglyTaken : FuzzOutcome.Refused
            : fault is null && bytes.AsSpan().StartsWith(key.Encoded) && !key.Verify(bytes, new byte[64]) && !key.Verify(bytes, bytes)
                ? FuzzOutcome.Taken
                : FuzzOutcome.WronglyTaken;
    }

    private static FuzzOutcome CheckClientData(byte[] bytes) =>
        Judge(ClientData.Check(bytes, "webauthn.get", Expected) is null, () => SoundCeremonies.IsSound(bytes, "webauthn.get", needsOrigin: true));

    private static FuzzOutcome ParseSignedClientData(byte[] bytes) => Judge(
        SignedClientData.Parse(bytes) is { } data && data.Type == "key.get" && data.Answers(SoundCeremonies.Challenge) && data.IsFrom([SoundCeremonies.Origin]),
        () => SoundCeremonies.IsSound(bytes, "key.get", needsOrigin: false));

    private static FuzzCase Registration(SoundRegistration sound, Dice dice)
    {
        var parts = sound.Parts;
        var attestation = dice.OneIn(4) ? parts.AttestationObject : MutateAttestation(parts.AttestationObject, dice);
        var client = dice.OneIn(3) ? JsonMutator.Mutate(parts.ClientDataBytes, dice) : parts.ClientDataBytes;
        var id = dice.OneIn(8) ? ByteMutator.Mutate(parts.CredentialId, dice) : parts.CredentialId;
        var made = new NewPasskey(
            Base64Url.EncodeToString(id), Encoded(client, dice), Encoded(attestation, dice), dice.OneIn(4) ? ["usb", "", "\ud800", new string('x', 40)] : []);
        return new FuzzCase(
            () =>
            {
                if (made.ToResponse() is not { } response
                    || PasskeyCeremonies.VerifyRegistration(response, Expected, Algorithms, AttestationPolicy.Open, SoundCeremonies.Now).Value is not { } passkey)
                {
                    return FuzzOutcome.Refused;
                }

                // What somebody signed is what was signed; what nobody signed still says where, when and for what.
                var signed = passkey.Attestation is AttestationKind.Self or AttestationKind.Untrusted or AttestationKind.Trusted;
                var isSame = response.ClientData.AsSpan().SequenceEqual(parts.ClientDataBytes)
                    && AuthenticatorDataOf(response.AttestationObject).AsSpan().SequenceEqual(parts.AuthenticatorData);
                return SoundCeremonies.IsSound(response.ClientData, "webauthn.create", needsOrigin: true)
                    && passkey.CredentialId.AsSpan().SequenceEqual(response.CredentialId)
                    && CoseKey.Parse(passkey.PublicKey, out _) is not null
                    && (!signed || (sound.IsSigned && isSame)) ? FuzzOutcome.Taken : FuzzOutcome.WronglyTaken;
            },
            () => JsonSerializer.Serialize(made));
    }

    private static FuzzCase Assertion(SoundAssertion sound, Dice dice)
    {
        var which = dice.Below(6);
        var client = which is 0 or 5 ? JsonMutator.Mutate(sound.ClientData, dice) : sound.ClientData;
        var data = which is 1 or 5 ? SoundCeremonies.MutateAuthenticatorData(sound.AuthenticatorData, dice) : sound.AuthenticatorData;
        var signature = which is 2 or 5 ? MutatePart(sound.Signature, dice) : sound.Signature;
        var id = which is 3 ? ByteMutator.Mutate(sound.CredentialId, dice) : sound.CredentialId;
        byte[] owner = [1, 2, 3, 4];
        var handle = which is 4 ? ByteMutator.Mutate(owner, dice) : dice.OneIn(2) ? owner : null;
        var proved = new PasskeyAssertion(
            Base64Url.EncodeToString(id), Encoded(client, dice), Encoded(data, dice), Encoded(signature, dice), handle is null ? null : Base64Url.EncodeToString(handle));
        return new FuzzCase(
            () => proved.ToResponse() is { } response
                ? Judge(
                    PasskeyCeremonies.VerifyAssertion(response, new Passkey(sound.CredentialId, sound.PublicKey, 7), owner, Expected).Value is not null,
                    () => response.ClientData.AsSpan().SequenceEqual(sound.ClientData) && response.AuthenticatorData.AsSpan().SequenceEqual(sound.AuthenticatorData)
                        && response.CredentialId.AsSpan().SequenceEqual(sound.CredentialId)
                        && (response.UserHandle is null or [] || response.UserHandle.AsSpan().SequenceEqual(owner)))
                : FuzzOutcome.Refused,
            () => JsonSerializer.Serialize(proved));
    }

    private static FuzzCase PublicKey(string pem) => new(
        () => SigningPublicKey.Parse(pem) is { } key
            ? Judge(
                taken: true,
                () => key.Fingerprint.Length == 51 && !key.Verify([1], [0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01])
                    && !key.Verify([1], new byte[64], SignatureForm.Fixed, HashAlgorithmName.SHA512) && !key.Verify([1], new byte[256]))
            : FuzzOutcome.Refused,
        () => JsonSerializer.Serialize(pem));

    private static FuzzCase KeyRegistration(NewKey sound, Dice dice)
    {
        var which = dice.Below(5);
        var made = sound with
        {
            ClientData = which is 0 or 4 ? JsonMutator.Mutate(sound.ClientData, dice) : sound.ClientData,
            PublicKey = which is 1 or 4 ? SoundCeremonies.MutatePem(sound.PublicKey, dice) : sound.PublicKey,
            Signature = which is 2 or 4 ? MutatePart(sound.Signature, dice) : sound.Signature,
            CredentialId = which is 3 ? dice.Pick(["", "\0", new string('x', 1024), new string('x', 1025)]) : sound.CredentialId,
            Algorithm = dice.Pick(Hashes),
        };
        return new FuzzCase(
            () => Judge(
                KeyCeremonies.VerifyRegistration(made, SoundCeremonies.Challenge, [SoundCeremonies.Origin]) is null,
                () => made.PublicKey == sound.PublicKey && made.ClientData.AsSpan().SequenceEqual(sound.ClientData) && made.CredentialId.Length is > 0 and <= 1024),
            () => JsonSerializer.Serialize(made));
    }

    private static FuzzCase KeyAssertion(SoundKey sound, Dice dice)
    {
        var which = dice.Below(4);
        var proof = sound.Assertion with
        {
            ClientData = which is 0 or 3 ? JsonMutator.Mutate(sound.Assertion.ClientData, dice) : sound.Assertion.ClientData,
            Signature = which is 1 or 3 ? MutatePart(sound.Assertion.Signature, dice) : sound.Assertion.Signature,
            Algorithm = dice.Pick(Hashes),
        };
        var pem = which is 2 ? SoundCeremonies.MutatePem(sound.Registration.PublicKey, dice) : sound.Registration.PublicKey;
        return new FuzzCase(
            () => Judge(
                KeyCeremonies.VerifyAssertion(proof, pem, SoundCeremonies.Challenge, [SoundCeremonies.Origin]) is null,
                () => proof.ClientData.AsSpan().SequenceEqual(sound.Assertion.ClientData)),
            () => JsonSerializer.Serialize(new { proof, pem }));
    }

    // One token has one spelling: whatever is not the token itself is refused.
    private static FuzzTarget Jwt()
    {
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        PublicJwk[] keys = [PublicJwk.Of(ecdsa, "one")];
        var token = SignedProof.Write(
            new SigningKey("one", ecdsa.ExportPkcs8PrivateKey()),
            new Dictionary<string, object>(StringComparer.Ordinal) { ["iss"] = SoundCeremonies.Origin, ["exp"] = 1_800_000_000L, ["amr"] = new[] { "pop" } });
        var parts = token.Split('.');
        return new FuzzTarget("SignedProof.Read", dice =>
        {
            var changed = parts.ToArray();
            var at = dice.Below(3);
            changed[at] = dice.Below(5) switch
            {
                0 => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(dice.Pick(
                    ["{\"alg\":\"none\"}", "{\"alg\":\"HS256\",\"kid\":\"one\"}", "{\"alg\":\"ES256\",\"kid\":\"one\",\"crit\":[]}", "{\"alg\":\"ES256\",\"kid\":null}", "[]", "1"]))),
                1 => parts[dice.Below(3)],
                _ => JsonMutator.MutateEncoded(parts[at], dice, at == 2 ? ByteMutator.Mutate : (b, d) => JsonMutator.Mutate(b, d)),
            };
            var text = dice.OneIn(20) ? Encoding.Latin1.GetString(ByteMutator.Mutate(Encoding.Latin1.GetBytes(token), dice)) : string.Join('.', changed);
            return new FuzzCase(() => Judge(SignedProof.Read(text, keys) is not null, () => text == token), () => JsonSerializer.Serialize(text));
        });
    }

    private static string Encoded(byte[] bytes, Dice dice) =>
        dice.OneIn(12) ? JsonMutator.MutateEncoded(Base64Url.EncodeToString(bytes), dice, ByteMutator.Mutate) : Base64Url.EncodeToString(bytes);

    private static byte[] AuthenticatorDataOf(byte[] attestation)
    {
        var reader = new CborReader(attestation, CborConformanceMode.Lax);
        reader.ReadStartMap();
        while (reader.PeekState() != CborReaderState.EndMap)
        {
            if (reader.ReadTextString() == "authData")
            {
                return reader.ReadByteString();
            }

            reader.SkipValue();
        }

        return [];
    }
}
