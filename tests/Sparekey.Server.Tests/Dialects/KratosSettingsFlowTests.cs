using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Dialects.Kratos;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>A server with the settings flow, and what tests say to it.</summary>
public sealed class KratosSettingsServer : IAsyncLifetime
{
    private int _last;

    internal RunningServer Server { get; private set; } = null!;

    /// <summary>The origin under which passkeys are taken.</summary>
    internal string Origin { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Server = await RunningServer.Start(kratos: new KratosOptions { AllowedReturnUrls = [ReturnUrlPattern.Parse("https://app.example.com/home")!] });
        Origin = $"http://localhost:{Server.Origin.Port}";
        var application = (await Server.Get("/v1/applications", Server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        (await Server.Send("PATCH", $"/v1/applications/{application}", new { origins = new[] { Origin }, rp_id = "localhost" }, Server.AdminToken))
            .Status.ShouldBe(200);
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    /// <summary>Somebody new, just recovered.</summary>
    internal async Task<Person> Recovered(SessionRestriction? restriction = SessionRestriction.Recovery)
    {
        var email = $"person-{Interlocked.Increment(ref _last)}@example.com";
        var account = await Server.Account(email);
        return new Person(this, email, account, await Open(account, restriction));
    }

    internal Task<string> Open(string account, SessionRestriction? restriction = SessionRestriction.Recovery) =>
        TestSessions.Open(Server.Services, Ids.Parse<AccountId>(account), TimeSpan.FromHours(1), restriction);

    internal KratosBrowser Browser(string? session, bool isScript = false)
    {
        var browser = new KratosBrowser(new Uri(Origin)) { IsScript = isScript };
        if (session is not null)
        {
            browser.SignIn(session);
        }

        return browser;
    }

    internal sealed record Person(KratosSettingsServer On, string Email, string Account, string Session)
    {
        public Task<Answer> Get(string path) => Call("GET", path, null);

        public Task<Answer> Submit(JsonNode flow, object body) => Call("POST", $"/self-service/settings?flow={flow["id"]}", body);

        public async Task<JsonNode> Begin()
        {
            var begun = await Get("/self-service/settings/api");
            begun.Status.ShouldBe(200, begun.Text);
            return begun.Json!;
        }

        public async Task<bool> SignsIn(string password) =>
            (await On.Server.Post("/v1/sessions", new { identifier = Email, password })).Status == 201;

        public async Task<Answer> Call(string method, string path, object? body, params (string Name, string Value)[] headers)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            request.Headers.Add("X-Session-Token", Session);
            request.Headers.Add("Accept", "application/json");
            foreach (var (name, value) in headers)
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }

            if (body is not null)
            {
                request.Content = new StringContent(body as string ?? JsonSerializer.Serialize(body), System.Text.Encoding.UTF8, "application/json");
            }

            return await On.Server.Send(request);
        }
    }
}

/// <summary>The settings flow of programmes, by the session's token.</summary>
public sealed class KratosSettingsFlowTests(KratosSettingsServer on) : IClassFixture<KratosSettingsServer>
{
    private const string Password = "a password that the person chose";

    [Fact]
    public async Task A_programme_sets_a_password_after_a_recovery()
    {
        var person = await on.Recovered();
        var flow = await person.Begin();
        (flow["type"]!.ToString(), flow["state"]!.ToString(), flow["request_url"]!.ToString()).ShouldBe(("api", "show_form", on.Origin + "/self-service/settings/api"));
        flow.AsObject().ContainsKey("organization_id").ShouldBeTrue();
        flow["organization_id"].ShouldBeNull();
        flow["identity"]!["id"]!.ToString().ShouldBe(person.Account);
        Guid.ParseExact(flow["id"]!.ToString(), "D").Version.ShouldBe(4);
        (flow["ui"]!["method"]!.ToString(), flow["ui"]!["action"]!.ToString()).ShouldBe(("POST", $"{on.Origin}/self-service/settings?flow={flow["id"]}"));
        KratosBrowser.CsrfOf(flow).ShouldBe("");
        KratosBrowser.Node(flow, "password").ToJsonString().ShouldBe(
            """{"type":"input","group":"password","attributes":{"name":"password","type":"password","required":true,"autocomplete":"new-password","disabled":false,"node_type":"input"},"messages":[],"meta":{"label":{"id":1070001,"text":"Password","type":"info"}}}""");
        flow["ui"]!.AsObject().ContainsKey("messages").ShouldBeFalse();

        var saved = await person.Submit(flow, new { method = "password", password = Password, transient_payload = new { a = 1 } });

        saved.Status.ShouldBe(200, saved.Text);
        saved["state"].ShouldBe("success");
        KratosBrowser.Messages(saved.Json!).ShouldBe([1050001]);
        saved.Json!["transient_payload"]!.ToJsonString().ShouldBe("{\"a\":1}");
        saved.Json.AsObject().ContainsKey("continue_with").ShouldBeFalse();
        saved.Headers.Contains("Set-Cookie").ShouldBeFalse();
        (await person.SignsIn(Password)).ShouldBeTrue();
        (await person.Get($"/self-service/settings/flows?id={flow["id"]}"))["state"].ShouldBe("success");
    }

