using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;
using static Sparekey.Server.Tests.Dialects.DfnsScene;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Policy, time and mail behind Dfns's doors, with its own clients.</summary>
public sealed partial class DfnsPolicyTests : IAsyncLifetime
{
    private SmtpServer _smtp = null!;
    private RunningServer _server = null!;
    private DfnsScene _scene = null!;

    public async ValueTask InitializeAsync()
    {
        _smtp = await SmtpServer.Start();
        _server = await RunningServer.Start(mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = _smtp.Port, Tls = MailTls.None });
        _scene = await DfnsScene.Start("0.8", _server);
    }

    public async ValueTask DisposeAsync()
    {
        await _scene.DisposeAsync();
        await _server.DisposeAsync();
        await _smtp.DisposeAsync();
    }

    [Fact]
    public async Task Where_policy_demands_approval_the_same_call_waits_and_then_collects_once()
    {
        var kit = await _scene.Register(Passkey("phone"));
        await SetPolicy("""{"name":"four_eyes","when":{"means":["recovery_key"]},"require":{"approvals":1}}""");

        var waits = await Should.ThrowAsync<NodeClientException>(_scene.BeginRecovery(kit));
        (waits.Status, waits.Said).ShouldBe((403, "Recovery is waiting for approval."));
        var id = waits.Body!["error"]!["id"]!.ToString();
        (await Should.ThrowAsync<NodeClientException>(_scene.BeginRecovery(kit))).Body!["error"]!["id"]!.ToString().ShouldBe(id);

        await Approve(id);
        var begun = await _scene.BeginRecovery(kit);
        (await _server.Get($"/v1/recoveries/{id}", _server.AdminToken))["state"].ShouldBe("redeemed");
        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));

        // Collected once: the same call opens another recovery, which waits again.
        (await Should.ThrowAsync<NodeClientException>(_scene.BeginRecovery(kit))).Body!["error"]!["id"]!.ToString().ShouldNotBe(id);
        (await _scene.Complete(begun, await _scene.Recovery(begun, kit, credentials))).ShouldNotBeNull();
        (await _scene.Login(Passkey("new"))).ShouldNotBeEmpty();
        (await _server.Get($"/v1/recoveries/{id}", _server.AdminToken))["state"].ShouldBe("completed");
    }

    [Fact]
    public async Task T16_A_denied_recovery_looks_to_its_caller_as_if_it_waited()
    {
        var kit = await _scene.Register(Passkey("phone"));
        await SetPolicy("""{"name":"four_eyes","when":{"means":["recovery_key"]},"require":{"approvals":1}}""");
        var id = (await Should.ThrowAsync<NodeClientException>(_scene.BeginRecovery(kit))).Body!["error"]!["id"]!.ToString();

        var seen = await _server.Get($"/v1/recoveries/{id}", _server.AdminToken);
        (await _server.Post($"/v1/recoveries/{id}/denials", new { digest = seen["digest"] }, await Somebody("denier"))).Status.ShouldBe(200);

        var again = await Should.ThrowAsync<NodeClientException>(_scene.BeginRecovery(kit));
        (again.Status, again.Said).ShouldBe((403, "Recovery is waiting for approval."));
        again.Body!["error"]!["id"]!.ToString().ShouldBe(id);
    }

    [Fact]
    public async Task A_reason_that_policy_demands_is_asked_for_and_a_waiting_time_is_named()
    {
        var kit = await _scene.Register(Passkey("phone"));
        await SetPolicy("""{"name":"slow","when":{"means":["recovery_key"]},"require":{"reason":true,"wait":"2h"}}""");
        var credentialId = kit["credId"]!.ToString();

        var reasonless = await Should.ThrowAsync<NodeClientException>(_scene.BeginRecovery(kit));
        (reasonless.Status, reasonless.Said).ShouldBe((400, "Policy demands a reason."));
        (await _server.Get("/v1/recoveries", _server.AdminToken)).Json!["recoveries"]!.AsArray().ShouldBeEmpty();

        object endless = new { username = Jane, credentialId, reason = new { code = new string('a', 65) } };
        var refused = await Should.ThrowAsync<NodeClientException>(_scene.Portal("createDelegatedRecoveryChallenge", endless));
        (refused.Status, refused.Said).ShouldBe((400, "reason/code: 1 to 64 characters."));

        object call = new { username = Jane, credentialId, reason = new { code = "lost_phone", text = "fell into a lake" } };
        var waits = await Should.ThrowAsync<NodeClientException>(_scene.Portal("createDelegatedRecoveryChallenge", call));
        waits.Status.ShouldBe(403);
        waits.Said.ShouldStartWith("Recovery is possible after ");
        _server.Time.Advance(TimeSpan.FromHours(2));
        (await _scene.Portal("createDelegatedRecoveryChallenge", call))!["challenge"]!.ToString().ShouldStartWith("ch-");
    }

    [Fact]
    public async Task Somebody_above_the_ceiling_is_recovered_by_nobody_below()
    {
        var kit = await _scene.Register(Passkey("phone"));
        var id = (await _server.Get($"/v1/accounts?email={Jane}", _server.AdminToken)).Json!["accounts"]![0]!["id"]!.ToString();
        (await _server.Send("PATCH", $"/v1/accounts/{id}", new { role = "operator" }, _server.AdminToken)).Status.ShouldBe(200);

        (await Should.ThrowAsync<NodeClientException>(_scene.BeginRecovery(kit))).Status.ShouldBe(403);
        (await Should.ThrowAsync<NodeClientException>(_scene.Portal("delegatedLogin", new { username = Jane }))).Status.ShouldBe(403);
    }

    [Fact]
    public async Task Everything_ends_at_its_time()
    {
        var kit = await _scene.Register(Passkey("phone"));

        // A recovery: 15 minutes.
        var begun = await _scene.BeginRecovery(kit);
        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));
        var body = await _scene.Recovery(begun, kit, credentials);
        _server.Time.Advance(TimeSpan.FromMinutes(15));
        (await Should.ThrowAsync<NodeClientException>(_scene.Complete(begun, body))).Said.ShouldBe("Not Authorized.");

        // A challenge: 5 minutes. A session: an hour.
        var challenge = (await _scene.Base(null, "createUserLoginChallenge", new { username = Jane, orgId = _scene.OrgId }))!;
        var factor = await _scene.Node.Call(new { op = "sign", signer = Passkey("phone"), challenge });
        _server.Time.Advance(TimeSpan.FromMinutes(5));
        (await Should.ThrowAsync<NodeClientException>(_scene.Base(
            null, "createUserLogin", new { challengeIdentifier = challenge["challengeIdentifier"]!.ToString(), firstFactor = factor }))).Said.ShouldBe("Challenge token is not valid.");
        var token = await _scene.Login(Passkey("phone"));
        _server.Time.Advance(TimeSpan.FromMinutes(59));
        (await _scene.Api(token, null, "listCredentials", null)).ShouldNotBeNull();
        _server.Time.Advance(TimeSpan.FromMinutes(1));
        (await Should.ThrowAsync<NodeClientException>(_scene.Api(token, null, "listCredentials", null))).Status.ShouldBe(401);

        // An invitation: 15 minutes; again within a day.
        var invited = (await _scene.Portal("createDelegatedRegistrationChallenge", new { email = "late@example.com", kind = "EndUser" }))!;
        var made = await _scene.Create(Passkey("late"), invited);
        _server.Time.Advance(TimeSpan.FromMinutes(15));
        (await Should.ThrowAsync<NodeClientException>(_scene.Base(
            invited["temporaryAuthenticationToken"]!.ToString(), "createUserRegistration", new { firstFactorCredential = made }))).Status.ShouldBe(401);

        // The service account's own token: a year.
        _server.Time.Advance(TimeSpan.FromDays(366));
        (await Should.ThrowAsync<NodeClientException>(_scene.Portal("delegatedLogin", new { username = Jane }))).Status.ShouldBe(401);
    }

    [Fact]
    public async Task N20_A_mailed_code_opens_a_recovery_that_only_the_recovery_key_ends()
    {
        var kit = await _scene.Register(Passkey("phone"));
        (await _scene.Api(null, null, "sendRecoveryCode", new { username = Jane, orgId = _scene.OrgId }))!["message"]!.ToString().ShouldBe("success");
        var mails = await _server.Mails(_smtp, 5);
        var code = mails.Select(m => GroupsOfFour().Match(m.Text)).First(m => m.Success).Value;
        var call = new { username = Jane, verificationCode = code, orgId = _scene.OrgId, credentialId = kit["credId"]!.ToString() };

        (await Should.ThrowAsync<NodeClientException>(_scene.Api(null, null, "createRecoveryChallenge", call with { verificationCode = "0000-0000-0000-0000" }))).Said.ShouldBe("Invalid code");
        (await Should.ThrowAsync<NodeClientException>(_scene.Api(null, null, "createRecoveryChallenge", call with { credentialId = "other" }))).Said
            .ShouldBe("Credential cannot be used as a recovery factor.");
        var begun = (await _scene.Api(null, null, "createRecoveryChallenge", call))!;
        begun["allowedRecoveryCredentials"]![0]!["id"]!.ToString().ShouldBe(kit["credId"]!.ToString());

        // The code alone sets nothing.
        var inner = PayloadOf(begun["temporaryAuthenticationToken"]!.ToString())["jti"]!.ToString();
        (await _server.Put("/v1/redemption/password", new { new_password = "quite a long new password" }, inner)).Code.ShouldBe("means_not_available");
        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));
        (await _scene.Complete(begun, await _scene.Recovery(begun, kit, credentials))).ShouldNotBeNull();
        (await Should.ThrowAsync<NodeClientException>(_scene.Api(null, null, "createRecoveryChallenge", call))).Said.ShouldBe("Invalid code");
    }

    [Fact]
    public async Task A_mailed_code_shows_the_key_that_its_owner_left_encrypted_and_signs_nobody_in()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var invited = (await _scene.Portal("createDelegatedRegistrationChallenge", new { email = Jane, kind = "EndUser" }))!;
        var credential = (await _scene.Node.Call(new
        {
            op = "attest", kind = "PasswordProtectedKey", pem = key.ExportPkcs8PrivateKeyPem(), credId = "left here", challenge = invited["challenge"]!.ToString(),
            encryptedPrivateKey = "opaque, byte for byte",
        }))!;
        (await _scene.Base(invited["temporaryAuthenticationToken"]!.ToString(), "createUserRegistration", new { firstFactorCredential = credential }))!
            ["credential"]!["kind"]!.ToString().ShouldBe("PasswordProtectedKey");

        // Without the code nobody sees it; the name looks like nobody's.
        (await Begin(null))["allowCredentials"]!["passwordProtectedKey"]!.AsArray().ShouldBeEmpty();
        foreach (var name in new[] { Jane, "nobody@example.com" })
        {
            (await _scene.Api(null, null, "sendLoginCode", new { username = name, orgId = _scene.OrgId }))!["message"]!.ToString().ShouldBe("success");
        }

        var mails = await _server.Mails(_smtp, 2);
        var code = mails.Select(m => GroupsOfFour().Match(m.Text)).Single(m => m.Success).Value;
        (await Begin("0000-0000-0000-0000"))["allowCredentials"]!["passwordProtectedKey"]!.AsArray().ShouldBeEmpty();
        var shown = await Begin(code);
        shown["allowCredentials"]!["passwordProtectedKey"]![0]!["encryptedPrivateKey"]!.ToString().ShouldBe("opaque, byte for byte");

        // Its owner decrypts it, and signs.
        shown["allowCredentials"]!["key"] = new JsonArray(new JsonObject { ["id"] = "left here" });
        var signer = new { kind = "key", credId = "left here", pem = key.ExportPkcs8PrivateKeyPem(), origin = Origin };
        var factor = (await _scene.Node.Call(new { op = "sign", signer, challenge = shown }))!.AsObject();
        factor["kind"] = "PasswordProtectedKey";
        (await _scene.Base(null, "createUserLogin", new { challengeIdentifier = shown["challengeIdentifier"]!.ToString(), firstFactor = factor }))!["token"]!
            .ToString().ShouldNotBeEmpty();

        async Task<JsonNode> Begin(string? loginCode) => (await _scene.Base(null, "createUserLoginChallenge", new { username = Jane, orgId = _scene.OrgId, loginCode }))!;
    }

    [Fact]
    public async Task Another_tenant_knows_nobody_and_its_tokens_open_nothing_here()
    {
        var kit = await _scene.Register(Passkey("phone"));
        await using var local = _server.Local();
        await local.Call(HttpMethod.Post, "/local/tenants", new { name = "north", origin = "https://north.example.org" }, CancellationToken.None);
        await using var north = _server.Local("north");
        await north.Call(
            HttpMethod.Put, "/local/dfns/application", new { name = "North", rp_id = "north.example.org", origins = new[] { "https://north.example.org" } }, CancellationToken.None);
        var (neighbour, _) = await ServiceAccount(north, "portal", FirstPermissions);
        var begun = await _scene.BeginRecovery(kit);
        var token = await _scene.Login(Passkey("phone"));

        // Theirs here, and ours there.
        (await _server.Post("/auth/action/init", "{}", neighbour["token"]!.ToString())).Status.ShouldBe(401);
        foreach (var (path, ours) in new[]
                 {
                     ("/auth/recover/user", begun["temporaryAuthenticationToken"]!.ToString()), ("/auth/logout", token), ("/auth/action/init", _scene.Programme["token"]!.ToString()),
                 })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json") };
            request.Headers.Host = "north.example.org";
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {ours}");
            (await _server.Send(request)).Status.ShouldBe(401, path);
        }
    }

    private async Task SetPolicy(string rule)
    {
        var document = (await _server.Get("/v1/policy", _server.AdminToken)).Json!;
        document["rules"]!.AsArray().Add(JsonNode.Parse(rule));
        var body = new JsonObject { ["version"] = document["version"]!.DeepClone(), ["roles"] = document["roles"]!.DeepClone(), ["rules"] = document["rules"]!.DeepClone() };
        var set = await _server.Put("/v1/policy", body.ToJsonString(), _server.AdminToken);
        set.Status.ShouldBe(200, set.Text);
    }

    private async Task<string> Somebody(string name)
    {
        var person = await _server.Account($"{name}@example.org", role: "admin");
        return await _server.TokenOf(person, name, ["recovery:read", "recovery:approve", "recovery:confirm"]);
    }

    private async Task Approve(string id)
    {
        var seen = await _server.Get($"/v1/recoveries/{id}", _server.AdminToken);
        (await _server.Post($"/v1/recoveries/{id}/approvals", new { digest = seen["digest"] }, await Somebody("approver"))).Status.ShouldBe(200);
    }

    [GeneratedRegex("[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}", RegexOptions.NonBacktracking)]
    private static partial Regex GroupsOfFour();
}
