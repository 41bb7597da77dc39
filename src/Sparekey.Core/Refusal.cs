namespace Sparekey.Core;

/// <summary>
/// Every expected refusal of Sparekey. The snake_case name of a member is its stable code: on the wire, in the ledger and as
/// the name of its page in <c>docs/problems</c>. Members may be added, never renamed.
/// </summary>
public enum RefusalCode
{
    // The request itself.
    InvalidRequest,
    InvalidJson,
    BodyTooLarge,
    UnsupportedMediaType,
    InvalidCursor,
    UnknownHost,
    RouteNotFound,
    MethodNotAllowed,
    OriginNotAllowed,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    TooManyRequests,
    StorageUnavailable,
    Busy,
    InternalError,

    // Who asks.
    Unauthenticated,
    PermissionMissing,
    AboveCeiling,
    OwnAccount,
    RoleNotAllowed,
    StrongerThanCreator,
    VelocityExceeded,

    // Things.
    AccountNotFound,
    AddressNotFound,
    ApplicationNotFound,
    CredentialNotFound,
    RecoveryNotFound,
    ServiceAccountNotFound,
    TokenNotFound,
    OperatorNotFound,
    TenantNotFound,
    WebhookNotFound,
    DeliveryNotFound,
    MailTextNotFound,
    PolicyChangeNotFound,
    SlackNotFound,
    MessageNotFound,
    EnrolmentNotFound,
    RotationNotFound,
    DrillNotFound,
    CompanionNotFound,
    ProblemNotFound,
    IdentifierTaken,
    NameTaken,
    UnknownRole,
    ApplicationInUse,
    VersionConflict,
    AccountDisabled,
    AccountFrozen,
    AccountNotFrozen,
    AddressTooNew,
    IncidentNotFound,
    LiftNotFound,
    AddressAlreadyConfirmed,
    ConfirmationInvalid,

    // Recoveries.
    PolicyInvalid,
    PolicyRefuses,
    MeansNotAvailable,
    ChannelNotAvailable,
    NoUsableAddress,
    LifetimeTooLong,
    RequirementsOpen,
    WrongState,
    NotRequired,
    DigestMismatch,
    SignatureRequired,
    ReasonNotAllowed,
    SeparationOfDuties,
    RecentlyRecovered,
    AlreadyDecided,
    AccountChanged,
    RecoveryExpired,
    RecoveryClosed,
    RecoveriesStopped,
    PolicyChangeClosed,

    // Escrow.
    EscrowDisabled,
    AlreadyEnrolled,
    EscrowMandatory,
    RotationRunning,
    RotationUnfinished,
    DrillFailed,

    // Secrets, redemptions, passwords, sessions. Anonymous callers see one of these per route, whatever the cause.
    SecretInvalid,
    SecondHalfRequired,
    RedemptionInvalid,
    SignInFailed,
    SessionInvalid,
    PasswordChangeRequired,
    PasswordRefused,
    PasskeyRefused,
    KeyRefused,
    ChallengeRefused,
    CredentialTaken,
    RecoveryKeyRefused,
    SignedCredentialsDiffer,
    ActionSignatureInvalid,
    ActionSignatureUsed,
    CurrentPasswordWrong,
    FreshSignInRequired,
    LastCredential,

    // OpenPGP.
    OpenpgpRefused,
    OpenpgpUnavailable,
}

/// <summary>A refusal: its code and, where that helps the caller, what exactly was wrong.</summary>
/// <param name="Code">The stable code.</param>
/// <param name="Detail">One sentence for this occurrence. Never holds a secret or another person's data.</param>
public sealed record Refusal(RefusalCode Code, string? Detail = null)
{
    /// <summary>When to come back, for refusals that pass.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The recovery that waits, for refusals that tell a caller to come back for it.</summary>
    public RecoveryId? Recovery { get; init; }

    /// <summary>From when on it can be had, when nothing but time is missing.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>The members of the request that were wrong, as JSON pointers with a sentence each.</summary>
    public IReadOnlyList<FieldFault> Faults { get; init; } = [];

    /// <summary>A refusal with nothing to add to its code.</summary>
    /// <param name="code">The code.</param>
    public static implicit operator Refusal(RefusalCode code) => new(code);
}

/// <summary>One wrong member of a request.</summary>
/// <param name="Pointer">Where it stands (RFC 6901), for example <c>/reason/code</c>.</param>
/// <param name="Detail">What is wrong with it.</param>
/// <param name="Rule">The rule it breaks, in snake_case and of a closed set, where a caller must tell rules apart.</param>
public sealed record FieldFault(string Pointer, string Detail, string? Rule = null);

/// <summary>What a use case answers: a value, or a refusal.</summary>
/// <typeparam name="T">The value's type.</typeparam>
public readonly struct Result<T>
{
    private readonly T? _value;

    private Result(T? value, Refusal? refusal)
    {
        _value = value;
        Refusal = refusal;
    }

    /// <summary>The refusal, or null when there is a value.</summary>
    public Refusal? Refusal { get; }

    /// <summary>The value.</summary>
    /// <exception cref="InvalidOperationException">It was refused.</exception>
    public T Value => Refusal is null ? _value! : throw new InvalidOperationException($"Refused: {Refusal.Code}.");

    /// <summary>A value.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator Result<T>(T value) => new(value, null);

    /// <summary>A refusal.</summary>
    /// <param name="refusal">The refusal.</param>
    public static implicit operator Result<T>(Refusal refusal) => new(default, refusal);

    /// <summary>A refusal with nothing to add to its code.</summary>
    /// <param name="code">The code.</param>
    public static implicit operator Result<T>(RefusalCode code) => new(default, code);
}
