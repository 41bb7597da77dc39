using System.Text;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>Two tenants on one server: what belongs to one does not exist for the other.</summary>
public sealed class NeighbourTests : IAsyncLifetime
{
    private static readonly TenantId Neighbour = TenantId.Parse("neighbour");

    private RunningServer _server = null!;
    private string _host = null!;
    private string _token = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        _host = $"localhost:{_server.Origin.Port}";
        await _server.Server.Installation.Database.Write(
            db => db.Execute("INSERT INTO tenants (id, created_at) VALUES (@id, 0)", new { id = Neighbour.ToString() }), CancellationToken.None);
        await _server.Get<EnsureDefaultApplication>().Run(Neighbour, new Uri($"http://{_host}"), CancellationToken.None);
        var local = new Caller(
            Neighbour, "local", "test", new Grant(Principal.LocalOperator, PermissionSet.All, RankOrder.Default.Highest, ExpiresAt: null));
        var minted = await _server.Get<ManageTokens>().Create(
            local,
            new TokenOrder(null, "neighbour", PermissionSet.All) { Ceiling = "admin", ExpiresIn = TimeSpan.FromHours(1) },
            null, CancellationToken.None);
        _token = minted.Value.Fresh!.Secret.Reveal();

        // Who knew which host is whose is remembered for a moment.
        _server.Time.Advance(TimeSpan.FromMinutes(1));
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task No_route_knows_a_neighbours_ids()
    {
        var account = (await At("POST", "/v1/accounts", new { email = "theirs@example.com" }))["id"];
        var opened = await At("POST", "/v1/recoveries", new { account = new { id = account }, means = "link" });
        opened.Status.ShouldBe(201, opened.Text);
        var tokens = (await At("GET", "/v1/tokens")).Json!["tokens"]![0]!;
        var application = opened["application"];
        var digest = new { digest = opened["digest"] };
        var organisation = await PassboltVectors.Key("account_recovery_organization");
        (await At("PUT", "/v1/escrow/policy", new { mode = "opt_in", new_key = new { armored_key = organisation.Public } })).Status.ShouldBe(200);
        var drill = (await At("POST", "/v1/escrow/drills")).Json!["drill"]!["id"];
        var rotation = (await At(
            "POST", "/v1/escrow/rotation",
            new { new_key = new { armored_key = (await PassboltVectors.Key("account_recovery_organization_alternative")).Public } }))["id"];
        var calls = new (string Method, string Path, object? Body)[]
        {
            ("GET", $"/v1/accounts/{account}", null),
            ("PATCH", $"/v1/accounts/{account}", new { username = "mine" }),
            ("DELETE", $"/v1/accounts/{account}", null),
            ("POST", $"/v1/accounts/{account}/addresses", new { kind = "email", value = "mine@example.com" }),
            ("GET", $"/v1/accounts/{account}/credentials", null),
            ("GET", $"/v1/accounts/{account}/sessions", null),
            ("DELETE", $"/v1/accounts/{account}/sessions", null),
            ("POST", "/v1/recoveries", new { account = new { id = account }, means = "link" }),
            ("GET", $"/v1/recoveries/{opened["id"]}", null),
            ("POST", $"/v1/recoveries/{opened["id"]}/issue", null),
            ("POST", $"/v1/recoveries/{opened["id"]}/reason", new { text = "mine" }),
            ("POST", $"/v1/recoveries/{opened["id"]}/confirmations", digest),
            ("POST", $"/v1/recoveries/{opened["id"]}/approvals", digest),
            ("POST", $"/v1/recoveries/{opened["id"]}/denials", digest),
            ("POST", $"/v1/recoveries/{opened["id"]}/evidence", new { digest = opened["digest"], kind = "passport" }),
            ("POST", $"/v1/recoveries/{opened["id"]}/cancel", new { }),
            ("GET", $"/v1/tokens/{tokens["id"]}", null),
            ("DELETE", $"/v1/tokens/{tokens["id"]}", null),
            ("GET", $"/v1/service-accounts/{tokens["service_account_id"]}", null),
            ("DELETE", $"/v1/service-accounts/{tokens["service_account_id"]}", null),
            ("POST", "/v1/tokens", new { service_account_id = tokens["service_account_id"]!.ToString(), permissions = new[] { "recovery:read" }, expires_in = "1h" }),
            ("GET", $"/v1/applications/{application}", null),
            ("PATCH", $"/v1/applications/{application}", new { name = "mine" }),
            ("DELETE", $"/v1/applications/{application}", null),
            ("GET", $"/v1/accounts/{account}/openpgp-key", null),
            ("GET", $"/v1/escrow/enrolments/{account}", null),
            ("DELETE", $"/v1/escrow/enrolments/{account}", null),
            ("GET", $"/v1/recoveries/{opened["id"]}/escrow", null),
            ("POST", $"/v1/recoveries/{opened["id"]}/complete", new { answer = "x" }),
            ("POST", $"/v1/recoveries/{opened["id"]}/complete", new { key = "x", passphrase = "y" }),
            ("GET", $"/v1/escrow/rotation/{rotation}/messages", null),
            ("PUT", $"/v1/escrow/rotation/{rotation}/messages/{account}", new { data = "x" }),
            ("POST", $"/v1/escrow/rotation/{rotation}/finish", new { revoked_key = new { armored_key = "x" } }),
            ("DELETE", $"/v1/escrow/rotation/{rotation}", null),
            ("POST", $"/v1/escrow/drills/{drill}/answer", new { proof = "x" }),
            ("GET", $"/v3/users/{account}", null),
            ("PATCH", $"/v3/users/{account}", new { firstName = "mine" }),
            ("PATCH", $"/v3/users/{account}", new { email = "mine@example.com" }),
            ("DELETE", $"/v3/users/{account}", null),
            ("POST", $"/v3/users/{account}/reset-password-token", null),
        };
        foreach (var (method, path, body) in calls)
        {
            var answer = await _server.Send(method, path, body, _server.AdminToken);
            answer.Status.ShouldBe(404, $"{method} {path}: {answer.Text}");
            answer.Code!.ShouldEndWith("_not_found", Case.Sensitive, $"{method} {path}");
        }

        (await _server.Get($"/v1/ledger?recovery={opened["id"]}", _server.AdminToken)).Json!["entries"]!.AsArray().ShouldBeEmpty();
        (await _server.Get($"/v1/recoveries?account={account}", _server.AdminToken)).Json!["recoveries"]!.AsArray().ShouldBeEmpty();
        (await At("GET", $"/v1/recoveries/{opened["id"]}"))["state"].ShouldBe("issued");
        (await At("GET", "/v1/escrow/rotation"))["state"].ShouldBe("running");
        (await At("POST", "/v1/escrow/disable", new { })).Status.ShouldBe(200);
        var disabled = (await At("GET", "/v1/escrow/policy"))["id"];
        (await _server.Post("/v1/escrow/undo", new { policy_id = disabled }, _server.AdminToken)).Code.ShouldBe("wrong_state");
    }

