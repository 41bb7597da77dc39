using System.Text;

namespace Sparekey.Server.Tests;

/// <summary>Every secret the suite minted is searched for in everything that was logged, stored or answered later.</summary>
public sealed class LeakTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A21_No_minted_secret_is_in_logs_database_write_ahead_log_ledger_or_problems()
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
        await _server.Get("/v1/redemption", redemption + "x");
        await _server.Post("/v1/redemptions", $"{{\"link_secret\":\"{redemption}\",\"unknown\":\"{password}\"}}");
        await _server.Post("/v1/redemptions", $"{{\"link_secret\": {redemption}}}");
        await _server.Put("/v1/redemption/password", new { new_password = password }, redemption);
        await _server.Put("/v1/redemption/password", new { new_password = password }, redemption);
        await _server.Get("/v1/ledger?limit=1000", _server.AdminToken);
        var answers = string.Join('\n', _server.Answers.Skip(answeredBefore));
        var logs = string.Join('\n', _server.LogLines);

        foreach (var secret in secrets)
        {
            answers.ShouldNotContain(secret);
            logs.ShouldNotContain(secret);
            foreach (var file in Directory.EnumerateFiles(_server.Folder, "*", SearchOption.AllDirectories))
            {
                // The first token stands where its reader looks for it; lock and socket hold no bytes.
                if (Path.GetFileName(file) is not ("bootstrap-token" or "lock" or "sparekey.sock"))
                {
                    Contains(await ReadShared(file), secret).ShouldBeFalse($"{Path.GetFileName(file)} holds a minted secret");
                }
            }
        }
    }

    [Fact]
    public async Task The_search_would_find_what_is_there()
    {
        await _server.Account("visible@example.com");
        Contains(await ReadShared(Path.Combine(_server.Folder, "sparekey.db-wal")), "visible@example.com").ShouldBeTrue();
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

    private static async Task<byte[]> ReadShared(string file)
    {
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        return copy.ToArray();
    }
}
