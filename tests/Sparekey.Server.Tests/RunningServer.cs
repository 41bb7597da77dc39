using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Access;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Passbolt;
using Sparekey.Server.Cli;
using Sparekey.Server.Dialects.Cryptlex;
using Sparekey.Server.Dialects.Kratos;
using Sparekey.Server.Dialects.LoginId;
using Sparekey.Server.Dialects.Passbolt;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>An answer of the server.</summary>
internal sealed record Answer(int Status, JsonNode? Json, string Text, HttpResponseHeaders Headers)
{
    /// <summary>The stable code of a problem; null when it is none.</summary>
    public string? Code => (Json as JsonObject)?["code"]?.GetValue<string>();

    /// <summary>A member of the answer as text.</summary>
    public string this[string member] => Json![member]!.ToString();
}

/// <summary>
/// A whole server on a free port of this machine with a data directory of its own, as a user would run it, and the words in
/// which tests speak to it. Everything it logs and answers is kept, so that it can be searched for secrets.
/// </summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private readonly HttpClient _http;
    private readonly LogCollector _log;

    private RunningServer(SparekeyServer server, string folder, int port, FakeTimeProvider time, LogCollector log)
    {
        Server = server;
        Folder = folder;
        Origin = new Uri($"http://127.0.0.1:{port}");
        Time = time;
        _log = log;
        _http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 200, UseCookies = false, AllowAutoRedirect = false })
        {
            BaseAddress = Origin,
            Timeout = TimeSpan.FromMinutes(2),
        };
        AdminToken = File.ReadAllText(server.Installation.Files.BootstrapTokenFile).Trim();
    }

    public SparekeyServer Server { get; }

    public string Folder { get; }

    public Uri Origin { get; }

    public FakeTimeProvider Time { get; }

    public string AdminToken { get; }

    public IServiceProvider Services => Server.App.Services;

    public IReadOnlyCollection<string> LogLines => _log.Lines;

    public ConcurrentQueue<string> Answers { get; } = new();

    public static async Task<RunningServer> Start(
        int callsPerMinute = 0, Action<IEndpointRouteBuilder>? moreDoors = null, MailOptions? mail = null, TimeSpan answerBeat = default,
        LoginIdOptions? loginId = null, PassboltOptions? passbolt = null, KratosOptions? kratos = null, CryptlexOptions? cryptlex = null, EgressOptions? egress = null,
        CompanionOptions? companion = null, TelemetryOptions? telemetry = null, DateTimeOffset? now = null)
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        var (port, time, log) = (FreePort.Next(), new FakeTimeProvider(now), new LogCollector());
        if (!TestDatabase.IsPostgres)
        {
            await SqliteTestDatabase.NewFile(Path.Combine(folder, "sparekey.db"));
        }

        var server = await SparekeyServer.Start(
            new ServerOptions(folder, [$"http://127.0.0.1:{port}"])
            {
                Shared = await TestPlaces.Shared(folder),
                Origin = new Uri($"http://127.0.0.1:{port}"),
                Time = time,
                Log = log,
                CallsPerMinute = callsPerMinute,
                Hashing = TestPasswords.Hashing(),
                MoreDoors = moreDoors,
                Mail = mail,
                AnswerBeat = answerBeat,
                LoginId = loginId ?? new LoginIdOptions(),
                Passbolt = passbolt ?? new PassboltOptions(),
                Kratos = kratos ?? new KratosOptions(),
                Cryptlex = cryptlex ?? new CryptlexOptions(),
                Egress = egress ?? new EgressOptions(),
                Companion = companion,
                Telemetry = telemetry,
            },
            CancellationToken.None);
        return new RunningServer(server, folder, port, time, log);
    }

    /// <summary>The machine's operator, through the server's socket.</summary>
    public LocalClient Local(string tenant = "default") => LocalClient.Through(Server.Installation.Files.SocketFile, tenant);

    public Task<Answer> Get(string path, string? token = null) => Send("GET", path, null, token);

    public Task<Answer> Post(string path, object? body, string? token = null, string? idempotencyKey = null) =>
        Send("POST", path, body, token, idempotencyKey);

    public Task<Answer> Put(string path, object? body, string? token = null) => Send("PUT", path, body, token);

    public async Task<Answer> Send(string method, string path, object? body, string? token = null, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
        {
            var text = body as string ?? System.Text.Json.JsonSerializer.Serialize(body);
            request.Content = new StringContent(text, Encoding.UTF8, "application/json");
        }

        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        }

        if (idempotencyKey is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        }

        return await Send(request);
    }

    public async Task<Answer> Send(HttpRequestMessage request)
    {
        // A server that refuses a large body hangs up, maybe while it is still sent.
        request.Headers.ExpectContinue = request.Content?.Headers.ContentLength > 1024 * 1024;
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var json = text.StartsWith('{') ? JsonNode.Parse(text) : null;
        Answers.Enqueue(text);
        return new Answer((int)response.StatusCode, json, text, response.Headers);
    }

    /// <summary>Everything that a mail server received, once it is so much: the worker sleeps on this server's clock between its rounds.</summary>
    public async Task<IReadOnlyList<ReceivedMail>> Mails(SmtpServer smtp, int count, string saying = "")
    {
        for (var left = 300; left > 0; left--)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            if ((await smtp.Received()).Where(m => m.Text.Contains(saying, StringComparison.Ordinal)).ToList() is var mails && mails.Count >= count)
            {
                return mails;
            }

            await Task.Delay(100);
        }

        throw new TimeoutException($"{count} mails did not arrive. {saying}");
    }

    /// <summary>Makes an account, the way a team's programme does.</summary>
    public async Task<string> Account(string email, string? username = null, string? role = null, string? password = null)
    {
        var body = new JsonObject { ["email"] = email };
        Set("username", username);
        Set("role", role);
        Set("password", password);
        var made = await Post("/v1/accounts", body.ToJsonString(), AdminToken);
        made.Status.ShouldBe(201, made.Text);
        return made["id"];

        void Set(string name, string? value)
        {
            if (value is not null)
            {
                body[name] = value;
            }
        }
    }

    /// <summary>Makes a token with these permissions.</summary>
    public async Task<string> Token(string name, string[] permissions, string? ceiling = null, string? by = null)
    {
        var body = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["name"] = name, ["permissions"] = permissions, ["expires_in"] = "1h", ["per_minute"] = 1_000_000,
        };
        if (ceiling is not null)
        {
            body["ceiling"] = ceiling;
        }

        var made = await Post("/v1/tokens", body, by ?? AdminToken);
        made.Status.ShouldBe(201, made.Text);
        return made["token"];
    }

    /// <summary>Makes a token for a person's own programme, as the operator of the machine may.</summary>
    public async Task<string> TokenOf(string owner, string name, string[] permissions, string ceiling = "admin")
    {
        var ranks = RankOrder.Default;
        var local = new Caller(
            TenantId.Default, "local", "test", new Grant(Principal.LocalOperator, PermissionSet.All, ranks.Highest, ExpiresAt: null));
        var made = await Get<ManageTokens>().Create(
            local,
            new TokenOrder(null, name, PermissionSet.Of(permissions.Select(n => Permissions.TryParse(n, out var p) ? p : throw new ArgumentException(n, nameof(permissions)))))
            {
                Owner = owner,
                Ceiling = ceiling,
                ExpiresIn = TimeSpan.FromHours(1),
                PerMinute = 1_000_000,
            },
            null, CancellationToken.None);
        return made.Value.Fresh!.Secret.Reveal();
    }

    /// <summary>Opens a recovery and gives the answer.</summary>
    public Task<Answer> Recover(string email, string means, string? token = null) =>
        Post("/v1/recoveries", new { account = new { email }, means }, token ?? AdminToken);

    /// <summary>Redeems the link of a recovery's answer and gives the redemption token.</summary>
    public async Task<string> RedeemLink(Answer recovery)
    {
        var link = recovery.Json!["secret"]!["link"]!.ToString();
        var redeemed = await Post("/v1/redemptions", new { link_secret = link[(link.IndexOf('#', StringComparison.Ordinal) + 1)..] });
        redeemed.Status.ShouldBe(201, redeemed.Text);
        return redeemed["redemption_token"];
    }

    public T Get<T>()
        where T : notnull => Services.GetRequiredService<T>();

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Server.DisposeAsync();
        await TestPlaces.Forget(Folder);
        Directory.Delete(Folder, recursive: true);
    }

    private sealed class LogCollector : ILoggerProvider
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => new Collected(this);

        public void Dispose()
        {
        }

        private sealed class Collected(LogCollector owner) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull
            {
                owner.Lines.Enqueue(state.ToString() ?? "");
                return null;
            }

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(
                LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
                owner.Lines.Enqueue($"{formatter(state, exception)} {exception}");
        }
    }
}
