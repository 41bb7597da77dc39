using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>What our policy adds to the vendor's: an answer is held back until every demand is met, and Sparekey itself can complete.</summary>
public sealed class PassboltHeldTests : IClassFixture<PassboltHeldTests.Mandatory>
{
    private readonly PassboltClientScene _scene;
    private readonly PassboltExtension _admin;

    public PassboltHeldTests(Mandatory mandatory) => (_scene, _admin) = (mandatory.Scene, mandatory.Admin);

    [Fact]
    public async Task A_stricter_policy_holds_the_answer_back_until_a_second_person_approved_what_they_saw()
    {
        var (scene, server, admin) = (_scene, _scene.Server, _admin);
        var ada = await scene.SignedIn(scene.Ada);
        await ada.Enrol(scene.Ada.Key.Passphrase);
        var policy = await server.Put(
            "/v1/policy",
            new
            {
                version = 0, roles = RankOrder.Default.Roles,
                rules = new[] { new { name = "four_eyes", when = new { means = new[] { "escrow" } }, require = new { approvals = 2, confirmation = true } } },
            },
            server.AdminToken);
        policy.Status.ShouldBe(200, policy.Text);

        var (lost, request) = await scene.Ask(scene.Ada, "lost");
        await admin.Users();
        await admin.Review(request, "approved", scene.Organisation, scene.Admin.Key.Passphrase);

        // To the vendor's clients nothing happened yet, and the person gets nothing.
        (await admin.Requests(scene.Ada.Id))[0]!["status"]!.ToString().ShouldBe("pending");
        var id = await Recovery(scene, request);
        var recovery = await server.Get($"/v1/recoveries/{id}", server.AdminToken);
        (recovery["state"], recovery["request_key"]).ShouldBe(("pending", scene.RequestKey.Fingerprint));
        (await scene.Smtp.Received()).ShouldNotContain(m => m.To.Contains(scene.Ada.Username) && m.Text.Contains("/account-recovery/continue/", StringComparison.Ordinal));

        // A second person approves natively; whoever saw another key does not.
        var approver = await server.TokenOf(await server.Account("second@example.com"), "second", ["recovery:approve", "recovery:read"]);
        var path = $"/v1/recoveries/{id}/approvals";
        var digest = recovery["digest"];
        (await server.Post(path, new { digest, request_key = scene.Organisation.Fingerprint }, approver)).Status.ShouldNotBe(200);
        var approved = await server.Post(path, new { digest, request_key = scene.RequestKey.Fingerprint }, approver);
        approved.Status.ShouldBe(200, approved.Text);
        (await admin.Requests(scene.Ada.Id))[0]!["status"]!.ToString().ShouldBe("approved");
        (await lost.Recover(await scene.Link(scene.Ada.Username, "/account-recovery/continue/"), scene.RequestKey.Passphrase)).ShouldBe(scene.Ada.Key.Fingerprint);

        // As it is where nobody says anything.
        var usual = await server.Put(
            "/v1/policy",
            new
            {
                version = 1, roles = RankOrder.Default.Roles,
                rules = new[] { new { name = "usual", when = new { means = new[] { "escrow" } }, require = new { approvals = 1, confirmation = true } } },
            },
            server.AdminToken);
        usual.Status.ShouldBe(200, usual.Text);
    }

    [Fact]
    public async Task An_invited_person_enrols_while_they_set_up_and_sparekey_gives_the_key_back_with_the_key_in_the_body()
    {
        var (scene, server, admin) = (_scene, _scene.Server, _admin);

        // The invitation.
        var key = await PassboltVectors.Key("rsa_4096");
        var invited = (await server.Get<ImportOpenPgpPerson>().Invite(
            PassboltClientScene.Local, new NewOpenPgpPerson("new@example.com", "New", "Person", OpenPgpRole.User), CancellationToken.None)).Value;
        var person = new PassboltClientPerson(invited.Account.Id.ToString(), "new@example.com", key);
        var link = $"{PassboltClientScene.Domain}/setup/start/{person.Id}/{invited.Token.Reveal()}";
        var browser = await scene.Browser("invited");
        (await Should.ThrowAsync<NodeClientException>(() => browser.SetUp(link, key, null))).Status.ShouldBe(400);
        await (await scene.Browser("a fresh one")).SetUp(link, key, "approved");
        (await Should.ThrowAsync<NodeClientException>(() => browser.SetUp(link, key, "approved"))).Status.ShouldBe(400);

        // They lose it. An operator confirms nothing: the mailed link did; another approves; a programme completes.
        var (lost, request) = await scene.Ask(person, "lost by the invited");
        var recovery = await Recovery(scene, request);
        var approver = await server.TokenOf(await server.Account("approver@example.com"), "approver", ["recovery:approve", "recovery:read"]);
        var completer = await server.Token("completer", ["recovery:complete", "recovery:read"], "admin");
        (await server.Post($"/v1/recoveries/{recovery}/complete", Keys(scene.Organisation), completer)).Status.ShouldNotBe(200);
        var digest = (await server.Get($"/v1/recoveries/{recovery}", server.AdminToken))["digest"];
        var approved = await server.Post($"/v1/recoveries/{recovery}/approvals", new { digest, request_key = scene.RequestKey.Fingerprint }, approver);
        approved.Status.ShouldBe(200, approved.Text);

        (await server.Post($"/v1/recoveries/{recovery}/complete", Keys(scene.NextOrganisation), completer)).Status.ShouldNotBe(200);
        (await server.Post($"/v1/recoveries/{recovery}/complete", Keys(scene.Organisation with { Passphrase = "wrong" }), completer)).Status.ShouldNotBe(200);
        (await server.Post($"/v1/recoveries/{recovery}/complete", Keys(scene.Organisation), approver)).Code.ShouldBe("permission_missing");
        var done = await server.Post($"/v1/recoveries/{recovery}/complete", Keys(scene.Organisation), completer);
        done.Status.ShouldBe(200, done.Text);
        done["state"].ShouldBe("completed");
        (await lost.Recover(await scene.Link(person.Username, "/account-recovery/continue/"), scene.RequestKey.Passphrase)).ShouldBe(key.Fingerprint);
        (await admin.Requests(person.Id)).Single(r => r!["id"]!.ToString() == request)!["status"]!.ToString().ShouldBe("completed");

        var said = string.Join('\n', server.LogLines) + string.Join('\n', server.Answers);
        said.ShouldNotContain(scene.Organisation.Passphrase);
        said.ShouldNotContain(scene.Organisation.Private[200..260]);

        static string Keys(PassboltKey organisation) =>
            new JsonObject { ["key"] = organisation.Private, ["passphrase"] = organisation.Passphrase }.ToJsonString();
    }

    private static async Task<string> Recovery(PassboltClientScene scene, string request)
    {
        var found = await scene.Server.Get<ReadEscrowRequests>().Find(PassboltClientScene.Local, Ids.Parse<EscrowRequestId>(request), false, CancellationToken.None);
        found.Refusal.ShouldBeNull();
        return found.Value.Request.Recovery.ToString();
    }

    /// <summary>A server where escrow is mandatory, and an administrator who is signed in.</summary>
    public sealed class Mandatory : IAsyncLifetime
    {
        internal PassboltClientScene Scene { get; private set; } = null!;

        internal PassboltExtension Admin { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Scene = await PassboltClientScene.Start();
            Admin = await Scene.SignedIn(Scene.Admin);
            await Scene.Enable(Admin, "mandatory");
        }

        public ValueTask DisposeAsync() => Scene.DisposeAsync();
    }
}
