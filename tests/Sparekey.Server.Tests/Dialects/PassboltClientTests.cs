using System.Text.Json.Nodes;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>What else happens to people with Passbolt's own browser extension; one server with escrow switched on.</summary>
[Collection(PassboltEnabledCollection.Name)]
public sealed class PassboltClientTests
{
    private readonly PassboltClientScene _scene;
    private readonly PassboltExtension _admin;

    public PassboltClientTests(PassboltEnabled enabled) => (_scene, _admin) = (enabled.Scene, enabled.Admin);

    [Fact]
    public async Task A_person_with_their_recovery_kit_signs_in_on_a_new_computer()
    {
        var browser = await _scene.Browser("new computer");
        await browser.AskForHelp(_scene.Betty.Username, "default");
        await browser.RecoverWithKit(await _scene.Link(_scene.Betty.Username, "/setup/recover/start/"), _scene.Betty.Key);
        (await browser.Me())["id"]!.ToString().ShouldBe(_scene.Betty.Id);

        // Somebody else's key is not theirs.
        await browser.SignOut();
        await browser.AskForHelp(_scene.Betty.Username, "default");
        await browser.StartRecover(await _scene.Link(_scene.Betty.Username, "/setup/recover/start/"));
        await browser.Say("Recover", "recover.import-key", _scene.Carol.Key.Private);
        await browser.Say("Recover", "recover.verify-passphrase", _scene.Carol.Key.Passphrase);
        await browser.Say("Recover", "recover.set-security-token", new JsonObject { ["code"] = "abc", ["color"] = "#ff3a3a", ["textcolor"] = "#ffffff" });
        (await Should.ThrowAsync<NodeClientException>(() => browser.Say("Recover", "recover.complete"))).Status.ShouldBe(400);
        var stranger = await PassboltVectors.Key("user42");
        (await Should.ThrowAsync<NodeClientException>(() => browser.Say("Recover", "recover.import-key", stranger.Private))).Said.ShouldContain("does not match any account");
    }

    [Fact]
    public async Task A_person_who_is_not_enrolled_is_not_offered_it()
    {
        var browser = await _scene.Browser("not enrolled");
        await browser.AskForHelp(_scene.Betty.Username);
        (await browser.StartRecover(await _scene.Link(_scene.Betty.Username, "/setup/recover/start/"))).ShouldBeFalse();

        // They give up: administrators are told, the link is over.
        await browser.GiveUp();
        await _scene.Mail(_scene.Admin.Username, m => (m.Subject + m.Text).Contains("gave up", StringComparison.Ordinal));
        (await Should.ThrowAsync<NodeClientException>(() => browser.Say("Recover", "recover.start"))).Status.ShouldBe(400);
    }

    [Fact]
    public async Task A_request_that_is_denied_ends_with_its_link_and_the_next_one_works()
    {
        var (lost, request) = await _scene.Ask(_scene.Ada, "denied");
        await _admin.Users();
        await _admin.Review(request, "rejected", null, _scene.Admin.Key.Passphrase);
        (await _admin.Requests(_scene.Ada.Id)).Single(r => r!["id"]!.ToString() == request)!["status"]!.ToString().ShouldBe("rejected");
        await _scene.Mail(_scene.Ada.Username, m => !m.Text.Contains("/setup/recover/start/", StringComparison.Ordinal));
        (await Should.ThrowAsync<NodeClientException>(() => _admin.Review(request, "rejected", null, _scene.Admin.Key.Passphrase)))
            .Body!["account_recovery_request_id"]!["isRequestPendingRule"].ShouldNotBeNull();

        // The browser still knows its request, but there is nothing for it.
        var waiting = (await lost.Account())["waiting"]![0]!;
        waiting["account_recovery_request_id"]!.ToString().ShouldBe(request);

        var (next, second) = await _scene.Ask(_scene.Ada, "asked again");
        await _admin.Users();
        await _admin.Review(second, "approved", _scene.Organisation, _scene.Admin.Key.Passphrase);
        var link = await _scene.Link(_scene.Ada.Username, "/account-recovery/continue/");
        (await Should.ThrowAsync<NodeClientException>(() => lost.Visit("AccountRecovery", link))).Said.ShouldContain("does not match");
        (await next.Recover(link, _scene.RequestKey.Passphrase)).ShouldBe(_scene.Ada.Key.Fingerprint);
    }

