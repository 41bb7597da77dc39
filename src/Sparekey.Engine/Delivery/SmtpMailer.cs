using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace Sparekey.Engine.Delivery;

/// <summary>One mail to one person.</summary>
/// <param name="Id">What is before the @ of its Message-ID: the same at every try.</param>
/// <param name="To">The address.</param>
/// <param name="Language">The language of its text.</param>
/// <param name="Subject">One line.</param>
/// <param name="Text">The text, plain.</param>
/// <param name="Html">The same, as HTML.</param>
internal sealed record Mail(string Id, string To, string Language, string Subject, string Text, string Html)
{
    /// <summary>The name before the address it comes from; null for the configured one.</summary>
    public string? FromName { get; init; }

    /// <summary>Shows nothing of what it says.</summary>
    public override string ToString() => $"mail {Id}";
}

/// <summary>What became of a mail.</summary>
/// <param name="Sent">Whether the server took it.</param>
/// <param name="Permanent">Whether it is of no use to try again.</param>
/// <param name="Code">What the server answered; null when it said nothing.</param>
internal sealed record SendOutcome(bool Sent, bool Permanent, int? Code)
{
    /// <summary>When the server wants to be asked again.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>
/// Speaks SMTP, one connection a mail. A server without STARTTLS, or with a certificate that does not verify for its configured
/// name, is sent nothing, not even the user name. What the server says besides its code is not passed on: it may quote addresses.
/// </summary>
/// <param name="options">The server.</param>
internal sealed class SmtpMailer(MailOptions options)
{
    private const int LongestSubject = 200;
    private const int LongestLine = 998;

    /// <summary>How long one mail may take in all.</summary>
    public TimeSpan Timeout => options.Timeout;

    /// <summary>Sends a mail.</summary>
    /// <param name="mail">The mail.</param>
    /// <param name="cancellationToken">Breaks the connection off: whether the mail left is then unknown.</param>
    /// <exception cref="OperationCanceledException">It was broken off.</exception>
    public async Task<SendOutcome> Send(Mail mail, CancellationToken cancellationToken)
    {
        if (!MailAddress.TryCreate(mail.To, out var to) || to.Address != mail.To || to.DisplayName.Length > 0)
        {
            return new SendOutcome(false, Permanent: true, null);
        }

        using var message = Write(mail, to);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(options.Timeout);
        using var client = new SmtpClient(options.Host, options.Port)
        {
            EnableSsl = options.Tls == MailTls.Starttls,
            Timeout = (int)options.Timeout.TotalMilliseconds,
            DeliveryFormat = to.User.All(char.IsAscii) ? SmtpDeliveryFormat.SevenBit : SmtpDeliveryFormat.International,
            UseDefaultCredentials = false,
            Credentials = options is { Username: { } user, Password: { } password } ? new NetworkCredential(user, password.Reveal()) : null,
        };
        try
        {
            await client.SendMailAsync(message, deadline.Token);
            return new SendOutcome(true, Permanent: false, 250);
        }
        catch (SmtpException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var code = (int)e.StatusCode is >= 400 and <= 599 and var said ? said : (int?)null;
            return new SendOutcome(false, IsPermanent(code), code);
        }
        catch (Exception e) when (e is IOException or SocketException or AuthenticationException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return new SendOutcome(false, Permanent: false, null);
        }
    }

    // 50x and 53x speak of us (syntax, authentication, encryption): what the operator mends must find its messages waiting.
    private static bool IsPermanent(int? code) => code is >= 550 and <= 559;

    // Headers are made of the configuration, of our own ids and of subjects that hold no control character; a value of an account
    // stands in a body, or in a recipient that was parsed whole.
    private MailMessage Write(Mail mail, MailAddress to)
    {
        var from = mail.FromName is { } name ? new MailAddress(options.From.Address, name, Encoding.UTF8) : options.From;
        var message = new MailMessage(from, to)
        {
            Subject = OneLine(mail.Subject),
            SubjectEncoding = Encoding.UTF8,
            HeadersEncoding = Encoding.UTF8,
        };
        message.Headers.Add("Message-ID", $"<{mail.Id}@{options.From.Host}>");
        message.Headers.Add("Content-Language", mail.Language);

        // RFC 3834 §5; the second is what Exchange understands. Neither a list nor bulk: it carries no List- header.
        message.Headers.Add("Auto-Submitted", "auto-generated");
        message.Headers.Add("X-Auto-Response-Suppress", "All");
        message.AlternateViews.Add(View(mail.Text, MediaTypeNames.Text.Plain));
        message.AlternateViews.Add(View(mail.Html, MediaTypeNames.Text.Html));
        return message;
    }

    private static AlternateView View(string text, string type)
    {
        // Lines end in CRLF (RFC 2046 §4.1.1) and have 998 characters at most (RFC 5322 §2.1.1). Quoted-printable is no choice: the
        // library writes line ends into it as characters of the text.
        var lines = text.ReplaceLineEndings("\r\n");
        var view = AlternateView.CreateAlternateViewFromString(lines, Encoding.UTF8, type);
        view.TransferEncoding = lines.All(char.IsAscii) && lines.Split("\r\n").All(l => l.Length <= LongestLine)
            ? TransferEncoding.SevenBit
            : TransferEncoding.Base64;
        return view;
    }

    private static string OneLine(string text)
    {
        var line = string.Join(' ', string.Concat(text.Select(c => char.IsControl(c) || c is '\u2028' or '\u2029' ? ' ' : c))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= LongestSubject ? line : line[..LongestSubject];
    }
}
