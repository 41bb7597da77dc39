using System.Net.Sockets;
using System.Text.Json.Nodes;
using Sparekey.Engine.Storage;
using Sparekey.Server.Hosting;
using Sparekey.Server.Http;

namespace Sparekey.Server.Cli;

/// <summary>
/// Talks to the server of a data directory through its socket, as the local operator. When none runs, or the database is one that
/// processes share, a server is started inside this process for as long as the command lasts, on a socket alone: so one process alone ever
/// opens a directory's database.
/// </summary>
internal sealed class LocalClient : IAsyncDisposable
{
    private readonly HttpClient _http;
    private readonly SparekeyServer? _own;

    private LocalClient(HttpClient http, SparekeyServer? own)
    {
        _http = http;
        _own = own;
    }

    /// <summary>Connects.</summary>
    /// <param name="options">Reads the settings of the installation, when a server must be started.</param>
    /// <param name="data">The data directory; null for a database that processes share.</param>
    /// <param name="tenant">The tenant to act in.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<LocalClient> Connect(
        Func<ServerOptions> options, string? data, string tenant, CancellationToken cancellationToken)
    {
        var socket = data is null ? null : DataDirectory.SocketOf(data);
        SparekeyServer? own = null;
        if (socket is null || !await Answers(socket, cancellationToken))
        {
            own = await SparekeyServer.Start(options(), cancellationToken);
            socket = own.Installation.Files.SocketFile;
        }

        return Through(socket, tenant, own);
    }

    /// <summary>Talks to a server through its socket.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="tenant">The tenant to act in.</param>
    /// <param name="own">A server that ends with the client; null for one that goes on.</param>
    internal static LocalClient Through(string socket, string tenant, SparekeyServer? own = null)
    {
        var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, token) => await Open(socket, token),
        })
        {
            BaseAddress = new Uri("http://localhost"),
            Timeout = TimeSpan.FromMinutes(10),
        };
        http.DefaultRequestHeaders.Add("Sparekey-Tenant", tenant);
        return new LocalClient(http, own);
    }

    /// <summary>Calls a server on another machine.</summary>
    /// <param name="server">Its URL.</param>
    /// <param name="token">The access token; null for none.</param>
    public static LocalClient Remote(Uri server, string? token)
    {
        var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = server, Timeout = TimeSpan.FromMinutes(1) };
        if (token is not null)
        {
            http.DefaultRequestHeaders.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", token);
        }

        return new LocalClient(http, own: null);
    }

    /// <summary>Calls a route.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">Path and query.</param>
    /// <param name="body">The body; null for none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The answer's JSON; null when it has none.</returns>
    /// <exception cref="RefusedException">The server refused.</exception>
    public async Task<JsonNode?> Call(HttpMethod method, string path, object? body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = JsonContent.Create(body, options: WireJson.Options);
        }

        using var response = await _http.SendAsync(request, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        var json = text.Length == 0 ? null : JsonNode.Parse(text);
        return response.IsSuccessStatusCode ? json : throw new RefusedException(json as JsonObject ?? []);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (_own is not null)
        {
            await _own.DisposeAsync();
        }
    }

    private static async Task<bool> Answers(string socket, CancellationToken cancellationToken)
    {
        if (!File.Exists(socket))
        {
            return false;
        }

        try
        {
            await using var stream = await Open(socket, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false; // Left behind by a process that was killed.
        }
    }

    private static async Task<NetworkStream> Open(string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>The server refused a command.</summary>
/// <param name="problem">The problem document.</param>
internal sealed class RefusedException(JsonObject problem) : Exception
{
    /// <summary>The problem document.</summary>
    public JsonObject Problem => problem;

    /// <inheritdoc/>
    public override string Message => Describe();

    /// <summary>The problem for a person: title, detail, faults.</summary>
    public string Describe()
    {
        var lines = new List<string> { $"{problem["title"]} ({problem["code"]})" };
        if (problem["detail"] is { } detail)
        {
            lines.Add($"  {detail}");
        }

        lines.AddRange((problem["errors"] as JsonArray ?? []).Select(e => $"  {e?["pointer"]}: {e?["detail"]}"));
        return string.Join(Environment.NewLine, lines);
    }
}
