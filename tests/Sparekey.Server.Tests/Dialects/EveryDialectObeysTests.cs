using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>A server with every door open, whose policy asks for one approval of everything; a mailbox; somebody who approves.</summary>
public sealed class EveryDialectFixture : IAsyncLifetime
{
    private int _people;

    internal SmtpServer Smtp { get; private set; } = null!;

    internal RunningServer Server { get; private set; } = null!;

    internal LoginIdScene LoginId { get; private set; } = null!;

    internal CryptlexScene Cryptlex { get; private set; } = null!;

    internal DfnsScene Dfns { get; private set; } = null!;

    internal string Desk { get; private set; } = "";

    internal string Approver { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Smtp = await SmtpServer.Start();
        Server = await RunningServer.Start(
            mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = Smtp.Port, Tls = MailTls.None }, now: LoginIdScene.Now);
        Cryptlex = await CryptlexScene.Of(Server);
        Dfns = await DfnsScene.Start("0.8", Server);
        var person = await Server.Account("approver@example.org", role: "admin");
        LoginId = await LoginIdScene.Start(server: Server);
        Approver = await Server.TokenOf(person, "approver", ["recovery:read", "recovery:approve"]);
        await AskForApproval();
        Desk = await Server.TokenOf(
            await Server.Account("desk@example.org", role: "admin"), "desk", ["recovery:request", "recovery:issue", "recovery:read", "credential:force", "account:read"]);
    }

    public async ValueTask DisposeAsync()
    {
        await Dfns.DisposeAsync();
        await LoginId.DisposeAsync();
        await Smtp.DisposeAsync();
    }

    /// <summary>A name that nobody has.</summary>
    internal string NewName() => $"obeys{Interlocked.Increment(ref _people)}";

    // Everything takes an approval, of whatever means.
    private async Task AskForApproval()
    {
        var policy = (await Server.Get("/v1/policy", Server.AdminToken)).Json!.DeepClone().AsObject();
        policy["rules"] = new JsonArray(JsonNode.Parse("""{"name":"four_eyes","when":null,"require":{"approvals":1}}"""));
        var set = await Server.Put("/v1/policy", policy.ToJsonString(), Server.AdminToken);
        set.Status.ShouldBe(200, set.Text);
    }
}

/// <summary>
/// Whichever protocol asks for a secret, policy is asked first: nothing usable comes of the call while an approval is open, and once it
/// is given the secret comes, once. The means are all there are; a door that is added belongs here.
/// </summary>
public sealed class EveryDialectObeysTests(EveryDialectFixture fixture) : IClassFixture<EveryDialectFixture>
{
    private readonly RunningServer _server = fixture.Server;

    [Theory]
    [InlineData("kratos code", "recovery_code")]
    [InlineData("kratos link", "recovery_link")]
    [InlineData("cryptlex token", "resetPasswordToken")]
    [InlineData("loginid short", "code")]
    [InlineData("loginid long", "code")]
    [InlineData("loginid phrase", "code")]
    [InlineData("loginid recovery code", "code")]
    [InlineData("loginid force", "attestation_payload")]
    public async Task T3_A_call_of_another_products_protocol_waits_for_its_approval_and_then_collects_once(string door, string secret)
    {
        var (id, name) = await Somebody(loginId: door.StartsWith("loginid", StringComparison.Ordinal));
        var waits = await Call();
        waits.Status.ShouldBe(403, waits.Text);
        Member(waits).ShouldBeNull();
        var recovery = waits.Headers.GetValues("Sparekey-Recovery").Single();
        (await Call()).Headers.GetValues("Sparekey-Recovery").Single().ShouldBe(recovery);
        await NothingOf(recovery);

        await Approve(recovery);
        var collected = await Call();
        collected.Status.ShouldBeOneOf([200, 201], collected.Text);
        Member(collected).ShouldNotBeNull().ToString().ShouldNotBeEmpty();
        var again = await Call();
        again.Status.ShouldBe(403, again.Text);
        Member(again).ShouldBeNull();
        again.Headers.GetValues("Sparekey-Recovery").Single().ShouldNotBe(recovery);

        // LoginID's refusals have a code as well.
        JsonNode? Member(Answer answer) => answer.Status == 403 && secret == "code" ? null : (answer.Json as JsonObject)?[secret];
        Task<Answer> Call() => door switch
        {
            "kratos code" => _server.Post("/admin/recovery/code", new { identity_id = id }, fixture.Desk),
            "kratos link" => _server.Post("/admin/recovery/link", new { identity_id = id }, fixture.Desk),
            "cryptlex token" => fixture.Cryptlex.Mint(id),
            "loginid short" => fixture.LoginId.Generate(id),
            "loginid long" => fixture.LoginId.Generate(id, "long"),
            "loginid phrase" => fixture.LoginId.Generate(id, "phrase"),
            "loginid recovery code" => fixture.LoginId.Vouched(
                "credentials.recovery_code", "/credentials/recovery-code", new { client_id = fixture.LoginId.Management, user_id = id }),
            "loginid force" => fixture.LoginId.Vouched(
                "credentials.force_add", "/credentials/fido2/init/force", new { client_id = fixture.LoginId.Management, username = name }),
            _ => throw new ArgumentException(door, nameof(door)),
        };
    }

