using System.Globalization;
using System.Text.Json.Nodes;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>
/// What Passbolt's clients see on the wire: the envelope, the tables of refusals with the vendor's own keys, and what strangers get. The
/// valid call of each table is made last, so that every refusal before it is for the one thing that was changed.
/// </summary>
[Collection(PassboltEnabledCollection.Name)]
public sealed class PassboltWireTests
{
    private const string Model = "AccountRecoveryOrganizationKey";

    private readonly PassboltClientScene _scene;
    private readonly PassboltExtension _admin;

    public PassboltWireTests(PassboltEnabled enabled) => (_scene, _admin) = (enabled.Scene, enabled.Admin);

    [Fact]
    public async Task Answers_stand_in_the_vendors_envelope()
    {
        var answer = await _admin.Fetch("GET", "/account-recovery/requests.json?api-version=v2&contain[nonsense]=1&filter[nonsense]=1");
        var header = answer["json"]!["header"]!;
        header["status"]!.ToString().ShouldBe("success");
        header["code"]!.GetValue<int>().ShouldBe(200);
        Math.Abs(header["servertime"]!.GetValue<long>() - _scene.Server.Time.GetUtcNow().ToUnixTimeSeconds()).ShouldBeLessThan(5);
        Guid.TryParseExact(header["id"]!.ToString(), "D", out _).ShouldBeTrue();
        header["url"]!.ToString().ShouldStartWith("/account-recovery/requests.json");
        // Version 5 ids (RFC 9562) of the vendor's names of the actions, in the vendor's namespace.
        header["action"]!.ToString().ShouldBe("98b30a6b-2979-5d5c-a8f6-b8a843aa25da");
        header["pagination"]!["count"]!.GetValue<int>().ShouldBe(answer["json"]!["body"]!.AsArray().Count);
        answer["json"]!["body"].ShouldBeOfType<JsonArray>();

        var refused = await (await _scene.Browser("guest")).Fetch("GET", "/account-recovery/requests.json");
        refused["status"]!.GetValue<int>().ShouldBe(403);
        var wrong = refused["json"]!["header"]!;
        (wrong["status"]!.ToString(), wrong["code"]!.GetValue<int>()).ShouldBe(("error", 403));
        refused["json"]!["body"]!.ToString().ShouldBe("");

        (await _admin.Fetch("GET", "/account-recovery/requests/5a1b9c1e-0000-4000-8000-00000000dead.json"))["json"]!["header"]!["action"]!.ToString()
            .ShouldBe("e504a917-b977-5cac-967d-d7f90946861b");
        (await _admin.Fetch("POST", "/account-recovery/responses.json", new JsonObject()))["json"]!["header"]!["action"]!.ToString()
            .ShouldBe("6f880db8-aaaf-5736-8945-6686b3e1b3b9");
    }

    [Fact]
    public async Task Every_call_that_changes_something_echoes_the_cookie_guests_too()
    {
        var (status, _) = await Refused(_admin, "/account-recovery/responses.json", new JsonObject(), csrf: false);
        status.ShouldBe(403);
        var guest = await _scene.Browser("guest without the cookie");
        await guest.Fetch("GET", "/auth/verify.json");
        (await Refused(guest, "/users/recover.json", new JsonObject { ["username"] = _scene.Ada.Username, ["case"] = "default" }, csrf: false)).Status.ShouldBe(403);
        (await Refused(guest, "/account-recovery/requests.json", new JsonObject(), csrf: false)).Status.ShouldBe(403);
        var cookies = await guest.Cookies();
        cookies.ShouldContain(c => c!["name"]!.ToString() == "csrfToken");
        (await _admin.Cookies()).Single(c => c!["name"]!.ToString() == "passbolt_session")!["httpOnly"]!.GetValue<bool>().ShouldBeTrue();
    }

