namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>Why a ceremony is refused. It is for the ledger and for dialects that tell; a stranger is told no more than that it failed.</summary>
public enum PasskeyFault
{
    /// <summary>The client data is no JSON object with the members of WebAuthn §5.8.1.</summary>
    ClientDataMalformed,

    /// <summary>The client data is of another ceremony.</summary>
    WrongType,

    /// <summary>The challenge is another one.</summary>
    WrongChallenge,

    /// <summary>The origin is not one of the application's.</summary>
    WrongOrigin,

    /// <summary>It was made in a frame of somebody else's page.</summary>
    CrossOrigin,

    /// <summary>The attestation object is not CBOR of the form of §6.5.4.</summary>
    AttestationMalformed,

    /// <summary>The authenticator data is not of the form of §6.1.</summary>
    AuthenticatorDataMalformed,

    /// <summary>It is for another relying party.</summary>
    WrongRelyingParty,

    /// <summary>Nobody was present.</summary>
    UserNotPresent,

    /// <summary>The user was not verified, and had to be.</summary>
    UserNotVerified,

    /// <summary>The backup flags contradict each other, or what was registered.</summary>
    BackupFlags,

    /// <summary>The public key is malformed, or weaker than what is taken.</summary>
    KeyMalformed,

    /// <summary>The public key's algorithm was not asked for.</summary>
    AlgorithmNotAllowed,

    /// <summary>The attestation statement is malformed or its signature is wrong.</summary>
    AttestationInvalid,

    /// <summary>The attestation is sound and policy does not take it.</summary>
    AttestationNotAccepted,

    /// <summary>The credential's id differs from the one in the authenticator data, is empty, or longer than 1023 bytes.</summary>
    WrongCredentialId,

    /// <summary>The account that the authenticator names is another one.</summary>
    WrongUser,

    /// <summary>The signature is wrong.</summary>
    WrongSignature,

    /// <summary>The signature counter did not rise: the authenticator may have been cloned.</summary>
    CounterDidNotRise,
}

/// <summary>What a verification came to: a value, or why not.</summary>
/// <typeparam name="T">The value's type.</typeparam>
internal readonly struct Verdict<T>
    where T : class
{
    private Verdict(T? value, PasskeyFault? fault) => (Value, Fault) = (value, fault);

    /// <summary>The value; null when there is a fault.</summary>
    public T? Value { get; }

    /// <summary>The fault; null when there is a value.</summary>
    public PasskeyFault? Fault { get; }

    /// <summary>It is sound.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator Verdict<T>(T value) => new(value, null);

    /// <summary>It is not.</summary>
    /// <param name="fault">Why.</param>
    public static implicit operator Verdict<T>(PasskeyFault fault) => new(null, fault);
}
