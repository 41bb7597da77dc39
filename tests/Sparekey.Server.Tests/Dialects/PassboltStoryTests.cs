using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Passbolt's own browser extension, unmodified, tells the whole story of an escrow.</summary>
public sealed class PassboltStoryTests
{
    [Fact]
    public async Task An_organisation_holds_a_key_in_escrow_gives_it_back_rotates_its_own_and_gives_escrow_up()
    {
        await using var scene = await PassboltClientScene.Start();

        // Sign in: the server proves its key, the person theirs.
        var admin = await scene.SignedIn(scene.Admin);
        (await admin.IsSignedIn()).ShouldBeTrue();
        (await admin.Me())["id"]!.ToString().ShouldBe(scene.Admin.Id);
        (await admin.Policy())["policy"]!.ToString().ShouldBe("disabled");

        // Switch escrow on.
        await admin.Say("App", "account-recovery.validate-organization-key", scene.Organisation.Public);
        var policy = await scene.Enable(admin);
        policy["policy"]!.ToString().ShouldBe("opt-in");
        (await Fingerprint(admin)).ShouldBe(scene.Organisation.Fingerprint);

        // Enrol.
        var ada = await scene.SignedIn(scene.Ada);
        (await ada.Me())["account_recovery_user_setting"].ShouldBeNull();
        await ada.Enrol(scene.Ada.Key.Passphrase);
        (await ada.Me())["account_recovery_user_setting"]!["status"]!.ToString().ShouldBe("approved");
        var betty = await scene.SignedIn(scene.Betty);
        await betty.Enrol(scene.Betty.Key.Passphrase);

        // Lose everything; ask on another computer, with a key that the extension makes itself.
        var lost = await scene.Browser("another computer");
        (await lost.AskForHelp(scene.Ada.Username))["status"]!.GetValue<int>().ShouldBe(200);
        var request = await lost.Request(await scene.Link(scene.Ada.Username, "/setup/recover/start/"), null, "a new passphrase 2026");
        var waiting = (await lost.Account())["waiting"]![0]!;
        waiting["user_id"]!.ToString().ShouldBe(scene.Ada.Id);

        // Review: the reviewers are told, see the request with its key, and one says yes.
        await scene.Mail(scene.Admin.Username, m => m.Text.Contains("/app/account-recovery/requests/review/" + request, StringComparison.Ordinal));
        (await admin.Users()).Single(u => u!["id"]!.ToString() == scene.Ada.Id)!["pending_account_recovery_request"]!["id"]!.ToString().ShouldBe(request);
        var asked = (await admin.Requests(scene.Ada.Id)).ShouldHaveSingleItem()!;
        (asked["id"]!.ToString(), asked["status"]!.ToString()).ShouldBe((request, "pending"));
        asked["fingerprint"]!.ToString().ShouldBe(waiting["user_key_fingerprint"]!.ToString());
        await admin.Review(request, "approved", scene.Organisation, scene.Admin.Key.Passphrase);
        (await admin.Requests(scene.Ada.Id))[0]!["status"]!.ToString().ShouldBe("approved");

        // Continue, recover: the same key, under the new passphrase; then sign in with it.
        var link = await scene.Link(scene.Ada.Username, "/account-recovery/continue/");
        (await lost.Recover(link, "a new passphrase 2026")).ShouldBe(scene.Ada.Key.Fingerprint);
        var recovered = await lost.Account();
        (await scene.Clients.Describe(recovered["private"]!.ToString()))["unprotected"]!.GetValue<bool>().ShouldBeFalse();
        await lost.SignInRecovered("a new passphrase 2026");
        (await lost.Me())["id"]!.ToString().ShouldBe(scene.Ada.Id);
        (await admin.Requests(scene.Ada.Id))[0]!["status"]!.ToString().ShouldBe("completed");

        // The link is used up, and what it gave is erased.
        var again = await Should.ThrowAsync<NodeClientException>(async () => await lost.Recover(link, "a new passphrase 2026"));
        (again.Status is null or 400 or 404).ShouldBeTrue(again.Message);

        // The ledger says who did what, and about which key.
        var ledger = await scene.Server.Get("/v1/ledger?limit=200", scene.Server.AdminToken);
        ledger.Text.ShouldContain(waiting["user_key_fingerprint"]!.ToString());

        // Rotate: every escrow goes to the next key, and opens with it.
        await admin.SetPolicy(null, scene.NextOrganisation.Public, scene.Organisation, scene.Admin.Key.Passphrase);
        (await Fingerprint(admin)).ShouldBe(scene.NextOrganisation.Fingerprint);
        var passwords = (await admin.Fetch("GET", "/account-recovery/private-key-passwords.json"))["json"]!["body"]!.AsArray();
        passwords.Count.ShouldBe(2);
        foreach (var (person, password) in new[] { (scene.Ada, passwords), (scene.Betty, passwords) }.Select(p => (p.Item1, Of(p.Item2, p.Item1))))
        {
            var opened = await scene.Clients.OpenPassword(await password, scene.NextOrganisation, person.Id, PassboltClientScene.Domain, person.Key.Public);
            opened["private_key_fingerprint"]!.ToString().ShouldBe(person.Key.Fingerprint);
        }

        // A request after the rotation is answered with the next key.
        await betty.SignOut();
        var (second, secondRequest) = await scene.Ask(scene.Betty, "a third computer");
        await admin.Users();
        await admin.Review(secondRequest, "approved", scene.NextOrganisation, scene.Admin.Key.Passphrase);
        (await second.Recover(await scene.Link(scene.Betty.Username, "/account-recovery/continue/"), scene.RequestKey.Passphrase)).ShouldBe(scene.Betty.Key.Fingerprint);

        // Switch escrow off: nobody is enrolled any more.
        (await admin.SetPolicy("disabled", null, scene.NextOrganisation, scene.Admin.Key.Passphrase))["policy"]!.ToString().ShouldBe("disabled");
        (await admin.Policy())["policy"]!.ToString().ShouldBe("disabled");
        (await ada.Me())["account_recovery_user_setting"].ShouldBeNull();
        (await Should.ThrowAsync<NodeClientException>(() => ada.Enrol(scene.Ada.Key.Passphrase))).Said.ShouldContain("should be enabled");

        // No secret of any of this is in what the server said to its log.
        string.Join('\n', scene.Server.LogLines).ShouldNotContain(scene.Organisation.Passphrase);

        async Task<string> Of(JsonArray rows, PassboltClientPerson person)
        {
            foreach (var row in rows)
            {
                var data = row!["data"]!.ToString();
                try
                {
                    await scene.Clients.OpenPassword(data, scene.NextOrganisation, person.Id, PassboltClientScene.Domain);
                    return data;
                }
                catch (NodeClientException)
                {
                    // Another person's.
                }
            }

            throw new InvalidOperationException($"No escrow of {person.Username} opens with the next key.");
        }
    }

    private static async Task<string> Fingerprint(PassboltExtension admin) =>
        (await admin.Fetch("GET", "/account-recovery/organization-policies.json"))["json"]!["body"]!["account_recovery_organization_public_key"]!["fingerprint"]!
            .ToString();
}
