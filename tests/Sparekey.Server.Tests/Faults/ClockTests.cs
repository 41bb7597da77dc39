using Sparekey.Engine;
using Sparekey.Engine.Ledger;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Faults;

/// <summary>The machine's clock jumps: nothing lives longer for it, nobody is shut out by it, and the ledger stays in order.</summary>
public sealed class ClockTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    private string _person = "";

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        _person = await _server.Account("person@example.com");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Set_back_by_hours_no_secret_lives_longer_than_its_life()
    {
        var recovery = await Opened();
        _server.Time.Advance(TimeSpan.FromMinutes(59));
        _server.Time.Step(TimeSpan.FromHours(-6));
        await _server.RedeemLink(recovery); // Its hour is not over yet.
        var (token, redeemed) = (await _server.RedeemLink(await Opened()), _server.Time.GetUtcNow());
        _server.Time.Advance(TimeSpan.FromMinutes(2));
        (await Redeem(recovery)).ShouldBe((401, "secret_invalid"));
        _server.Time.Advance(TimeSpan.FromMinutes(13.5));
        (_server.Time.GetUtcNow() - redeemed).ShouldBeLessThan(TimeSpan.FromHours(1));
        (await _server.Put("/v1/redemption/password", new { new_password = "a password that nobody else has" }, token)).Status.ShouldBe(401);
        _server.LogLines.ShouldContain(l => l.Contains("was set back by"));
    }

    [Fact]
    public async Task Set_back_by_hours_the_ledger_stays_gapless_and_in_the_order_of_time()
    {
        await Opened();
        _server.Time.Step(TimeSpan.FromHours(-6));
        await Opened();
        _server.Time.Advance(TimeSpan.FromSeconds(10));
        await Opened();
        await _server.Get<LedgerSequencer>().Run(Sparekey.Core.TenantId.Default, CancellationToken.None);
        var times = await _server.Get<Database>().Read(
            db => db.List<long>("SELECT e.at FROM ledger_entries e JOIN ledger_positions p ON p.entry_id = e.id ORDER BY p.position"), CancellationToken.None);
        times.ShouldBe(times.Order());
        (await Consistency.Faults(_server.Get<Database>())).ShouldBeEmpty();
    }

    [Fact]
    public async Task Set_back_by_hours_nobody_is_slowed_for_longer()
    {
        var answers = new List<int>();
        for (var i = 0; i < 12; i++)
        {
            answers.Add((await SignIn()).Status);
        }

        answers[^1].ShouldBe(429);
        _server.Time.Step(TimeSpan.FromHours(-6));
        (await SignIn()).Status.ShouldBe(429, "a turned clock gives no more tries either");
        _server.Time.Advance(TimeSpan.FromMinutes(10));
        (await SignIn()).Status.ShouldBe(401);
        (await _server.Recover("person@example.com", "link")).Status.ShouldBe(201);
    }

    [Fact]
    public async Task Set_forward_by_days_everything_that_should_expires_and_the_server_goes_on()
    {
        var token = await _server.Token("short", ["recovery:request", "recovery:issue"]);
        var recovery = await Opened();
        var redemption = await _server.RedeemLink(await Opened());
        _server.Time.Step(TimeSpan.FromDays(5));

        (await Redeem(recovery)).ShouldBe((401, "secret_invalid"));
        (await _server.Put("/v1/redemption/password", new { new_password = "a password that nobody else has" }, redemption)).Status.ShouldBe(401);
        (await _server.Recover("person@example.com", "link", token)).Status.ShouldBe(401);
        (await _server.Recover("person@example.com", "link")).Status.ShouldBe(401, "the bootstrap token is over too");

        await _server.Get<Housekeeping>().RunOnce(CancellationToken.None);
        var database = _server.Get<Database>();
        (await database.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM recoveries WHERE state <> 'expired'"), CancellationToken.None)).ShouldBe(0);
        (await database.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM recovery_secrets"), CancellationToken.None)).ShouldBe(0);
        (await database.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM ledger_queue"), CancellationToken.None)).ShouldBe(0);
        (await Consistency.Faults(database)).ShouldBeEmpty();
        var next = await _server.TokenOf(_person, "new", ["recovery:request", "recovery:issue", "account:write"], "user");
        (await _server.Post("/v1/accounts", new { email = "new@example.com" }, next)).Status.ShouldBe(201);
        await _server.RedeemLink(await _server.Recover("new@example.com", "link", next));
        _server.LogLines.ShouldNotContain(l => l.Contains("Housekeeping failed") || l.Contains("Mail failed"));
    }

    private async Task<Answer> Opened()
    {
        var recovery = await _server.Recover("person@example.com", "link");
        recovery.Status.ShouldBe(201, recovery.Text);
        return recovery;
    }

    private async Task<(int Status, string? Code)> Redeem(Answer recovery)
    {
        var answer = await _server.Post("/v1/redemptions", new { link_secret = recovery.Json!["secret"]!["link"]!.ToString().Split('#')[1] });
        return (answer.Status, answer.Code);
    }

    private Task<Answer> SignIn() => _server.Post("/v1/sessions", new { identifier = "person@example.com", password = "not this password" });
}