    [Fact]
    public async Task Every_fault_of_an_answer_has_the_vendors_key()
    {
        var (_, request) = await _scene.Ask(_scene.Ada, "for the table of answers");
        var key = (await Policy())["public_key_id"]!.ToString();
        var good = await Message(new PassboltMessage("{}") { To = [_scene.RequestKey.Public], SignedBy = [_scene.Organisation] });
        var other = _scene.Organisation.Public;

        (string Fault, Action<JsonObject> Change)[] table =
        [
            ("account_recovery_request_id._required", b => b.Remove("account_recovery_request_id")),
            ("account_recovery_request_id.uuid", b => b["account_recovery_request_id"] = "none"),
            ("account_recovery_request_id.exists", b => b["account_recovery_request_id"] = "5a1b9c1e-0000-4000-8000-00000000dead"),
            ("status.inList", b => b["status"] = "perhaps"),
            ("responder_foreign_model.inList", b => b["responder_foreign_model"] = "Stranger"),
            ("responder_foreign_key.uuid", b => b["responder_foreign_key"] = "none"),
            ("responder_foreign_key", b => b["responder_foreign_key"] = "5a1b9c1e-0000-4000-8000-00000000dead"),
            ("data.notRequiredRule", b => b["status"] = "rejected"),
            ("data.required", b => b.Remove("data")),
            ("data.isValidOpenPGPMessage", b => b["data"] = "no armor"),
            ("data.isValidOpenPGPMessage", b => b["data"] = good[..(good.Length / 2)]),
            ("data.isValidOpenPGPMessage", b => b["data"] = good.Replace("-----END", "\n-----END", StringComparison.Ordinal)),
            ("data.isValidOpenPGPMessage", b => b["data"] = _scene.RequestKey.Public),
        ];
        foreach (var (fault, change) in table)
        {
            await ShouldFail(Answer(change), fault);
        }

        (string Fault, PassboltMessage Message)[] messages =
        [
            ("data.isValidOpenPGPMessage", new("{}") { To = [_scene.RequestKey.Public], Checksum = false }),
            ("data.hasAsymmetricPacketRule", new("{}") { Passwords = ["a password of somebody"] }),
            ("data.hasAsymmetricPacketRule", new("{}") { To = [_scene.RequestKey.Public, other] }),
            ("data.hasAsymmetricPacketRule", new("{}") { To = [_scene.RequestKey.Public], Passwords = ["a password of somebody"] }),
            ("data.wrongRecipient", new("{}") { To = [other] }),
            ("data.wrongRecipient", new("{}") { To = [_scene.RequestKey.Public], Hidden = true }),
        ];
        foreach (var (fault, message) in messages)
        {
            var data = await Message(message);
            await ShouldFail(Answer(b => b["data"] = data), fault);
        }

        // None of them answered it, and a stranger's hand does not either.
        var ada = await _scene.SignedIn(_scene.Ada, "ada answers herself");
        (await Refused(ada, "/account-recovery/responses.json", Answer(_ => { }))).Status.ShouldBe(403);
        (await Refused(await Guest(), "/account-recovery/responses.json", Answer(_ => { }))).Status.ShouldBe(403);
        (await Request(request))["status"]!.ToString().ShouldBe("pending");

        var taken = await _admin.Fetch("POST", "/account-recovery/responses.json", Answer(_ => { }));
        taken["status"]!.GetValue<int>().ShouldBe(200, taken.ToJsonString());
        var body = taken["json"]!["body"]!;
        (body["account_recovery_request_id"]!.ToString(), body["status"]!.ToString(), body["responder_foreign_key"]!.ToString(), body["responder_foreign_model"]!.ToString())
            .ShouldBe((request, "approved", key, Model));
        body["account_recovery_request"]!["status"]!.ToString().ShouldBe("approved");
        await _scene.Link(_scene.Ada.Username, "/account-recovery/continue/");
        await ShouldFail(Answer(_ => { }), "account_recovery_request_id.isRequestPendingRule");

        JsonObject Answer(Action<JsonObject> change)
        {
            var answer = new JsonObject
            {
                ["account_recovery_request_id"] = request, ["status"] = "approved", ["responder_foreign_key"] = key, ["responder_foreign_model"] = Model, ["data"] = good,
            };
            change(answer);
            return answer;
        }

        Task ShouldFail(JsonObject answer, string fault) => Fails(_admin, "/account-recovery/responses.json", answer, fault);
    }

