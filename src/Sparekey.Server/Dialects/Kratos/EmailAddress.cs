using System.Buffers;
using System.Globalization;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>What Kratos takes for an e-mail address in a flow: more than a mail server would, so that nobody's own address is refused.</summary>
internal static class EmailAddress
{
    private const int Longest = 320;

    private static readonly SearchValues<char> LocalCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~.-");

    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true };

    /// <summary>Whether a text is one.</summary>
    /// <param name="text">The text.</param>
    public static bool IsOne(string text)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        return text.Length <= Longest && at > 0 && !text.AsSpan(0, at).ContainsAnyExcept(LocalCharacters) && IsHost(text[(at + 1)..]);
    }

    private static bool IsHost(string text)
    {
        try
        {
            return text.Length > 0 && Uri.CheckHostName(Idn.GetAscii(text)) == UriHostNameType.Dns;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
