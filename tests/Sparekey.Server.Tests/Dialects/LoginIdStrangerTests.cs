using System.Buffers.Text;
using System.Text.Json.Nodes;
using Sparekey.Server.Dialects.LoginId;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>What a stranger sees, and the form in which everything is answered.</summary>
public sealed class LoginIdStrangerTests
{
    [Fact]
    public async Task A10_Signing_in_by_name_tells_a_stranger_nothing()
    {
        await using var scene = await LoginIdScene.Start();
        using var authenticator = new SoftwareAuthenticator(LoginIdScene.RpId);
        using var stranger = new SoftwareAuthenticator(LoginIdScene.RpId);
        (await scene.Register("known", authenticator)).Status.ShouldBe(200);
        await scene.User("bare");
        var shapes = new List<string>();
        foreach (var name in new[] { "known", "unknown", "bare", "jane@example.com" })
        {
            var one = await Init(scene, name);
            var two = await Init(scene, name);
            var allowed = one.Json!["assertion_payload"]!["allowCredentials"]!.ToJsonString();
            allowed.ShouldBe(two.Json!["assertion_payload"]!["allowCredentials"]!.ToJsonString(), name);
            one.Json["assertion_payload"]!["challenge"]!.ToString().ShouldNotBe(two.Json["assertion_payload"]!["challenge"]!.ToString());
            Base64Url.DecodeFromChars(one.Json["assertion_payload"]!["challenge"]!.ToString()).Length.ShouldBe(32);
            shapes.Add(Shape(one.Json));
            (await scene.Post("/authenticate/fido2/complete", scene.AssertionBody(name, one, stranger))).Code.ShouldBe("invalid_credential", name);
        }

        shapes.Distinct(StringComparer.Ordinal).Count().ShouldBe(1, string.Join('\n', shapes));
        (await Init(scene, "unknown")).Text.ShouldNotBe((await Init(scene, "another")).Text);
    }

    [Fact]
    public async Task A_setting_brings_the_vendors_answer_back()
    {
        await using var server = await RunningServer.Start(loginId: new LoginIdOptions { RevealUnknown = true }, now: LoginIdScene.Now);
        var scene = await LoginIdScene.Start(server: server);
        var unknown = await Init(scene, "unknown", 404);
        (unknown.Status, unknown.Code).ShouldBe((404, "user_not_found"));
    }

    [Fact]
    public async Task Switched_off_there_are_no_such_doors()
    {
        await using var server = await RunningServer.Start(loginId: new LoginIdOptions { Enabled = false });
        foreach (var path in new[] { "/manage/users", "/api/native/codes/short/generate", "/tx" })
        {
            (await server.Post(path, new { })).Code.ShouldBe("route_not_found");
        }
    }

    [Theory]
    [InlineData(nameof(OldPasskeys.Revoke), 1)]
    [InlineData(nameof(OldPasskeys.Suspend), 2)]
    public async Task Old_passkeys_go_or_rest_where_the_setting_says_so(string setting, int listed)
    {
        await using var server = await RunningServer.Start(loginId: new LoginIdOptions { OldPasskeys = Enum.Parse<OldPasskeys>(setting) }, now: LoginIdScene.Now);
        var scene = await LoginIdScene.Start(server: server);
        using var old = new SoftwareAuthenticator(LoginIdScene.RpId);
        using var next = new SoftwareAuthenticator(LoginIdScene.RpId);
        var user = (await scene.Register("moves", old)).Json!["user"]!["id"]!.ToString();
        var code = (await scene.Generate(user))["code"];
        (await scene.Complete("moves", await scene.InitByCode("moves", code), next)).Status.ShouldBe(200);
        (await scene.SignIn("moves", old)).Code.ShouldBe("invalid_credential");
        (await scene.SignIn("moves", next)).Status.ShouldBe(200);
        var credentials = (await scene.Vouched("credentials.list", "/credentials/list", new { client_id = scene.Management, user_id = user })).Json!["credentials"]!.AsArray();
        credentials.Count.ShouldBe(listed);
        credentials.Select(c => c!["status"]!.ToString()).ShouldBe(listed == 2 ? ["inactive", "active"] : ["active"], ignoreOrder: true);
    }