    [Fact]
    public async Task Every_fault_of_an_enrolment_is_told_where_the_vendor_tells_it()
    {
        var person = await _scene.Person("metadataKey", "enrols@example.com", OpenPgpRole.User, Guid.Parse("5a1b9c1e-0000-4000-8000-000000000002"));
        var browser = await _scene.SignedIn(person);
        var (blob, password) = await _scene.Clients.Enrolment(person.Key, person.Id, PassboltClientScene.Domain, _scene.Organisation.Public, _scene.Server.Time.GetUtcNow());
        const string setting = "account_recovery_user_setting.account_recovery_private_key";
        const string first = "account_recovery_user_setting.account_recovery_private_key_passwords.0.";

        (string? Fault, Action<JsonObject> Change)[] table =
        [
            (null, b => b.Remove("account_recovery_private_key")),
            (null, b => b["status"] = "rejected"),
            (null, b => b["status"] = "perhaps"),
            (null, b => Key(b).Remove("account_recovery_private_key_passwords")),
            (null, b => Key(b)["account_recovery_private_key_passwords"] = new JsonArray()),
            (setting, b => Key(b)["data"] = "no armor"),
            (setting + ".data.hasSymmetricPacketRule", b => Key(b)["data"] = password),
            (setting, b => Key(b)["data"] = blob.Replace("-----END", "\n-----END", StringComparison.Ordinal)),
            (setting, b => Key(b)["data"] = WithoutChecksum(blob)),
            (first + "recipient_fingerprint", b => Password(b)["recipient_fingerprint"] = _scene.NextOrganisation.Fingerprint),
            (first + "recipient_foreign_model", b => Password(b)["recipient_foreign_model"] = "Stranger"),
            (first + "data", b => Password(b)["data"] = blob),
            (first + "data", b => Password(b)["data"] = WithoutChecksum(password)),
            (first + "data", b => Password(b)["data"] = "no armor"),
        ];
        foreach (var (fault, change) in table)
        {
            await Fails(browser, "/account-recovery/user-settings.json", Setting(change), fault);
        }

        PassboltMessage[] messages =
        [
            new("{}") { To = [_scene.NextOrganisation.Public] },
            new("{}") { To = [_scene.Organisation.Public, person.Key.Public] },
            new("{}") { To = [_scene.Organisation.Public], Hidden = true },
            new("{}") { To = [_scene.Organisation.Public], Passwords = ["a password of somebody"] },
        ];
        foreach (var message in messages)
        {
            var data = await Message(message);
            await Fails(browser, "/account-recovery/user-settings.json", Setting(b => Password(b)["data"] = data), first + "data");
        }

        (await Refused(await Guest(), "/account-recovery/user-settings.json", Setting(_ => { }))).Status.ShouldBe(403);
        (await browser.Me())["account_recovery_user_setting"].ShouldBeNull();

        // Whose it is says the session, never the body.
        var taken = await browser.Fetch("POST", "/account-recovery/user-settings.json", Setting(b => b["user_id"] = _scene.Betty.Id));
        taken["status"]!.GetValue<int>().ShouldBe(200, taken.ToJsonString());
        (taken["json"]!["body"]!["user_id"]!.ToString(), taken["json"]!["body"]!["status"]!.ToString()).ShouldBe((person.Id, "approved"));
        await Fails(browser, "/account-recovery/user-settings.json", Setting(_ => { }), null);

        JsonObject Setting(Action<JsonObject> change)
        {
            var order = new JsonObject
            {
                ["user_id"] = person.Id, ["status"] = "approved", ["account_recovery_private_key"] = new JsonObject
                {
                    ["data"] = blob,
                    ["account_recovery_private_key_passwords"] = new JsonArray(new JsonObject
                    {
                        ["recipient_foreign_model"] = Model, ["recipient_fingerprint"] = _scene.Organisation.Fingerprint, ["data"] = password,
                    }),
                },
            };
            change(order);
            return order;
        }

        static JsonObject Key(JsonObject order) => order["account_recovery_private_key"]!.AsObject();

        static JsonObject Password(JsonObject order) => Key(order)["account_recovery_private_key_passwords"]![0]!.AsObject();
    }

