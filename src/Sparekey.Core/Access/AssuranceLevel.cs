namespace Sparekey.Core.Access;

/// <summary>How sure it is that a person signed in (SP 800-63B-4 §2).</summary>
public enum AssuranceLevel
{
    /// <summary>One factor.</summary>
    Aal1,

    /// <summary>Two factors, for example a passkey that verified its user.</summary>
    Aal2,

    /// <summary>Two factors, one of them a key that is known never to leave its device.</summary>
    Aal3,
}

/// <summary>Reads the level from the methods of RFC 8176.</summary>
public static class AssuranceLevels
{
    /// <summary>Proof of possession of a key.</summary>
    public const string Possession = "pop";

    /// <summary>The authenticator verified its user.</summary>
    public const string UserVerified = "user";

    /// <summary>The key is in hardware that it does not leave.</summary>
    public const string HardwareKey = "hwk";

    /// <summary>The methods that a passkey proves its person with. One that can be synced is in no hardware that it does not leave (N21).</summary>
    /// <param name="userVerified">Whether the authenticator verified its user.</param>
    /// <param name="backupEligible">Whether it can be synced.</param>
    /// <param name="isAttested">Whether a trusted attestation says which authenticator it is in.</param>
    public static IReadOnlyList<string> OfPasskey(bool userVerified, bool backupEligible, bool isAttested) =>
        [Possession, .. userVerified ? [UserVerified] : Array.Empty<string>(), .. isAttested && !backupEligible ? [HardwareKey] : Array.Empty<string>()];

    /// <summary>The level of a set of methods.</summary>
    /// <param name="methods">The methods.</param>
    public static AssuranceLevel Of(IReadOnlyCollection<string> methods) =>
        !methods.Contains(Possession) || !methods.Contains(UserVerified) ? AssuranceLevel.Aal1
        : methods.Contains(HardwareKey) ? AssuranceLevel.Aal3
        : AssuranceLevel.Aal2;
}
