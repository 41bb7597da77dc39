using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>
/// What can be wrong with an OpenPGP key or message: a closed set. The snake_case names are the rules that refusals carry
/// (<see cref="FieldFault.Rule"/>); dialects map them to their vendor's own keys.
/// </summary>
public enum PgpFault
{
    // Text and packets.

    /// <summary>No armored block of the right kind, or not the packets that belong into it.</summary>
    Unparsable,

    /// <summary>Larger than keys (256 KiB) or messages (1 MiB) may be.</summary>
    TooLarge,

    /// <summary>The armor has no checksum line.</summary>
    MissingChecksum,

    /// <summary>The armor's checksum is another: the text was cut or changed.</summary>
    WrongChecksum,

    /// <summary>A blank line stands directly before the END line.</summary>
    BlankLineBeforeEnd,

    /// <summary>A version of packets, a kind of protection, or more session keys than the profile has (v4 keys, AES with MDC).</summary>
    NotInProfile,

    // Keys.

    /// <summary>A secret key where a public one belongs.</summary>
    SecretKey,

    /// <summary>More than one primary key in the block.</summary>
    SeveralKeys,

    /// <summary>The fingerprint that came with it is another key's.</summary>
    FingerprintDiffers,

    /// <summary>An algorithm that is not taken.</summary>
    AlgorithmNotAllowed,

    /// <summary>RSA of another size than is taken.</summary>
    SizeNotAllowed,

    /// <summary>Made in the future.</summary>
    CreatedInFuture,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>It will end, and a key that must stay may not.</summary>
    HasExpiry,

    /// <summary>Its owner revoked it.</summary>
    Revoked,

    /// <summary>It cannot be encrypted to.</summary>
    CannotEncrypt,

    /// <summary>The passphrase does not open the key or the message.</summary>
    WrongPassphrase,

    // Revocations.

    /// <summary>No revocation by the key itself that verifies.</summary>
    NotRevoked,

    /// <summary>The revocation gives no reason under its signature.</summary>
    RevocationWithoutReason,

    /// <summary>The revocation does not say under its signature (or at all) which key made it.</summary>
    RevocationWithoutIssuer,

    /// <summary>It is the revocation of another key.</summary>
    RevocationOfAnotherKey,

    // Messages.

    /// <summary>It is encrypted to no key.</summary>
    NoRecipient,

    /// <summary>It is encrypted to more than one key.</summary>
    SeveralRecipients,

    /// <summary>It is encrypted to another key, or does not say to which.</summary>
    WrongRecipient,

    /// <summary>It can be opened with a password, and must not.</summary>
    OpensWithPassword,

    /// <summary>It cannot be opened with a password, and must.</summary>
    NoPassword,

    /// <summary>It can be opened by a key, and must be by a password alone.</summary>
    OpensWithKey,

    /// <summary>It does not decrypt: cut, changed, or not what it says.</summary>
    Damaged,

    /// <summary>Nobody signed it.</summary>
    Unsigned,

    /// <summary>Nobody who might have signed it did.</summary>
    UnknownSigner,

    /// <summary>A signature does not fit what it signs.</summary>
    SignatureInvalid,

    // What an escrow holds.

    /// <summary>The JSON inside is not what it must be.</summary>
    NotAnEscrow,

    /// <summary>It was made for another server.</summary>
    WrongDomain,

    /// <summary>It is another person's.</summary>
    WrongUser,

    /// <summary>It is for another key of the person.</summary>
    WrongFingerprint,
}

/// <summary>Refusals of OpenPGP's faults.</summary>
public static class PgpRefusals
{
    /// <summary>The refusal of a fault.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="pointer">Where in the request the key or message stands (RFC 6901).</param>
    public static Refusal Of(PgpFault fault, string pointer = "")
    {
        var detail = Detail(fault);
        return new(RefusalCode.OpenpgpRefused, detail) { Faults = [new FieldFault(pointer, detail, WireName.Of(fault))] };
    }

    /// <summary>The fault that a refusal of this kind stands for, or null for another refusal.</summary>
    /// <param name="refusal">The refusal.</param>
    public static PgpFault? FaultOf(Refusal? refusal) =>
        refusal is { Code: RefusalCode.OpenpgpRefused, Faults: [var fault, ..] } && WireName.TryParse<PgpFault>(fault.Rule, out var rule)
            ? rule
            : null;

    /// <summary>A refusal of this kind, saying where in the request the key or message stands.</summary>
    /// <param name="refusal">The refusal; another kind stays as it is.</param>
    /// <param name="pointer">Where (RFC 6901).</param>
    public static Refusal At(Refusal refusal, string pointer) => FaultOf(refusal) is { } fault ? Of(fault, pointer) : refusal;

    private static string Detail(PgpFault fault) => fault switch
    {
        PgpFault.Unparsable => "It is no armored OpenPGP block of the right kind.",
        PgpFault.TooLarge => "It is too large.",
        PgpFault.MissingChecksum => "The armor has no checksum line.",
        PgpFault.WrongChecksum => "The armor's checksum does not fit.",
        PgpFault.BlankLineBeforeEnd => "A blank line stands before the END line.",
        PgpFault.NotInProfile => "Only version 4 keys and messages with AES and an MDC are taken.",
        PgpFault.SecretKey => "It is a secret key.",
        PgpFault.SeveralKeys => "The block holds more than one key.",
        PgpFault.FingerprintDiffers => "The fingerprint is another key's.",
        PgpFault.AlgorithmNotAllowed => "The key's algorithm is not taken.",
        PgpFault.SizeNotAllowed => "An RSA key has 3072 or 4096 bits.",
        PgpFault.CreatedInFuture => "The key was made in the future.",
        PgpFault.Expired => "The key has expired.",
        PgpFault.HasExpiry => "The key must not expire.",
        PgpFault.Revoked => "The key is revoked.",
        PgpFault.CannotEncrypt => "The key cannot be encrypted to.",
        PgpFault.WrongPassphrase => "The passphrase does not open it.",
        PgpFault.NotRevoked => "The key holds no valid revocation by itself.",
        PgpFault.RevocationWithoutReason => "The revocation gives no reason under its signature.",
        PgpFault.RevocationWithoutIssuer => "The revocation does not name its key under its signature.",
        PgpFault.RevocationOfAnotherKey => "It is the revocation of another key.",
        PgpFault.NoRecipient => "The message is encrypted to no key.",
        PgpFault.SeveralRecipients => "The message is encrypted to more than one key.",
        PgpFault.WrongRecipient => "The message is encrypted to another key.",
        PgpFault.OpensWithPassword => "The message can be opened with a password.",
        PgpFault.NoPassword => "The message cannot be opened with a password.",
        PgpFault.OpensWithKey => "The message can be opened with a key.",
        PgpFault.Damaged => "The message does not decrypt.",
        PgpFault.Unsigned => "Nobody signed the message.",
        PgpFault.UnknownSigner => "None of those who may have signed the message did.",
        PgpFault.SignatureInvalid => "A signature of the message is not valid.",
        PgpFault.NotAnEscrow => "What is inside is no escrowed secret.",
        PgpFault.WrongDomain => "The escrow was made for another server.",
        PgpFault.WrongUser => "The escrow is another person's.",
        PgpFault.WrongFingerprint => "The escrow is for another key.",
    };
}
