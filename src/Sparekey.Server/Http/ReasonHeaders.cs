using System.Text;
using Sparekey.Core;
using Sparekey.Core.Recoveries;

namespace Sparekey.Server.Http;

/// <summary>
/// Reads why somebody calls from headers that clients of other products can send with every call: <c>Sparekey-Reason</c> (a sentence),
/// <c>Sparekey-Ticket</c> and <c>Sparekey-Reason-Code</c>. A value beyond ASCII, which some clients cannot write into a header, may stand
/// as RFC 8187 §3.2 writes it: <c>UTF-8''Ger%C3%A4t%20verloren</c>.
/// </summary>
internal static class ReasonHeaders
{
    /// <summary>A sentence for people.</summary>
    public const string Text = "Sparekey-Reason";

    /// <summary>The ticket that it belongs to.</summary>
    public const string Ticket = "Sparekey-Ticket";

    /// <summary>A short code of the team's own.</summary>
    public const string Code = "Sparekey-Reason-Code";

    private const string Extended = "UTF-8''";

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads them.</summary>
    /// <param name="context">The request.</param>
    /// <returns>
    /// The reason; null where there is none of these headers, or only empty ones; or <see cref="RefusalCode.InvalidRequest"/> with a
    /// sentence for what is sent twice, cannot be read, is blank or too long, or holds control characters.
    /// </returns>
    public static Result<Reason?> Read(HttpContext context)
    {
        var texts = new string?[3];
        foreach (var (i, name) in new[] { Code, Text, Ticket }.Index())
        {
            var values = context.Request.Headers[name];
            if (values.Count > 1)
            {
                return Fault(name, "once at most.");
            }

            if (values.ToString() is not { Length: > 0 } sent)
            {
                continue;
            }

            if (Decode(sent) is not { } text || text.Any(char.IsControl))
            {
                return Fault(name, "plain text, or UTF-8'' and the text percent-encoded.");
            }

            texts[i] = text;
        }

        if (texts is [null, null, null])
        {
            return (Reason?)null;
        }

        var reason = new Reason(texts[0], texts[1], texts[2]);
        return reason.FaultAt("") is { Faults: [var fault, ..] }
            ? Fault(fault.Pointer switch { "/code" => Code, "/ticket" => Ticket, _ => Text }, fault.Detail)
            : reason;
    }

    private static Refusal Fault(string header, string detail) => new(RefusalCode.InvalidRequest, $"The header {header}: {detail}");

    // Percent signs that begin no octet, octets that are no UTF-8: nothing is guessed.
    private static string? Decode(string sent)
    {
        if (!sent.StartsWith(Extended, StringComparison.OrdinalIgnoreCase))
        {
            return sent;
        }

        var octets = new List<byte>(sent.Length);
        for (var i = Extended.Length; i < sent.Length; i++)
        {
            if (sent[i] != '%')
            {
                if (!char.IsAscii(sent[i]))
                {
                    return null;
                }

                octets.Add((byte)sent[i]);
            }
            else if (i + 2 < sent.Length && char.IsAsciiHexDigit(sent[i + 1]) && char.IsAsciiHexDigit(sent[i + 2]))
            {
                octets.Add(Convert.ToByte(sent.Substring(i + 1, 2), 16));
                i += 2;
            }
            else
            {
                return null;
            }
        }

        try
        {
            return Utf8.GetString([.. octets]);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
