using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Asking for a key, answering and getting it back through Passbolt's doors, without the vendor's own client.</summary>
public sealed partial class PassboltRequestTests
{
    [Fact]
    public async Task From_the_mail_to_the_recovered_key()
    {
        await using var smtp = await SmtpServer.Start();
        await using var server = await RunningServer.Start(mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = smtp.Port, Tls = MailTls.None });
        await using var scene = await PassboltScene.Start(server);
        using var organisation = scene.Key(3072);
        using var requestKey = scene.Key(3072);
        using var newcomersKey = scene.Key();
        var (adminPerson, ben, reviewerPerson) = (await scene.Person("admin"), await scene.Person(), await scene.Person("reviewer"));
        var admin = await scene.SignedIn(adminPerson);
        var enabled = await admin.Post(
            "/account-recovery/organization-policies.json", new { policy = "opt-in", account_recovery_organization_public_key = PassboltWords.Key(organisation.Public) });
        enabled.Status.ShouldBe(200, enabled.Text);
        var keyId = enabled.Body["public_key_id"]!.ToString();
        var halves = EscrowMessages.Enrol(ben.Key, organisation.Public, scene.Domain, Guid.Parse(ben.Id), scene.Now);
        (await (await scene.SignedIn(ben)).Post("/account-recovery/user-settings.json", PassboltWords.Setting(halves, organisation.Public.Fingerprint))).Status.ShouldBe(200);

        // An invited person says whether they want one, as they would later: nothing of it is passed over in silence.
        await using (var local = server.Local())
        {
            var invited = (await local.Call(
                HttpMethod.Post, "/local/passbolt/invitations", new { username = "new@example.com", first_name = "Grace", last_name = "Hopper", role = "user" },
                CancellationToken.None))!;
            var (newcomer, setUp) = (scene.Guest(), $"/setup/complete/{invited["user_id"]}.json");
            foreach (var (fault, change) in new (string, Action<JsonObject>)[]
            {
                ("status._required", s => s.Remove("status")),
                ("status.inList", s => s["status"] = "perhaps"),
                ("account_recovery_private_key.data.notRequiredRule", s => s["status"] = "rejected"),
                ("account_recovery_private_key_passwords.0.recipient_foreign_model.inList", s => s["account_recovery_private_key"]!["account_recovery_private_key_passwords"]![0]!["recipient_foreign_model"] = "User"),
                ("account_recovery_private_key_passwords.0.recipient_fingerprint", s => s["account_recovery_private_key"]!["account_recovery_private_key_passwords"]![0]!["recipient_fingerprint"] = ben.Key.Public.Fingerprint),
            })
            {
                var setting = PassboltWords.Setting(halves, organisation.Public.Fingerprint);
                change(setting);
                var wrong = await newcomer.Post(setUp, SetUp(setting));
                wrong.Status.ShouldBe(400, $"{fault}: {wrong.Text}");
                fault.Split('.').Aggregate(wrong.Body["account_recovery_user_setting"], (at, member) => at?[member]).ShouldNotBeNull($"{fault}: {wrong.Text}");
            }

            (await newcomer.Post(setUp, SetUp(new JsonObject { ["status"] = "rejected" }))).Status.ShouldBe(200);

            JsonObject SetUp(JsonObject setting) => new()
            {
                ["authentication_token"] = new JsonObject { ["token"] = invited["url"]!.ToString().Split('/')[^1] },
                ["gpgkey"] = new JsonObject { ["armored_key"] = newcomersKey.Public.Armored },
                ["account_recovery_user_setting"] = setting,
            };
        }

