using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.ExternalLogins;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Tests.Sessions;

namespace Sparekey.Engine.Tests.Credentials.ExternalLogins;

public sealed class LinkExternalLoginTests
{
    private static readonly ExternalIdentity Hers = new("acme", "https://acme.example", "ada-at-acme") { Label = "ada@example.org" };

    [Fact]
    public async Task Links_what_the_provider_proved()
    {
        await using var scene = await SessionScene.Create();
        var mine = await Caller(scene);
        var begun = (await Begin(scene, mine)).Value;

        (await Find(scene, mine, begun.Id)).ShouldBe(new LinkAttempt(begun.Id, "acme", "flow", "verifier"));
        var linked = (await Link(scene, mine, begun.Id)).Value;

        var login = (await scene.Get<OwnExternalLogins>().Run(mine, default)).ShouldHaveSingleItem();
        (login.Credential.Id, login.Provider, login.Subject, login.Credential.Name)
            .ShouldBe((linked.Id, "acme", "ada-at-acme", "ada@example.org"));
        (await scene.Ledgered(LedgerEvent.CredentialAdded)).ShouldBe(1);
        (await scene.Count("SELECT COUNT(*) FROM outbox WHERE kind = 'credential_changed_notice'")).ShouldBe(1);
    }

    [Fact]
    public async Task Only_for_the_session_that_began()
    {
        await using var scene = await SessionScene.Create();
        var mine = await Caller(scene);
        var evil = await scene.AddAccount("evil");
        await scene.SetPassword(evil, SessionScene.Password);
        var (theirs, elsewhere) = (await Caller(scene, "evil"), await Caller(scene));

        // Whoever makes a person follow a link that somebody else began signs in as them from then on.
        var begun = (await Begin(scene, theirs)).Value;
        (await Find(scene, mine, begun.Id)).ShouldBeNull();
        (await Link(scene, mine, begun.Id)).Refusal!.Code.ShouldBe(RefusalCode.ChallengeRefused);

        begun = (await Begin(scene, mine)).Value;
        (await Link(scene, elsewhere, begun.Id)).Refusal!.Code.ShouldBe(RefusalCode.ChallengeRefused);
        (await Link(scene, mine with { Tenant = TenantId.Parse("other") }, begun.Id)).Refusal!.Code.ShouldBe(RefusalCode.ChallengeRefused);
        (await Link(scene, mine, begun.Id)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Once_and_in_time_and_for_the_provider_it_began_with()
    {
        await using var scene = await SessionScene.Create();
        var mine = (await Caller(scene)) with { PrivilegedFor = TimeSpan.FromHours(1) };

        (await Link(scene, mine, "ch-aaaaa-aaaaa-aaaaaaaaaaaaaaaa")).Refusal!.Code.ShouldBe(RefusalCode.ChallengeRefused);
        var begun = (await Begin(scene, mine)).Value;
        (await Link(scene, mine, begun.Id, Hers with { Provider = "evil" })).Refusal!.Code.ShouldBe(RefusalCode.ChallengeRefused);
        (await Link(scene, mine, begun.Id, Hers with { Subject = "" })).Refusal!.Code.ShouldBe(RefusalCode.ChallengeRefused);
        (await Link(scene, mine, begun.Id, Hers with { Subject = new string('s', 256) })).Refusal!.Code.ShouldBe(RefusalCode.ChallengeRefused);
        (await Link(scene, mine, begun.Id)).Refusal.ShouldBeNull();
        (await Link(scene, mine, begun.Id)).Refusal!.Code.ShouldBe(RefusalCode.ChallengeRefused);

        var late = (await Begin(scene, mine, "other")).Value;
        scene.Time.Advance(TimeSpan.FromMinutes(15));
        (await Link(scene, mine, late.Id, Hers with { Provider = "other" })).Refusal!.Code.ShouldBe(RefusalCode.ChallengeRefused);
    }

    [Fact]
    public async Task Only_in_the_privileged_time()
    {
        await using var scene = await SessionScene.Create();
        var mine = await Caller(scene);
        scene.Time.Advance(TimeSpan.FromMinutes(14));
        var begun = (await Begin(scene, mine)).Value;
        scene.Time.Advance(TimeSpan.FromMinutes(1));

        (await Begin(scene, mine)).Refusal!.Code.ShouldBe(RefusalCode.FreshSignInRequired);
        (await Link(scene, mine, begun.Id)).Refusal!.Code.ShouldBe(RefusalCode.FreshSignInRequired);
        (await scene.Get<OwnExternalLogins>().Run(mine, default)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_login_is_one_accounts_and_an_account_has_one_of_a_provider()
    {
        await using var scene = await SessionScene.Create();
        await scene.SetPassword(await scene.AddAccount("bob"), SessionScene.Password);
        var (mine, bobs) = (await Caller(scene), await Caller(scene, "bob"));
        var (first, second) = ((await Begin(scene, mine)).Value, (await Begin(scene, mine)).Value);
        (await Link(scene, mine, first.Id)).Refusal.ShouldBeNull();

        (await Begin(scene, mine)).Refusal!.Code.ShouldBe(RefusalCode.CredentialTaken);
        (await Link(scene, mine, second.Id, Hers with { Subject = "another" })).Refusal!.Code.ShouldBe(RefusalCode.CredentialTaken);
        (await Link(scene, bobs, (await Begin(scene, bobs)).Value.Id)).Refusal!.Code.ShouldBe(RefusalCode.CredentialTaken);
        (await Link(scene, bobs, (await Begin(scene, bobs)).Value.Id, Hers with { Subject = "bob" })).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Of_many_at_once_one_is_linked()
    {
        await using var scene = await SessionScene.Create();
        var mine = await Caller(scene);
        var begun = new List<string>();
        for (var i = 0; i < 10; i++)
        {
            begun.Add((await Begin(scene, mine)).Value.Id);
        }

        var all = await Task.WhenAll(begun.Concat(begun).Select((id, i) => Link(scene, mine, id, Hers with { Subject = $"s{i}" })));

        all.Count(r => r.Refusal is null).ShouldBe(1);
        (await scene.Get<OwnExternalLogins>().Run(mine, default)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task What_was_unlinked_can_be_linked_again_by_whoever_proves_it()
    {
        await using var scene = await SessionScene.Create();
        await scene.SetPassword(await scene.AddAccount("bob"), SessionScene.Password);
        var (mine, bobs) = (await Caller(scene), await Caller(scene, "bob"));
        var linked = (await Link(scene, mine, (await Begin(scene, mine)).Value.Id)).Value;

        (await scene.Get<RevokeOwnCredential>().Run(bobs, linked.Id, default)).Refusal!.Code.ShouldBe(RefusalCode.CredentialNotFound);
        (await scene.Get<RevokeOwnCredential>().Run(mine, linked.Id, default)).Refusal.ShouldBeNull();

        (await Link(scene, bobs, (await Begin(scene, bobs)).Value.Id)).Refusal.ShouldBeNull();
        (await scene.Get<OwnExternalLogins>().Run(mine, default)).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_last_way_in_stays()
    {
        await using var scene = await SessionScene.Create();
        var mine = await Caller(scene);
        var password = (await scene.StoredPassword(scene.Ada))!.Id;
        var acme = (await Link(scene, mine, (await Begin(scene, mine)).Value.Id)).Value;

        // What another provider vouches for signs nobody in here.
        (await scene.Get<RevokeOwnCredential>().Run(mine, password, default)).Refusal!.Code.ShouldBe(RefusalCode.LastCredential);

        await scene.Write(act => scene.Credentials.RevokeKind(act, scene.Ada, CredentialKind.Password));
        (await scene.Get<RevokeOwnCredential>().Run(mine, acme.Id, default)).Refusal!.Code.ShouldBe(RefusalCode.LastCredential);
        var other = (await Link(scene, mine, (await Begin(scene, mine, "other")).Value.Id, Hers with { Provider = "other" })).Value;
        (await scene.Get<RevokeOwnCredential>().Run(mine, acme.Id, default)).Refusal.ShouldBeNull();
        (await scene.Get<RevokeOwnCredential>().Run(mine, other.Id, default)).Refusal!.Code.ShouldBe(RefusalCode.LastCredential);
    }

    [Fact]
    public async Task A_disabled_account_links_nothing()
    {
        await using var scene = await SessionScene.Create();
        var mine = await Caller(scene);
        var begun = (await Begin(scene, mine)).Value;
        await scene.Disable(scene.Ada);

        (await Link(scene, mine, begun.Id)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await Begin(scene, mine)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    private static async Task<SessionCaller> Caller(SessionScene scene, string name = "ada") => scene.CallerOf((await scene.SignedIn(name)).Session);

    private static Task<Result<LinkAttempt>> Begin(SessionScene scene, SessionCaller caller, string provider = "acme") =>
        scene.Get<LinkExternalLogin>().Begin(caller, new LinkAttempt(LinkExternalLogin.NewId(), provider, "flow", "verifier"), default);

    private static Task<LinkAttempt?> Find(SessionScene scene, SessionCaller caller, string id) =>
        scene.Get<LinkExternalLogin>().Find(caller, id, default);

    private static Task<Result<Credential>> Link(SessionScene scene, SessionCaller caller, string id, ExternalIdentity? identity = null) =>
        scene.Get<LinkExternalLogin>().Run(caller, id, identity ?? Hers, default);
}
