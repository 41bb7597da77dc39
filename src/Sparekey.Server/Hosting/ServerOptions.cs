using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Passbolt;
using Sparekey.Engine.Slack;
using Sparekey.Server.Dialects.Cryptlex;
using Sparekey.Server.Dialects.Dfns;
using Sparekey.Server.Dialects.Kratos;
using Sparekey.Server.Dialects.LoginId;
using Sparekey.Server.Dialects.Passbolt;

namespace Sparekey.Server.Hosting;

/// <summary>A setting says something impossible.</summary>
/// <param name="message">Which and what, for the operator.</param>
internal sealed class SettingsException(string message) : Exception(message);

/// <summary>What a server is started with.</summary>
/// <param name="Data">The data directory; of no meaning for a shared installation.</param>
/// <param name="Urls">Where it listens; none for the local socket alone.</param>
internal sealed record ServerOptions(string Data, IReadOnlyList<string> Urls)
{
    /// <summary>The database that other processes use too; null for a data directory.</summary>
    public SharedPlace? Shared { get; init; }

    /// <summary>The public origin.</summary>
    public Uri Origin { get; init; } = new("http://127.0.0.1:4800");

    /// <summary>How many calls one address may make in a minute; 0 for no limit.</summary>
    public int CallsPerMinute { get; init; } = 600;

    /// <summary>What passwords must be.</summary>
    public PasswordOptions Passwords { get; init; } = new();

    /// <summary>Networks of proxies whose forwarded headers are believed; a single address is a network of one.</summary>
    public IReadOnlyList<IPNetwork> Proxies { get; init; } = [];

    /// <summary>The certificate of https addresses, and what is between it and its root; null when there is none.</summary>
    public ServerCertificate? Certificate { get; init; }

    /// <summary>The mail server; null for none.</summary>
    public MailOptions? Mail { get; init; }

    /// <summary>Who sends text messages and calls telephones; null for nobody.</summary>
    public PhoneOptions? Phone { get; init; }

    /// <summary>The app in Slack of the tenant <c>default</c>; null to leave it as it is.</summary>
    public SlackOrder? Slack { get; init; }

    /// <summary>The Passbolt server that is watched; null for none.</summary>
    public CompanionOptions? Companion { get; init; }

    /// <summary>Whose organisation keys the server holds.</summary>
    public EscrowKeyOptions EscrowKeys { get; init; } = new(new Dictionary<TenantId, EscrowKeyFiles>());

    /// <summary>Which notices of escrow operators do not get.</summary>
    public EscrowMailOptions EscrowMails { get; init; } = new(new HashSet<EscrowNews>());

    /// <summary>What is a matter of choice about escrow.</summary>
    public EscrowOptions Escrow { get; init; } = new();

    /// <summary>The doors for Dfns's clients.</summary>
    public DfnsOptions Dfns { get; init; } = new();

    /// <summary>On which beat answers to strangers leave; zero for at once.</summary>
    public TimeSpan AnswerBeat { get; init; } = Http.AnswerBeat.Usual;

    /// <summary>The doors for LoginID's clients.</summary>
    public LoginIdOptions LoginId { get; init; } = new();

    /// <summary>The doors for Kratos's clients.</summary>
    public KratosOptions Kratos { get; init; } = new();

    /// <summary>The doors for Cryptlex's clients.</summary>
    public CryptlexOptions Cryptlex { get; init; } = new();

    /// <summary>The doors for Passbolt's clients.</summary>
    public PassboltOptions Passbolt { get; init; } = new();

    /// <summary>Whom the server may call.</summary>
    public EgressOptions Egress { get; init; } = new();

