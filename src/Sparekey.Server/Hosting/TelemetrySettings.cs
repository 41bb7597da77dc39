using System.Globalization;
using System.Net;
using Sparekey.Core;
using Sparekey.Core.Secrets;

namespace Sparekey.Server.Hosting;

/// <summary>How metrics and traces are carried.</summary>
internal enum TelemetryProtocol
{
    /// <summary>OTLP over HTTP, protobuf in the body; <c>/v1/metrics</c> and <c>/v1/traces</c> are put after the endpoint.</summary>
    Http,

    /// <summary>OTLP over gRPC.</summary>
    Grpc,
}

/// <summary>Where metrics and traces go.</summary>
/// <param name="Endpoint">The collector.</param>
internal sealed record TelemetryOptions(Uri Endpoint)
{
    /// <summary>How they are carried.</summary>
    public TelemetryProtocol Protocol { get; init; } = TelemetryProtocol.Http;

    /// <summary>Headers of every call to the collector, <c>name=value,name=value</c>; null for none. They often carry a key.</summary>
    public SecretText? Headers { get; init; }

    /// <summary>Which share of the requests that begin a trace is traced: 0 to 1.</summary>
    public double Traces { get; init; } = 1;
}

/// <summary>Reads the settings of telemetry: <c>SPAREKEY_TELEMETRY__ENDPOINT</c> and those beside it.</summary>
internal static class TelemetrySettings
{
    /// <summary>Reads them.</summary>
    /// <param name="settings">All settings.</param>
    /// <returns>Where telemetry goes, or null when no endpoint is set: nothing is measured.</returns>
    /// <exception cref="SettingsException">A setting says something impossible, or would send a key in clear.</exception>
    public static TelemetryOptions? Read(IConfiguration settings)
    {
        var text = settings["TELEMETRY:ENDPOINT"]?.Trim();
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var endpoint) || endpoint.Scheme is not ("https" or "http")
            || endpoint.UserInfo.Length > 0 || endpoint.Fragment.Length > 0 || endpoint.Query.Length > 0)
        {
            throw new SettingsException("SPAREKEY_TELEMETRY__ENDPOINT must be an address like http://127.0.0.1:4318.");
        }

        var protocol = TelemetryProtocol.Http;
        if (settings["TELEMETRY:PROTOCOL"] is { } wanted && !WireName.TryParse(wanted, out protocol))
        {
            throw new SettingsException($"SPAREKEY_TELEMETRY__PROTOCOL: {wanted} is neither http nor grpc.");
        }

        var headers = settings["TELEMETRY:HEADERS"];
        if (!string.IsNullOrEmpty(headers))
        {
            CheckHeaders(headers, endpoint);
        }

        var share = 1.0;
        if (settings["TELEMETRY:TRACES"] is { } part
            && !(double.TryParse(part, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out share) && share is >= 0 and <= 1))
        {
            throw new SettingsException($"SPAREKEY_TELEMETRY__TRACES: {part} is not a number from 0 to 1.");
        }

        return new TelemetryOptions(endpoint)
        {
            Protocol = protocol,
            Headers = string.IsNullOrEmpty(headers) ? null : new SecretText(headers),
            Traces = share,
        };
    }

    private static void CheckHeaders(string headers, Uri endpoint)
    {
        if (headers.Split(',').Any(h => h.IndexOf('=', StringComparison.Ordinal) < 1) || headers.Any(c => c is < ' ' or >= (char)127))
        {
            throw new SettingsException("SPAREKEY_TELEMETRY__HEADERS: name=value, with commas between.");
        }

        if (endpoint.Scheme != Uri.UriSchemeHttps && !(IPAddress.TryParse(endpoint.DnsSafeHost, out var address) && IPAddress.IsLoopback(address)))
        {
            throw new SettingsException("SPAREKEY_TELEMETRY__HEADERS go over https, or to this machine (127.0.0.1, [::1]): they would leave in clear.");
        }
    }
}
