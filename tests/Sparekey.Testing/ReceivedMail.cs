using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Sparekey.Testing;

/// <summary>A mail as it arrived, taken apart by code that knows nothing of who wrote it.</summary>
/// <param name="From">The envelope's sender.</param>
/// <param name="To">The envelope's recipients.</param>
/// <param name="User">Who had signed in.</param>
/// <param name="Secure">Whether it came over TLS.</param>
/// <param name="Raw">The whole of it.</param>
/// <param name="Headers">Its headers in order, unfolded.</param>
/// <param name="Text">The part <c>text/plain</c>, decoded.</param>
/// <param name="Html">The part <c>text/html</c>, decoded.</param>
public sealed record ReceivedMail(
    string From, IReadOnlyList<string> To, string? User, bool Secure, string Raw, IReadOnlyList<(string Name, string Value)> Headers,
    string Text, string Html)
{
    /// <summary>The subject, decoded.</summary>
    public string Subject => Regex.Replace(
        Regex.Replace(this["Subject"], @"\?=\s+=\?", "?==?", RegexOptions.NonBacktracking),
        @"=\?utf-8\?(?<how>B|Q)\?(?<text>[^?]*)\?=",
        m => Encoding.UTF8.GetString(
            string.Equals(m.Groups["how"].Value, "B", StringComparison.OrdinalIgnoreCase)
                ? Convert.FromBase64String(m.Groups["text"].Value)
                : QuotedPrintable(m.Groups["text"].Value.Replace('_', ' '))),
        RegexOptions.IgnoreCase | RegexOptions.NonBacktracking);

    /// <summary>A header that stands there once.</summary>
    /// <param name="header">Its name.</param>
    public string this[string header] => Headers.Single(h => string.Equals(h.Name, header, StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>Takes a mail apart.</summary>
    /// <param name="from">The envelope's sender.</param>
    /// <param name="to">The envelope's recipients.</param>
    /// <param name="user">Who had signed in.</param>
    /// <param name="secure">Whether it came over TLS.</param>
    /// <param name="raw">The whole of it.</param>
    public static ReceivedMail Parse(string from, IReadOnlyList<string> to, string? user, bool secure, byte[] raw)
    {
        var all = Encoding.Latin1.GetString(raw);
        var (headers, body) = Split(all);
        var type = headers.Single(h => string.Equals(h.Name, "Content-Type", StringComparison.OrdinalIgnoreCase)).Value;
        var boundary = Regex.Match(type, @"^multipart/alternative;\s*boundary=""?(?<boundary>[^"";]+)", RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)
            .Groups["boundary"].Value;
        var parts = body.Split($"--{boundary}").Skip(1).SkipLast(1).Select(p => Split(p.TrimStart('\r', '\n'))).ToList();
        return new ReceivedMail(from, to, user, secure, all, headers, Part(parts, "text/plain"), Part(parts, "text/html"));
    }

    private static string Part(List<(List<(string Name, string Value)> Headers, string Body)> parts, string type)
    {
        var part = parts.Single(p => Is(p.Headers, "Content-Type", type));
        var bytes = Is(part.Headers, "Content-Transfer-Encoding", "base64") ? Convert.FromBase64String(part.Body)
            : Is(part.Headers, "Content-Transfer-Encoding", "7bit") ? Encoding.ASCII.GetBytes(part.Body)
            : QuotedPrintable(part.Body);
        var text = Encoding.UTF8.GetString(bytes);
        return text.Replace("\r\n", "", StringComparison.Ordinal).Contains('\n', StringComparison.Ordinal)
            ? throw new FormatException("A line of a mail ends in CRLF.")
            : text.ReplaceLineEndings("\n");
    }

    private static bool Is(List<(string Name, string Value)> headers, string name, string value) => headers.Exists(
        h => string.Equals(h.Name, name, StringComparison.OrdinalIgnoreCase) && h.Value.StartsWith(value, StringComparison.OrdinalIgnoreCase));

    private static (List<(string Name, string Value)> Headers, string Body) Split(string text)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var lines = Regex.Replace(text[..end], @"\r\n[ \t]+", " ", RegexOptions.NonBacktracking).Split("\r\n");
        return ([.. lines.Select(l => l.Split(':', 2)).Select(l => (l[0], l[1].Trim()))], text[(end + 4)..]);
    }

    private static byte[] QuotedPrintable(string text)
    {
        var bytes = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '=')
            {
                bytes.Add((byte)text[i]);
            }
            else if (text[i + 1] == '\r')
            {
                i += 2;
            }
            else
            {
                bytes.Add(byte.Parse(text.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                i += 2;
            }
        }

        return [.. bytes];
    }
}
