using System.Net;
using System.Net.Sockets;

namespace Sparekey.Engine.Delivery;

/// <summary>Settings of calls that leave the server.</summary>
public sealed record EgressOptions
{
    /// <summary>Hosts that may stand in a private network and be called without TLS, by name or address as it stands in the URL, in lower case.</summary>
    public IReadOnlyList<string> PrivateHosts { get; init; } = [];
}

/// <summary>
/// The one way in which the server calls others over HTTP. Whoever gets to name a URL must not reach through it what only the server can
/// reach: the address that is connected to is checked, after the name was looked up, redirects are not followed, and an answer has a size
/// and a time (SSRF; CWE-918).
/// </summary>
public sealed class Egress : IDisposable
{
    /// <summary>How large an answer may be, in bytes.</summary>
    public const int LongestAnswer = 256 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly EgressOptions _options;
    private readonly SocketsHttpHandler _sockets;

    /// <summary>Opens it.</summary>
    /// <param name="options">The settings.</param>
    public Egress(EgressOptions options)
    {
        _options = options;
        _sockets = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,

            // No traceparent and no baggage: who is called learns nothing of the request that led to it.
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            MaxResponseHeadersLength = 32,
            ConnectCallback = (context, cancellationToken) => Connect(context.DnsEndPoint, options, cancellationToken),
        };
        Client = new HttpClient(new Rules(options, _sockets)) { Timeout = Patience, MaxResponseContentBufferSize = LongestAnswer };
    }

    /// <summary>The client. It throws <see cref="HttpRequestException"/> for what it does not call, and for whatever goes wrong with a connection.</summary>
    public HttpClient Client { get; }

    /// <summary>Whether a URL may be called, as far as it tells itself; what its name leads to is checked with every connection.</summary>
    /// <param name="url">The URL.</param>
    public bool MayCall(Uri url) =>
        _options.PrivateHosts.Contains(NameOf(url.Host))
            ? url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp
            : url.Scheme == Uri.UriSchemeHttps && (!IPAddress.TryParse(url.DnsSafeHost, out var address) || IsPublic(address));

    /// <inheritdoc/>
    public void Dispose()
    {
        Client.Dispose();
        _sockets.Dispose();
    }

    /// <summary>Whether an address is one of the public internet.</summary>
    /// <param name="address">The address.</param>
    public static bool IsPublic(IPAddress address) => address.AddressFamily switch
    {
        AddressFamily.InterNetwork => IsPublic(address.GetAddressBytes()),
        AddressFamily.InterNetworkV6 when address.IsIPv4MappedToIPv6 => IsPublic(address.MapToIPv4()),
        AddressFamily.InterNetworkV6 => IsPublic6(address.GetAddressBytes()),
        _ => false,
    };

    // The registry of special-purpose addresses (RFC 6890), and multicast.
    private static bool IsPublic(byte[] a) => (a[0], a[1], a[2]) switch
    {
        (0 or 10 or 127 or >= 224, _, _) => false,
        (100, >= 64 and < 128, _) or (169, 254, _) or (172, >= 16 and < 32, _) or (192, 168, _) or (198, 18 or 19, _) => false,
        (192, 0, 0 or 2) or (192, 88, 99) or (198, 51, 100) or (203, 0, 113) => false,
        _ => true,
    };

    // Global unicast alone, and of that nothing that leads to an IPv4 address inside (6to4, Teredo) or stands in examples. NAT64 is
    // outside of it.
    private static bool IsPublic6(byte[] a) =>
        (a[0] & 0xE0) == 0x20
        && !(a[0] == 0x20 && a[1] == 0x02)
        && !(a[0] == 0x20 && a[1] == 0x01 && (a[2] < 2 || (a[2] == 0x0D && a[3] == 0xB8)))
        && !(a[0] == 0x3F && a[1] == 0xFF && a[2] < 0x10);

    private static async ValueTask<Stream> Connect(DnsEndPoint to, EgressOptions options, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(to.Host, cancellationToken);
        var allowed = options.PrivateHosts.Contains(NameOf(to.Host)) ? addresses : [.. addresses.Where(IsPublic)];
        if (allowed.Length == 0)
        {
            throw new HttpRequestException("The host is in a network that is not called.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // What was checked is what is connected to: a name that is looked up again could lead elsewhere.
            await socket.ConnectAsync(allowed, to.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static string NameOf(string host) => host.Trim('[', ']').ToLowerInvariant();

    private sealed class Rules(EgressOptions options, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri is not { } url || (url.Scheme != Uri.UriSchemeHttps && !options.PrivateHosts.Contains(NameOf(url.Host))))
            {
                throw new HttpRequestException("Only https is called.");
            }

            try
            {
                return await base.SendAsync(request, cancellationToken);
            }
            catch (SocketException e)
            {
                // The runtime looks for the other end of a new connection, and lets this out where that has hung up already (.NET 10).
                throw new HttpRequestException(HttpRequestError.ConnectionError, e.Message, e);
            }
        }
    }
}
