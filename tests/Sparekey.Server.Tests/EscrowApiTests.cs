using System.Collections.Concurrent;
using System.Text;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>Escrow over HTTP, as a team's programme and a person's device speak to it.</summary>
public sealed class EscrowApiTests : IAsyncLifetime
{
    private const string Nobodys = "00000000-0000-4000-8000-000000000000";

    // Opened once: passphrases and the uses of large keys cost more than all the rest.
    private static readonly ConcurrentDictionary<string, Task<PgpSecretKey>> Keys = new(StringComparer.Ordinal);

    private readonly Dictionary<(string Account, string Organisation), object> _halves = [];
    private RunningServer _server = null!;
    private PgpSecretKey _organisation = null!;
    private PgpSecretKey _next = null!;
    private PgpSecretKey _ada = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        _organisation = await Key("account_recovery_organization");
        _next = await Key("account_recovery_organization_alternative");
        _ada = await Key("eddsa_ed25519");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task The_whole_life_of_an_escrow()
    {
        (await Admin("GET", "/v1/escrow/policy"))["mode"].ShouldBe("disabled");
        (await Admin("GET", "/v1/escrow/rotation")).Code.ShouldBe("rotation_not_found");
        var (account, session) = await Person("ada@example.com");
        (await Own("POST", "/escrow", session, Halves(account))).Code.ShouldBe("escrow_disabled");
        var enabled = await Admin("PUT", "/v1/escrow/policy", new { mode = "opt_in", new_key = GivenKey(_organisation) });
        enabled.Status.ShouldBe(200, enabled.Text);

        // The person has no key here yet; then they have, and enrol.
        (await Own("POST", "/escrow", session, Halves(account))).Json!["errors"]![0]!["rule"]!.ToString().ShouldBe("person_key_missing");
        (await Own("GET", "/openpgp-key", session)).Code.ShouldBe("credential_not_found");
        (await Own("PUT", "/openpgp-key", session, new { armored_key = "nonsense" })).Json!["errors"]![0]!["rule"]!.ToString().ShouldBe("unparsable");
        (await Own("PUT", "/openpgp-key", session, GivenKey(_ada)))["fingerprint"].ShouldBe(_ada.Public.Fingerprint);
        (await Admin("GET", $"/v1/accounts/{account}/openpgp-key"))["fingerprint"].ShouldBe(_ada.Public.Fingerprint);
        (await Own("POST", "/escrow/decline", session))["status"].ShouldBe("rejected");
        var enrolled = await Own("POST", "/escrow", session, Halves(account));
        enrolled.Status.ShouldBe(201, enrolled.Text);
        (await Own("POST", "/escrow", session, Halves(account))).Code.ShouldBe("already_enrolled");
        var own = await Own("GET", "/escrow", session);
        (own["mode"], own.Json!["key"]!["fingerprint"]!.ToString(), own.Json["enrolment"]!["status"]!.ToString())
            .ShouldBe(("opt_in", _organisation.Public.Fingerprint, "approved"));
        own.Text.ShouldNotContain("PGP MESSAGE");
        (await Own("GET", "/credentials", session)).Json!["items"]!.AsArray().Select(i => i!["kind"]!.ToString()).ShouldContain("escrow");
        (await Admin("GET", "/v1/escrow/enrolments?status=approved")).Json!["enrolments"]![0]!["account_id"]!.ToString().ShouldBe(account);
        (await Admin("GET", "/v1/escrow/enrolments?status=neither")).Code.ShouldBe("invalid_request");
        (await Admin("GET", $"/v1/escrow/enrolments/{account}"))["fingerprint"].ShouldBe(_ada.Public.Fingerprint);
        (await Admin("GET", $"/v1/escrow/enrolments/{Guid.Empty}")).Code.ShouldBe("enrolment_not_found");

        await Rotate(account);
        await Drill();
        await DisableAndUndo(account, session);
        (await Own("PUT", "/escrow", session, Halves(account, _next))).Status.ShouldBe(200);
        (await Own("DELETE", "/escrow", session)).Status.ShouldBe(204);
        (await Own("DELETE", "/escrow", session)).Code.ShouldBe("enrolment_not_found");
        (await Admin("DELETE", $"/v1/escrow/enrolments/{account}")).Status.ShouldBe(204);
        string[] expected =
        [
            "escrow_policy_changed", "escrow_declined", "escrow_enrolled", "escrow_rotation_started", "escrow_rotated", "escrow_drill_passed",
            "escrow_drill_failed", "escrow_disable_undone", "escrow_withdrawn", "person_key_set",
        ];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var left = 100; left > 0 && !expected.All(seen.Contains); left--)
        {
            _server.Time.Advance(TimeSpan.FromSeconds(2)); // Entries get their positions in rounds.
            await Task.Delay(50);
            seen.UnionWith((await Admin("GET", "/v1/ledger?limit=200")).Json!["entries"]!.AsArray().Select(e => e!["entry"]!["event"]!.ToString()));
        }