        // The mail, and what its link shows.
        var guest = scene.Guest();
        (await guest.Post("/users/recover.json", new { username = ben.Email, @case = "lost-passphrase" })).Status.ShouldBe(200);
        var mail = (await server.Mails(smtp, 1, "/setup/recover/start/"))[^1].Text;
        var token = Link().Match(mail).Groups["token"].Value;
        token.Length.ShouldBe(36, mail);
        var started = await guest.Get($"/setup/recover/start/{ben.Id}/{token}.json");
        started.Status.ShouldBe(200, started.Text);
        started.Body["user"]!["account_recovery_user_setting"]!["status"]!.ToString().ShouldBe("approved");
        started.Body["account_recovery_organization_policy"]!["account_recovery_organization_public_key"]!["armored_key"]!.ToString().ShouldNotBeEmpty();
        (await guest.Get($"/setup/recover/start/{ben.Id}/5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c11.json")).Status.ShouldBe(404);

        // The request, of a guest alone.
        var asked = new JsonObject
        {
            ["user_id"] = ben.Id, ["fingerprint"] = requestKey.Public.Fingerprint, ["armored_key"] = requestKey.Public.Armored,
            ["authentication_token"] = new JsonObject { ["token"] = token },
        };
        (await admin.Post("/account-recovery/requests.json", asked.ToJsonString())).Status.ShouldBe(403);
        var weak = asked.DeepClone();
        weak["fingerprint"] = organisation.Public.Fingerprint;
        (await guest.Post("/account-recovery/requests.json", weak.ToJsonString())).Status.ShouldBe(400);
        var opened = await guest.Post("/account-recovery/requests.json", asked.ToJsonString());
        opened.Status.ShouldBe(200, opened.Text);
        opened.Body["status"]!.ToString().ShouldBe("pending");
        opened.Text.ShouldNotContain(token);
        var id = opened.Body["id"]!.ToString();
        var path = $"/account-recovery/requests/{id}/{ben.Id}/{token}.json";
        var waiting = await guest.Get(path);
        waiting.Body["status"]!.ToString().ShouldBe("pending");
        waiting.Body.AsObject().ContainsKey("account_recovery_private_key").ShouldBeFalse();

        // What a reviewer sees, never the blob.
        var reviewer = await scene.SignedIn(reviewerPerson);
        var list = await reviewer.Get($"/account-recovery/requests.json?filter[has-users][]={ben.Id}&contain[creator]=1&sort=AccountRecoveryRequests.created&direction=desc&limit=10");
        list.Body.AsArray().Count.ShouldBe(1);
        list.Body[0]!["creator"]!["username"]!.ToString().ShouldBe(ben.Email);
        list.Body[0]!["creator"]!["role_id"]!.ToString().ShouldBe(Sparekey.Server.Dialects.Passbolt.PassboltMapping.RoleId(OpenPgpRole.User));
        list.Text.ShouldNotContain("PGP MESSAGE");
        (await reviewer.Get("/account-recovery/requests.json?filter[has-users][]=nobody")).Body.AsArray().ShouldBeEmpty();
        var users = await reviewer.Get("/users.json?contain[pending_account_recovery_request]=1");
        users.Body.AsArray().Single(u => u!["id"]!.ToString() == ben.Id)!["pending_account_recovery_request"]!["id"]!.ToString().ShouldBe(id);
        var seen = await reviewer.Get($"/account-recovery/requests/{id}.json?contain[account_recovery_private_key_passwords]=1&contain[armored_key]=1");
        seen.Body["armored_key"]!.ToString().ShouldBe(requestKey.Public.Armored);
        var privateKey = seen.Body["account_recovery_private_key"]!;
        privateKey["user_id"]!.ToString().ShouldBe(ben.Id);
        privateKey.AsObject().ContainsKey("data").ShouldBeFalse();
        var password = privateKey["account_recovery_private_key_passwords"]!.AsArray().ShouldHaveSingleItem()!;
        password["private_key_id"]!.ToString().ShouldBe(privateKey["id"]!.ToString());
        (await reviewer.Get("/account-recovery/requests/5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c11.json")).Status.ShouldBe(404);

