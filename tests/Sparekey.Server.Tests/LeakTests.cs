using System.Text;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>Every secret the suite minted is searched for in everything that was logged, stored or answered later.</summary>
public sealed class LeakTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    private CollectorStandIn _collector = null!;

    public async ValueTask InitializeAsync()
    {
        _collector = await CollectorStandIn.Start();
        _server = await RunningServer.Start(telemetry: new TelemetryOptions(_collector.Url));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _collector.DisposeAsync();
    }

    [Fact]
    public async Task A21_No_minted_secret_is_in_logs_database_write_ahead_log_ledger_problems_metrics_or_traces()
    {
        const string password = "this very password must stay unknown";
        var secrets = new List<string> { password, _server.AdminToken };
        await _server.Account("leak@example.com", password: "an initial password of a person");
        secrets.Add("an initial password of a person");
        secrets.Add(await _server.Token("leaky", ["recovery:request"]));

        foreach (var means in new[] { "link", "token", "code" })
        {
            secrets.Add((await _server.Recover("leak@example.com", means)).Json!["secret"]![means]!.ToString().Split('#')[^1]);
            await _server.Post("/v1/recoveries", new { account = new { email = "leak@example.com" }, means, channel = "email" }, _server.AdminToken);
        }

        var phrase = await _server.Post(
            "/v1/recoveries", new { account = new { email = "leak@example.com" }, means = "code", code_format = "phrase" }, _server.AdminToken);
        secrets.Add(phrase.Json!["secret"]!["code"]!.ToString());
        var session = await _server.Post("/v1/sessions", new { identifier = "leak@example.com", password = "an initial password of a person" });
        secrets.Add(session["session_token"]);
        var opened = await _server.Recover("leak@example.com", "link");
        var redemption = await _server.RedeemLink(opened);
        secrets.Add(redemption);

        // Secrets where they do not belong: paths, queries, headers, broken bodies.
        var answeredBefore = _server.Answers.Count;
        await _server.Get($"/v1/recoveries/{redemption}", _server.AdminToken);
        await _server.Get($"/nowhere/{redemption}?secret={redemption}");
        await _server.Get($"/self-service/recovery?flow={redemption}&token={redemption}");
        await _server.Get($"/setup/recover/{redemption}/{redemption}.json");
        using (var traced = new HttpRequestMessage(HttpMethod.Get, $"/recover/{redemption}"))
        {
            traced.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
            traced.Headers.Add("tracestate", $"vendor={redemption}");
            traced.Headers.Add("baggage", $"secret={redemption}");
            traced.Headers.TryAddWithoutValidation("User-Agent", redemption);
            await _server.Send(traced);
        }

        await _server.Get("/v1/redemption", redemption + "x");
        await _server.Post("/v1/redemptions", $"{{\"link_secret\":\"{redemption}\",\"unknown\":\"{password}\"}}");
        await _server.Post("/v1/redemptions", $"{{\"link_secret\": {redemption}}}");
        await _server.Put("/v1/redemption/password", new { new_password = password }, redemption);
        await _server.Put("/v1/redemption/password", new { new_password = password }, redemption);
        await _server.Get("/v1/ledger?limit=1000", _server.AdminToken);
        var answers = string.Join('\n', _server.Answers.Skip(answeredBefore));
        var logs = string.Join('\n', _server.LogLines);
        var stored = await TestPlaces.Stored(_server.Folder);
        _server.Server.FlushTelemetry();
        _collector.Spans.ShouldContain(s => s.Trace == "0af7651916cd43dd8448eb211c80319c");
        _collector.Points.ShouldContain(p => p.Metric == "http.server.request.duration");

        foreach (var secret in secrets)
        {
            answers.ShouldNotContain(secret);
            logs.ShouldNotContain(secret);
            foreach (var (_, body) in _collector.Bodies)
            {
                Contains(body, secret).ShouldBeFalse("telemetry holds a minted secret");
            }

            foreach (var (name, bytes) in stored)
            {
                Contains(bytes, secret).ShouldBeFalse($"{name} holds a minted secret");
            }
        }
    }

    [Fact]
    public async Task The_search_would_find_what_is_there()
    {
        await _server.Account("visible@example.com");
        (await TestPlaces.Stored(_server.Folder)).ShouldContain(f => Contains(f.Bytes, "visible@example.com"));
    }

    // A secret may hide in its own bytes, in UTF-16, and as the bytes its base64url stands for.
    private static bool Contains(byte[] file, string secret) =>
        Forms(secret).Any(form => file.AsSpan().IndexOf(form) >= 0);

    private static IEnumerable<byte[]> Forms(string secret)
    {
        yield return Encoding.UTF8.GetBytes(secret);
        yield return Encoding.Unicode.GetBytes(secret);
        yield return Encoding.UTF8.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(secret))[..^4]);
        if (secret.Length > 49 && secret.StartsWith("sp", StringComparison.Ordinal))
        {
            yield return System.Buffers.Text.Base64Url.DecodeFromChars(secret.AsSpan(secret.Length - 49, 43));
        }
    }
}
