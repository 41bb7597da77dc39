using System.Diagnostics;
using System.Text;
using Microsoft.AspNetCore.Routing;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Operations;

/// <summary>Metrics and traces as a collector receives them from the built server: what they must tell, and what they must not.</summary>
public sealed class TelemetryTests : IDisposable
{
    private const string Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    private static readonly string[] KnownAttributes =
    [
        "http.request.method", "http.route", "http.response.status_code", "url.scheme", "network.protocol.version", "error.type",
    ];

    private readonly string _data = Directory.CreateTempSubdirectory("sparekey-test-").FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_collector_receives_spans_and_metrics_that_hold_closed_names_and_no_secret(bool grpc)
    {
        await using var collector = await CollectorStandIn.Start(grpc);
        await using var smtp = await SmtpServer.Start();
        string token, link;
        await using (var server = await ServerProcess.Start(_data, environment: Settings(collector, smtp, grpc)))
        {
            token = (await File.ReadAllTextAsync(Path.Combine(_data, "bootstrap-token"))).Trim();
            (await server.Send(HttpMethod.Post, "/v1/accounts", new { email = "person@example.com" }, token)).Status.ShouldBe(201);
            link = await Mint(server, token);
            (await server.Send(HttpMethod.Post, "/v1/recoveries", new { account = new { email = "person@example.com" }, means = "link", channel = "email" }, token)).Status.ShouldBe(201);
            foreach (var path in new[] { $"/nowhere/{link}?secret={token}", $"/v1/recoveries/{link}", $"/self-service/recovery?flow={link}&token={token}" })
            {
                await server.Send(HttpMethod.Get, path, null, token);
            }

            await Until(async () => (await smtp.Received()).Count > 1, "mail");
            (await server.Terminate()).ExitCode.ShouldBe(0);
            server.Log.ShouldNotContain(l => l.Contains("Telemetry does not reach"), string.Join('\n', server.Log));
        }

        // Spans: named after routes, the caller's trace goes on, acts below them, deliveries beside them.
        var minted = collector.Spans.Single(s => s.Attributes.GetValueOrDefault("sparekey.correlation_id") == "the-help-desk");
        minted.Name.ShouldBe("POST /v1/recoveries/");
        (minted.Trace, minted.Parent).ShouldBe((Parent[3..35], Parent[36..52]));
        minted.Attributes["http.response.status_code"].ShouldBe("201");
        collector.Spans.Where(s => s.Trace == minted.Trace && s.Name == "act write").ShouldAllBe(s => s.Parent == minted.Id);
        collector.Spans.Where(s => s.Trace == minted.Trace && s.Name == "act write").ShouldNotBeEmpty();
        var mailed = collector.Spans.First(s => s.Name == "deliver message" && s.Attributes["sparekey.outcome"] == "sent");
        (mailed.Parent, mailed.Attributes["sparekey.channel"]).ShouldBe(("", "mail"));
        collector.Spans.Where(s => s.Name.StartsWith("act", StringComparison.Ordinal)).ShouldAllBe(s => s.Parent != "", "rounds that look for work leave no trace of their own");
        collector.Spans.SelectMany(s => s.Attributes.Keys).Where(k => !k.StartsWith("sparekey.", StringComparison.Ordinal)).Except(KnownAttributes).ShouldBeEmpty();

        // Metrics: by route, and what waits.
        collector.Points.ShouldContain(p => p.Metric == "http.server.request.duration" && p.Attributes.GetValueOrDefault("http.route") == "/v1/recoveries/" && p.Value >= 2);
        collector.Points.Where(p => p.Metric == "sparekey.recovery.events").Select(p => (p.Attributes["event"], p.Attributes["means"], p.Attributes["surface"]))
            .ShouldContain(("recovery_issued", "link", "native"));
        collector.Points.Last(p => p.Metric == "sparekey.recovery.open" && p.Attributes["state"] == "issued").ShouldNotBeNull();
        string[] named =
        [
            "sparekey.act.duration", "sparekey.act.wait", "sparekey.act.inside", "sparekey.outbox.waiting", "sparekey.outbox.oldest.age", "sparekey.outbox.dead",
            "sparekey.ledger.queue", "sparekey.webhook.waiting", "sparekey.housekeeping.lag", "sparekey.round.duration", "sparekey.delivery.attempts",
            "kestrel.active_connections", "dotnet.thread_pool.queue.length",
        ];
        named.Except(collector.Points.Select(p => p.Metric)).ShouldBeEmpty();

        // Nothing that anybody sent, and nothing that was minted.
        foreach (var (_, body) in collector.Bodies)
        {
            foreach (var secret in new[] { token, link, "person@example.com", "nowhere", "/self-service/recovery?" })
            {
                body.AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)).ShouldBe(-1, secret);
            }
        }

        collector.Headers.ShouldAllBe(h => h["x-api-key"] == "a-key-of-the-collector");
    }

    [Fact]
    public async Task A_collector_that_is_gone_is_told_of_in_the_log_and_holds_up_neither_calls_nor_the_end()
    {
        var gone = FreePort.Next();
        await using var server = await ServerProcess.Start(
            _data, environment: new Dictionary<string, string> { ["SPAREKEY_TELEMETRY__ENDPOINT"] = $"http://127.0.0.1:{gone}/with-a-path-of-its-own" });
        (await server.Send(HttpMethod.Get, "/healthz", null, null)).Status.ShouldBe(200);
        await Until(() => Task.FromResult(server.Log.Any(l => l.Contains("Telemetry does not reach its collector"))), "the log's line");
        var (exitCode, took) = await server.Terminate();
        exitCode.ShouldBe(0, string.Join('\n', server.Log));
        took.ShouldBeLessThan(TimeSpan.FromSeconds(30));
        server.Log.ShouldNotContain(l => l.Contains("with-a-path-of-its-own"));
    }

    [Fact]
    public async Task Without_an_endpoint_nothing_listens_and_the_library_is_not_even_loaded()
    {
        await using var server = await ServerProcess.Start(_data);
        (await server.Send(HttpMethod.Get, "/healthz", null, null)).Status.ShouldBe(200);
        var loaded = await File.ReadAllTextAsync($"/proc/{server.Id}/maps");
        loaded.ShouldContain("Sparekey.Engine.dll");
        loaded.ShouldNotContain("OpenTelemetry");
    }

    [Fact]
    public async Task Every_door_beside_the_native_API_says_which_surface_it_is()
    {
        await using var server = await RunningServer.Start();
        string[] native = ["/v1", "/local", "/healthz", "/readyz", "/openapi", "/problems", "/.well-known"];
        var routes = server.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Select(e => (Path: "/" + e.RoutePattern.RawText!.TrimStart('/'), Surface: e.Metadata.GetMetadata<Sparekey.Server.Http.Surface>()?.Name)).ToList();
        routes.Select(r => r.Surface).Distinct().Order(StringComparer.Ordinal).ShouldBe([null, "cryptlex", "dfns", "kratos", "loginid", "pages", "passbolt", "slack"]);
        routes.Where(r => r.Surface is null && !native.Any(n => r.Path == n || r.Path.StartsWith(n + "/", StringComparison.Ordinal))).ShouldBeEmpty();
        routes.Where(r => r.Surface is not null && r.Path.StartsWith("/v1/", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_is_called_learns_nothing_of_the_request_that_led_to_it()
    {
        await using var called = await PhoneStandIn.Start();
        using var egress = new Sparekey.Engine.Delivery.Egress(new Sparekey.Engine.Delivery.EgressOptions { PrivateHosts = ["127.0.0.1"] });
        using var listener = new ActivityListener { ShouldListenTo = _ => true, Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded };
        ActivitySource.AddActivityListener(listener);
        using var current = new Activity("a request").SetIdFormat(ActivityIdFormat.W3C).AddBaggage("person", "person@example.com").Start();
        using var answer = await egress.Client.PostAsync(called.Url, new StringContent("x"));
        called.Calls.Single().Headers.Keys.Intersect(["traceparent", "tracestate", "baggage", "Correlation-Context", "Request-Id"], StringComparer.OrdinalIgnoreCase)
            .ShouldBeEmpty();
    }

    [Theory]
    [InlineData("""{"endpoint":"collector:4318"}""", "SPAREKEY_TELEMETRY__ENDPOINT")]
    [InlineData("""{"endpoint":"http://user:password@127.0.0.1:4318"}""", "SPAREKEY_TELEMETRY__ENDPOINT")]
    [InlineData("""{"endpoint":"http://127.0.0.1:4318","protocol":"json"}""", "SPAREKEY_TELEMETRY__PROTOCOL")]
    [InlineData("""{"endpoint":"http://127.0.0.1:4318","traces":"1.5"}""", "SPAREKEY_TELEMETRY__TRACES")]
    [InlineData("""{"endpoint":"http://127.0.0.1:4318","traces":"NaN"}""", "SPAREKEY_TELEMETRY__TRACES")]
    [InlineData("""{"endpoint":"https://collector.example.com","headers":"no value"}""", "SPAREKEY_TELEMETRY__HEADERS")]
    [InlineData("""{"endpoint":"http://collector.example.com","headers":"x-api-key=secret"}""", "SPAREKEY_TELEMETRY__HEADERS")]
    public void An_impossible_setting_is_named_and_no_key_is_quoted(string telemetry, string named)
    {
        File.WriteAllText(Path.Combine(_data, "sparekey.json"), $$"""{"telemetry":{{telemetry}}}""");
        var said = Should.Throw<SettingsException>(() => ServerOptions.Read(_data, [])).Message;
        said.ShouldContain(named);
        said.ShouldNotContain("secret");
        said.ShouldNotContain("password");
    }

    [Fact]
    public void Settings_are_read_from_the_file()
    {
        File.WriteAllText(
            Path.Combine(_data, "sparekey.json"),
            """{"telemetry":{"endpoint":"https://collector.example.com/otlp","protocol":"grpc","headers":"x-api-key=k","traces":"0.25"}}""");
        var telemetry = ServerOptions.Read(_data, []).Telemetry!;
        (telemetry.Endpoint.AbsoluteUri, telemetry.Protocol, telemetry.Headers!.Reveal(), telemetry.Traces)
            .ShouldBe(("https://collector.example.com/otlp", TelemetryProtocol.Grpc, "x-api-key=k", 0.25));
        telemetry.ToString().ShouldNotContain("x-api-key=k");
    }

    private static Dictionary<string, string> Settings(CollectorStandIn collector, SmtpServer smtp, bool grpc) => new(StringComparer.Ordinal)
    {
        ["SPAREKEY_TELEMETRY__ENDPOINT"] = collector.Url.AbsoluteUri,
        ["SPAREKEY_TELEMETRY__PROTOCOL"] = grpc ? "grpc" : "http",
        ["SPAREKEY_TELEMETRY__HEADERS"] = "x-api-key=a-key-of-the-collector",
        ["SPAREKEY_MAIL__HOST"] = "127.0.0.1",
        ["SPAREKEY_MAIL__PORT"] = $"{smtp.Port}",
        ["SPAREKEY_MAIL__FROM"] = "recovery@example.com",
        ["SPAREKEY_MAIL__TLS"] = "none",
    };

    private static async Task<string> Mint(ServerProcess server, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/recoveries")
        {
            Content = new StringContent("""{"account":{"email":"person@example.com"},"means":"link"}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("Authorization", $"Bearer {token}");
        request.Headers.Add("X-Request-Id", "the-help-desk");
        request.Headers.Add("traceparent", Parent);
        request.Headers.Add("tracestate", "vendor=person@example.com".Replace("@", "-at-", StringComparison.Ordinal));
        request.Headers.Add("baggage", $"token={token}");
        using var answer = await server.Http.SendAsync(request);
        ((int)answer.StatusCode).ShouldBe(201);
        return System.Text.Json.Nodes.JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["secret"]!["link"]!.ToString().Split('#')[1];
    }

    private static async Task Until(Func<Task<bool>> condition, string what)
    {
        var patience = Stopwatch.StartNew();
        while (!await condition())
        {
            patience.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(60), what);
            await Task.Delay(50);
        }
    }
}
