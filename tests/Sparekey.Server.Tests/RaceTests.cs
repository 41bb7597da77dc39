namespace Sparekey.Server.Tests;

/// <summary>A thousand at once: one winner, one recovery, nothing lost.</summary>
public sealed class RaceTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A11_A_thousand_redeem_and_commit_runs_on_one_secret_have_one_winner()
    {
        await _server.Account("race@example.com");
        var opened = await _server.Recover("race@example.com", "link");
        var secret = opened.Json!["secret"]!["link"]!.ToString().Split('#')[1];

        var runs = await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => RedeemAndCommit(secret, i)));

        var winner = runs.Select((won, i) => (won, i)).Where(r => r.won).ShouldHaveSingleItem().i;
        (await _server.Post("/v1/sessions", new { identifier = "race@example.com", password = PasswordOf(winner) })).Status.ShouldBe(201);
        var ledger = await _server.Get($"/v1/ledger?recovery={opened["id"]}&limit=1000", _server.AdminToken);
        ledger.Json!["entries"]!.AsArray().Count(e => e!["entry"]!["event"]!.ToString() == "recovery_completed").ShouldBe(1);
    }

    [Fact]
    public async Task A_thousand_commits_under_one_redemption_have_one_winner()
    {
        await _server.Account("commit@example.com");
        var redemption = await _server.RedeemLink(await _server.Recover("commit@example.com", "link"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 1000).Select(
            i => _server.Put("/v1/redemption/password", new { new_password = PasswordOf(i) }, redemption)));

        answers.Count(a => a.Status == 200).ShouldBe(1);
        answers.Where(a => a.Status != 200).ShouldAllBe(a => a.Code == "redemption_invalid" || a.Code == "busy");
    }

    [Fact]
    public async Task A_thousand_mints_with_one_idempotency_key_are_one_recovery()
    {
        await _server.Account("once@example.com");
        var token = await _server.Token("busy", ["recovery:request", "recovery:issue"]);
        var body = new { account = new { email = "once@example.com" }, means = "link" };

        var answers = await Task.WhenAll(Enumerable.Range(0, 1000).Select(
            _ => _server.Post("/v1/recoveries", body, token, "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"")));

        answers.Count(a => a.Status == 201).ShouldBe(1000);
        answers.Select(a => a["id"]).Distinct(StringComparer.Ordinal).Count().ShouldBe(1);
        answers.Count(a => a.Json!["secret"] is not null).ShouldBe(1);
        answers.Where(a => a.Json!["secret"] is null).ShouldAllBe(a => a.Json!["secret_withheld"]!.GetValue<bool>());
        (await _server.Get("/v1/recoveries", _server.AdminToken)).Json!["recoveries"]!.AsArray().Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_key_that_comes_with_another_body_is_refused()
    {
        await _server.Account("other@example.com");
        await _server.Post("/v1/recoveries", new { account = new { email = "other@example.com" }, means = "link" }, _server.AdminToken, "key-1");
        var other = await _server.Post(
            "/v1/recoveries", new { account = new { email = "other@example.com" }, means = "token" }, _server.AdminToken, "key-1");
        other.Status.ShouldBe(422);
        other.Code.ShouldBe("idempotency_key_reused");
    }

    private static string PasswordOf(int run) => $"the password of run number {run}";

    private async Task<bool> RedeemAndCommit(string secret, int run)
    {
        var redeemed = await _server.Post("/v1/redemptions", new { link_secret = secret });
        if (redeemed.Status != 201)
        {
            redeemed.Code.ShouldBe("secret_invalid");
            return false;
        }

        var committed = await _server.Put("/v1/redemption/password", new { new_password = PasswordOf(run) }, redeemed["redemption_token"]);
        return committed.Status == 200;
    }
}