    [Fact]
    public async Task A_name_that_is_taken_is_refused_where_the_registration_ends()
    {
        await using var scene = await LoginIdScene.Start();
        using var first = new SoftwareAuthenticator(LoginIdScene.RpId);
        using var second = new SoftwareAuthenticator(LoginIdScene.RpId);
        (await scene.Register("taken", first)).Status.ShouldBe(200);
        var refused = await scene.Register("TAKEN", second);
        (refused.Status, refused.Code).ShouldBe((400, "user_already_registered"));
        (await scene.SignIn("taken", first)).Status.ShouldBe(200);

        // A mailbox that nobody proved is no address: the team's own account of that address is not met, and not shadowed.
        (await scene.Register("eve@example.com", second)).Status.ShouldBe(200);
        (await scene.SignIn("eve@example.com", second)).Json!["user"]!["username"]!.ToString().ShouldBe("eve@example.com");
        var account = await scene.Server.Account("eve@example.com");
        var found = await scene.Vouched("users.retrieve", "/manage/users/retrieve", new { client_id = scene.Management, username = "eve@example.com" });
        found["id"].ShouldBe(account);
        (await scene.SignIn("eve@example.com", second)).Code.ShouldBe("invalid_credential");
        foreach (var name in new[] { "a", "two words", "eve(at)example.com", "+49123456789", new string('n', 65), "line\nbreak" })
        {
            var invalid = await scene.Post("/register/fido2/init", new { client_id = scene.Web, username = name });
            invalid.Status.ShouldBe(400, name);
            invalid.Code.ShouldBeOneOf("username_invalid", "request_validation_error");
        }
    }

    [Fact]
    public async Task A_hundred_registrations_of_a_name_make_one_account()
    {
        await using var scene = await LoginIdScene.Start();
        using var authenticator = new SoftwareAuthenticator(LoginIdScene.RpId);
        var begun = new List<Answer>();
        for (var i = 0; i < 10; i++)
        {
            begun.Add(await scene.Post("/register/fido2/init", new { client_id = scene.Web, username = "one" }));
        }

        var authenticators = begun.ConvertAll(_ => new SoftwareAuthenticator(LoginIdScene.RpId));
        var answers = await Task.WhenAll(begun.SelectMany((b, i) => Enumerable.Range(0, 10).Select(_ => scene.Complete("one", b, authenticators[i], "/register/fido2/complete"))));
        answers.Count(a => a.Status == 200).ShouldBe(1);
        authenticators.ForEach(a => a.Dispose());
    }

    [Fact]
    public async Task Every_refusal_has_the_vendors_form()
    {
        await using var scene = await LoginIdScene.Start();
        var calls = new (string Method, string Path, string? Body)[]
        {
            ("GET", "/codes/short/generate", null), ("GET", "/manage", null), ("POST", "/manage/nothing/here", "{}"), ("PUT", "/register/fido2/init", "{}"),
            ("GET", "/api/native", null), ("GET", "/api/native/nothing", null), ("POST", "/api/native/auth/login", "{}"), ("GET", "/certs", null),
            ("GET", "/certs/x", null), ("POST", "/register/fido2/init", "{"), ("POST", "/register/fido2/init", "[]"), ("POST", "/register/fido2/init", null),
            ("POST", "/register/fido2/init", "{}"), ("POST", "/register/fido2/init", """{"client_id":"none","username":"x"}"""),
            ("POST", "/register/fido2/init", new string(' ', 100_000)), ("POST", "/register/fido2/init", """{"client_id":{"a":1}}"""),
            ("POST", "/register/fido2/init", string.Concat(Enumerable.Repeat("{\"a\":", 40)) + "1" + new string('}', 40)),
            ("POST", "/tx", "{}"), ("POST", "/tx/init", "{}"), ("POST", "/tx/complete", "{}"), ("POST", "/api/tx", "{}"), ("DELETE", "/credentials", null),
        };
        foreach (var (method, path, body) in calls)
        {
            var answer = await scene.Server.Send(method, path, body);
            answer.Status.ShouldBeInRange(400, 501, $"{method} {path}");
            answer.Json.ShouldNotBeNull($"{method} {path}: {answer.Text}");
            answer.Json!.AsObject().Select(m => m.Key).ShouldBe(["code", "message"], $"{method} {path}: {answer.Text}");
            answer.Code.ShouldNotBeNullOrEmpty();
        }

        // Beside them the native form stays.
        (await scene.Server.Get("/v1/nothing")).Code.ShouldBe("route_not_found");
        (await scene.Server.Get("/nothing")).Json!["type"].ShouldNotBeNull();
    }

