using System.Security.Cryptography;
using System.Text;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Passkeys;

/// <summary>An assertion that is sound, and then with one thing changed.</summary>
[Trait("runs", "once")]
public sealed class AssertionTests : IDisposable
{
    private const string Origin = "https://app.example.com";
    private const string RpId = "example.com";

    private readonly byte[] _challenge = RandomNumberGenerator.GetBytes(32);
    private readonly byte[] _user = RandomNumberGenerator.GetBytes(16);
    private readonly SoftwareAuthenticator _authenticator = new(RpId);

    public void Dispose() => _authenticator.Dispose();

    [Theory]
    [InlineData(AuthenticatorAlgorithm.Es256)]
    [InlineData(AuthenticatorAlgorithm.EdDsa)]
    [InlineData(AuthenticatorAlgorithm.Rs256)]
    public void Takes_a_sound_one_and_moves_the_counter(AuthenticatorAlgorithm algorithm)
    {
        using var authenticator = new SoftwareAuthenticator(RpId, algorithm) { Counter = 5 };
        var kept = Kept(authenticator) with { BackupEligible = true };
        var passkey = Verify(Response(authenticator, 0x1D), kept).Value.ShouldNotBeNull();
        (passkey.SignCount, passkey.BackedUp).ShouldBe((6u, true));
        passkey.PublicKey.ShouldBe(kept.PublicKey);
    }

    [Fact]
    public void Takes_an_authenticator_without_a_counter() =>
        Verify(Response(_authenticator), Kept(_authenticator)).Value.ShouldNotBeNull().SignCount.ShouldBe(0u);

    [Theory]
    [InlineData(6u)]
    [InlineData(7u)]
    [InlineData(uint.MaxValue)]
    public void Refuses_a_counter_that_did_not_rise(uint kept)
    {
        _authenticator.Counter = 5;
        Verify(Response(_authenticator), Kept(_authenticator) with { SignCount = kept }).Fault.ShouldBe(PasskeyFault.CounterDidNotRise);
    }

    [Fact]
    public void Refuses_a_counter_that_went_away() =>
        Verify(Response(_authenticator), Kept(_authenticator) with { SignCount = 1 }).Fault.ShouldBe(PasskeyFault.CounterDidNotRise);

    [Fact]
    public void Refuses_the_right_signature_of_another_key()
    {
        using var other = new SoftwareAuthenticator(RpId);
        Verify(Response(_authenticator), Kept(_authenticator) with { PublicKey = other.PublicKey }).Fault.ShouldBe(PasskeyFault.WrongSignature);
    }

    [Fact]
    public void Refuses_every_change_of_what_was_signed()
    {
        var good = Response(_authenticator);
        var kept = Kept(_authenticator) with { BackupEligible = false };
        for (var i = 0; i < good.AuthenticatorData.Length; i++)
        {
            var changed = (byte[])good.AuthenticatorData.Clone();
            changed[i] ^= 0x02;
            Verify(good with { AuthenticatorData = changed }, kept).Fault.ShouldNotBeNull($"byte {i} of the authenticator data");
        }

        for (var i = 0; i < good.Signature.Length; i++)
        {
            var changed = (byte[])good.Signature.Clone();
            changed[i] ^= 0x01;
            Verify(good with { Signature = changed }, kept).Fault.ShouldBe(PasskeyFault.WrongSignature, $"byte {i} of the signature");
        }

        Verify(good with { Signature = [] }, kept).Fault.ShouldBe(PasskeyFault.WrongSignature);
        Verify(good with { Signature = [.. good.Signature, 0] }, kept).Fault.ShouldBe(PasskeyFault.WrongSignature);
        var spaced = Encoding.UTF8.GetString(good.ClientData).Replace("{", "{ ", StringComparison.Ordinal);
        Verify(good with { ClientData = Encoding.UTF8.GetBytes(spaced) }, kept).Fault.ShouldBe(PasskeyFault.WrongSignature);
    }

