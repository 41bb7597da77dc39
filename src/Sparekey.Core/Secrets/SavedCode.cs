namespace Sparekey.Core.Secrets;

/// <summary>A saved recovery code as it is compared.</summary>
/// <param name="Name">Which of its set it is; no secret.</param>
/// <param name="Secret">What proves that somebody holds it.</param>
public sealed record SavedCodeReading(string Name, SecretText Secret);

/// <summary>
/// Saved recovery codes as they are shown and compared: 20 characters of Crockford's base 32 in groups of four. The first group only
/// says which code it is, so that a wrong try counts against that one: who knows no more than an account's name uses up nobody's codes.
/// The other 16 characters are 80 bits of secret (N2 asks 64).
/// </summary>
public static class SavedCode
{
    private const int NameLength = 4;
    private const int SecretLength = 16;
    private const int GroupLength = 4;

    /// <summary>Draws the name of a code.</summary>
    /// <param name="next">A uniform number from 0 up to, and without, its argument, from a cryptographic generator.</param>
    public static string MakeName(Func<int, int> next) => CodeText.DrawBase32(NameLength, next);

    /// <summary>Draws the secret of a code.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="next">A uniform number from 0 up to, and without, its argument, from a cryptographic generator.</param>
    public static SavedCodeReading Make(string name, Func<int, int> next) => new(name, new SecretText(CodeText.DrawBase32(SecretLength, next)));

    /// <summary>The code as it is shown.</summary>
    /// <param name="code">The code.</param>
    public static SecretText Show(SavedCodeReading code) =>
        new(string.Join('-', (code.Name + code.Secret.Reveal()).Chunk(GroupLength).Select(group => new string(group))));

    /// <summary>Reads what was typed: case, spaces and hyphens do not matter, and letters that look like digits are read as those.</summary>
    /// <param name="typed">What was typed.</param>
    /// <returns>The reading; null when it cannot be a saved code.</returns>
    public static SavedCodeReading? Read(string typed) =>
        CodeText.Base32(typed, NameLength + SecretLength) is { } bare
            ? new SavedCodeReading(bare[..NameLength], new SecretText(bare[NameLength..]))
            : null;
}
