using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>
/// The organisation's policy on the wire: from never configured through every transition to disabled. Before each that is allowed, what is
/// not allowed is tried; nothing of that may change anything.
/// </summary>
public sealed class PassboltPolicyTests
{
    private const string Path = "/account-recovery/organization-policies.json";
    private const string Model = "AccountRecoveryOrganizationKey";
    private const string NewKey = "account_recovery_organization_public_key";
    private const string RevokedKey = "account_recovery_organization_revoked_key";
    private const string Passwords = "account_recovery_private_key_passwords";

    [Fact]
    public async Task Only_the_transitions_of_the_contract_are_possible()
    {
        await using var scene = await PassboltClientScene.Start();
        var admin = await scene.SignedIn(scene.Admin);
        var ada = await scene.SignedIn(scene.Ada);
        var (organisation, next) = (scene.Organisation, scene.NextOrganisation);
        var revoked = await scene.Clients.Revoke(organisation, scene.Server.Time.GetUtcNow());

        // Never configured.
        (await Read(ada)).ToJsonString().ShouldBe("""{"policy":"disabled","public_key_id":null}""");
        (await Post(ada, Order("opt-in", organisation))).Status.ShouldBe(403);
        (await Post(admin, new JsonObject())).Status.ShouldBe(400);
        (await Post(admin, Order("perhaps", organisation))).Status.ShouldBe(400);
        (await Post(admin, Order("disabled", null))).Status.ShouldBe(400);
        (await Post(admin, Order("opt-in", null))).Status.ShouldBe(400);
        (await Post(admin, With(Order("opt-in", organisation), o => o[RevokedKey] = Key(revoked, organisation.Fingerprint)))).Status.ShouldBe(400);
        (await Post(admin, With(Order("opt-in", organisation), o => o[Passwords] = new JsonArray(new JsonObject())))).Status.ShouldBe(400);
        (await ada.Fetch("POST", "/account-recovery/user-settings.json", new JsonObject { ["status"] = "rejected" }))["status"]!.GetValue<int>().ShouldBe(400);

        // Keys that an organisation may not have.
        foreach (var name in new[] { "rsa_1024", "rsa_2048", "dsa_3072", "expired", "revokedKey", "validKeyWithExpirationDateDto" })
        {
            var bad = await PassboltVectors.Key(name);
            await RefusesKey(name, bad.Public, bad.Fingerprint);
        }

        var server = (await admin.Fetch("GET", "/auth/verify.json"))["json"]!["body"]!;
        await RefusesKey("the server's", server["keydata"]!.ToString(), server["fingerprint"]!.ToString());
        await RefusesKey("a person's", scene.Ada.Key.Public, scene.Ada.Key.Fingerprint);
        await RefusesKey("a private one", organisation.Private, organisation.Fingerprint);
        await RefusesKey("another fingerprint", organisation.Public, next.Fingerprint);
        (await Post(admin, With(Order("opt-in", organisation), o => o[NewKey]!.AsObject().Remove("fingerprint")))).Body![NewKey]!["fingerprint"]!["_required"].ShouldNotBeNull();
        await RefusesKey("no checksum", WithoutChecksum(organisation.Public), organisation.Fingerprint);
        await RefusesKey("a blank line", organisation.Public.Replace("-----END", "\n-----END", StringComparison.Ordinal), organisation.Fingerprint);
        await RefusesKey("half of it", organisation.Public[..2000], organisation.Fingerprint);
        await RefusesKey("none", "no armor", organisation.Fingerprint);
        var (late, _) = await scene.Clients.MakeKey("rsa", 3072, "late@example.com", "late and later", scene.Server.Time.GetUtcNow().AddDays(2));
        await RefusesKey("made in the future", late, (await scene.Clients.Describe(late))["fingerprint"]!.ToString());
        (await Read(admin)).ToJsonString().ShouldBe("""{"policy":"disabled","public_key_id":null}""");

        // On. The fingerprint may be written as people write it.
        var order = Order("opt-in", organisation);
        order[NewKey]!["fingerprint"] = string.Join(' ', organisation.Fingerprint.ToLowerInvariant().Chunk(4).Select(c => new string(c)));
        var (status, on) = await Post(admin, order);
        status.ShouldBe(200, on?.ToJsonString());
        (on!["policy"]!.ToString(), on[NewKey]!["fingerprint"]!.ToString()).ShouldBe(("opt-in", organisation.Fingerprint));
        on["public_key_id"]!.ToString().ShouldBe(on[NewKey]!["id"]!.ToString());
        on["created_by"]!.ToString().ShouldBe(scene.Admin.Id);
        (await Read(ada, "?contain[creator]=1&contain[creator.gpgkey]=1"))["creator"]!["gpgkey"]!["fingerprint"]!.ToString().ShouldBe(scene.Admin.Key.Fingerprint);
        var id = on["public_key_id"]!.ToString();

        // Another kind, the same key.
        (await Post(admin, Order("opt-in", null, id))).Status.ShouldBe(400);
        (await Post(admin, Order("opt-out", null))).Status.ShouldBe(400);
        (await Post(admin, Order("opt-out", null, "5a1b9c1e-0000-4000-8000-00000000dead"))).Status.ShouldBe(400);
        (await Post(admin, With(Order("opt-out", null, id), o => o[RevokedKey] = Key(revoked, organisation.Fingerprint)))).Status.ShouldBe(400);
        (await Post(admin, With(Order("opt-out", next, id), _ => { }))).Status.ShouldBe(400);
        (await Post(admin, Order("opt-out", null, id))).Status.ShouldBe(200);
        var betty = await scene.SignedIn(scene.Betty);
        await betty.Decline();
        (await Post(admin, Order("mandatory", null, id))).Status.ShouldBe(200);
        (await betty.Me())["account_recovery_user_setting"].ShouldBeNull();
        (await Should.ThrowAsync<NodeClientException>(() => betty.Decline())).Status.ShouldBe(400);

        // Rotation: one message for every escrow, to the next key, and the old key revoked.
        await ada.Enrol(scene.Ada.Key.Passphrase);
        await betty.Enrol(scene.Betty.Key.Passphrase);
        var held = (await admin.Fetch("GET", "/account-recovery/private-key-passwords.json"))["json"]!["body"]!.AsArray();
        held.Count.ShouldBe(2);
        var wrapped = await scene.Clients.Encrypt(new PassboltMessage("{}") { To = [next.Public] }, scene.Server.Time.GetUtcNow());
        var former = held[0]!["data"]!.ToString();
        JsonObject[] both = [.. held.Select(h => Password(h!["private_key_id"]!.ToString(), next.Fingerprint, wrapped))];
        foreach (var (what, list, key) in new (string, JsonObject[]?, string)[]
        {
            ("none", null, revoked), ("one of two", [both[0]], revoked), ("one twice", [both[0], both[0]], revoked),
            ("one too many", [both[0], both[1], Password("5a1b9c1e-0000-4000-8000-00000000dead", next.Fingerprint, wrapped)], revoked),
            ("another's", [both[0], Password("5a1b9c1e-0000-4000-8000-00000000dead", next.Fingerprint, wrapped)], revoked),
            ("the old fingerprint", [both[0], Password(Id(both[1]), organisation.Fingerprint, wrapped)], revoked),
            ("the old message", [both[0], Password(Id(both[1]), next.Fingerprint, former)], revoked),
            ("not revoked", both, organisation.Public), ("another key revoked", both, await scene.Clients.Revoke(next, scene.Server.Time.GetUtcNow())),
        })
        {
            var refused = await Post(admin, With(Order("mandatory", next), o =>
            {
                o[RevokedKey] = Key(key, organisation.Fingerprint);
                o[Passwords] = list is null ? null : new JsonArray([.. list.Select(p => p.DeepClone())]);
            }));
            refused.Status.ShouldBe(400, what);
            if (what is "none" or "one of two")
            {
                refused.Body![Passwords]!["invalidPasswordCount"].ShouldNotBeNull(refused.Body.ToJsonString());
            }
        }

        (await Post(admin, With(Order("mandatory", organisation), o => o[RevokedKey] = Key(revoked, organisation.Fingerprint)))).Status.ShouldBe(400, "the key in force again");
        (await Read(admin))["public_key_id"]!.ToString().ShouldBe(id);
        (await Fetch(admin, "/account-recovery/private-key-passwords.json"))["body"]!.AsArray().Select(p => p!["recipient_fingerprint"]!.ToString()).Distinct(StringComparer.Ordinal)
            .ShouldBe([organisation.Fingerprint]);

        // What the vendor's browser makes is taken; the policy stays where nothing is said.
        (await admin.SetPolicy(null, next.Public, organisation, scene.Admin.Key.Passphrase))["policy"]!.ToString().ShouldBe("mandatory");
        (await Fetch(admin, "/account-recovery/private-key-passwords.json"))["body"]!.AsArray().Select(p => p!["recipient_fingerprint"]!.ToString()).Distinct(StringComparer.Ordinal)
            .ShouldBe([next.Fingerprint]);

        // Off: with the key in force revoked, and nothing else.
        var (_, request) = await scene.Ask(scene.Ada, "lost");
        (await Post(admin, Order("disabled", null, id))).Status.ShouldBe(400);
        (await Post(admin, With(Order("disabled", null), o => o[RevokedKey] = Key(revoked, organisation.Fingerprint)))).Status.ShouldBe(400);
        var third = await PassboltVectors.Key("rsa_4096");
        var nextRevoked = await scene.Clients.Revoke(next, scene.Server.Time.GetUtcNow());
        (await Post(admin, With(Order("disabled", third), o => o[RevokedKey] = Key(nextRevoked, next.Fingerprint)))).Status.ShouldBe(400);
        (await admin.SetPolicy("disabled", null, next, scene.Admin.Key.Passphrase))["policy"]!.ToString().ShouldBe("disabled");
        var off = await Read(admin);
        off["id"].ShouldNotBeNull();
        (off["policy"]!.ToString(), off["public_key_id"], off[NewKey]).ShouldBe(("disabled", null, null));
        (await Fetch(admin, "/account-recovery/private-key-passwords.json"))["body"]!.AsArray().ShouldBeEmpty();
        (await Fetch(admin, $"/account-recovery/requests/{request}.json"))["body"]!["status"]!.ToString().ShouldBe("rejected");
        (await betty.Me())["account_recovery_user_setting"].ShouldBeNull();

        // On again only with a key that it never had.
        (await Post(admin, Order("opt-in", organisation))).Status.ShouldBe(400);
        (await Post(admin, Order("opt-in", next))).Status.ShouldBe(400);
        (await Post(admin, Order("opt-in", third))).Status.ShouldBe(200);

        async Task RefusesKey(string what, string armored, string fingerprint)
        {
            var refused = await Post(admin, With(Order("opt-in", organisation), o => o[NewKey] = Key(armored, fingerprint)));
            refused.Status.ShouldBe(400, what);
            refused.Body![NewKey].ShouldNotBeNull($"{what}: {refused.Body.ToJsonString()}");
            refused.Body.ToJsonString().Contains("keyIsTheServers", StringComparison.Ordinal).ShouldBe(what == "the server's", refused.Body.ToJsonString());
        }

        static string Id(JsonObject password) => password["private_key_id"]!.ToString();
    }