    [Fact]
    public void Refuses_a_registration_in_its_place()
    {
        var client = Encoding.UTF8.GetBytes(SoftwareAuthenticator.ClientData("webauthn.create", _challenge, Origin));
        var data = _authenticator.AuthenticatorData(0x05);
        Verify(
            new AssertionResponse(_authenticator.CredentialId, client, data, _authenticator.Sign([.. data, .. SHA256.HashData(client)]), _user),
            Kept(_authenticator)).Fault.ShouldBe(PasskeyFault.WrongType);
    }

    [Fact]
    public void Refuses_what_was_signed_for_another_challenge_origin_or_party()
    {
        var kept = Kept(_authenticator);
        var good = Response(_authenticator);
        Verify(good, kept, new CeremonyExpectation(RandomNumberGenerator.GetBytes(32), RpId, [Origin])).Fault.ShouldBe(PasskeyFault.WrongChallenge);
        Verify(good, kept, new CeremonyExpectation(_challenge, RpId, ["https://other.example.com"])).Fault.ShouldBe(PasskeyFault.WrongOrigin);
        Verify(good, kept, new CeremonyExpectation(_challenge, "other.example.com", [Origin])).Fault.ShouldBe(PasskeyFault.WrongRelyingParty);
        Verify(good, kept, new CeremonyExpectation(_challenge, RpId, [])).Fault.ShouldBe(PasskeyFault.WrongOrigin);
    }

    [Theory]
    [InlineData(0x04, PasskeyFault.UserNotPresent)]
    [InlineData(0x01, PasskeyFault.UserNotVerified)]
    [InlineData(0x15, PasskeyFault.BackupFlags)]
    [InlineData(0x0D, PasskeyFault.BackupFlags)]
    public void Refuses_other_flags(byte flags, PasskeyFault fault) =>
        Verify(Response(_authenticator, flags), Kept(_authenticator)).Fault.ShouldBe(fault);

    [Fact]
    public void Refuses_a_synced_passkey_that_says_it_is_none() =>
        Verify(Response(_authenticator), Kept(_authenticator) with { BackupEligible = true }).Fault.ShouldBe(PasskeyFault.BackupFlags);

    [Fact]
    public void Refuses_another_persons_credential_and_another_handle()
    {
        using var other = new SoftwareAuthenticator(RpId);
        Verify(Response(other), Kept(_authenticator)).Fault.ShouldBe(PasskeyFault.WrongCredentialId);
        Verify(Response(_authenticator) with { UserHandle = RandomNumberGenerator.GetBytes(16) }, Kept(_authenticator)).Fault.ShouldBe(PasskeyFault.WrongUser);
        Verify(Response(_authenticator) with { UserHandle = null }, Kept(_authenticator)).Fault.ShouldBeNull();
        Verify(Response(_authenticator) with { UserHandle = [] }, Kept(_authenticator)).Fault.ShouldBeNull();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(36)]
    public void Refuses_authenticator_data_that_is_cut(int length) =>
        Verify(Response(_authenticator) with { AuthenticatorData = _authenticator.AuthenticatorData(0x05)[..length] }, Kept(_authenticator))
            .Fault.ShouldBe(PasskeyFault.AuthenticatorDataMalformed);

    private Verdict<Passkey> Verify(AssertionResponse response, Passkey kept, CeremonyExpectation? expected = null) =>
        PasskeyCeremonies.VerifyAssertion(response, kept, _user, expected ?? new CeremonyExpectation(_challenge, RpId, [Origin]));

    private AssertionResponse Response(SoftwareAuthenticator authenticator, byte flags = SoftwareAuthenticator.PresentAndVerified)
    {
        var (client, data, signature) = authenticator.Assert(_challenge, Origin, flags);
        return new AssertionResponse(authenticator.CredentialId, client, data, signature, _user);
    }

    private static Passkey Kept(SoftwareAuthenticator authenticator) =>
        new(authenticator.CredentialId, authenticator.PublicKey, authenticator.Counter);
}