    [Fact]
    public async Task Every_fault_of_a_request_is_refused_and_nothing_was_asked()
    {
        var guest = await Guest("asks wrongly");
        await guest.AskForHelp(_scene.Ada.Username);
        var token = (await _scene.Link(_scene.Ada.Username, "/setup/recover/start/")).Split('?')[0].Split('/')[^1];
        var before = (await _admin.Requests(_scene.Ada.Id)).Count;
        var signed = await guest.Fetch("GET", "/auth/is-authenticated.json");
        signed["status"]!.GetValue<int>().ShouldBe(403);

        (int Status, Action<JsonObject> Change)[] table =
        [
            (400, b => b["user_id"] = "none"),
            (404, b => b["user_id"] = _scene.Betty.Id),
            (404, b => b["user_id"] = "5a1b9c1e-0000-4000-8000-00000000dead"),
            (400, b => b.Remove("authentication_token")),
            (400, b => b["authentication_token"] = new JsonObject { ["token"] = "none" }),
            (404, b => b["authentication_token"] = new JsonObject { ["token"] = "5a1b9c1e-0000-4000-8000-00000000dead" }),
            (400, b => b["fingerprint"] = _scene.Organisation.Fingerprint),
            (400, b => b["armored_key"] = WithoutChecksum(_scene.RequestKey.Public)),
            (400, b => b["armored_key"] = _scene.RequestKey.Private),
            (400, b => (b["armored_key"], b["fingerprint"]) = (_scene.Ada.Key.Public, _scene.Ada.Key.Fingerprint)),
        ];
        for (var i = 0; i < table.Length; i++)
        {
            var (status, body) = await Refused(guest, "/account-recovery/requests.json", Order(table[i].Change));
            status.ShouldBe(table[i].Status, $"{i}: {body}");
        }

        foreach (var name in new[] { "rsa_2048", "expired", "revokedKey", "dsa_3072", "validKeyWithExpirationDateDto" })
        {
            var bad = await PassboltVectors.Key(name);
            var (status, body) = await Refused(guest, "/account-recovery/requests.json", Order(b => (b["armored_key"], b["fingerprint"]) = (bad.Public, bad.Fingerprint)));
            status.ShouldBe(400, $"{name}: {body}");
            (body!["armored_key"] ?? body["fingerprint"]).ShouldNotBeNull($"{name}: {body}");
        }

        (await Refused(_admin, "/account-recovery/requests.json", Order(_ => { }))).Status.ShouldBe(403);
        (await _admin.Requests(_scene.Ada.Id)).Count.ShouldBe(before);

        var asked = await guest.Fetch("POST", "/account-recovery/requests.json", Order(_ => { }));
        asked["status"]!.GetValue<int>().ShouldBe(200, asked.ToJsonString());
        var row = asked["json"]!["body"]!;
        (row["status"]!.ToString(), row["user_id"]!.ToString(), row["fingerprint"]!.ToString()).ShouldBe(("pending", _scene.Ada.Id, _scene.RequestKey.Fingerprint));
        row["armored_key"]!.ToString().ShouldContain("PUBLIC KEY");
        var request = row["id"]!.ToString();

        // Only who knows all three ids sees it, and before it is approved it gives nothing.
        var seen = await guest.Fetch("GET", $"/account-recovery/requests/{request}/{_scene.Ada.Id}/{token}.json");
        seen["status"]!.GetValue<int>().ShouldBe(200);
        seen["json"]!["body"]!["status"]!.ToString().ShouldBe("pending");
        seen["json"]!["body"]!.AsObject().ShouldNotContainKey("account_recovery_private_key");
        foreach (var (path, expected) in new (string, int[])[]
        {
            ($"{request}/{_scene.Ada.Id}/none", [400]),
            ($"none/{_scene.Ada.Id}/{token}", [400]),
            ($"{request}/none/{token}", [400]),
            ($"{request}/{_scene.Ada.Id}/5a1b9c1e-0000-4000-8000-00000000dead", [400, 404]),
            ($"{request}/{_scene.Betty.Id}/{token}", [400, 404]),
        })
        {
            expected.ShouldContain((await guest.Fetch("GET", $"/account-recovery/requests/{path}.json"))["status"]!.GetValue<int>(), path);
        }

        // A guessed request alarms every administrator.
        (await guest.Fetch("GET", $"/account-recovery/requests/5a1b9c1e-0000-4000-8000-00000000beef/{_scene.Ada.Id}/{token}.json"))["status"]!.GetValue<int>().ShouldBe(404);
        await _scene.Mail(_scene.Betty.Username, m => m.Text.Contains("127.0.0.1", StringComparison.Ordinal));

        JsonObject Order(Action<JsonObject> change)
        {
            var order = new JsonObject
            {
                ["user_id"] = _scene.Ada.Id, ["fingerprint"] = _scene.RequestKey.Fingerprint, ["armored_key"] = _scene.RequestKey.Public,
                ["authentication_token"] = new JsonObject { ["token"] = token },
            };
            change(order);
            return order;
        }
    }