    [Fact]
    public async Task Every_answer_holds_no_null_that_clients_refuse()
    {
        var person = await on.Recovered();
        var flow = await person.Begin();
        Nulls(flow, "").ShouldBeSubsetOf(["/organization_id", "/identity/metadata_public", "/identity/organization_id"]);
        Nulls((await person.Submit(flow, new { method = "password", password = "short" })).Json!, "")
            .ShouldBeSubsetOf(["/organization_id", "/identity/metadata_public", "/identity/organization_id"]);
    }

    [Theory]
    [InlineData("{\"method\":\"password\"}", 4000002)]
    [InlineData("{\"method\":\"password\",\"password\":\"\"}", 4000002)]
    [InlineData("{\"method\":\"password\",\"password\":5}", 4000002)]
    [InlineData("{\"method\":\"password\",\"password\":\"short\"}", 4000032)]
    [InlineData("{\"password\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", 4000034)]
    [InlineData("{\"method\":\"password\",\"password\":\"\\u0000 a password with a control\"}", 4000005)]
    public async Task A_bad_password_is_told_at_its_field(string body, int id)
    {
        var person = await on.Recovered();
        var flow = await person.Begin();

        var refused = await person.Submit(flow, body);

        refused.Status.ShouldBe(400, refused.Text);
        (refused["id"], refused["state"], refused["active"]).ShouldBe((flow["id"]!.ToString(), "show_form", "password"));
        KratosBrowser.Node(refused.Json!, "password")["messages"]!.AsArray().Select(m => (int)m!["id"]!).ShouldBe([id]);
        KratosBrowser.Messages(refused.Json!).ShouldBeEmpty();
        KratosBrowser.Node((await person.Get($"/self-service/settings/flows?id={flow["id"]}")).Json!, "password")["messages"]!.AsArray().Count.ShouldBe(1);
    }

    [Fact]
    public async Task Too_long_too_similar_and_the_same_again_have_their_own_messages()
    {
        var person = await on.Recovered();
        var flow = await person.Begin();
        await Is(new string('x', 250) + "abcdefgh", 4000033);
        await Is(person.Email + "1", 4000031);
        (await person.Submit(flow, new { method = "password", password = Password })).Status.ShouldBe(200);
        await Is(Password, 4000039);

        async Task Is(string password, int id) => KratosBrowser.Node((await person.Submit(flow, new { method = "password", password })).Json!, "password")["messages"]![0]!["id"]!.GetValue<int>().ShouldBe(id);
    }

    [Fact]
    public async Task Without_a_session_nothing_opens()
    {
        using var page = on.Browser(null);
        using var script = on.Browser(null, isScript: true);
        var person = await on.Recovered();
        var flow = await person.Begin();

        foreach (var path in new[] { "/self-service/settings/api", "/self-service/settings/browser", $"/self-service/settings/flows?id={flow["id"]}" })
        {
            var refused = await script.Get(path);
            (refused.Status, refused.ErrorId).ShouldBe((401, "session_inactive"), path);
            refused.Json["error"]!["code"]!.GetValue<int>().ShouldBe(401);
        }

        var posted = await script.Post($"/self-service/settings?flow={flow["id"]}", new { method = "password", password = Password });
        (posted.Status, posted.ErrorId).ShouldBe((401, "session_inactive"));
        var sent = await page.Get("/self-service/settings/browser?return_to=https%3A%2F%2Fapp.example.com%2Fhome");
        (sent.Status, sent.Location).ShouldBe((303, on.Origin + "/self-service/login/browser?return_to=https%3A%2F%2Fapp.example.com%2Fhome"));
        var looked = await page.Get($"/self-service/settings/flows?id={flow["id"]}");
        (looked.Status, looked.Location).ShouldBe((302, on.Origin + "/self-service/login/browser"));
        (await page.Get("/.well-known/change-password")).Location.ShouldBe(on.Origin + "/self-service/settings/browser");
        foreach (var token in new[] { "", "ory_st_", person.Session + "x", person.Session[..^1], new string('a', 4000) })
        {
            (await (person with { Session = token }).Get("/self-service/settings/api")).Status.ShouldBe(401);
        }
    }

