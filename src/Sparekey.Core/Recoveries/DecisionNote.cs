namespace Sparekey.Core.Recoveries;

/// <summary>The passkey that signed a decision, and what it signed.</summary>
/// <param name="Credential">The passkey.</param>
/// <param name="Hash">SHA-256 of the <see cref="DecisionStatement"/> that was its challenge: 43 characters of base64url.</param>
public sealed record DecisionSignature(CredentialId Credential, string Hash);

/// <summary>What somebody who decides says beside yes or no.</summary>
/// <param name="Comment">A sentence for people, 1 to 1000 characters; null for none.</param>
/// <param name="Signature">The passkey that signed the decision; null where none did.</param>
public sealed record DecisionNote(string? Comment, DecisionSignature? Signature)
{
    /// <summary>How long a comment may be.</summary>
    public const int LongestComment = 1000;

    /// <summary>Nothing.</summary>
    public static DecisionNote None { get; } = new(null, null);

    /// <summary>
    /// The fingerprint of the request key that they compared with the person's; null where they name none. The digest holds it as well:
    /// this is for who reads fingerprints and no digests.
    /// </summary>
    public string? RequestKey { get; init; }

    /// <summary>What is wrong with it; null when nothing is.</summary>
    /// <param name="recovery">What is decided on.</param>
    internal Refusal? FaultOn(Recovery recovery) =>
        RequestKey is not null && (recovery.Request.Means != Means.Escrow || RequestKey != recovery.Request.RequestKeyFingerprint)
            ? new Refusal(RefusalCode.DigestMismatch, "The request's key is another one.") { Faults = [new FieldFault("/request_key", "Not the key of this request.")] }
            : FaultOfComment;

    private Refusal? FaultOfComment =>
        Comment is null ? null
        : Comment.Length > LongestComment || string.IsNullOrWhiteSpace(Comment) ? Wrong($"1 to {LongestComment} characters.")
        : CanonicalJson.CanWrite(Comment) ? null
        : Wrong("It holds half a character or U+0000.");

    private static Refusal Wrong(string detail) =>
        new(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/comment", detail)] };
}
