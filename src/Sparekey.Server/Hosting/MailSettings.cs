using System.Net.Mail;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Delivery;

namespace Sparekey.Server.Hosting;

/// <summary>Reads the settings of mail: <c>SPAREKEY_MAIL__HOST</c> and those beside it.</summary>
internal static class MailSettings
{
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromMinutes(2);

    /// <summary>Reads them.</summary>
    /// <param name="settings">All settings.</param>
    /// <returns>The mail server, or null when no host is set: mail is off.</returns>
    /// <exception cref="SettingsException">A setting says something impossible, or would send secrets in clear.</exception>
    public static MailOptions? Read(IConfiguration settings)
    {
        var host = settings["MAIL:HOST"]?.Trim();
        if (string.IsNullOrEmpty(host))
        {
            return null;
        }

        if (Uri.CheckHostName(host) == UriHostNameType.Unknown)
        {
            throw new SettingsException($"SPAREKEY_MAIL__HOST: {host} is not a host name.");
        }

        // .NET reads "Name <address>"; a line break in it is refused there.
        if (!MailAddress.TryCreate(settings["MAIL:FROM"], out var from))
        {
            throw new SettingsException("SPAREKEY_MAIL__FROM must be the address that mail comes from, recovery@example.com.");
        }

        var tls = MailTls.Starttls;
        if (settings["MAIL:TLS"] is { } wanted && !WireName.TryParse(wanted, out tls))
        {
            throw new SettingsException($"SPAREKEY_MAIL__TLS: {wanted} is neither starttls nor none.");
        }

        if (tls == MailTls.None && !MailOptions.IsLoopback(host))
        {
            throw new SettingsException("SPAREKEY_MAIL__TLS: none is only for a mail server on this machine (localhost, 127.0.0.1, ::1).");
        }

        var timeout = TimeSpan.FromSeconds(20);
        if (settings["MAIL:TIMEOUT"] is { } span && (!Duration.TryParse(span, out timeout) || timeout > LongestTimeout))
        {
            throw new SettingsException($"SPAREKEY_MAIL__TIMEOUT: {span} is not a span of at most 2m, like 20s.");
        }

        var (username, password) = (settings["MAIL:USERNAME"], settings["MAIL:PASSWORD"]);
        if (string.IsNullOrEmpty(username) != string.IsNullOrEmpty(password))
        {
            throw new SettingsException("SPAREKEY_MAIL__USERNAME and SPAREKEY_MAIL__PASSWORD belong together.");
        }

        return new MailOptions(host, from)
        {
            Port = ServerOptions.Number(settings, "MAIL:PORT", 587, 1, 65535),
            Username = string.IsNullOrEmpty(username) ? null : username,
            Password = string.IsNullOrEmpty(password) ? null : new SecretText(password),
            Tls = tls,
            Timeout = timeout,
        };
    }
}
