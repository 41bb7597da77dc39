using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>People who act on others with the session that their passkey opened.</summary>
public sealed class OperatorTests : IAsyncLifetime
{
    private static readonly string[] ByPasskey = [AssuranceLevels.Possession, AssuranceLevels.UserVerified];

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A20_A_person_decides_with_the_session_that_a_passkey_opened_and_with_no_other()
    {
        var (approver, passkey) = await Operator("approver@example.com", ByPasskey, "recovery:approve", "recovery:read");
        var password = await Session(approver, ["pwd"]);
        var unverified = await Session(approver, [AssuranceLevels.Possession]);
        var recovery = await Waiting("target@example.com");
        var body = new { digest = recovery["digest"] };
        var approvals = $"/v1/recoveries/{recovery["id"]}/approvals";

        foreach (var weak in new[] { password, unverified })
        {
            (await _server.Post(approvals, body, weak)).Code.ShouldBe("permission_missing");
        }

        (await _server.Post(approvals, body, passkey + "x")).Code.ShouldBe("unauthenticated");
        (await _server.Post($"/v1/recoveries/{recovery["id"]}/cancel", new { }, passkey)).Code.ShouldBe("permission_missing");
        var approved = await _server.Post(approvals, body, passkey);
        approved.Status.ShouldBe(200, approved.Text);
        var by = approved.Json!["requirements"]!.AsArray().Single(r => r!["kind"]!.ToString() == "approvals")!["met_by"]![0]!["by"]!;
        (by["kind"]!.ToString(), by["id"]!.ToString()).ShouldBe(("account", approver));
    }

    [Fact]
    public async Task Nobody_decides_on_their_own_recovery_or_twice_with_a_programme()
    {
        var (person, session) = await Operator("both@example.com", ByPasskey, "recovery:approve", "recovery:request", "recovery:read", "token:write");
        var own = await _server.Recover("both@example.com", "link");
        (await _server.Post($"/v1/recoveries/{own["id"]}/approvals", new { digest = own["digest"] }, session)).Code.ShouldBe("own_account");

        var programme = await _server.TokenOf(person, "their programme", ["recovery:approve"]);
        var recovery = await Waiting("other@example.com", approvals: 2);
        var approvals = $"/v1/recoveries/{recovery["id"]}/approvals";
        (await _server.Post(approvals, new { digest = recovery["digest"] }, session)).Status.ShouldBe(200);
        (await _server.Post(approvals, new { digest = recovery["digest"] }, programme)).Code.ShouldBe("already_decided");
    }

    [Fact]
    public async Task What_somebody_may_do_ends_at_once()
    {
        var (account, session) = await Operator("gone@example.com", ByPasskey, "account:read");
        (await _server.Get($"/v1/accounts/{account}", session)).Status.ShouldBe(200);

        (await _server.Send("DELETE", $"/v1/operators/{account}", null, _server.AdminToken)).Status.ShouldBe(204);

        (await _server.Get($"/v1/accounts/{account}", session)).Code.ShouldBe("permission_missing");
        (await _server.Send("DELETE", $"/v1/operators/{account}", null, _server.AdminToken)).Code.ShouldBe("operator_not_found");
    }

    [Fact]
    public async Task Nobody_grants_more_than_they_hold_for_longer_or_to_themselves()
    {
        var (small, session) = await Operator("small@example.com", ByPasskey, "token:write", "recovery:approve");
        var other = await _server.Account("grown@example.com", role: "operator");

        (await Put(other, session, "recovery:approve", "policy:write")).Code.ShouldBe("stronger_than_creator");
        (await Put(small, session, "recovery:approve")).Code.ShouldBe("own_account");
        (await Put(other, session, "recovery:approve")).Status.ShouldBe(200);
        (await _server.Send(
            "PUT", $"/v1/operators/{other}", new { permissions = new[] { "recovery:approve" }, ceiling = "admin" }, session)).Code.ShouldBe("stronger_than_creator");

        // Whoever holds more than they do they cannot cut down.
        (await Put(other, _server.AdminToken, "policy:write", "recovery:approve")).Status.ShouldBe(200);
        (await Put(other, session, "recovery:approve")).Code.ShouldBe("stronger_than_creator");
        (await _server.Send("DELETE", $"/v1/operators/{other}", null, session)).Code.ShouldBe("stronger_than_creator");
        (await Put(other, _server.AdminToken)).Code.ShouldBe("invalid_request");
        (await Put("00000000-0000-4000-8000-000000000000", _server.AdminToken, "recovery:approve")).Code.ShouldBe("account_not_found");
    }