    [Theory]
    [InlineData("page")]
    [InlineData("native")]
    [InlineData("kratos")]
    [InlineData("cryptlex")]
    public async Task T3_What_a_person_asks_for_is_mailed_once_it_was_approved_and_not_before(string door)
    {
        var (id, name) = await Somebody();
        var email = $"{name}@example.com";
        switch (door)
        {
            case "page":
                using (var form = new HttpRequestMessage(HttpMethod.Post, "/recover/ask") { Content = new FormUrlEncodedContent([new("identifier", email)]) })
                {
                    (await _server.Send(form)).Status.ShouldBe(200);
                }

                break;
            case "native":
                (await _server.Post("/v1/recovery-requests", new { identifier = email })).Status.ShouldBe(202);
                break;
            case "kratos":
                var begun = await new RecoveryBrowser(_server).Get("/self-service/recovery/api");
                (await new RecoveryBrowser(_server).Post("/self-service/recovery?flow=" + begun["id"], new { method = "code", email }))["state"].ShouldBe("sent_email");
                break;
            default:
                (await _server.Post("/v3/accounts/reset-password-request", new { email })).Status.ShouldBe(202);
                break;
        }

        await IsMailedAfterApproval(id);
    }

    [Theory]
    [InlineData("link")]
    [InlineData("code")]
    [InlineData("token")]
    [InlineData("force")]
    public async Task T3_The_native_api_gives_no_secret_before_the_approval_and_one_after_it(string means)
    {
        var (id, _) = await Somebody();
        var body = new { account = new { id }, means };
        var opened = await _server.Post("/v1/recoveries", body, fixture.Desk);
        opened.Status.ShouldBe(201, opened.Text);
        await Waits(opened, () => _server.Send("POST", $"/v1/recoveries/{opened["id"]}/issue", null, fixture.Desk));
        var issued = await _server.Send("POST", $"/v1/recoveries/{opened["id"]}/issue", null, fixture.Desk);
        issued.Status.ShouldBe(201, issued.Text);
        (issued.Json![means == "force" ? "redemption" : "secret"] is not null).ShouldBeTrue();
    }

    [Fact]
    public async Task T3_The_command_line_is_no_way_around()
    {
        var (id, _) = await Somebody();
        await using var local = _server.Local();
        var opened = (await local.Call(HttpMethod.Post, "/v1/recoveries", new { account = new { id }, means = "link" }, CancellationToken.None))!;
        (opened["state"]!.ToString(), opened["secret"], opened["generation"]).ShouldBe(("pending", null, null));
        var issue = $"/v1/recoveries/{opened["id"]}/issue";
        await Should.ThrowAsync<Exception>(() => local.Call(HttpMethod.Post, issue, null, CancellationToken.None));
        await Approve(opened["id"]!.ToString());
        (await local.Call(HttpMethod.Post, issue, null, CancellationToken.None))!["secret"]!["link"]!.ToString().ShouldContain("#spl_");
    }

    [Fact]
    public async Task T3_A_saved_code_opens_nothing_before_the_approval()
    {
        var (_, name) = await Somebody(password: true);
        var session = (await _server.Post("/v1/sessions", new { identifier = $"{name}@example.com", password = CryptlexScene.Password }))["session_token"];
        var code = (await _server.Send("POST", "/v1/sessions/current/recovery-codes", null, session)).Json!["codes"]![0]!.ToString();
        var body = new { code, account = new { email = $"{name}@example.com" } };
        var waits = await _server.Post("/v1/redemptions", body);
        waits.Code.ShouldBe("requirements_open");
        var recovery = waits.Headers.GetValues("Sparekey-Recovery").Single();
        (await _server.Post("/v1/redemptions", body)).Headers.GetValues("Sparekey-Recovery").Single().ShouldBe(recovery);
        await NothingOf(recovery);
        await Approve(recovery);
        (await _server.Post("/v1/redemptions", body))["redemption_token"].ShouldNotBeEmpty();
    }

