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

    /// <summary>What is wrong with the comment; null when nothing is.</summary>
    internal Refusal? Fault =>
        Comment is null ? null
        : Comment.Length > LongestComment || string.IsNullOrWhiteSpace(Comment) ? Wrong($"1 to {LongestComment} characters.")
        : CanonicalJson.CanWrite(Comment) ? null
        : Wrong("It holds half a character or U+0000.");

    private static Refusal Wrong(string detail) =>
        new(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/comment", detail)] };
}