    [Fact]
    public async Task A_flow_is_its_persons_alone()
    {
        var (person, other) = (await on.Recovered(), await on.Recovered());
        var flow = await person.Begin();

        var looked = await other.Get($"/self-service/settings/flows?id={flow["id"]}");
        var posted = await other.Submit(flow, new { method = "password", password = Password });

        foreach (var refused in new[] { looked, posted })
        {
            (refused.Status, refused.Json!["error"]!["id"]!.ToString()).ShouldBe((403, "security_identity_mismatch"));
        }

        (await other.SignsIn(Password)).ShouldBeFalse();
        (await person.SignsIn(Password)).ShouldBeFalse();
        (await other.Get("/self-service/settings/flows?id=11111111-1111-4111-8111-111111111111")).Status.ShouldBe(404);
        (await other.Get("/self-service/settings/flows?id=x")).Json!["error"]!["message"]!.ToString().ShouldBe("Unable to locate the resource");
        foreach (var id in new[] { "", "?flow=", "?flow=x" })
        {
            var missing = await other.Call("POST", "/self-service/settings" + id, new { method = "password", password = Password });
            (missing.Status, missing.Json!["error"]!["reason"]!.ToString()).ShouldBe((400, "The flow query parameter is missing or malformed."));
        }
    }

    [Fact]
    public async Task A_programmes_flow_is_no_browsers()
    {
        var person = await on.Recovered();
        var flow = await person.Begin();
        var path = $"/self-service/settings?flow={flow["id"]}";
        var body = new { method = "password", password = Password };

        (await person.Call("POST", path, body, ("Origin", on.Origin))).Status.ShouldBe(400);
        var cookie = await person.Call("POST", path, body, ("Cookie", "a=b; __cfduid=c"));
        (cookie.Status, cookie.Json!["error"]!["details"]!["found cookies"]!.ToJsonString()).ShouldBe((400, "[\"a\"]"));
        (await person.SignsIn(Password)).ShouldBeFalse();
        (await person.Call("POST", path, body, ("Cookie", "__cfduid=c"))).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("totp")]
    [InlineData("lookup_secret")]
    [InlineData("webauthn")]
    public async Task What_there_is_not_is_disabled(string method)
    {
        var person = await on.Recovered();
        var refused = await person.Submit(await person.Begin(), new { method });
        (refused.Status, refused.Json!["error"]!["reason"]!.ToString().StartsWith("This endpoint was disabled by system administrator", StringComparison.Ordinal))
            .ShouldBe((404, true));
    }

    [Theory]
    [InlineData("{}", 4010004)]
    [InlineData("{\"method\":\"code\"}", 4010004)]
    [InlineData("{\"method\":5}", 4010004)]
    public async Task What_no_method_takes_is_said(string body, int id)
    {
        var person = await on.Recovered();
        var refused = await person.Submit(await person.Begin(), body);
        refused.Status.ShouldBe(400, refused.Text);
        KratosBrowser.Messages(refused.Json!).ShouldBe([id]);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"a\":")]
    [InlineData("{\"password\":\"\\ud800\",\"method\":\"password\"}")]
    [InlineData("{\"method\":\"password\",\"method\":\"password\"}")]
    public async Task What_cannot_be_read_is_said(string body)
    {
        var person = await on.Recovered();
        var refused = await person.Submit(await person.Begin(), body);
        (refused.Status, refused.Json!["error"]!["reason"]!.ToString().StartsWith("Unable to decode JSON payload: ", StringComparison.Ordinal)).ShouldBe((400, true), refused.Text);
    }

    [Fact]
    public async Task Of_many_at_once_every_one_is_answered_and_one_password_stands()
    {
        var person = await on.Recovered();
        var flow = await person.Begin();
        var words = Enumerable.Range(0, 8).Select(i => $"one of eight passwords {i}").ToList();

        var answers = await Task.WhenAll(words.Select(w => person.Submit(flow, new { method = "password", password = w })));

        answers.ShouldAllBe(a => a.Status == 200 || a.Status == 429 || a.Status == 503);
        var signIns = new List<bool>();
        foreach (var word in words)
        {
            signIns.Add(await person.SignsIn(word));
        }

        signIns.Count(s => s).ShouldBe(1);
    }