    private static JsonObject Order(string policy, PassboltKey? key, string? id = null)
    {
        var order = new JsonObject { ["policy"] = policy };
        if (key is not null)
        {
            order[NewKey] = Key(key.Public, key.Fingerprint);
        }

        if (id is not null)
        {
            order["public_key_id"] = id;
        }

        return order;
    }

    private static JsonObject With(JsonObject order, Action<JsonObject> change)
    {
        change(order);
        return order;
    }

    private static JsonObject Key(string armored, string fingerprint) => new() { ["armored_key"] = armored, ["fingerprint"] = fingerprint };

    private static JsonObject Password(string privateKey, string fingerprint, string data) => new()
    {
        ["private_key_id"] = privateKey, ["recipient_fingerprint"] = fingerprint, ["recipient_foreign_model"] = Model, ["data"] = data,
    };

    private static string WithoutChecksum(string armored) => string.Join('\n', armored.ReplaceLineEndings("\n").Split('\n').Where(l => !(l.Length == 5 && l[0] == '=')));

    private static async Task<(int Status, JsonNode? Body)> Post(PassboltExtension browser, JsonObject order)
    {
        var answer = await browser.Fetch("POST", Path, order);
        return (answer["status"]!.GetValue<int>(), answer["json"]?["body"]);
    }

    private static async Task<JsonNode> Read(PassboltExtension browser, string query = "") => (await Fetch(browser, Path + query))["body"]!;

    private static async Task<JsonNode> Fetch(PassboltExtension browser, string path) => (await browser.Fetch("GET", path))["json"]!;
}
