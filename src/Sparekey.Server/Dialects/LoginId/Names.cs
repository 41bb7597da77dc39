using Sparekey.Core.Accounts;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>
/// LoginID's user names in ours. A name that looks like an e-mail address is an address only where the team says so as it makes the
/// account; whoever registers with such a name has proved no mailbox, and gets a user name that cannot be taken for one.
/// </summary>
internal static class Names
{
    private const string At = "(at)";

    /// <summary>The user name that somebody gets who registers with a name.</summary>
    /// <param name="name">The name.</param>
    public static string Registered(string name) =>
        name.Contains(At, StringComparison.Ordinal) ? "" : name.Trim().Replace("@", At, StringComparison.Ordinal);

    /// <summary>What an account of a name may be called here: what was vouched for comes first.</summary>
    /// <param name="name">The name.</param>
    public static IReadOnlyList<string> Candidates(string name) =>
        name.Contains('@', StringComparison.Ordinal) ? [name, Registered(name)] : [name];

    /// <summary>The name of an account in LoginID's words.</summary>
    /// <param name="account">The account.</param>
    public static string Of(Account account) => account.Username is { } username
        ? account.ExternalIds.Any(e => e.Dialect == ClientIds.Dialect) ? username.Replace(At, "@", StringComparison.Ordinal) : username
        : account.Addresses.FirstOrDefault(a => a.IsUsable)?.Value ?? account.Id.ToString();

    /// <summary>Whether two names are the same one.</summary>
    /// <param name="one">The one.</param>
    /// <param name="other">The other.</param>
    public static bool AreSame(string one, string other) => Identifier.Normalize(one) is { } form && form == Identifier.Normalize(other);
}