    [Fact]
    public async Task A_passkey_is_added_and_removed()
    {
        var person = await on.Recovered();
        var flow = await person.Begin();
        KratosBrowser.Names(flow).ShouldBe(["default/csrf_token", "profile/traits.email", "profile/method", "password/password", "password/method", "passkey/passkey_settings_register", "passkey/passkey_create_data"]);
        using var authenticator = new SoftwareAuthenticator("localhost");
        var made = Made(authenticator, flow, on.Origin);

        (await person.Submit(flow, new { method = "passkey", passkey_settings_register = "no JSON" })).Status.ShouldBe(400);
        (await person.Submit(flow, new { method = "passkey" })).Status.ShouldBe(400);
        KratosBrowser.Messages((await person.Submit(flow, new { method = "passkey", passkey_settings_register = made.Replace("AAAA", "AAAB", StringComparison.Ordinal)[..^9] + "}}" })).Json!)
            .ShouldBe([4000001]);
        var saved = await person.Submit(flow, new { method = "passkey", passkey_settings_register = made });
        saved.Status.ShouldBe(200, saved.Text);
        (await person.Submit(flow, new { method = "passkey", passkey_settings_register = made })).Status.ShouldBe(400);

        var name = Convert.ToHexStringLower(authenticator.CredentialId);
        var remove = KratosBrowser.Node(saved.Json!, "passkey_remove");
        (remove["attributes"]!["value"]!.ToString(), (int)remove["meta"]!["label"]!["id"]!).ShouldBe((name, 1050020));
        var last = await person.Submit(flow, new { method = "passkey", passkey_remove = name });
        (last.Status, last.Text.Contains("lock you out", StringComparison.Ordinal)).ShouldBe((400, true));
        (await person.Submit(flow, new { method = "password", password = Password })).Status.ShouldBe(200);
        (await person.Submit(flow, new { passkey_remove = name.ToUpperInvariant() })).Status.ShouldBe(400);
        (await person.Submit(flow, new { passkey_remove = name })).Status.ShouldBe(200);
        (await person.Submit(flow, new { passkey_remove = name })).Status.ShouldBe(400);
        (await on.Server.Get($"/v1/accounts/{person.Account}/credentials", on.Server.AdminToken)).Json!["items"]!.AsArray()
            .Select(c => c!["kind"]!.ToString()).ShouldBe(["password"]);
    }

    [Fact]
    public async Task A_passkey_is_for_the_session_that_began_it()
    {
        var (person, other) = (await on.Recovered(), await on.Recovered());
        using var authenticator = new SoftwareAuthenticator("localhost");
        var made = Made(authenticator, await person.Begin(), on.Origin);

        (await other.Submit(await other.Begin(), new { method = "passkey", passkey_settings_register = made })).Status.ShouldBe(400);
        var elsewhere = person with { Session = await on.Open(person.Account) };
        (await elsewhere.Submit(await elsewhere.Begin(), new { method = "passkey", passkey_settings_register = made })).Status.ShouldBe(400);
        (await person.Submit(await person.Begin(), new { method = "passkey", passkey_settings_register = made })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task After_a_recovery_a_credential_is_set_first()
    {
        var person = await on.Recovered(restriction: null);
        using var authenticator = new SoftwareAuthenticator("localhost");
        var flow = await person.Begin();
        (await person.Submit(flow, new { passkey_settings_register = Made(authenticator, flow, on.Origin) })).Status.ShouldBe(200);
        (await person.Submit(flow, new { password = Password })).Status.ShouldBe(200);
        var name = Convert.ToHexStringLower(authenticator.CredentialId);

        var recovered = person with { Session = await on.Open(person.Account) };
        var refused = await recovered.Submit(await recovered.Begin(), new { passkey_remove = name });
        (refused.Status, KratosBrowser.Messages(refused.Json!).Single()).ShouldBe((400, 4000001));
        (await recovered.Submit(await recovered.Begin(), new { password = Password + " 2" })).Status.ShouldBe(200);
        (await recovered.Submit(await recovered.Begin(), new { passkey_remove = name })).Status.ShouldBe(200);
    }

    internal static string Made(SoftwareAuthenticator authenticator, JsonNode flow, string origin)
    {
        var options = JsonNode.Parse(KratosBrowser.ValueOf(flow, "passkey_create_data"))!["publicKey"]!;
        options["rp"]!["id"]!.ToString().ShouldBe("localhost");
        var parts = authenticator.Register(Base64Url.DecodeFromChars(options["challenge"]!.ToString()), origin);
        return new JsonObject
        {
            ["id"] = Base64Url.EncodeToString(parts.CredentialId),
            ["rawId"] = Base64Url.EncodeToString(parts.CredentialId),
            ["type"] = "public-key",
            ["response"] = new JsonObject
            {
                ["clientDataJSON"] = Base64Url.EncodeToString(parts.ClientDataBytes),
                ["attestationObject"] = Base64Url.EncodeToString(parts.AttestationObject),
            },
        }.ToJsonString();
    }

    private static IEnumerable<string> Nulls(JsonNode? node, string at) => node switch
    {
        null => [at],
        JsonObject members => members.SelectMany(m => Nulls(m.Value, $"{at}/{m.Key}")),
        JsonArray items => items.SelectMany(i => Nulls(i, at)),
        _ => [],
    };
}