    [Fact]
    public async Task Requests_are_listed_with_what_was_asked_for_and_nothing_more()
    {
        var (_, request) = await _scene.Ask(_scene.Ada, "listed");
        var bare = (await List(""))[0]!.AsObject();
        bare.Select(m => m.Key).ShouldBe(["id", "status", "user_id", "fingerprint", "created_by", "modified_by", "created", "modified"], ignoreOrder: true);
        bare["created"]!.ToString().ShouldEndWith("+00:00");

        var whole = (await List("&contain[armored_key]=1&contain[account_recovery_private_key_passwords]=true&contain[account_recovery_request_responses]=1&contain[creator]=1"))
            .Single(r => r!["id"]!.ToString() == request)!;
        whole["armored_key"]!.ToString().ShouldContain("PUBLIC KEY");
        var held = whole["account_recovery_private_key"]!.AsObject();
        held.ShouldNotContainKey("data");
        held["account_recovery_private_key_passwords"]![0]!["recipient_fingerprint"]!.ToString().ShouldBe(_scene.Organisation.Fingerprint);
        whole["account_recovery_responses"].ShouldBeOfType<JsonArray>();
        whole["creator"]!["username"]!.ToString().ShouldBe(_scene.Ada.Username);
        whole.ToJsonString().ShouldNotContain("authentication_token");

        foreach (var no in new[] { "0", "false", "" })
        {
            (await List($"&contain[armored_key]={no}"))[0]!.AsObject().ShouldNotContainKey("armored_key");
        }

        (await List($"&filter[has-users][]={_scene.Betty.Id}")).ShouldBeEmpty();
        (await List("&filter[has-users][]=nobody")).ShouldBeEmpty("what names nobody is no filter that is not there");
        (await List($"&filter[has-users][]={_scene.Betty.Id}&filter[has-users][]={_scene.Ada.Id}")).ShouldNotBeEmpty();
        var newest = await List("&sort=AccountRecoveryRequests.created&direction=desc&limit=1");
        newest.ShouldHaveSingleItem()!["id"]!.ToString().ShouldBe(request);
        var times = (await List("&sort=AccountRecoveryRequests.created&direction=asc")).Select(r => DateTimeOffset.Parse(r!["created"]!.ToString(), CultureInfo.InvariantCulture)).ToList();
        times.ShouldBe(times.Order());

        (await _admin.Fetch("GET", "/account-recovery/requests/none.json"))["status"]!.GetValue<int>().ShouldBe(400);
        (await _admin.Fetch("GET", "/account-recovery/requests/5a1b9c1e-0000-4000-8000-00000000dead.json"))["status"]!.GetValue<int>().ShouldBe(404);

        async Task<JsonArray> List(string query) =>
            (await _admin.Fetch("GET", $"/account-recovery/requests.json?api-version=v2{query}"))["json"]!["body"]!.AsArray();
    }