    [Fact]
    public async Task No_route_of_Kratoss_knows_a_neighbours_ids()
    {
        var identity = await At("POST", "/admin/identities", new { traits = new { email = "theirs@example.com" }, external_id = "theirs" });
        var id = identity["id"];
        await At("PUT", "/v1/identity-schemas/theirs", new { document = new { properties = new { traits = new { type = "object" } } } });
        foreach (var (method, path, body) in new (string, string, object?)[]
        {
            ("GET", $"/admin/identities/{id}", null),
            ("GET", "/admin/identities/by/external/theirs", null),
            ("PUT", $"/admin/identities/{id}", new { traits = new { } }),
            ("PATCH", $"/admin/identities/{id}", new object[] { new { op = "replace", path = "/state", value = "inactive" } }),
            ("DELETE", $"/admin/identities/{id}", null),
            ("DELETE", $"/admin/identities/{id}/credentials/password", null),
            ("GET", $"/admin/identities/{id}/sessions", null),
            ("DELETE", $"/admin/identities/{id}/sessions", null),
            ("GET", "/schemas/theirs", null),
        })
        {
            (await _server.Send(method, path, body, _server.AdminToken)).Status.ShouldBe(404, $"{method} {path}");
        }

        foreach (var list in new[] { "/admin/identities", $"/admin/identities?ids={id}", "/admin/identities?credentials_identifier=theirs@example.com", "/admin/sessions", "/admin/identities?page=1" })
        {
            (await _server.Get(list, _server.AdminToken)).Text.ShouldBe("[]\n", list);
        }

        (await At("GET", $"/admin/identities/{id}"))["state"].ShouldBe("active");
        (await At("GET", "/schemas/theirs")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_token_opens_nothing_at_the_neighbours()
    {
        (await _server.Get("/v1/policy", _token)).Code.ShouldBe("unauthenticated");
        (await At("GET", "/v1/policy", null, _server.AdminToken)).Code.ShouldBe("unauthenticated");
        (await At("GET", "/v1/policy")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_secret_works_only_where_it_was_issued()
    {
        await At("POST", "/v1/accounts", new { email = "same@example.com" });
        await _server.Account("same@example.com");
        var theirs = await At("POST", "/v1/recoveries", new { account = new { email = "same@example.com" }, means = "link" });
        var link = theirs.Json!["secret"]!["link"]!.ToString();
        link.ShouldStartWith($"http://{_host}/recover#");
        (await _server.Post("/v1/redemptions", new { link_secret = link.Split('#')[1] })).Code.ShouldBe("secret_invalid");
        var code = await At("POST", "/v1/recoveries", new { account = new { email = "same@example.com" }, means = "code" });
        (await _server.Post(
            "/v1/redemptions", new { code = code.Json!["secret"]!["code"]!.ToString(), account = new { email = "same@example.com" } }))
            .Code.ShouldBe("secret_invalid");
        (await At("POST", "/v1/redemptions", new { link_secret = link.Split('#')[1] }, "")).Status.ShouldBe(201);
    }

    [Fact]
    public async Task Every_tenant_signs_with_keys_of_its_own()
    {
        var ours = (await _server.Get("/.well-known/jwks.json")).Json!["keys"]![0]!["kid"]!.ToString();
        var theirs = (await At("GET", "/.well-known/jwks.json")).Json!["keys"]![0]!["kid"]!.ToString();
        theirs.ShouldNotBe(ours);
    }

    [Fact]
    public async Task A_host_that_nobody_listed_is_refused_once_there_are_two()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/policy");
        request.Headers.Host = "elsewhere.example.org";
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {_server.AdminToken}");
        (await _server.Send(request)).Code.ShouldBe("unknown_host");
        using var probe = new HttpRequestMessage(HttpMethod.Get, "/healthz");
        probe.Headers.Host = "elsewhere.example.org";
        (await _server.Send(probe)).Status.ShouldBe(200);
    }

    private async Task<Answer> At(string method, string path, object? body = null, string? token = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.Host = _host;
        if ((token ?? _token).Length > 0)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token ?? _token}");
        }

        request.Content = body is null ? null : new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        return await _server.Send(request);
    }
}
