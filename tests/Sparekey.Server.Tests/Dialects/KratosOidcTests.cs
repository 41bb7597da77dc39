using System.Globalization;
using System.Web;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Dialects.Kratos;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>A server and two providers of OpenID Connect beside it, which differ in how they take a client's secret.</summary>
public sealed class KratosOidcServer : IAsyncLifetime
{
    private int _last;

    internal RunningServer Server { get; private set; } = null!;

    internal NodeProgram Acme { get; private set; } = null!;

    internal NodeProgram Other { get; private set; } = null!;

    internal string AcmeUrl { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        var (acme, other) = (FreePort.Next(), FreePort.Next());
        AcmeUrl = $"http://127.0.0.1:{acme}";
        Server = await RunningServer.Start(
            kratos: new KratosOptions
            {
                Providers =
                [
                    Provider("acme", acme) with { Label = "Acme" }, Provider("other", other), Provider("gone", FreePort.Next()),
                    Provider("liar", acme) with { Issuer = $"http://127.0.0.1:{acme}/" },
                ],
                AllowedReturnUrls = [ReturnUrlPattern.Parse("https://app.example.com/home")!],
            },
            egress: new EgressOptions { PrivateHosts = ["127.0.0.1"] });
        Acme = await Start(acme, "client_secret_post", "acme");
        Other = await Start(other, "client_secret_basic", "other");
    }

    public async ValueTask DisposeAsync()
    {
        await Acme.DisposeAsync();
        await Other.DisposeAsync();
        await Server.DisposeAsync();
    }

    internal async Task<(string Account, KratosBrowser Browser)> Person(bool hasPassword = true, SessionRestriction? restriction = null, bool isScript = false)
    {
        var email = $"linker-{Interlocked.Increment(ref _last)}@example.com";
        var account = await Server.Account(email);
        if (hasPassword)
        {
            using var script = await Browser(account, isScript: true);
            (await script.Submit(await script.Begin(), new() { ["password"] = "a password that the person chose" })).Status.ShouldBe(200);
        }

        return (account, await Browser(account, restriction, isScript));
    }

    internal async Task<KratosBrowser> Browser(string account, SessionRestriction? restriction = null, bool isScript = false)
    {
        var browser = new KratosBrowser(Server.Origin) { IsScript = isScript };
        browser.SignIn(await TestSessions.Open(Server.Services, Ids.Parse<AccountId>(account), TimeSpan.FromHours(1), restriction));
        return browser;
    }

    internal async Task<IReadOnlyList<string>> LoginsOf(string account) =>
        [.. (await Server.Get($"/v1/accounts/{account}/credentials", Server.AdminToken)).Json!["items"]!.AsArray()
            .Where(c => c!["kind"]!.ToString() == "external_login").Select(c => c!["name"]?.ToString() ?? "")];

    internal static async Task<string> Visit(NodeProgram provider, string url, string account, bool decline = false) =>
        (await provider.Call(new { op = "visit", url, account, decline }))!.ToString();

    private static OidcProvider Provider(string id, int port) =>
        new(id, $"http://127.0.0.1:{port}", "sparekey & co", new SecretText("a secret: of the tests + more"));

    private async Task<NodeProgram> Start(int port, string method, params string[] ids)
    {
        var provider = await NodeProgram.Start("oidc.js", [
            port.ToString(CultureInfo.InvariantCulture), Server.Time.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture), "sparekey & co", "a secret: of the tests + more", method,
            .. ids.Select(id => new Uri(Server.Origin, $"/self-service/methods/oidc/callback/{id}").AbsoluteUri)]);
        await provider.Call(new { op = "wait" });
        return provider;
    }
}