    [Fact]
    public async Task Signing_in_says_in_headers_where_it_stands()
    {
        var guest = await Guest("signs in by hand");
        var verify = await guest.Fetch("GET", "/auth/verify.json");
        verify["json"]!["body"]!["fingerprint"]!.ToString().ShouldBe(_scene.ServerKey);
        var begun = await guest.Fetch("POST", "/auth/login.json", new JsonObject { ["data"] = Login(("keyid", _scene.Carol.Key.Fingerprint)) }, csrf: false);
        var headers = begun["headers"]!;
        (headers["x-gpgauth-version"]!.ToString(), headers["x-gpgauth-authenticated"]!.ToString(), headers["x-gpgauth-progress"]!.ToString()).ShouldBe(("1.3.0", "false", "stage1"));
        headers["x-gpgauth-refer"].ShouldBeNull();
        headers["x-gpgauth-verify-response"].ShouldBeNull();
        begun["json"]!["header"]!["status"]!.ToString().ShouldBe("error");
        var armored = Uri.UnescapeDataString(headers["x-gpgauth-user-auth-token"]!.ToString().Replace("\\", "", StringComparison.Ordinal).Replace('+', ' '));
        var (nonce, _) = await _scene.Clients.Decrypt(armored, _scene.Carol.Key);
        nonce.ShouldMatch("^gpgauthv1\\.3\\.0\\|36\\|[0-9a-f-]{36}\\|gpgauthv1\\.3\\.0$");

        // Another's key, or another nonce, does not end it; afterwards the right one does, once.
        foreach (var (fingerprint, answer) in new[]
        {
            (_scene.Admin.Key.Fingerprint, nonce), (_scene.Carol.Key.Fingerprint, "gpgauthv1.3.0|36|5a1b9c1e-0000-4000-8000-00000000dead|gpgauthv1.3.0"), (_scene.Carol.Key.Fingerprint, ""),
        })
        {
            var refused = await guest.Fetch("POST", "/auth/login.json", new JsonObject { ["data"] = Login(("keyid", fingerprint), ("user_token_result", answer)) }, csrf: false);
            refused["headers"]!["x-gpgauth-authenticated"]!.ToString().ShouldBe("false");
        }

        begun = await guest.Fetch("POST", "/auth/login.json", Login(("keyid", _scene.Carol.Key.Fingerprint)), csrf: false);
        armored = Uri.UnescapeDataString(begun["headers"]!["x-gpgauth-user-auth-token"]!.ToString().Replace("\\", "", StringComparison.Ordinal).Replace('+', ' '));
        (nonce, _) = await _scene.Clients.Decrypt(armored, _scene.Carol.Key);
        var done = await guest.Fetch("POST", "/auth/login.json", Login(("keyid", _scene.Carol.Key.Fingerprint), ("user_token_result", nonce)), csrf: false);
        headers = done["headers"]!;
        (headers["x-gpgauth-authenticated"]!.ToString(), headers["x-gpgauth-progress"]!.ToString(), headers["x-gpgauth-refer"]!.ToString()).ShouldBe(("true", "complete", "/"));
        headers["x-gpgauth-user-auth-token"].ShouldBeNull();
        done["json"]!["body"]!["id"]!.ToString().ShouldBe(_scene.Carol.Id);
        (await guest.Fetch("GET", "/auth/is-authenticated.json"))["status"]!.GetValue<int>().ShouldBe(200);

        var other = await Guest("replays");
        var again = await other.Fetch("POST", "/auth/login.json", Login(("keyid", _scene.Carol.Key.Fingerprint), ("user_token_result", nonce)), csrf: false);
        again["headers"]!["x-gpgauth-authenticated"]!.ToString().ShouldBe("false");

        // A key that nobody has gets no token, and looks like a wrong answer.
        var unknown = await other.Fetch("POST", "/auth/login.json", Login(("keyid", new string('A', 40))), csrf: false);
        unknown["headers"]!["x-gpgauth-authenticated"]!.ToString().ShouldBe("false");
        (await other.Fetch("GET", "/auth/is-authenticated.json"))["status"]!.GetValue<int>().ShouldBe(403);

        static JsonObject Login(params (string Name, string Value)[] members) => new()
        {
            ["gpg_auth"] = new JsonObject([.. members.Select(m => KeyValuePair.Create(m.Name, (JsonNode?)m.Value))]),
        };
    }