    [Fact]
    public async Task Pages_of_the_applications_may_call_and_no_others()
    {
        await using var scene = await LoginIdScene.Start();
        foreach (var (origin, isOurs) in new[] { (LoginIdScene.Page, true), ("https://evil.example", false), ("null", false) })
        {
            using var question = new HttpRequestMessage(HttpMethod.Options, "/register/fido2/init");
            question.Headers.Add("Origin", origin);
            question.Headers.Add("Access-Control-Request-Method", "POST");
            question.Headers.Add("Access-Control-Request-Headers", "content-type,authorization");
            var answer = await scene.Server.Send(question);
            answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var allowed);
            (allowed?.Single() == origin).ShouldBe(isOurs, origin);
            answer.Headers.TryGetValues("Access-Control-Allow-Credentials", out _).ShouldBeFalse();

            using var call = new HttpRequestMessage(HttpMethod.Post, "/register/fido2/init");
            call.Headers.Add("Origin", origin);
            call.Content = new StringContent($$"""{"client_id":"{{scene.Web}}","username":"page"}""", System.Text.Encoding.UTF8, "application/json");
            var called = await scene.Server.Send(call);
            called.Status.ShouldBe(isOurs ? 200 : 403, origin);
            called.Headers.TryGetValues("Access-Control-Allow-Origin", out var told);
            (told?.Single() == origin).ShouldBe(isOurs, origin);
        }

        foreach (var native in new[] { "/v1/recoveries", "/recover" })
        {
            using var question = new HttpRequestMessage(HttpMethod.Options, native);
            question.Headers.Add("Origin", LoginIdScene.Page);
            question.Headers.Add("Access-Control-Request-Method", "POST");
            (await scene.Server.Send(question)).Headers.TryGetValues("Access-Control-Allow-Origin", out _).ShouldBeFalse(native);
        }
    }

    [Theory]
    [InlineData("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1", "Safari on iOS")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0", "Edge on Windows")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox on Linux")]
    [InlineData("curl/8.0", "Passkey")]
    [InlineData("", "Passkey")]
    public void A_credential_without_a_name_is_called_after_browser_and_system(string userAgent, string name) =>
        Mapping.DefaultName(userAgent).ShouldBe(name);

    [Fact]
    public void An_id_that_ends_in_zeros_is_padded_so_that_the_browsers_client_reads_all_of_it()
    {
        foreach (var length in new[] { 16, 20, 31, 32, 33, 48, 64 })
        {
            foreach (var zeros in new[] { 0, 1, 2 })
            {
                var bytes = Enumerable.Range(1, length).Select(i => (byte)i).ToArray();
                bytes.AsSpan(length - zeros).Clear();
                VendorsDecoder(Mapping.Decodable(Base64Url.EncodeToString(bytes))).ShouldBe(bytes, $"{length} bytes, {zeros} zeros");
            }
        }
    }

    // As the client's own code has it: a character that is none of the alphabet makes the accumulator not-a-number, of which the bytes are zero.
    private static byte[] VendorsDecoder(string text)
    {
        const string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        var bytes = new List<byte>();
        var (accumulator, bits, broken) = (0L, 0, false);
        for (var c = 0; c < text.Length; c++)
        {
            var value = alphabet.IndexOf(text[c], StringComparison.Ordinal);
            broken |= value < 0;
            accumulator = (int)((accumulator << 6) + Math.Max(value, 0));
            for (bits += 6; bits >= 8;)
            {
                bits -= 8;
                var d = broken ? 0 : (int)(255 & ((uint)(int)accumulator >> bits));
                if (d != 0 || text.Length - 2 > c)
                {
                    bytes.Add((byte)d);
                }
            }
        }

        return [.. bytes];
    }

    private static async Task<Answer> Init(LoginIdScene scene, string name, int status = 200)
    {
        var answer = await scene.Post("/authenticate/fido2/init", new { client_id = scene.Web, username = name });
        answer.Status.ShouldBe(status, answer.Text);
        return answer;
    }

    // Names of members, and texts as long as they are. How many are in a list is not part of it: a name that nobody has is shown one or
    // more. Nor is the padding that one id in 256 has.
    private static string Shape(JsonNode? node) => node switch
    {
        JsonObject o => "{" + string.Join(',', o.Select(m => $"{m.Key}:{Shape(m.Value)}")) + "}",
        JsonArray a => "[" + string.Join(',', a.Select(Shape).Distinct(StringComparer.Ordinal)) + "]",
        null => "null",
        _ => node.ToString().TrimEnd('=').Length.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
