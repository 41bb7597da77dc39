using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Sparekey.Core.Access;

namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>What is kept of a passkey (WebAuthn §4, credential record), besides whose it is.</summary>
/// <param name="CredentialId">Its id.</param>
/// <param name="PublicKey">Its public key, as COSE_Key.</param>
/// <param name="SignCount">The signature counter as it was last seen.</param>
internal sealed record Passkey(byte[] CredentialId, byte[] PublicKey, uint SignCount)
{
    /// <summary>The model of its authenticator; all zeros when that is not known.</summary>
    public Guid Aaguid { get; init; }

    /// <summary>Whether it may be backed up: a synced passkey. Never changes.</summary>
    public bool BackupEligible { get; init; }

    /// <summary>Whether it was backed up when it was last seen.</summary>
    public bool BackedUp { get; init; }

    /// <summary>Whether the user was ever verified with it.</summary>
    public bool UserVerified { get; init; }

    /// <summary>How browsers may reach it: <c>internal</c>, <c>hybrid</c>, <c>usb</c> …</summary>
    public IReadOnlyList<string> Transports { get; init; } = [];

    /// <summary>How its origin was attested.</summary>
    public AttestationKind Attestation { get; init; }

    /// <summary>How it proves its person, as RFC 8176 names it.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Amr => AssuranceLevels.OfPasskey(UserVerified, BackupEligible, Attestation == AttestationKind.Trusted);

    /// <summary>The user handle that it was made for, where that is another product's id of the account; null for our own.</summary>
    public byte[]? UserHandle { get; init; }
}

/// <summary>What a browser gives back of a registration.</summary>
/// <param name="CredentialId">The id that it says.</param>
/// <param name="ClientData">The client data.</param>
/// <param name="AttestationObject">The attestation object.</param>
/// <param name="Transports">How the new credential can be reached.</param>
internal sealed record RegistrationResponse(
    byte[] CredentialId, byte[] ClientData, byte[] AttestationObject, IReadOnlyList<string> Transports);

/// <summary>What a browser gives back of an assertion.</summary>
/// <param name="CredentialId">The id of the credential that was used.</param>
/// <param name="ClientData">The client data.</param>
/// <param name="AuthenticatorData">The authenticator data.</param>
/// <param name="Signature">The signature over both.</param>
/// <param name="UserHandle">Whose the authenticator believes the credential to be; null when it does not say.</param>
internal sealed record AssertionResponse(
    byte[] CredentialId, byte[] ClientData, byte[] AuthenticatorData, byte[] Signature, byte[]? UserHandle);

/// <summary>
/// Verifies ceremonies of WebAuthn Level 3, in the order and with the numbers of §7.1 and §7.2. It knows no storage: that a new
/// credential's id is nobody's yet (§7.1 step 26), and whose credential is asserted (§7.2 steps 5 and 6), is looked up by the caller in
/// the act that writes.
/// </summary>
internal static class PasskeyCeremonies
{
    private const int LongestTransport = 32;
    private const int MostTransports = 8;

    /// <summary>Verifies a registration.</summary>
    /// <param name="response">What the browser gave back.</param>
    /// <param name="expected">What it must be bound to.</param>
    /// <param name="algorithms">What was asked for.</param>
    /// <param name="policy">Which attestations are taken.</param>
    /// <param name="now">The time.</param>
    /// <returns>The passkey, or what is wrong.</returns>
    public static Verdict<Passkey> VerifyRegistration(
        RegistrationResponse response, CeremonyExpectation expected, IReadOnlyList<CoseAlgorithm> algorithms, AttestationPolicy policy,
        DateTimeOffset now)
    {
        // 5-11. The client data.
        if (ClientData.Check(response.ClientData, "webauthn.create", expected) is { } wrong)
        {
            return wrong;
        }

        // 12. Its hash.
        var hash = SHA256.HashData(response.ClientData);

        // 13. The attestation object and the authenticator data.
        var attestation = Attestation.Parse(response.AttestationObject);
        if (attestation.Value is null)
        {
            return attestation.Fault!.Value;
        }

        var parsed = AuthenticatorData.Parse(attestation.Value.AuthenticatorData);
        if (parsed.Value is not { } data)
        {
            return parsed.Fault!.Value;
        }

        // 14-19. Relying party, presence, verification, backup flags.
        if (CheckAuthenticator(data, expected) is { } refused)
        {
            return refused;
        }

        if (data.CredentialId is null || data.PublicKey is null)
        {
            return PasskeyFault.AuthenticatorDataMalformed;
        }

        // 20. The algorithm is one that was asked for.
        if (!algorithms.Contains(data.PublicKey.Algorithm))
        {
            return PasskeyFault.AlgorithmNotAllowed;
        }

        // 21-24. The attestation statement, and whether it is taken.
        if (attestation.Value.Verify(data, hash, policy, now, out var kind) is { } unattested)
        {
            return unattested;
        }

        // 25. The id has 1023 bytes at most (checked where it was read), and is the one that the browser says.
        if (!data.CredentialId.AsSpan().SequenceEqual(response.CredentialId))
        {
            return PasskeyFault.WrongCredentialId;
        }

        // 26-29 are the caller's.
        return new Passkey(data.CredentialId, data.PublicKey.Encoded, data.SignCount)
        {
            Aaguid = data.Aaguid,
            BackupEligible = data.Flags.HasFlag(AuthenticatorFlags.BackupEligible),
            BackedUp = data.Flags.HasFlag(AuthenticatorFlags.BackedUp),
            UserVerified = data.Flags.HasFlag(AuthenticatorFlags.UserVerified),
            Transports = [.. response.Transports.Where(IsTransport).Distinct(StringComparer.Ordinal).Take(MostTransports)],
            Attestation = kind,
        };
    }