    [Fact]
    public async Task Keys_and_people_are_shown_to_whoever_is_signed_in_and_to_nobody_else()
    {
        var ada = await _scene.SignedIn(_scene.Ada, "looks around");
        var keys = (await ada.Fetch("GET", "/gpgkeys.json"))["json"]!["body"]!.AsArray();
        keys.Select(k => k!["fingerprint"]!.ToString()).ShouldContain(_scene.Admin.Key.Fingerprint);
        keys.ShouldAllBe(k => k!["armored_key"]!.ToString().Contains("PUBLIC KEY", StringComparison.Ordinal));
        var after = _scene.Server.Time.GetUtcNow().AddHours(1).ToUnixTimeSeconds();
        (await ada.Fetch("GET", $"/gpgkeys.json?filter[modified-after]={after}"))["json"]!["body"]!.AsArray().ShouldBeEmpty();
        (await ada.Fetch("GET", $"/gpgkeys.json?filter[has-users][]={_scene.Betty.Id}"))["json"]!["body"]!.AsArray()
            .ShouldHaveSingleItem()!["fingerprint"]!.ToString().ShouldBe(_scene.Betty.Key.Fingerprint);
        (await ada.Fetch("GET", "/users/me.json"))["json"]!["body"]!["id"]!.ToString().ShouldBe(_scene.Ada.Id);

        var guest = await Guest("looks around too");
        foreach (var path in new[] { "/gpgkeys.json", "/users.json", "/users/me.json", $"/users/{_scene.Ada.Id}.json", "/account-recovery/organization-policies.json", "/roles.json" })
        {
            (await guest.Fetch("GET", path))["status"]!.GetValue<int>().ShouldBe(403, path);
        }

        var settings = (await guest.Fetch("GET", "/settings.json"))["json"]!["body"]!;
        settings["passbolt"]!["plugins"]!["accountRecovery"]!["enabled"]!.GetValue<bool>().ShouldBeTrue();
    }

    private async Task<PassboltExtension> Guest(string name = "guest with the cookie")
    {
        var guest = await _scene.Browser(name);
        await guest.Fetch("GET", "/auth/verify.json");
        return guest;
    }

    private async Task<JsonNode> Policy() => (await _admin.Fetch("GET", "/account-recovery/organization-policies.json"))["json"]!["body"]!;

    private async Task<JsonNode> Request(string id) => (await _admin.Fetch("GET", $"/account-recovery/requests/{id}.json"))["json"]!["body"]!;

    private Task<string> Message(PassboltMessage message) => _scene.Clients.Encrypt(message, _scene.Server.Time.GetUtcNow());

    private static string WithoutChecksum(string armored) => string.Join('\n', armored.ReplaceLineEndings("\n").Split('\n').Where(l => !(l.Length == 5 && l[0] == '=')));

    private static async Task<(int Status, JsonNode? Body)> Refused(PassboltExtension browser, string path, JsonObject body, bool csrf = true)
    {
        var answer = await browser.Fetch("POST", path, body, csrf);
        return (answer["status"]!.GetValue<int>(), answer["json"]?["body"]);
    }

    // A fault is the path to it in the body of a 400; null is a 400 without a word on where.
    private static async Task Fails(PassboltExtension browser, string path, JsonObject body, string? fault)
    {
        var (status, said) = await Refused(browser, path, body);
        status.ShouldBe(400, $"{fault}: {said}");
        if (fault is null)
        {
            return;
        }

        var at = said;
        foreach (var member in fault.Split('.'))
        {
            at = at is JsonArray list ? list[int.Parse(member, CultureInfo.InvariantCulture)] : (at as JsonObject)?[member];
            at.ShouldNotBeNull($"{fault}: {said}");
        }
    }
}
