namespace Sparekey.Server.Tests;

/// <summary>What a holder of <c>account:write</c> or <c>token:write</c> tries, to get into somebody else's account. All of it fails.</summary>
public sealed class TakeoverTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private string _victim = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        _victim = await _server.Account("victim@example.com");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Changes_the_address_then_recovers_to_it()
    {
        var attacker = await _server.Token("attacker", ["account:write", "account:read", "recovery:request"]);
        var added = await _server.Post($"/v1/accounts/{_victim}/addresses", new { kind = "email", value = "attacker@example.org" }, attacker);
        added.Status.ShouldBe(201, added.Text);
        var first = (await _server.Get($"/v1/accounts/{_victim}", attacker)).Json!["addresses"]!.AsArray()
            .First(a => a!["value"]!.ToString() == "victim@example.com")!["id"]!.ToString();
        await _server.Send("DELETE", $"/v1/accounts/{_victim}/addresses/{first}", null, attacker);

        var toNewAddress = await _server.Post(
            "/v1/recoveries", new { account = new { id = _victim }, means = "link", channel = "email" }, attacker);
        toNewAddress.Status.ShouldNotBe(201, toNewAddress.Text);
        var byNewName = await _server.Post(
            "/v1/recoveries", new { account = new { email = "attacker@example.org" }, means = "link", channel = "email" }, attacker);
        byNewName.Code.ShouldBe("account_not_found");
        (await _server.Post("/v1/recovery-requests", new { identifier = "attacker@example.org" })).Status.ShouldBe(202);
        (await _server.Get($"/v1/recoveries?account={_victim}", _server.AdminToken)).Json!["recoveries"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task Lowers_a_role_beneath_the_ceiling()
    {
        var boss = await _server.Account("boss@example.com", role: "admin");
        var attacker = await _server.Token("attacker", ["account:write", "recovery:request", "recovery:issue"], "operator");
        (await _server.Send("PATCH", $"/v1/accounts/{boss}", new { role = "user" }, attacker)).Code.ShouldBe("above_ceiling");
        (await _server.Post("/v1/recoveries", new { account = new { id = boss }, means = "link" }, attacker)).Code.ShouldBe("above_ceiling");
        (await _server.Send("PATCH", $"/v1/accounts/{_victim}", new { role = "admin" }, attacker)).Code.ShouldBe("above_ceiling");
        (await _server.Send("DELETE", $"/v1/accounts/{boss}", null, attacker)).Code.ShouldBe("above_ceiling");
        (await _server.Post($"/v1/accounts/{boss}/addresses", new { kind = "email", value = "x@example.org" }, attacker)).Code.ShouldBe("above_ceiling");
    }

    [Fact]
    public async Task Mints_a_stronger_token()
    {
        var attacker = await _server.Token("attacker", ["token:write", "recovery:request"], "operator");
        (await _server.Post("/v1/tokens", new { name = "mine", permissions = new[] { "recovery:issue" }, expires_in = "30m" }, attacker))
            .Code.ShouldBe("stronger_than_creator");
        (await _server.Post("/v1/tokens", new { name = "mine", permissions = new[] { "recovery:request" }, ceiling = "admin", expires_in = "30m" }, attacker))
            .Code.ShouldBe("stronger_than_creator");
        (await _server.Post("/v1/tokens", new { name = "mine", permissions = new[] { "recovery:request" }, expires_in = "30d" }, attacker))
            .Code.ShouldBe("stronger_than_creator");
        (await _server.Post("/v1/tokens", new { name = "mine", permissions = new[] { "recovery:request" }, owner_id = _victim, expires_in = "30m" }, attacker))
            .Code.ShouldBe("separation_of_duties");
    }

    [Fact]
    public async Task Recovers_their_own_account_as_an_operator()
    {
        var own = await _server.TokenOf(_victim, "own", ["recovery:request", "recovery:issue", "account:write"]);
        (await _server.Post("/v1/recoveries", new { account = new { id = _victim }, means = "link" }, own)).Code.ShouldBe("own_account");
        (await _server.Send("PATCH", $"/v1/accounts/{_victim}", new { role = "operator" }, own)).Code.ShouldBe("own_account");
    }

    [Fact]
    public async Task Chooses_a_password_for_an_existing_account()
    {
        var attacker = await _server.Token("attacker", ["account:write", "account:read", "credential:add"]);
        (await _server.Send("PATCH", $"/v1/accounts/{_victim}", new { password = "a password of the attacker" }, attacker))
            .Code.ShouldBe("invalid_request");
        (await _server.Post("/v1/sessions", new { identifier = "victim@example.com", password = "a password of the attacker" }))
            .Code.ShouldBe("sign_in_failed");
    }

    [Fact]
    public async Task Uses_somebody_elses_recovery()
    {
        var theirs = await _server.Recover("victim@example.com", "link");
        var attacker = await _server.Token("attacker", ["recovery:issue", "recovery:request", "recovery:read"]);
        var issued = await _server.Post($"/v1/recoveries/{theirs["id"]}/issue", null, attacker);
        issued.Code.ShouldBe("separation_of_duties");
        (await _server.Get($"/v1/recoveries/{theirs["id"]}", attacker)).Json!["secret"].ShouldBeNull();
    }

    [Fact]
    public async Task Denies_and_learns_nothing_as_the_requester()
    {
        await _server.Account("chief@example.com", role: "admin");
        var requester = await _server.Token("desk", ["recovery:request", "recovery:read", "recovery:issue"], "admin");
        var approver = await _server.TokenOf(_victim, "approver", ["recovery:approve", "recovery:read"]);
        var opened = await _server.Recover("chief@example.com", "link", requester);
        (await _server.Post($"/v1/recoveries/{opened["id"]}/denials", new { digest = opened["digest"] }, approver))["state"].ShouldBe("denied");

        (await _server.Get($"/v1/recoveries/{opened["id"]}", requester))["state"].ShouldBe("pending");
        (await _server.Post($"/v1/recoveries/{opened["id"]}/issue", null, requester)).Code.ShouldBe("requirements_open");
        (await _server.Get($"/v1/recoveries/{opened["id"]}", approver))["state"].ShouldBe("denied");
    }
}