    [Fact]
    public async Task A_newer_request_of_the_same_person_takes_the_place_of_the_older()
    {
        var person = await _scene.Enrolled("rsa_3072");
        var (_, first) = await _scene.Ask(person, "first");
        var (browser, second) = await _scene.Ask(person, "second");
        var statuses = (await _admin.Requests(person.Id)).ToDictionary(r => r!["id"]!.ToString(), r => r!["status"]!.ToString(), StringComparer.Ordinal);
        (statuses[first], statuses[second]).ShouldBe(("rejected", "pending"));
        await _admin.Users();
        (await Should.ThrowAsync<NodeClientException>(() => _admin.Review(first, "approved", _scene.Organisation, _scene.Admin.Key.Passphrase)))
            .Body!["account_recovery_request_id"]!["isRequestPendingRule"].ShouldNotBeNull();

        // Approved, but given up at the link: the mail comes again, and the request gives nothing any more.
        await _admin.Review(second, "approved", _scene.Organisation, _scene.Admin.Key.Passphrase);
        var link = await _scene.Link(person.Username, "/account-recovery/continue/");
        await browser.Continue(link);
        await browser.StartAgain();
        await _scene.Link(person.Username, "/setup/recover/start/");
        (await Should.ThrowAsync<NodeClientException>(() => browser.Say("AccountRecovery", "account-recovery.recover-account", _scene.RequestKey.Passphrase)))
            .Status.ShouldBe(400);
    }

    [Fact]
    public async Task A_reviewer_answers_requests_and_may_do_nothing_else()
    {
        var person = await _scene.Enrolled("rsa_2048");
        var (browser, request) = await _scene.Ask(person, "for the reviewer");
        var carol = await _scene.SignedIn(_scene.Carol);
        (await carol.Users()).Single(u => u!["id"]!.ToString() == person.Id)!["pending_account_recovery_request"]!["id"]!.ToString().ShouldBe(request);
        await carol.Review(request, "approved", _scene.Organisation, _scene.Carol.Key.Passphrase);
        (await browser.Recover(await _scene.Link(person.Username, "/account-recovery/continue/"), _scene.RequestKey.Passphrase)).ShouldBe(person.Key.Fingerprint);

        (await Should.ThrowAsync<NodeClientException>(() => carol.SetPolicy("mandatory", null, null, _scene.Carol.Key.Passphrase))).Status.ShouldBe(403);
        (await carol.Fetch("GET", "/account-recovery/private-key-passwords.json"))["status"]!.GetValue<int>().ShouldBe(403);
    }

    [Fact]
    public async Task Nobody_who_is_no_reviewer_sees_or_answers_a_request()
    {
        var person = await _scene.Enrolled("anita");
        var (_, request) = await _scene.Ask(person, "for nobody");
        var ada = await _scene.SignedIn(person, "ada, not lost");
        (await Should.ThrowAsync<NodeClientException>(() => ada.Requests(person.Id))).Status.ShouldBe(403);
        (await ada.Fetch("GET", $"/account-recovery/requests/{request}.json"))["status"]!.GetValue<int>().ShouldBe(403);
        (await Should.ThrowAsync<NodeClientException>(() => ada.Review(request, "rejected", null, person.Key.Passphrase))).Status.ShouldBe(403);
        (await Should.ThrowAsync<NodeClientException>(() => ada.SetPolicy("mandatory", null, null, person.Key.Passphrase))).Status.ShouldBe(403);
        foreach (var user in await ada.Users())
        {
            user!["pending_account_recovery_request"].ShouldBeNull();
        }
    }