        expected.Except(seen).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_is_wrong_with_a_policy_is_said_by_place_and_rule()
    {
        var answer = await Admin("PUT", "/v1/escrow/policy", new { mode = "opt_in", revoked_key = GivenKey(_next), passwords = new[] { new { data = "x" } } });
        answer.Status.ShouldBe(400);
        answer.Json!["errors"]!.AsArray().Select(e => $"{e!["pointer"]} {e["rule"]}").ShouldBe(
            ["/new_key required", "/revoked_key forbidden", "/passwords forbidden"], ignoreOrder: true);
        (await Admin("PUT", "/v1/escrow/policy", new { mode = "perhaps" })).Code.ShouldBe("invalid_request");
        (await Admin("PUT", "/v1/escrow/policy", new { mode = "opt_in", new_key = new { armored_key = new string('a', 300_000) } })).Json!["errors"]![0]!["rule"]!
            .ToString().ShouldBe("too_large");
        var secret = await PassboltVectors.Key("account_recovery_organization");
        (await Admin("PUT", "/v1/escrow/policy", new { mode = "opt_in", new_key = new { armored_key = secret.Private } })).Json!["errors"]![0]!["rule"]!
            .ToString().ShouldBe("secret_key");
        (await Admin("POST", "/v1/escrow/undo", new { })).Code.ShouldBe("wrong_state");
        (await Admin("POST", "/v1/escrow/disable", new { })).Code.ShouldBe("invalid_request");
        (await Admin("POST", "/v1/escrow/drills")).Code.ShouldBe("escrow_disabled");
        (await Admin("POST", "/v1/escrow/rotation", new { new_key = GivenKey(_next) })).Code.ShouldBe("escrow_disabled");
    }

    [Fact]
    public async Task Only_who_manages_escrow_with_the_highest_ceiling_gets_anywhere()
    {
        var (_, session) = await Person("betty@example.com");
        var reader = await _server.Token("reader", ["account:read", "policy:write", "tenant:admin", "recovery:complete"], "admin");
        var low = await _server.Token("low", ["escrow:manage"], "user");
        foreach (var (method, path, body) in new (string, string, object?)[]
        {
            ("GET", "/v1/escrow", null), ("GET", "/v1/escrow/policy", null), ("PUT", "/v1/escrow/policy", new { mode = "disabled" }),
            ("POST", "/v1/escrow/disable", new { }), ("POST", "/v1/escrow/undo", new { }), ("GET", "/v1/escrow/keys", null),
            ("GET", "/v1/escrow/enrolments", null), ("DELETE", $"/v1/escrow/enrolments/{Nobodys}", null), ("POST", "/v1/escrow/drills", null),
            ("GET", $"/v1/escrow/rotation/{Nobodys}/messages", null),
        })
        {
            (await _server.Send(method, path, body, reader)).Code.ShouldBe("permission_missing", path);
            (await _server.Send(method, path, body, session)).Status.ShouldBeOneOf([401, 403], path);
            (await _server.Send(method, path, body)).Code.ShouldBe("unauthenticated", path);
        }

        (await _server.Put("/v1/escrow/policy", new { mode = "opt_in", new_key = GivenKey(_organisation) }, low)).Code.ShouldBe("above_ceiling");
        (await _server.Post("/v1/escrow/undo", new { }, low)).Code.ShouldBe("above_ceiling");
        (await _server.Post("/v1/escrow/drills", null, low)).Code.ShouldBe("above_ceiling");
        (await _server.Get($"/v1/escrow/rotation/{Nobodys}/messages", low)).Code.ShouldBe("above_ceiling");
        (await _server.Get("/v1/escrow/enrolments", low)).Status.ShouldBe(200);
    }

