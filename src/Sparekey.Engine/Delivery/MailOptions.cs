using System.Net.Mail;
using Sparekey.Core.Secrets;

namespace Sparekey.Engine.Delivery;

/// <summary>How the connection to the mail server is protected.</summary>
public enum MailTls
{
    /// <summary>The connection turns to TLS before anything is said, or nothing is said: there is no falling back.</summary>
    Starttls,

    /// <summary>No protection. Only for a server on this machine.</summary>
    None,
}

/// <summary>The mail server and how to speak to it.</summary>
/// <param name="Host">Its name, also in its certificate.</param>
/// <param name="From">Who mail comes from.</param>
public sealed record MailOptions(string Host, MailAddress From)
{
    /// <summary>Its port.</summary>
    public int Port { get; init; } = 587;

    /// <summary>The user name, where the server asks for one.</summary>
    public string? Username { get; init; }

    /// <summary>The password.</summary>
    public SecretText? Password { get; init; }

    /// <summary>How the connection is protected.</summary>
    public MailTls Tls { get; init; } = MailTls.Starttls;

    /// <summary>How long sending one mail may take in all.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Whether a host is this machine, so that what is sent to it crosses no network.</summary>
    /// <param name="host">The host as it is configured; a name is not resolved, because what it means may change.</param>
    public static bool IsLoopback(string host) =>
        host == "localhost" || (System.Net.IPAddress.TryParse(host.Trim('[', ']'), out var ip) && System.Net.IPAddress.IsLoopback(ip));
}