    /// <summary>Where metrics and traces go; null for nowhere.</summary>
    public TelemetryOptions? Telemetry { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where log lines go instead of the console.</summary>
    public ILoggerProvider? Log { get; init; }

    /// <summary>More doors than the server's own, for whoever runs it inside a program of theirs.</summary>
    public Action<IEndpointRouteBuilder>? MoreDoors { get; init; }

    /// <summary>What hashes passwords instead of the server's own, for whoever runs it inside a program of theirs; the server ends it.</summary>
    public PasswordHashing? Hashing { get; init; }

    /// <summary>
    /// Reads <c>DIR/sparekey.json</c>, or what <c>--config</c> names, and the environment (<c>SPAREKEY_</c>, <c>__</c> between levels).
    /// </summary>
    /// <param name="data">The data directory.</param>
    /// <param name="urls">Where to listen.</param>
    /// <param name="shared">The database that other processes use too; null for a data directory.</param>
    /// <exception cref="SettingsException">A setting says something impossible.</exception>
    public static ServerOptions Read(string data, IReadOnlyList<string> urls, SharedPlace? shared = null)
    {
        var settings = Settings(shared is null ? Path.Combine(data, "sparekey.json") : shared.ConfigFile, isOptional: shared is null);
        var certificate = CertificateOf(settings);
        foreach (var url in urls)
        {
            if (ListenAddress.Parse(url).IsHttps && certificate is null)
            {
                throw new SettingsException(
                    $"--urls: {url} needs SPAREKEY_TLS__CERTIFICATE and SPAREKEY_TLS__KEY (PEM files), or an http address behind a proxy.");
            }
        }

        return new ServerOptions(data, urls)
        {
            Shared = shared,
            Origin = OriginOf(settings["ORIGIN"] ?? (urls.Count > 0 ? urls[0] : "http://127.0.0.1:4800")),
            CallsPerMinute = Number(settings, "LIMITS:CALLS_PER_MINUTE", 600, 0, 10_000_000),
            AnswerBeat = TimeSpan.FromMilliseconds(
                Number(settings, "LIMITS:ANSWER_BEAT", (int)Http.AnswerBeat.Usual.TotalMilliseconds, 0, 1000)),
            Mail = MailSettings.Read(settings),
            Phone = PhoneSettings.Read(settings),
            Telemetry = TelemetrySettings.Read(settings),
            Slack = SlackSettings.Read(settings),
            Companion = CompanionSettings.Read(settings),
            EscrowKeys = EscrowSettings.Keys(settings),
            EscrowMails = EscrowSettings.Mails(settings),
            Escrow = EscrowSettings.Rules(settings),
            Dfns = DfnsSettings.Read(settings),
            Passwords = new PasswordOptions { MinLength = Number(settings, "PASSWORD:MIN_LENGTH", 15, 8, 64) },
            Proxies = [.. (settings["PROXIES"] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(ProxyOf)],
            Certificate = certificate,
            LoginId = LoginIdSettings.Read(settings),
            Kratos = KratosSettings.Read(settings),
            Cryptlex = CryptlexSettings.Read(settings),
            Passbolt = PassboltSettings.Read(settings),
            Egress = new EgressOptions
            {
                PrivateHosts = [.. (settings["EGRESS:PRIVATE_HOSTS"] ?? "").ToLowerInvariant()
                    .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)],
            },
        };
    }

    private static IConfigurationRoot Settings(string? file, bool isOptional)
    {
        try
        {
            var settings = new ConfigurationBuilder();
            if (file is not null)
            {
                settings.AddJsonFile(Path.GetFullPath(file), isOptional);
            }

            return settings.AddEnvironmentVariables("SPAREKEY_").Build();
        }
        catch (FileNotFoundException)
        {
            throw new SettingsException($"--config: there is no file {file}.");
        }
        catch (Exception e) when (e is InvalidDataException or FormatException)
        {
            throw new SettingsException(isOptional ? "sparekey.json in the data directory is not valid JSON." : $"{file} is not valid JSON.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException(
                isOptional ? "sparekey.json in the data directory cannot be read by this user." : $"{file} cannot be read by this user.");
        }
    }

    private static Uri OriginOf(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.PathAndQuery == "/"
            && uri.Fragment.Length == 0 && uri.UserInfo.Length == 0 && uri.Host.Length > 0
            ? uri
            : throw new SettingsException($"SPAREKEY_ORIGIN: {text} is not an origin like https://recover.example.com.");

    private static IPNetwork ProxyOf(string text) =>
        IPAddress.TryParse(text, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : IPNetwork.TryParse(text, out var network) ? network
        : throw new SettingsException($"SPAREKEY_PROXIES: {text} is not an IP address or a network like 10.0.0.0/8.");

    private static ServerCertificate? CertificateOf(IConfiguration settings)
    {
        var (certificate, key) = (settings["TLS:CERTIFICATE"], settings["TLS:KEY"]);
        if (certificate is null && key is null)
        {
            return null;
        }

        try
        {
            return certificate is not null && key is not null
                ? ServerCertificate.Load(certificate, key)
                : throw new SettingsException("SPAREKEY_TLS__CERTIFICATE and SPAREKEY_TLS__KEY go together.");
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new SettingsException("SPAREKEY_TLS__CERTIFICATE and SPAREKEY_TLS__KEY: not readable PEM files of one certificate and its key.");
        }
    }

    /// <summary>Reads a whole number.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="name">Its name.</param>
    /// <param name="usual">What it is when nobody set it.</param>
    /// <param name="least">The least it may be.</param>
    /// <param name="most">The most it may be.</param>
    /// <exception cref="SettingsException">It is something else.</exception>
    internal static int Number(IConfiguration settings, string name, int usual, int least, int most)
    {
        var text = settings[name];
        if (text is null)
        {
            return usual;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new SettingsException(
                $"SPAREKEY_{name.Replace(":", "__", StringComparison.Ordinal)}: {text} is not a number from {least} to {most}.");
    }
}
