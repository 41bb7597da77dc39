using System.Globalization;
using Sparekey.Engine.Credentials.Passwords;

namespace Sparekey.Server.Hosting;

/// <summary>A setting says something impossible.</summary>
/// <param name="message">Which and what, for the operator.</param>
internal sealed class SettingsException(string message) : Exception(message);

/// <summary>What a server is started with.</summary>
/// <param name="Data">The data directory.</param>
/// <param name="Urls">Where it listens; none for the socket in the data directory alone.</param>
internal sealed record ServerOptions(string Data, IReadOnlyList<string> Urls)
{
    /// <summary>The public origin.</summary>
    public Uri Origin { get; init; } = new("http://127.0.0.1:4800");

    /// <summary>How many calls one address may make in a minute; 0 for no limit.</summary>
    public int CallsPerMinute { get; init; } = 600;

    /// <summary>What passwords must be.</summary>
    public PasswordOptions Passwords { get; init; } = new();

    /// <summary>Addresses of proxies whose forwarded headers are believed.</summary>
    public IReadOnlyList<string> Proxies { get; init; } = [];

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where log lines go instead of the console.</summary>
    public ILoggerProvider? Log { get; init; }

    /// <summary>Reads <c>DIR/sparekey.json</c> and the environment (<c>SPAREKEY_</c>, <c>__</c> between levels).</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="urls">Where to listen.</param>
    /// <exception cref="SettingsException">A setting says something impossible.</exception>
    public static ServerOptions Read(string data, IReadOnlyList<string> urls)
    {
        IConfigurationRoot settings;
        try
        {
            settings = new ConfigurationBuilder()
                .AddJsonFile(Path.GetFullPath(Path.Combine(data, "sparekey.json")), optional: true)
                .AddEnvironmentVariables("SPAREKEY_")
                .Build();
        }
        catch (Exception e) when (e is InvalidDataException or FormatException)
        {
            throw new SettingsException("sparekey.json in the data directory is not valid JSON.");
        }

        foreach (var url in urls)
        {
            if (!Uri.TryCreate(url.Replace("*", "localhost", StringComparison.Ordinal), UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https"))
            {
                throw new SettingsException($"--urls: {url} is not an address like http://127.0.0.1:4800.");
            }
        }

        var origin = settings["ORIGIN"] ?? (urls.Count > 0 ? urls[0] : "http://127.0.0.1:4800");
        if (!Uri.TryCreate(origin, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.PathAndQuery != "/")
        {
            throw new SettingsException($"SPAREKEY_ORIGIN: {origin} is not an origin like https://recover.example.com.");
        }

        return new ServerOptions(data, urls)
        {
            Origin = uri,
            CallsPerMinute = Number(settings, "LIMITS:CALLS_PER_MINUTE", 600, 0, 10_000_000),
            Passwords = new PasswordOptions { MinLength = Number(settings, "PASSWORD:MIN_LENGTH", 15, 8, 64) },
            Proxies = (settings["PROXIES"] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
        };
    }

    private static int Number(IConfiguration settings, string name, int usual, int least, int most)
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
