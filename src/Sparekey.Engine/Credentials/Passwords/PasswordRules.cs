using System.Collections.Frozen;
using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Credentials.Passwords;

/// <summary>Settings of passwords.</summary>
public sealed record PasswordOptions
{
    /// <summary>The fewest characters (SP 800-63B-4 §3.1.1.2: 15 where a password is the only factor); never under 8.</summary>
    public int MinLength { get; init; } = 15;

    /// <summary>The most characters; beyond, only the server's time would be lengthened.</summary>
    public int MaxLength { get; init; } = 256;
}

/// <summary>What is wrong with a password.</summary>
public enum PasswordFault
{
    /// <summary>It has too few characters.</summary>
    TooShort,

    /// <summary>It has too many characters.</summary>
    TooLong,

    /// <summary>It is on the list of common passwords.</summary>
    Common,

    /// <summary>It is made of the account's own names.</summary>
    Personal,

    /// <summary>It holds characters that cannot be typed again for certain.</summary>
    NotText,
}

/// <summary>
/// What a password must be: long enough, and not one that everybody tries first. No rules of composition (SP 800-63B-4
/// §3.1.1.2). Characters are counted as Unicode code points of the NFC form, which is also what is hashed.
/// </summary>
public static class PasswordRules
{
    private static readonly FrozenSet<string> Common = ReadCommon();

    /// <summary>How many common passwords are refused.</summary>
    public static int CommonCount => Common.Count;

    /// <summary>Checks the password of an account.</summary>
    /// <param name="password">The password.</param>
    /// <param name="options">The settings.</param>
    /// <param name="account">Whose it shall be.</param>
    /// <returns>What is wrong; null when nothing is.</returns>
    public static PasswordFault? Check(string password, PasswordOptions options, Account account) =>
        Check(password, options, account.Addresses.Select(a => a.Value).Append(account.Username ?? ""));

    /// <summary>Checks a password.</summary>
    /// <param name="password">The password.</param>
    /// <param name="options">The settings.</param>
    /// <param name="personal">The account's user name and addresses.</param>
    /// <returns>What is wrong; null when nothing is.</returns>
    public static PasswordFault? Check(string password, PasswordOptions options, IEnumerable<string> personal)
    {
        if (password.Length > options.MaxLength * 2)
        {
            return PasswordFault.TooLong;
        }

        if (!IsText(password))
        {
            return PasswordFault.NotText;
        }

        var form = Normalize(password);
        var length = form.EnumerateRunes().Count();
        var plain = form.ToLowerInvariant();
        var (shortest, longest) = (Math.Max(8, options.MinLength), options.MaxLength);
        return length < shortest ? PasswordFault.TooShort
            : length > longest ? PasswordFault.TooLong
            : Common.Contains(plain) || IsRepetition(plain) ? PasswordFault.Common
            : personal.Any(p => IsMadeOf(plain, p)) ? PasswordFault.Personal
            : null;
    }

    /// <summary>The form in which a password is counted and hashed.</summary>
    /// <param name="password">The password.</param>
    public static string Normalize(string password) => NormalText.Compose(password);

    /// <summary>The refusal of a password.</summary>
    /// <param name="fault">What is wrong.</param>
    /// <param name="options">The settings.</param>
    /// <param name="pointer">Where it stood in the request.</param>
    public static Refusal Refusal(PasswordFault fault, PasswordOptions options, string pointer) => new(RefusalCode.PasswordRefused)
    {
        Faults =
        [
            new FieldFault(pointer, fault switch
            {
                PasswordFault.TooShort => $"At least {Math.Max(8, options.MinLength)} characters.",
                PasswordFault.TooLong => $"At most {options.MaxLength} characters.",
                PasswordFault.Common => "This one is on every attacker's list.",
                PasswordFault.Personal => "It is made of the account's own name.",
                PasswordFault.NotText => "It holds characters that are not text.",
            }),
        ],
    };

    private static bool IsText(string password)
    {
        for (var i = 0; i < password.Length; i++)
        {
            if (char.IsHighSurrogate(password[i]) && i + 1 < password.Length && char.IsLowSurrogate(password[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(password[i]) || char.IsControl(password[i]))
            {
                return false;
            }
        }

        return true;
    }

    // "aaaaaaaaaaaaaaaa" and "abcabcabcabcabc": long, and tried early.
    private static bool IsRepetition(string plain) =>
        Enumerable.Range(1, Math.Min(4, plain.Length / 2)).Any(n => plain.Skip(n).Select((c, i) => c == plain[i]).All(same => same));

    private static bool IsMadeOf(string plain, string personal)
    {
        var name = Normalize(personal).ToLowerInvariant();
        var local = name.Split('@')[0];
        return new[] { name, local }.Any(n =>
            n.Length >= 4 && plain.Replace(n, "", StringComparison.Ordinal) is var rest && rest.Length < plain.Length && rest.Length <= 4);
    }

    private static FrozenSet<string> ReadCommon()
    {
        using var stream = typeof(PasswordRules).Assembly
            .GetManifestResourceStream("Sparekey.Engine.Credentials.Passwords.common-passwords.txt")
            ?? throw new InvalidOperationException("The list of common passwords is not embedded.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);
    }
}