/// <summary>Linking and unlinking accounts at other providers, against real ones.</summary>
public sealed class KratosOidcTests(KratosOidcServer on) : IClassFixture<KratosOidcServer>
{
    [Fact]
    public async Task A_page_of_ours_links_and_unlinks()
    {
        var (account, browser) = await on.Person();
        var page = (await browser.Get("/self-service/settings/browser")).Location!;
        var shown = await browser.Get(page);
        shown.Message.Headers.GetValues("Content-Security-Policy").Single().ShouldContain($"form-action 'self' {on.AcmeUrl}");
        var (action, fields) = KratosBrowser.Form(shown.Text, "name=\"link\" value=\"acme\"");
        var sent = await browser.Post(action, new Dictionary<string, string>(fields) { ["link"] = "acme" });
        sent.Status.ShouldBe(303, sent.Text);
        var query = HttpUtility.ParseQueryString(new Uri(sent.Location!).Query);
        (query["response_type"], query["code_challenge_method"], query["scope"], query["client_id"]).ShouldBe(("code", "S256", "openid email profile", "sparekey & co"));
        query["redirect_uri"].ShouldBe(new Uri(on.Server.Origin, "/self-service/methods/oidc/callback/acme").AbsoluteUri);
        query["nonce"]!.Length.ShouldBe(32);
        query["state"]!.Length.ShouldBe(31);

        var back = await browser.Get(await KratosOidcServer.Visit(on.Acme, sent.Location!, "ada"));

        (back.Status, back.Location).ShouldBe((303, page), back.Text);
        (await on.LoginsOf(account)).ShouldBe(["ada@example.org"]);
        shown = await browser.Get(page);
        shown.Text.ShouldContain("role=\"status\"");
        (action, fields) = KratosBrowser.Form(shown.Text, "name=\"unlink\" value=\"acme\"");
        (await browser.Post(action, new Dictionary<string, string>(fields) { ["unlink"] = "acme" })).Location.ShouldBe(page);
        (await on.LoginsOf(account)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_pages_script_is_told_where_to_go_and_the_browser_comes_back_where_it_wants_to_be()
    {
        var (account, browser) = await on.Person(isScript: true);
        var flow = await browser.Begin("?return_to=https%3A%2F%2Fapp.example.com%2Fhome");
        flow["ui"]!["nodes"]!.AsArray().Where(n => n!["group"]!.ToString() == "oidc").Select(n => $"{n!["attributes"]!["name"]} {n["attributes"]!["value"]} {n["meta"]!["label"]!["id"]}")
            .ShouldBe(["link acme 1050002", "link other 1050002", "link gone 1050002", "link liar 1050002"]);

        var sent = await browser.Submit(flow, new() { ["method"] = "oidc", ["link"] = "other" });
        (sent.Status, sent.ErrorId).ShouldBe((422, "browser_location_change_required"), sent.Text);
        var back = await browser.Get(await KratosOidcServer.Visit(on.Other, sent.Json["redirect_browser_to"]!.ToString(), "grace"));

        (back.Status, back.Location).ShouldBe((303, "https://app.example.com/home"), back.Text);
        (await on.LoginsOf(account)).ShouldBe(["grace@example.org"]);
        KratosBrowser.Node(await browser.Begin(), "unlink")["attributes"]!["value"]!.ToString().ShouldBe("other");
    }

    [Fact]
    public async Task Linking_after_a_recovery_lets_the_session_go_on()
    {
        var (account, browser) = await on.Person(hasPassword: false, restriction: SessionRestriction.Recovery, isScript: true);
        (await Link(browser, on.Acme, "acme", "after-recovery")).Status.ShouldBe(303);
        (await on.LoginsOf(account)).Count.ShouldBe(1);

        var unlinked = await browser.Submit(await browser.Begin(), new() { ["unlink"] = "acme" });
        (unlinked.Status, unlinked.Text.Contains("lock you out", StringComparison.Ordinal)).ShouldBe((400, true));
        (await browser.Submit(await browser.Begin(), new() { ["password"] = "another password that the person chose" })).Status.ShouldBe(200);
        (await browser.Submit(await browser.Begin(), new() { ["unlink"] = "acme" })).Status.ShouldBe(200);
        (await browser.Submit(await browser.Begin(), new() { ["unlink"] = "acme" })).Status.ShouldBe(400);
    }

    [Fact]
    public async Task What_was_begun_elsewhere_links_nothing()
    {
        var ((account, browser), (evil, theirs)) = (await on.Person(isScript: true), await on.Person(isScript: true));
        var sameAccount = await on.Browser(account, isScript: true);
        var address = await KratosOidcServer.Visit(on.Acme, await Leave(theirs, "acme"), "evil");

        // The victim's browser opens the attacker's answer.
        await Refused(browser.Get(address));
        address = await KratosOidcServer.Visit(on.Acme, await Leave(browser, "acme"), "hers");
        await Refused(sameAccount.Get(address));
        using var nobody = new KratosBrowser(on.Server.Origin) { IsScript = true };
        (await nobody.Get(address)).Status.ShouldBe(401);
        await Refused(browser.Get(address.Replace("callback/acme", "callback/other", StringComparison.Ordinal)));
        await Refused(browser.Get(address.Replace("state=", "state=x", StringComparison.Ordinal)));
        browser.Forget("sparekey_oidc.");
        (await browser.Get(address)).Status.ShouldBe(303); // To the flow, which says that it did not work.
        (await on.LoginsOf(account)).ShouldBeEmpty();
        (await on.LoginsOf(evil)).ShouldBeEmpty();

        static async Task Refused(Task<BrowserAnswer> call) => (await call).Status.ShouldBe(400);
    }

    [Fact]
    public async Task An_answer_that_was_changed_or_used_or_declined_links_nothing()
    {
        var (account, browser) = await on.Person(isScript: true);
        var declined = await browser.Get(await KratosOidcServer.Visit(on.Acme, await Leave(browser, "acme"), "x", decline: true));
        declined.Status.ShouldBe(303);
        KratosBrowser.Messages((await browser.Get("/self-service/settings/flows?id=" + declined.Location!.Split("flow=")[1])).Json).ShouldBe([4000001]);

        var address = await KratosOidcServer.Visit(on.Acme, await Leave(browser, "acme"), "hopper");
        var (code, iss) = (HttpUtility.ParseQueryString(new Uri(address).Query)["code"]!, HttpUtility.ParseQueryString(new Uri(address).Query)["iss"]!);
        iss.ShouldBe(on.AcmeUrl);
        (await browser.Get(address.Replace(Uri.EscapeDataString(iss), "https%3A%2F%2Fevil.example", StringComparison.Ordinal))).Status.ShouldBe(303);
        (await browser.Get(address.Replace(code, code[..^1] + (code[^1] == 'a' ? 'b' : 'a'), StringComparison.Ordinal))).Status.ShouldBe(303);
        (await on.LoginsOf(account)).ShouldBeEmpty();

        // A code of another visit does not go with this one's verifier.
        var (_, other) = await on.Person(isScript: true);
        var theirs = HttpUtility.ParseQueryString(new Uri(await KratosOidcServer.Visit(on.Acme, await Leave(other, "acme"), "thief")).Query)["code"]!;
        var mine = await KratosOidcServer.Visit(on.Acme, await Leave(browser, "acme"), "hopper");
        var own = HttpUtility.ParseQueryString(new Uri(mine).Query)["code"]!;
        (await browser.Get(mine.Replace(own, theirs, StringComparison.Ordinal))).Status.ShouldBe(303);
        (await on.LoginsOf(account)).ShouldBeEmpty();

        mine = await KratosOidcServer.Visit(on.Acme, await Leave(browser, "acme"), "hopper");
        (await browser.Get(mine)).Status.ShouldBe(303);
        (await on.LoginsOf(account)).ShouldBe(["hopper@example.org"]);
        (await browser.Get(mine)).Status.ShouldBe(400);
    }

    [Fact]
    public async Task A_login_is_one_persons()
    {
        var ((first, browser), (second, other)) = (await on.Person(isScript: true), await on.Person(isScript: true));
        (await Link(browser, on.Acme, "acme", "shared")).Status.ShouldBe(303);
        (await Link(other, on.Acme, "acme", "shared")).Status.ShouldBe(303);

        (await on.LoginsOf(first)).Count.ShouldBe(1);
        (await on.LoginsOf(second)).ShouldBeEmpty();
        (await browser.Submit(await browser.Begin(), new() { ["link"] = "acme" })).Status.ShouldBe(400);
        (await other.Submit(await other.Begin(), new() { ["unlink"] = "acme" })).Status.ShouldBe(400);
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("liar")]
    [InlineData("nobody")]
    [InlineData("")]
    public async Task A_provider_that_is_away_or_somebody_else_is_told(string provider)
    {
        var (_, browser) = await on.Person(isScript: true);
        var refused = await browser.Submit(await browser.Begin(), new() { ["method"] = "oidc", ["link"] = provider });
        (refused.Status, KratosBrowser.Messages(refused.Json).Single()).ShouldBe((400, 4000001), refused.Text);
    }

    [Fact]
    public async Task A_programme_unlinks_and_does_not_link()
    {
        var (account, browser) = await on.Person(isScript: true);
        (await Link(browser, on.Acme, "acme", "native")).Status.ShouldBe(303);
        var token = await TestSessions.Open(on.Server.Services, Ids.Parse<AccountId>(account), TimeSpan.FromHours(1), restriction: null);
        var flow = (await Call("GET", "/self-service/settings/api", null)).Json!;
        KratosBrowser.Names(flow).ShouldNotContain(n => n.StartsWith("oidc/", StringComparison.Ordinal));

        (await Call("POST", $"/self-service/settings?flow={flow["id"]}", "{\"link\":\"other\"}")).Status.ShouldBe(400);
        (await Call("POST", $"/self-service/settings?flow={flow["id"]}", "{\"unlink\":\"acme\"}")).Status.ShouldBe(200);
        (await on.LoginsOf(account)).ShouldBeEmpty();

        Task<Answer> Call(string method, string path, string? body)
        {
            var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : new StringContent(body, System.Text.Encoding.UTF8, "application/json") };
            request.Headers.Add("X-Session-Token", token);
            return on.Server.Send(request);
        }
    }

    private static async Task<string> Leave(KratosBrowser browser, string provider)
    {
        var sent = await browser.Submit(await browser.Begin(), new() { ["link"] = provider });
        sent.Status.ShouldBe(422, sent.Text);
        return sent.Json["redirect_browser_to"]!.ToString();
    }

    private static async Task<BrowserAnswer> Link(KratosBrowser browser, NodeProgram provider, string name, string account) =>
        await browser.Get(await KratosOidcServer.Visit(provider, await Leave(browser, name), account));
}
