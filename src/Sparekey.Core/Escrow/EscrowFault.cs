namespace Sparekey.Core.Escrow;

/// <summary>
/// What can be wrong with an order of escrow, beside the OpenPGP in it. The snake_case name of a member is the
/// <see cref="FieldFault.Rule"/> that callers and dialects may rely on; members are added, never renamed.
/// </summary>
public enum EscrowFault
{
    // Any member.
    Required,
    NotAUuid,
    NotFound,
    NotInList,
    Forbidden,

    // Organisation keys. What is wrong with keys and messages as such is OpenPGP's to say.
    KeyIsTheServers,
    KeyIsAPersons,
    KeyUsedBefore,
    NotTheActiveKey,
    PersonKeyMissing,

    // Password messages.
    WrongRecipientFingerprint,
    InvalidPasswordCount,
    MissingPassword,
    DuplicatePassword,
    PrivateKeyUnknown,

    // The intent of a change of policy.
    NothingChanges,

    // Requests and answers.
    NotPending,
    TokenUnknown,
    TokenConsumed,
    TokenExpired,
    PersonUnknown,
    NotEnrolled,
    RequestUnknown,
    RequestCompleted,
    NotApproved,
    NotThePersonsKey,
}

/// <summary>Says what is wrong, for people and for dialects.</summary>
public static class EscrowFaults
{
    /// <summary>A fault of one member.</summary>
    /// <param name="fault">What is wrong.</param>
    /// <param name="pointer">Where (RFC 6901); empty for the whole of what was given, for whoever calls to put its own before it.</param>
    public static FieldFault At(EscrowFault fault, string pointer = "") => new(pointer, Sentence(fault), WireName.Of(fault));

    /// <summary>A refusal for one fault.</summary>
    /// <param name="fault">What is wrong.</param>
    /// <param name="pointer">Where.</param>
    public static Refusal Refuse(EscrowFault fault, string pointer = "") =>
        new(RefusalCode.InvalidRequest) { Faults = [At(fault, pointer)] };

    /// <summary>The same faults, a level deeper.</summary>
    /// <param name="refusal">What somebody said of a member.</param>
    /// <param name="pointer">Where that member stands.</param>
    public static Refusal Below(this Refusal refusal, string pointer) =>
        refusal with { Faults = [.. refusal.Faults.Select(f => f with { Pointer = pointer + f.Pointer })] };

    private static string Sentence(EscrowFault fault) => fault switch
    {
        EscrowFault.Required => "It is required.",
        EscrowFault.NotAUuid => "It is a UUID in lower case.",
        EscrowFault.NotFound => "There is no such thing.",
        EscrowFault.NotInList => "It is none of the values that are known.",
        EscrowFault.Forbidden => "It must not be given here.",
        EscrowFault.KeyIsTheServers => "It is the server's own key.",
        EscrowFault.KeyIsAPersons => "It is a person's key.",
        EscrowFault.KeyUsedBefore => "It was an organisation key before.",
        EscrowFault.NotTheActiveKey => "It is not the organisation key in force.",
        EscrowFault.PersonKeyMissing => "The person has no OpenPGP key here, so nothing says whose key this is.",
        EscrowFault.WrongRecipientFingerprint => "It is for another organisation key.",
        EscrowFault.InvalidPasswordCount => "Give exactly one message for every private key that is held.",
        EscrowFault.MissingPassword => "A private key that is held has no message.",
        EscrowFault.DuplicatePassword => "A private key has several messages.",
        EscrowFault.PrivateKeyUnknown => "No such private key is held.",
        EscrowFault.NothingChanges => "Nothing would change.",
        EscrowFault.NotPending => "It was answered already, or is over.",
        EscrowFault.TokenUnknown => "There is no such token.",
        EscrowFault.TokenConsumed => "The token was used, or another one took its place.",
        EscrowFault.TokenExpired => "The token's time is over.",
        EscrowFault.PersonUnknown => "There is no such person.",
        EscrowFault.NotEnrolled => "The person's key is not in escrow.",
        EscrowFault.RequestUnknown => "There is no such request.",
        EscrowFault.RequestCompleted => "The person has their key back.",
        EscrowFault.NotApproved => "It was not approved.",
        EscrowFault.NotThePersonsKey => "It is not the key that is known of this person.",
    };
}