    private async Task Rotate(string account)
    {
        var rotation = await Admin("POST", "/v1/escrow/rotation", new { new_key = GivenKey(_next) });
        rotation.Status.ShouldBe(200, rotation.Text);
        var path = $"/v1/escrow/rotation/{rotation["id"]}";
        (await Admin("POST", $"{path}/finish", new { revoked_key = Revoked(_organisation) })).Code.ShouldBe("rotation_unfinished");
        var part = await Admin("GET", $"{path}/messages");
        var message = part.Json!["messages"]!.AsArray().ShouldHaveSingleItem()!;
        message["account_id"]!.ToString().ShouldBe(account);
        var work = new RewrappingWork(
            _organisation.Public.Fingerprint, _next.Public.Armored, [.. part.Json["organisation_keys"]!.AsArray().Select(k => (string)k!)],
            [.. part.Json["domains"]!.AsArray().Select(d => (string)d!)]);
        var made = EscrowRewrapping.For(work, _organisation, null, _server.Time.GetUtcNow()).Value.Run(
            (string)message["data"]!, Ids.Parse<AccountId>(account), (string)message["fingerprint"]!, (string?)message["person_key"], _server.Time.GetUtcNow());
        (await Admin("PUT", $"{path}/messages/{message["id"]}", new { data = (string)message["data"]! })).Code.ShouldBe("openpgp_refused");
        (await Admin("PUT", $"{path}/messages/{Nobodys}", new { data = made.Value })).Code.ShouldBe("enrolment_not_found");
        (await Admin("PUT", $"{path}/messages/{message["id"]}", new { data = made.Value })).Status.ShouldBe(204);
        (await Admin("GET", $"{path}/messages?after=x")).Code.ShouldBe("invalid_request");
        var finished = await Admin("POST", $"{path}/finish", new { revoked_key = Revoked(_organisation) });
        finished.Json!["key"]!["fingerprint"]!.ToString().ShouldBe(_next.Public.Fingerprint);
        (await Admin("GET", "/v1/escrow/rotation"))["state"].ShouldBe("finished");
        (await Admin("GET", "/v1/escrow/keys")).Json!["keys"]!.AsArray().Select(k => k!["state"]!.ToString()).ShouldBe(["revoked", "active"], ignoreOrder: true);
        (await Admin("DELETE", $"/v1/escrow/rotation/{rotation["id"]}")).Code.ShouldBe("rotation_not_found");
    }

    private async Task Drill()
    {
        var drill = await Admin("POST", "/v1/escrow/drills");
        drill.Status.ShouldBe(201, drill.Text);
        var path = $"/v1/escrow/drills/{drill.Json!["drill"]!["id"]}/answer";
        var proof = new TestEscrow(drill["password"], drill["blob"]).Prove(_next, _server.Time.GetUtcNow()).Value;
        (await Admin("POST", path, new { proof = "nothing" })).Code.ShouldBe("drill_failed");
        (await Admin("POST", path, new { proof }))["state"].ShouldBe("passed");
        (await Admin("POST", path, new { proof })).Code.ShouldBe("drill_not_found");
        (await Admin("GET", "/v1/escrow/drills")).Json!["drills"]![0]!["state"]!.ToString().ShouldBe("passed");
    }

    private async Task DisableAndUndo(string account, string session)
    {
        (await Admin("POST", "/v1/escrow/disable", new { }))["mode"].ShouldBe("disabled");
        (await Own("GET", "/escrow", session)).Json!["enrolment"].ShouldBeNull();
        (await Admin("GET", $"/v1/escrow/enrolments/{account}")).Code.ShouldBe("enrolment_not_found");
        (await Admin("GET", "/v1/escrow/policy"))["undo_until"].ShouldBe("2026-11-24T08:00:00.000Z");
        (await Admin("POST", "/v1/escrow/undo", new { }))["mode"].ShouldBe("opt_in");
        (await Own("GET", "/escrow", session)).Json!["enrolment"]!["status"]!.ToString().ShouldBe("approved");
        var status = await Admin("GET", "/v1/escrow");
        (status.Json!["coverage"]!["enrolled"]!.ToString(), status.Json["last_drill"]!["state"]!.ToString(), status["key_held"]).ShouldBe(("1", "passed", "false"));
    }

    private static Task<PgpSecretKey> Key(string name) => Keys.GetOrAdd(name, async n =>
    {
        var key = await PassboltVectors.Key(n);
        return PgpSecretKey.Open(Encoding.UTF8.GetBytes(key.Unprotected ?? key.Private), Encoding.UTF8.GetBytes(key.Unprotected is null ? key.Passphrase : "")).Value;
    });

    private static object GivenKey(PgpSecretKey key) => new { armored_key = key.Public.Armored, fingerprint = key.Public.Fingerprint };

    private object Revoked(PgpSecretKey key) => new { armored_key = PgpRevocation.Revoke(key, _server.Time.GetUtcNow()) };

    private object Halves(string account, PgpSecretKey? organisation = null)
    {
        var to = (organisation ?? _organisation).Public;
        if (_halves.TryGetValue((account, to.Fingerprint), out var made))
        {
            return made;
        }

        var halves = EscrowMessages.Enrol(_ada, to, _server.Origin.AbsoluteUri.TrimEnd('/'), Guid.Parse(account), _server.Time.GetUtcNow());
        return _halves[(account, to.Fingerprint)] = new { blob = halves.Blob, passwords = new[] { new { recipient_fingerprint = to.Fingerprint, data = halves.Password } } };
    }

    private async Task<(string Account, string Session)> Person(string email)
    {
        var account = await _server.Account(email);
        return (account, await TestSessions.SignIn(_server.Services, Ids.Parse<AccountId>(account), "hwk"));
    }

    private Task<Answer> Admin(string method, string path, object? body = null) => _server.Send(method, path, body, _server.AdminToken);

    private Task<Answer> Own(string method, string path, string session, object? body = null) =>
        _server.Send(method, $"/v1/sessions/current{path}", body, session);
}