    /// <summary>Verifies an assertion.</summary>
    /// <param name="response">What the browser gave back.</param>
    /// <param name="passkey">The passkey of that id, as it is kept.</param>
    /// <param name="userHandle">The handle of the account that has it.</param>
    /// <param name="expected">What it must be bound to.</param>
    /// <returns>The passkey as it is now to be kept, or what is wrong.</returns>
    public static Verdict<Passkey> VerifyAssertion(AssertionResponse response, Passkey passkey, byte[] userHandle, CeremonyExpectation expected)
    {
        // 5-6. The credential is the one that is kept, and the authenticator does not believe that it is somebody else's.
        if (!response.CredentialId.AsSpan().SequenceEqual(passkey.CredentialId))
        {
            return PasskeyFault.WrongCredentialId;
        }

        if (response.UserHandle is { Length: > 0 } said && !said.AsSpan().SequenceEqual(passkey.UserHandle ?? userHandle))
        {
            return PasskeyFault.WrongUser;
        }

        // 7. The authenticator data. 8-14. The client data.
        if (ClientData.Check(response.ClientData, "webauthn.get", expected) is { } wrong)
        {
            return wrong;
        }

        var parsed = AuthenticatorData.Parse(response.AuthenticatorData);
        if (parsed.Value is not { } data)
        {
            return parsed.Fault!.Value;
        }

        // 15-18. Relying party, presence, verification, backup flags.
        if (CheckAuthenticator(data, expected) is { } refused)
        {
            return refused;
        }

        // 19. Whether it can be backed up does not change.
        if (data.Flags.HasFlag(AuthenticatorFlags.BackupEligible) != passkey.BackupEligible)
        {
            return PasskeyFault.BackupFlags;
        }

        // 20-21. The signature over authenticator data and hash.
        if (CoseKey.Parse(passkey.PublicKey, out _) is not { } key)
        {
            return PasskeyFault.KeyMalformed;
        }

        byte[] signed = [.. response.AuthenticatorData, .. SHA256.HashData(response.ClientData)];
        if (!key.Verify(signed, response.Signature))
        {
            return PasskeyFault.WrongSignature;
        }

        // 22. The counter rises, where there is one.
        if ((data.SignCount != 0 || passkey.SignCount != 0) && data.SignCount <= passkey.SignCount)
        {
            return PasskeyFault.CounterDidNotRise;
        }

        // 23. No extension was asked for. 24. What is kept from now on; that the user was verified stays as it was registered.
        return passkey with { SignCount = data.SignCount, BackedUp = data.Flags.HasFlag(AuthenticatorFlags.BackedUp) };
    }

    private static PasskeyFault? CheckAuthenticator(AuthenticatorData data, CeremonyExpectation expected) =>
        !data.RpIdHash.AsSpan().SequenceEqual(SHA256.HashData(Encoding.UTF8.GetBytes(expected.RpId))) ? PasskeyFault.WrongRelyingParty
        : !data.Flags.HasFlag(AuthenticatorFlags.UserPresent) ? PasskeyFault.UserNotPresent
        : expected.RequiresUserVerification && !data.Flags.HasFlag(AuthenticatorFlags.UserVerified) ? PasskeyFault.UserNotVerified
        : data.Flags.HasFlag(AuthenticatorFlags.BackedUp) && !data.Flags.HasFlag(AuthenticatorFlags.BackupEligible) ? PasskeyFault.BackupFlags
        : null;

    private static bool IsTransport(string name) =>
        name.Length is > 0 and <= LongestTransport && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