    [Fact]
    public async Task T3_Dfns_delegates_and_mails_nothing_before_the_approval()
    {
        var email = $"{fixture.NewName()}@example.com";
        var kit = await fixture.Dfns.Register(DfnsScene.Passkey(email), email);
        var id = (await _server.Get($"/v1/accounts?email={email}", _server.AdminToken)).Json!["accounts"]![0]!["id"]!.ToString();

        var waits = await Should.ThrowAsync<NodeClientException>(() => fixture.Dfns.BeginRecovery(kit, email));
        waits.Status.ShouldBe(403);
        var recovery = waits.Body!["error"]!["id"]!.ToString();
        await NothingOf(recovery);
        await Approve(recovery);
        (await fixture.Dfns.BeginRecovery(kit, email))["challenge"]!.ToString().ShouldStartWith("ch-");
        (await Should.ThrowAsync<NodeClientException>(() => fixture.Dfns.BeginRecovery(kit, email))).Status.ShouldBe(403);

        // The mailed code of the same person.
        (await fixture.Dfns.Api(null, null, "sendRecoveryCode", new { username = email, orgId = fixture.Dfns.OrgId })).ShouldNotBeNull();
        await IsMailedAfterApproval(id, anonymous: true);
    }

    [Fact]
    public async Task A7_What_signs_in_or_takes_away_at_once_is_refused_where_the_same_by_recovery_would_wait()
    {
        var (user, username) = await Somebody(loginId: true);
        var (id, name) = await Somebody(password: true);
        var code = await fixture.LoginId.Vouched(
            "codes.generate", "/codes/short/generate",
            new { client_id = fixture.LoginId.Management, user_id = user, purpose = "temporary_authentication", authorize = true });
        (code.Status, code.Json!["code"]!.ToString()).ShouldBe((403, "operation_not_allowed"));

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var forced = await fixture.LoginId.Vouched("credentials.force_add", "/credentials/publickey", new
        {
            client_id = fixture.LoginId.Management, username, publickey = key.ExportSubjectPublicKeyInfoPem(), publickey_alg = "ES256",
        });
        forced.Status.ShouldBe(403, forced.Text);

        var credential = (await _server.Get($"/v1/accounts/{id}/credentials", _server.AdminToken)).Json!["items"]![0]!["id"]!.ToString();
        (await _server.Send("DELETE", $"/v1/accounts/{id}/credentials/{credential}", null, _server.AdminToken)).Code.ShouldBe("policy_refuses");
        (await _server.Post("/v1/sessions", new { identifier = $"{name}@example.com", password = CryptlexScene.Password })).Status.ShouldBe(201);
    }

    private async Task<(string Id, string Name)> Somebody(bool loginId = false, bool password = false)
    {
        var name = fixture.NewName();
        var id = loginId ? await fixture.LoginId.User(name) : await _server.Account($"{name}@example.com");
        if (password)
        {
            var opened = await _server.Recover($"{name}@example.com", "link");
            await Approve(opened["id"]);
            var redemption = await _server.RedeemLink(await _server.Send("POST", $"/v1/recoveries/{opened["id"]}/issue", null, _server.AdminToken));
            (await _server.Put("/v1/redemption/password", new { new_password = CryptlexScene.Password }, redemption)).Status.ShouldBe(200);
        }

        return (id, name);
    }

    private async Task Waits(Answer opened, Func<Task<Answer>> issue)
    {
        (opened["state"], opened.Json!["secret"], opened.Json["redemption"]).ShouldBe(("pending", null, null));
        var early = await issue();
        (early.Status, early.Code).ShouldBe((409, "requirements_open"));
        await NothingOf(opened["id"]);
        await Approve(opened["id"]);
    }

    // No generation of a secret, usable or not, and no redemption.
    private async Task NothingOf(string recovery)
    {
        var view = await _server.Get($"/v1/recoveries/{recovery}", fixture.Approver);
        (view["state"], view.Json!["generation"], view.Json["redemption"]).ShouldBe(("pending", null, null));
    }

    private async Task IsMailedAfterApproval(string account, bool anonymous = false)
    {
        var all = (await _server.Get($"/v1/recoveries?account={account}", fixture.Approver)).Json!["recoveries"]!.AsArray();
        var recovery = all.First(r => r!["state"]!.ToString() == "pending" && (!anonymous || r["requested_by"]!["kind"]!.ToString() == "anonymous"))!["id"]!.ToString();
        await NothingOf(recovery);
        await Approve(recovery);
        var view = await _server.Get($"/v1/recoveries/{recovery}", fixture.Approver);
        (view["state"], view.Json!["generation"]!["number"]!.GetValue<int>(), view.Json["secret"]).ShouldBe(("issued", 1, null));
    }

    private async Task Approve(string recovery)
    {
        var digest = (await _server.Get($"/v1/recoveries/{recovery}", fixture.Approver))["digest"];
        var approved = await _server.Post($"/v1/recoveries/{recovery}/approvals", new { digest }, fixture.Approver);
        approved.Status.ShouldBe(200, approved.Text);
    }
}
