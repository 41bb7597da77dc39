using System.Text;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Passkeys;

/// <summary>
/// Our verifier beside the framework's, on sound ceremonies and on every one that differs from them in a byte. What it refuses, we
/// refuse; what it takes and we refuse, we refuse for one of the reasons that are named here.
/// </summary>
[Trait("runs", "once")]
public sealed class DifferentialTests : IDisposable
{
    private const string Origin = "https://app.example.com";
    private const string RpId = "example.com";

    // The framework looks at no attestation unless told to, takes client data in which a member comes twice or other members are
    // spelt as it likes, ignores bytes behind what it reads, and keys with more in them than a key has.
    private static readonly PasskeyFault[] Stricter =
    [
        PasskeyFault.AttestationInvalid, PasskeyFault.AttestationMalformed, PasskeyFault.ClientDataMalformed,
        PasskeyFault.AuthenticatorDataMalformed, PasskeyFault.KeyMalformed,
    ];

    private static readonly byte[] Changes = [0x01, 0x08, 0x20, 0x80, 0xFF];

    private readonly FrameworkHandler _framework = new(RpId, Origin);

    public void Dispose() => _framework.Dispose();

    [Theory]
    [InlineData(AuthenticatorAlgorithm.Es256)]
    [InlineData(AuthenticatorAlgorithm.Rs256)]
    public async Task On_registrations(AuthenticatorAlgorithm algorithm)
    {
        using var authenticator = new SoftwareAuthenticator(RpId, algorithm);
        var (challenge, state) = await _framework.BeginRegistration();
        var parts = authenticator.Register(challenge, Origin);
        var good = new RegistrationResponse(parts.CredentialId, parts.ClientDataBytes, parts.AttestationObject, []);
        var (same, stricter) = (0, 0);
        await Compare("unchanged", good, mustPass: true);
        foreach (var (name, changed) in Each(good.AttestationObject))
        {
            await Compare($"attestation object {name}", good with { AttestationObject = changed });
        }

        foreach (var (name, changed) in Each(good.ClientData))
        {
            await Compare($"client data {name}", good with { ClientData = changed });
        }

        for (var flags = 0; flags < 256; flags++)
        {
            var other = parts with { AuthenticatorData = authenticator.AuthenticatorData((byte)flags) };
            await Compare($"flags {flags:x2}", good with { AttestationObject = other.AttestationObject });
        }

        foreach (var text in ClientDataVariants(parts.ClientData))
        {
            await Compare(text, good with { ClientData = Encoding.UTF8.GetBytes(text) });
        }

        same.ShouldBeGreaterThan(500);
        stricter.ShouldBeGreaterThan(0);

        async Task Compare(string what, RegistrationResponse response, bool mustPass = false)
        {
            var theirs = await _framework.Takes(response, state);
            var ours = PasskeyCeremonies.VerifyRegistration(
                response, new CeremonyExpectation(challenge, RpId, [Origin]), [CoseAlgorithm.Es256, CoseAlgorithm.Rs256], AttestationPolicy.Open,
                DateTimeOffset.UnixEpoch);
            Judge(what, theirs, ours.Fault, mustPass, ref same, ref stricter);
        }
    }

    [Theory]
    [InlineData(AuthenticatorAlgorithm.Es256, 0u)]
    [InlineData(AuthenticatorAlgorithm.Es256, 41u)]
    [InlineData(AuthenticatorAlgorithm.Rs256, 41u)]
    public async Task On_assertions(AuthenticatorAlgorithm algorithm, uint counter)
    {
        using var authenticator = new SoftwareAuthenticator(RpId, algorithm) { Counter = counter };
        var kept = new Passkey(authenticator.CredentialId, authenticator.PublicKey, counter);
        var (challenge, state) = await _framework.BeginAssertion();
        var (same, stricter) = (0, 0);
        var (client, data, signature) = authenticator.Assert(challenge, Origin);
        var good = new AssertionResponse(authenticator.CredentialId, client, data, signature, _framework.UserHandle);
        await Compare("unchanged", good, kept, mustPass: true);
        foreach (var (name, changed) in Each(data))
        {
            await Compare($"authenticator data {name}", good with { AuthenticatorData = changed }, kept);
        }

        foreach (var (name, changed) in Each(client))
        {
            await Compare($"client data {name}", good with { ClientData = changed }, kept);
        }

        foreach (var (name, changed) in Each(signature))
        {
            await Compare($"signature {name}", good with { Signature = changed }, kept);
        }

        // Every combination of flags, signed as the authenticator would sign it, against passkeys of both sorts.
        for (var flags = 0; flags < 256; flags++)
        {
            var signed = authenticator.Assert(challenge, Origin, (byte)flags);
            var response = good with { ClientData = signed.ClientData, AuthenticatorData = signed.AuthenticatorData, Signature = signed.Signature };
            await Compare($"flags {flags:x2}", response, kept);
            await Compare($"flags {flags:x2} of a synced one", response, kept with { BackupEligible = true });
        }

        foreach (var count in new[] { 0u, 1u, authenticator.Counter, authenticator.Counter + 1, uint.MaxValue })
        {
            await Compare($"a counter kept at {count}", good, kept with { SignCount = count });
        }

        await Compare("another handle", good with { UserHandle = Encoding.UTF8.GetBytes("somebody else") }, kept);
        await Compare("no handle", good with { UserHandle = null }, kept);
        same.ShouldBeGreaterThan(500);

        async Task Compare(string what, AssertionResponse response, Passkey stored, bool mustPass = false)
        {
            var theirs = await _framework.Takes(response, stored, state);
            var ours = PasskeyCeremonies.VerifyAssertion(
                response, stored, _framework.UserHandle, new CeremonyExpectation(challenge, RpId, [Origin]));
            Judge(what, theirs, ours.Fault, mustPass, ref same, ref stricter);
        }
    }

    private static void Judge(string what, bool theirs, PasskeyFault? ours, bool mustPass, ref int same, ref int stricter)
    {
        if (mustPass)
        {
            (theirs, ours).ShouldBe((true, (PasskeyFault?)null), what);
        }

        if (theirs == ours is null)
        {
            same++;
            return;
        }

        theirs.ShouldBeTrue($"{what}: the framework refuses what we take");
        Stricter.ShouldContain(ours!.Value, what);
        stricter++;
    }

    private static IEnumerable<(string Name, byte[] Changed)> Each(byte[] whole)
    {
        for (var i = 0; i < whole.Length; i++)
        {
            foreach (var change in Changes)
            {
                var changed = (byte[])whole.Clone();
                changed[i] ^= change;
                yield return ($"byte {i} by {change:x2}", changed);
            }
        }

        yield return ("cut", whole[..^1]);
        yield return ("with one more", [.. whole, 0]);
    }

    private static IEnumerable<string> ClientDataVariants(string good) =>
    [
        good.Replace("webauthn.create", "webauthn.get", StringComparison.Ordinal),
        good.Replace(Origin, "https://evil.example", StringComparison.Ordinal),
        good.Replace(Origin, Origin + "/", StringComparison.Ordinal),
        good.Replace("false", "true", StringComparison.Ordinal),
        good.Replace("false", "null", StringComparison.Ordinal),
        good.Replace("}", ",\"topOrigin\":\"https://evil.example\"}", StringComparison.Ordinal),
        good.Replace("}", ",\"extra\":1}", StringComparison.Ordinal),
        good.Replace("}", ",\"origin\":\"https://evil.example\"}", StringComparison.Ordinal),
        good.Replace("{", "{\"origin\":\"https://evil.example\",", StringComparison.Ordinal),
        good + " ",
        "null",
        "",
    ];
}