    [Fact]
    public async Task What_somebody_made_with_it_ends_too()
    {
        var (account, session) = await Operator("maker@example.com", ByPasskey, "account:read", "recovery:read", "token:write");
        var wide = await _server.Post("/v1/tokens", new { name = "wide", permissions = new[] { "account:read", "token:write" } }, session);
        wide.Status.ShouldBe(201, wide.Text);
        var narrow = await _server.Post("/v1/tokens", new { name = "wide", permissions = new[] { "recovery:read" } }, wide["token"]);
        narrow.Code.ShouldBe("stronger_than_creator");
        narrow = await _server.Post("/v1/tokens", new { name = "narrow", permissions = new[] { "recovery:read" } }, session);
        var child = await _server.Post("/v1/tokens", new { name = "child", permissions = new[] { "account:read" } }, wide["token"]);
        child.Status.ShouldBe(201, child.Text);
        var given = await _server.TokenOf(account, "given", ["account:read"]);

        // Less remains: what exceeds it ends, with what it made.
        (await Put(account, _server.AdminToken, "recovery:read")).Status.ShouldBe(200);
        (await _server.Get($"/v1/accounts/{account}", wide["token"])).Code.ShouldBe("unauthenticated");
        (await _server.Get($"/v1/accounts/{account}", child["token"])).Code.ShouldBe("unauthenticated");
        (await _server.Get("/v1/recoveries", narrow["token"])).Status.ShouldBe(200);

        (await _server.Send("DELETE", $"/v1/operators/{account}", null, _server.AdminToken)).Status.ShouldBe(204);
        (await _server.Get("/v1/recoveries", narrow["token"])).Code.ShouldBe("unauthenticated");

        // What others made for their programmes is not theirs to lose.
        (await _server.Get($"/v1/accounts/{account}", given)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Who_recovers_an_operator_needs_as_much_as_the_operator_may()
    {
        var plain = await _server.Account("plain@example.com");
        var low = await Put(plain, _server.AdminToken, "recovery:approve");
        (low.Code, low.Json!["errors"]![0]!["pointer"]!.ToString()).ShouldBe(("invalid_request", "/ceiling"));
        var (account, session) = await Operator("lowered@example.com", ByPasskey, "account:read");
        (await _server.Put($"/v1/operators/{account}", new { permissions = new[] { "account:read" }, ceiling = "admin" }, _server.AdminToken))
            .Code.ShouldBe("invalid_request");
        (await _server.Get($"/v1/accounts/{plain}", session)).Status.ShouldBe(200);

        (await _server.Send("PATCH", $"/v1/accounts/{account}", new { role = "user" }, _server.AdminToken)).Status.ShouldBe(200);
        (await _server.Get($"/v1/accounts/{plain}", session)).Code.ShouldBe("permission_missing");
    }

    [Fact]
    public async Task A_token_grants_until_its_own_end()
    {
        var (account, session) = await Operator("day@example.com", ByPasskey, "account:read");
        (await _server.Get($"/v1/accounts/{account}", session)).Status.ShouldBe(200);
        _server.Time.Advance(TimeSpan.FromHours(25));

        (await _server.Get($"/v1/accounts/{account}", await Session(account, ByPasskey))).Code.ShouldBe("permission_missing");
    }

    private async Task<(string Account, string Session)> Operator(string email, string[] amr, params string[] permissions)
    {
        var account = await _server.Account(email, role: "operator");
        (await Put(account, _server.AdminToken, permissions)).Status.ShouldBe(200);
        return (account, await Session(account, amr));
    }

    private Task<Answer> Put(string account, string token, params string[] permissions) =>
        _server.Send("PUT", $"/v1/operators/{account}", new { permissions }, token);

    private Task<string> Session(string account, string[] amr) =>
        TestSessions.SignIn(_server.Services, Ids.Parse<AccountId>(account), amr);

    private async Task<Answer> Waiting(string email, int approvals = 1)
    {
        await _server.Account(email);
        var policy = await _server.Get("/v1/policy", _server.AdminToken);
        (await _server.Send("PUT", "/v1/policy", new
        {
            version = (int)policy.Json!["version"]!,
            roles = policy.Json!["roles"],
            rules = new[] { new { name = "four_eyes", when = (object?)null, require = new { approvals } } },
        }, _server.AdminToken)).Status.ShouldBe(200);
        var recovery = await _server.Recover(email, "link");
        recovery["state"].ShouldBe("pending");
        return recovery;
    }
}
