using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Server.Dialects.Passbolt;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>When Passbolt's doors are shut, and what they keep apart.</summary>
public sealed class PassboltDoorsTests
{
    [Fact]
    public async Task Switched_off_nothing_of_it_is_there()
    {
        await using var server = await RunningServer.Start(passbolt: new PassboltOptions { Enabled = false });
        foreach (var path in new[] { "/settings.json", "/auth/verify.json", "/users/me.json", "/account-recovery/requests.json" })
        {
            (await server.Get(path)).Status.ShouldBe(404, path);
        }
    }

    [Fact]
    public async Task Until_it_is_set_up_everything_says_so_in_the_vendors_frame()
    {
        await using var server = await RunningServer.Start();
        foreach (var path in new[] { "/settings.json", "/auth/verify.json", "/users/me.json", "/account-recovery/organization-policies.json" })
        {
            var answer = await server.Get(path);
            answer.Status.ShouldBe(404, path);
            answer.Json!["header"]!["message"]!.ToString().ShouldContain("passbolt init");
        }

        await using var local = server.Local();
        var made = await local.Call(HttpMethod.Put, "/local/passbolt/server", new { domain = server.Origin.GetLeftPart(UriPartial.Authority) }, CancellationToken.None);
        var shown = (await server.Get("/auth/verify.json")).Json!["body"]!;
        shown["fingerprint"]!.ToString().ShouldBe(made!["fingerprint"]!.ToString());
        var key = PgpKey.Read(shown["keydata"]!.ToString()).Value;
        (key.Fingerprint, key.Bits).ShouldBe((made["fingerprint"]!.ToString(), 3072));
    }

    [Fact]
    public async Task A_session_of_one_tenant_is_nobodys_in_another()
    {
        await using var scene = await PassboltScene.Start();
        var ada = await scene.Person("admin");
        var browser = await scene.SignedIn(ada);
        var token = new SecretText(browser.Cookies["passbolt_session"]);

        // Another tenant on the same machine, under another name, with a person of its own.
        var (server, north) = (scene.Server, TenantId.Parse("north"));
        var host = $"localhost:{server.Origin.Port}";
        await server.Server.Installation.Database.Write(
            db => db.Execute("INSERT INTO tenants (id, created_at) VALUES (@id, 0)", new { id = north.ToString() }), CancellationToken.None);
        await server.Get<EnsureDefaultApplication>().Run(north, new Uri($"http://{host}"), CancellationToken.None);
        await OpenPgpServers.SetUp(server.Services, north, $"http://{host}");
        server.Time.Advance(TimeSpan.FromMinutes(1)); // Which host is whose is remembered for a moment.
        var key = scene.Key();
        var made = (await server.Get<ImportOpenPgpPerson>().Run(
            PassboltClientScene.Local with { Tenant = north }, new NewOpenPgpPerson("north@example.com", "N", "N", OpenPgpRole.Admin), key.Public.Armored,
            CancellationToken.None)).Value;
        var theirs = scene.Guest();
        theirs.Host = host;
        (await theirs.SignIn(new PassboltPerson(made.Id.ToString(), "north@example.com", key))).Status.ShouldBe(200);
        (await theirs.Get("/users/me.json")).Body["id"]!.ToString().ShouldBe(made.Id.ToString());

        // Nobody there knows the people, the keys and the sessions of here.
        (await theirs.Get("/users.json")).Body.AsArray().ShouldHaveSingleItem();
        (await theirs.Get("/gpgkeys.json")).Body.AsArray().ShouldHaveSingleItem();
        var own = (await browser.Get("/gpgkeys.json")).Body[0]!["id"]!;
        (await browser.Get($"/gpgkeys/{own}.json")).Status.ShouldBe(200);
        foreach (var path in new[] { $"/users/{ada.Id}.json", $"/gpgkeys/{own}.json" })
        {
            (await theirs.Get(path)).Status.ShouldBe(404, path);
        }

        theirs.Cookies["passbolt_session"] = token.Reveal();
        (await theirs.Get("/users/me.json")).Status.ShouldBe(403);
        (await theirs.Form("/auth/login.json", ("keyid", ada.Key.Public.Fingerprint))).Status.ShouldBe(404);
        (await browser.Get("/users/me.json")).Status.ShouldBe(200);

        // Whatever else an operator was granted is not to be had with one factor.
        var granted = await server.Put($"/v1/operators/{ada.Id}", new { permissions = new[] { "account:write", "escrow:manage", "recovery:read" } }, server.AdminToken);
        granted.Status.ShouldBe(200, granted.Text);
        var caller = (await server.Get<OpenPgpAuthentication>().ByToken(new Visitor(TenantId.Default, "test", "test"), token, CancellationToken.None)).Value;
        caller.Operator!.Grant.Permissions.Names().ShouldBe(["recovery:read", "escrow:manage"]);

        // A deleted account is signed out, and its key opens nothing any more.
        (await scene.Server.Send("DELETE", $"/v1/accounts/{ada.Id}", null, scene.Server.AdminToken)).Status.ShouldBeOneOf(200, 204);
        (await browser.Get("/users/me.json")).Status.ShouldBe(403);
        (await scene.Guest().Form("/auth/login.json", ("keyid", ada.Key.Public.Fingerprint))).Status.ShouldBe(404);

        // Nothing that anybody logged, or was answered, holds the token, but the cookie itself.
        scene.Server.LogLines.ShouldNotContain(l => l.Contains(token.Reveal(), StringComparison.Ordinal));
        scene.Server.Answers.ShouldNotContain(a => a.Contains(token.Reveal(), StringComparison.Ordinal));
    }
}