        // The answer: what is wrong with it first.
        using var secret = EscrowMessages.Open(
            password["data"]!.ToString(), organisation,
            new EscrowExpectation([scene.Domain], Guid.Parse(ben.Id), ben.Key.Public.Fingerprint, [ben.Key.Public]), scene.Now).Value;
        var answer = EscrowMessages.Answer(secret, requestKey.Public, organisation, reviewerPerson.Key, scene.Now);
        await Wrong("data", "wrongRecipient", EscrowMessages.Answer(secret, organisation.Public, organisation, null, scene.Now));
        await Wrong("data", "required", null);
        await Wrong("data", "isValidOpenPGPMessage", "nothing");
        await Wrong("data", "notRequiredRule", answer, status: "rejected");
        await Wrong("status", "inList", answer, status: "perhaps");
        await Wrong("responder_foreign_key", "exists", answer, key: "5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c11");
        await Wrong("account_recovery_request_id", "exists", answer, request: "5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c11");
        await Wrong("account_recovery_request_id", "uuid", answer, request: "x");
        var answered = await reviewer.Post("/account-recovery/responses.json", Answer(answer));
        answered.Status.ShouldBe(200, answered.Text);
        answered.Body["account_recovery_request"]!["status"]!.ToString().ShouldBe("approved");
        await Wrong("account_recovery_request_id", "isRequestPendingRule", answer);

        // The person's device.
        (await guest.Get($"/account-recovery/continue/{ben.Id}/{token}.json")).Status.ShouldBe(200);
        var released = await guest.Get(path);
        released.Status.ShouldBe(200, released.Text);
        var response = released.Body["account_recovery_responses"]!.AsArray().ShouldHaveSingleItem()!;
        var json = PassboltScene.Decrypted(response["data"]!.ToString(), requestKey, scene.Now);
        using var got = EscrowSecret.Read(Encoding.UTF8.GetBytes(json)).Value;
        using var recovered = EscrowMessages.Recover(released.Body["account_recovery_private_key"]!["data"]!.ToString(), got, ben.Key.Public, scene.Now).Value;
        recovered.Public.Fingerprint.ShouldBe(ben.Key.Public.Fingerprint);
        var done = new { authentication_token = new { token }, gpgkey = new { armored_key = recovered.Public.Armored }, account_recovery_request_id = id };
        (await guest.Post($"/setup/recover/complete/{ben.Id}.json", new { authentication_token = new { token }, gpgkey = new { armored_key = organisation.Public.Armored }, account_recovery_request_id = id }))
            .Status.ShouldBe(400);
        var finished = await guest.Post($"/setup/recover/complete/{ben.Id}.json", done);
        finished.Status.ShouldBe(200, finished.Text);
        (await guest.Get(path)).Status.ShouldBe(400);
        (await guest.Post($"/setup/recover/complete/{ben.Id}.json", done)).Status.ShouldBe(400);
        await scene.SignedIn(new PassboltPerson(ben.Id, ben.Email, recovered));

        JsonObject Answer(string? data, string status = "approved", string? key = null, string? request = null)
        {
            var body = new JsonObject
            {
                ["account_recovery_request_id"] = request ?? id, ["status"] = status, ["responder_foreign_key"] = key ?? keyId,
                ["responder_foreign_model"] = PassboltWords.Model,
            };
            if (data is not null)
            {
                body["data"] = data;
            }

            return body;
        }

        async Task Wrong(string field, string rule, string? data, string status = "approved", string? key = null, string? request = null)
        {
            var refused = await reviewer.Post("/account-recovery/responses.json", Answer(data, status, key, request));
            refused.Status.ShouldBe(400, refused.Text);
            refused.Body[field]?[rule].ShouldNotBeNull($"{field}.{rule}: {refused.Text}");
        }
    }

    [GeneratedRegex("/setup/recover/start/[0-9a-f-]{36}/(?<token>[0-9a-f-]{36})", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Link();
}