    [Fact]
    public async Task Who_declines_may_enrol_later_and_who_enrolled_never_again()
    {
        var person = await _scene.Person("rsa_4096", "declines@example.com", OpenPgpRole.User, Guid.Parse("5a1b9c1e-0000-4000-8000-000000000001"));
        var browser = await _scene.SignedIn(person);
        await browser.Decline();
        (await browser.Me())["account_recovery_user_setting"]!["status"]!.ToString().ShouldBe("rejected");
        await browser.Enrol(person.Key.Passphrase);
        (await browser.Me())["account_recovery_user_setting"]!["status"]!.ToString().ShouldBe("approved");
        (await Should.ThrowAsync<NodeClientException>(() => browser.Enrol(person.Key.Passphrase))).Status.ShouldBe(400);
        (await Should.ThrowAsync<NodeClientException>(() => browser.Decline())).Status.ShouldBe(400);
    }

    [Fact]
    public async Task A_computer_whose_clock_is_ahead_makes_a_key_that_the_server_takes()
    {
        var browser = await _scene.Browser("ahead");
        await browser.AskForHelp(_scene.Ada.Username);
        var link = await _scene.Link(_scene.Ada.Username, "/setup/recover/start/");
        browser.Ahead = TimeSpan.FromMinutes(7);
        var request = await browser.Request(link, null, _scene.RequestKey.Passphrase);
        var made = (await _admin.Fetch("GET", $"/account-recovery/requests/{request}.json?contain[armored_key]=1"))["json"]!["body"]!["armored_key"]!.ToString();
        var key = await _scene.Clients.Describe(made);
        key["created"]!.GetValue<long>().ShouldBeLessThanOrEqualTo(_scene.Server.Time.GetUtcNow().ToUnixTimeMilliseconds() + 1000);
        (key["bits"]!.GetValue<int>(), key["users"]![0]!.ToString()).ShouldBe((4096, $"Account recovery request key <{_scene.Ada.Username}>"));
    }

    [Fact]
    public async Task A_stranger_learns_nothing_from_asking_for_the_mail()
    {
        var browser = await _scene.Browser("stranger");
        var known = await browser.AskForHelp(_scene.Ada.Username);
        var unknown = await browser.AskForHelp("nobody@example.com");
        (unknown["status"]!.GetValue<int>(), unknown["json"]!["header"]!["message"]!.ToString()).ShouldBe((known["status"]!.GetValue<int>(), known["json"]!["header"]!["message"]!.ToString()));
        unknown["json"]!["body"]?.ToJsonString().ShouldBe(known["json"]!["body"]?.ToJsonString());
        await _scene.Link(_scene.Ada.Username, "/setup/recover/start/");
        (await _scene.Smtp.Received()).ShouldNotContain(m => m.To.Contains("nobody@example.com"));
    }

    [Fact]
    public async Task A_key_that_nobody_has_does_not_sign_in()
    {
        var stranger = await PassboltVectors.Key("user42");
        var browser = await _scene.Browser("somebody else");
        await browser.Install(stranger, "5a1b9c1e-0000-4000-8000-00000000dead", "nobody@example.com", "No", "Body");
        await browser.Visit("Auth", PassboltClientScene.Domain + "/auth/login");
        await Should.ThrowAsync<NodeClientException>(() => browser.Say("Auth", "auth.verify-server-key"));
        await Should.ThrowAsync<NodeClientException>(() => browser.Say("Auth", "auth.login", stranger.Passphrase, false));
        (await browser.IsSignedIn()).ShouldBeFalse();
    }
}

/// <summary>One server with escrow switched on for all tests that leave it so: what they do there is of people of their own, or seen by the last mail.</summary>
[CollectionDefinition(Name)]
public sealed class PassboltEnabledCollection : ICollectionFixture<PassboltEnabled>
{
    public const string Name = "Passbolt's extension, escrow switched on";
}

/// <summary>A server with escrow switched on, an administrator who is signed in, and a person who is enrolled.</summary>
public sealed class PassboltEnabled : IAsyncLifetime
{
    internal PassboltClientScene Scene { get; private set; } = null!;

    internal PassboltExtension Admin { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Scene = await PassboltClientScene.Start();
        Admin = await Scene.SignedIn(Scene.Admin);
        await Scene.Enable(Admin);
        var ada = await Scene.SignedIn(Scene.Ada, "enrols");
        await ada.Enrol(Scene.Ada.Key.Passphrase);
        await ada.SignOut();
    }

    public ValueTask DisposeAsync() => Scene.DisposeAsync();
}
