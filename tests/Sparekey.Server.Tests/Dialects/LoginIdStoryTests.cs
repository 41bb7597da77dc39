using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>LoginID's own clients, unmodified, tell the whole story: at the root, and under the mount that some of them use.</summary>
public sealed class LoginIdStoryTests : IAsyncLifetime
{
    private LoginIdClients _clients = null!;

    public async ValueTask InitializeAsync() => _clients = await LoginIdClients.Start();

    public ValueTask DisposeAsync() => _clients.DisposeAsync();

    [Theory]
    [InlineData("")]
    [InlineData("/api/native")]
    public async Task A_person_registers_loses_everything_recovers_by_code_and_the_old_passkey_is_refused(string mount)
    {
        await using var scene = await LoginIdScene.Start(mount);

        // Register and sign in.
        var registered = (await Web(scene, "phone", "registerWithFido2", "jane", new { credential_name = "Old phone" }))!;
        registered["is_authenticated"]!.GetValue<bool>().ShouldBeTrue();
        registered["user"]!["username"]!.ToString().ShouldBe("jane");
        registered["user"]!["namespace_id"]!.ToString().ShouldBe("shop");
        registered["credential"]!["name"]!.ToString().ShouldBe("Old phone");
        (await Verify(scene, registered, "jane")).ShouldBeTrue();
        (await Verify(scene, registered, "joan")).ShouldBeFalse();
        var signedIn = (await Web(scene, "phone", "authenticateWithFido2", "jane"))!;
        (await Verify(scene, signedIn, "jane")).ShouldBeTrue();

        // Lose everything.
        await _clients.Forget("phone");
        (await Refused(() => Web(scene, "phone", "authenticateWithFido2", "jane"))).Message.ShouldContain("NavigatorError");

        // Recover with a code of the help desk.
        var user = (await Node(scene, "getUserId", "jane"))!.ToString();
        Guid.Parse(user).ToString().ShouldBe(registered["user"]!["id"]!.ToString());
        foreach (var type in new[] { "short", "phrase", "long" })
        {
            var device = $"new {type}";
            var code = (await Node(scene, "generateCode", user, type, "add_credential", true))!;
            code["is_authorized"]!.GetValue<bool>().ShouldBeTrue();
            var added = (await Web(scene, device, "addFido2CredentialWithCode", "jane", code["code"]!.ToString(), new { code_type = type }))!;
            (await Verify(scene, added, "jane")).ShouldBeTrue();
            added["credential"]!["name"]!.ToString().ShouldBe("Chrome on Linux");
            (await Web(scene, device, "authenticateWithFido2", "jane"))!["user"]!["id"]!.ToString().ShouldBe(user);
            var again = await Refused(() => Web(scene, "thief", "addFido2CredentialWithCode", "jane", code["code"]!.ToString(), new { code_type = type }));
            again.Code.ShouldBe("verification_code_not_found");
            again.Said.ShouldBe("Verification code not found");
        }

        // The old passkey goes.
        var credentials = (await Node(scene, "getCredentials", user))!["credentials"]!.AsArray();
        credentials.Select(c => c!["status"]!.ToString()).ShouldBe(["active", "active", "active", "active"]);
        var old = credentials.Single(c => c!["name"]!.ToString() == "Old phone")!["uuid"]!.ToString();
        old.ShouldBe(registered["credential"]!["uuid"]!.ToString());
        (await Node(scene, "renameCredential", user, old, "Lost phone"))!["credential"]!["name"]!.ToString().ShouldBe("Lost phone");
        (await Node(scene, "revokeCredential", user, old))!["credential"]!["status"]!.ToString().ShouldBe("revoked");
        (await Node(scene, "getCredentials", user))!["credentials"]!.AsArray().Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/api/native")]
    public async Task The_old_authenticator_is_refused_after_its_passkey_was_revoked(string mount)
    {
        await using var scene = await LoginIdScene.Start(mount);
        var registered = (await Web(scene, "phone", "registerWithFido2", "joe"))!;
        var user = registered["user"]!["id"]!.ToString();
        var code = (await Node(scene, "generateCode", user, "short", "add_credential", true))!["code"]!.ToString();
        await Web(scene, "tablet", "addFido2CredentialWithCode", "joe", code);
        await Node(scene, "revokeCredential", user, registered["credential"]!["uuid"]!.ToString());
        (await Refused(() => Web(scene, "phone", "authenticateWithFido2", "joe"))).Message.ShouldContain("NavigatorError");
        (await Web(scene, "tablet", "authenticateWithFido2", "joe"))!["is_authenticated"]!.GetValue<bool>().ShouldBeTrue();
    }

    [Fact]
    public async Task The_backends_client_makes_finds_rests_wakes_and_deletes_users()
    {
        await using var scene = await LoginIdScene.Start();
        var made = (await Node(scene, "addUserWithoutCredentials", "ann"))!;
        var user = made["id"]!.ToString();
        (made["username"]!.ToString(), made["status"]!.ToString(), made["type"]!.ToString(), made["namespace_id"]!.ToString())
            .ShouldBe(("ann", "active", "user", "shop"));
        (await Node(scene, "getUserId", "ann"))!.ToString().ShouldBe(user);
        (await Node(scene, "getUserId", "ANN"))!.ToString().ShouldBe(user);
        var again = await Refused(() => Node(scene, "addUserWithoutCredentials", "ann"));
        again.Code.ShouldBe("user_already_registered");

        var rested = (await Node(scene, "deactivateUserById", user))!;
        (rested["status"]!.ToString(), rested["namspace_id"]!.ToString()).ShouldBe(("inactive", "shop"));
        (await Refused(() => Node(scene, "generateCode", user, "short", "add_credential", true))).Code.ShouldBe("account_deactivated");
        (await Node(scene, "activateUserById", user))!["status"]!.ToString().ShouldBe("active");
        await Node(scene, "deleteUserById", user);
        (await Refused(() => Node(scene, "getUserId", "ann"))).Code.ShouldBe("user_not_found");

        var email = (await Node(scene, "addUserWithoutCredentials", "Mail@Example.com"))!;
        email["username"]!.ToString().ShouldBe("Mail@Example.com");
        email["contacts"]![0]!["contact"]!.ToString().ShouldBe("Mail@Example.com");
        (await Node(scene, "getUserId", "mail@example.com"))!.ToString().ShouldBe(email["id"]!.ToString());
        await Node(scene, "deleteUserByUsername", "mail@example.com");
        (await Refused(() => Node(scene, "getUserId", "mail@example.com"))).Code.ShouldBe("user_not_found");
    }

    [Fact]
    public async Task A_user_without_credentials_gets_the_first_one_by_a_code_that_is_authorised_later()
    {
        await using var scene = await LoginIdScene.Start();
        var user = (await Node(scene, "addUserWithoutCredentials", "late"))!["id"]!.ToString();
        var made = (await Node(scene, "generateCode", user, "short", "add_credential", false))!;
        made["is_authorized"]!.GetValue<bool>().ShouldBeFalse();
        var code = made["code"]!.ToString();
        (await Refused(() => Web(scene, "phone", "addFido2CredentialWithCode", "late", code))).Code.ShouldBe("verification_code_not_found");
        (await Node(scene, "authorizeCode", user, code, "short", "add_credential"))!["is_authorized"]!.GetValue<bool>().ShouldBeTrue();
        (await Web(scene, "phone", "addFido2CredentialWithCode", "late", code))!["is_authenticated"]!.GetValue<bool>().ShouldBeTrue();
    }

    [Fact]
    public async Task Codes_that_were_invalidated_open_nothing()
    {
        await using var scene = await LoginIdScene.Start();
        var user = (await Node(scene, "addUserWithoutCredentials", "void"))!["id"]!.ToString();
        var codes = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            codes.Add((await Node(scene, "generateCode", user, "short", "add_credential", true))!["code"]!.ToString());
        }

        (await Node(scene, "invalidateAllCodes", user, "short", "add_credential"))!["deleted_at"]!.ToString().ShouldNotBeEmpty();
        foreach (var code in codes)
        {
            (await Refused(() => Web(scene, "phone", "addFido2CredentialWithCode", "void", code))).Code.ShouldBe("verification_code_not_found");
        }
    }

    [Fact]
    public async Task Codes_expire_on_the_servers_clock()
    {
        await using var scene = await LoginIdScene.Start();
        var user = (await Node(scene, "addUserWithoutCredentials", "slow"))!["id"]!.ToString();
        foreach (var (type, lifetime) in new[] { ("short", TimeSpan.FromMinutes(3)), ("phrase", TimeSpan.FromMinutes(15)), ("long", TimeSpan.FromHours(1)) })
        {
            scene.Server.Time.SetUtcNow(TimeProvider.System.GetUtcNow());
            var made = (await Node(scene, "generateCode", user, type, "add_credential", true))!;
            var ends = DateTimeOffset.Parse(made["expires_at"]!.ToString(), System.Globalization.CultureInfo.InvariantCulture);
            (ends - scene.Server.Time.GetUtcNow()).ShouldBe(lifetime, TimeSpan.FromSeconds(2));
            scene.Server.Time.Advance(lifetime);
            (await Refused(() => Web(scene, "phone", "addFido2CredentialWithCode", "slow", made["code"]!.ToString(), new { code_type = type })))
                .Code.ShouldBe("verification_code_not_found", type);
        }
    }

    [Fact]
    public async Task A_person_makes_a_code_with_one_device_and_adds_another_with_it()
    {
        await using var scene = await LoginIdScene.Start();
        await Web(scene, "phone", "registerWithFido2", "own");
        var made = (await Web(scene, "phone", "selfGenerateCode", "own", "short", "add_credential"))!;
        var code = made["code_data"]!["code"]!.ToString();
        made["code_data"]!["is_authorized"]!.GetValue<bool>().ShouldBeTrue();
        made["code_data"]!["expire_at"]!.ToString().ShouldBe(made["code_data"]!["expires_at"]!.ToString());
        await Web(scene, "tablet", "addFido2CredentialWithCode", "own", code);
        (await Web(scene, "phone", "authenticateWithFido2", "own"))!["is_authenticated"]!.GetValue<bool>().ShouldBeTrue();
        (await Web(scene, "tablet", "authenticateWithFido2", "own"))!["is_authenticated"]!.GetValue<bool>().ShouldBeTrue();
        (await Refused(() => Web(scene, "thief", "addFido2CredentialWithCode", "own", code))).Code.ShouldBe("verification_code_not_found");
        (await scene.Server.Get("/v1/recoveries", scene.Server.AdminToken)).Json!["recoveries"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_temporary_code_signs_in_once_and_waits_for_who_authorises_it()
    {
        await using var scene = await LoginIdScene.Start();
        var user = (await Node(scene, "addUserWithoutCredentials", "temp"))!["id"]!.ToString();
        var code = (await Node(scene, "generateCode", user, "short", "temporary_authentication", true))!["code"]!.ToString();
        var signedIn = (await Web(scene, "none", "authenticateCodeWait", "temp", code, "short", new { no_wait = true }))!;
        (await Verify(scene, signedIn, "temp")).ShouldBeTrue();
        (await Refused(() => Web(scene, "none", "authenticateCodeWait", "temp", code, "short", new { no_wait = true })))
            .Code.ShouldBe("verification_code_not_found");

        var later = (await Node(scene, "generateCode", user, "long", "temporary_authentication", false))!["code"]!.ToString();
        (await Refused(() => Web(scene, "none", "authenticateCodeWait", "temp", later, "long", new { no_wait = true }))).Code.ShouldBe("failed_to_authenticate");
        var waiting = Web(scene, "none", "authenticateCodeWait", "temp", later, "long");
        await Task.Delay(1200);
        waiting.IsCompleted.ShouldBeFalse();
        await Node(scene, "authorizeCode", user, later, "long", "temporary_authentication");
        (await waiting)!["is_authenticated"]!.GetValue<bool>().ShouldBeTrue();
    }

    [Fact]
    public async Task Passwords_work_as_the_client_has_them()
    {
        await using var scene = await LoginIdScene.Start();
        const string password = "correct horse battery staple of a person";
        var registered = (await Web(scene, "none", "registerWithPassword", "words", password, password))!;
        registered["credential"]!["type"]!.ToString().ShouldBe("password");
        (await Verify(scene, registered, "words")).ShouldBeTrue();
        (await Web(scene, "none", "authenticateWithPassword", "words", password))!["user"]!["username"]!.ToString().ShouldBe("words");
        (await Refused(() => Web(scene, "none", "authenticateWithPassword", "words", "not that one at all, sorry"))).Code.ShouldBe("failed_to_authenticate");
        (await Refused(() => Web(scene, "none", "authenticateWithPassword", "nobody", password))).Code.ShouldBe("failed_to_authenticate");
        (await Refused(() => Web(scene, "none", "registerWithPassword", "short", "short", "short"))).Code.ShouldBe("request_validation_error");
    }

    [Fact]
    public async Task What_this_server_does_not_do_says_so()
    {
        await using var scene = await LoginIdScene.Start();
        (await Refused(() => Web(scene, "none", "createAndConfirmTransaction", "jane", "pay 1"))).Code.ShouldBe("transaction_confirmation_not_supported");
        (await Refused(() => Node(scene, "createTx", "pay 1"))).Said.ShouldBe("Transaction confirmation is not part of this server");
        await Node(scene, "addUserWithoutCredentials", "scan");
        (await Refused(() => Node(scene, "initDocScan", "scan"))).Code.ShouldBe("document_scans_not_supported");
    }

    [Fact]
    public async Task A_name_beyond_ascii_survives_the_clients_decoder()
    {
        await using var scene = await LoginIdScene.Start();
        foreach (var name in new[] { "zoë~?>", "名前の人", "Ünïcödé" })
        {
            var registered = (await Web(scene, name, "registerWithFido2", name))!;
            (await Verify(scene, registered, name)).ShouldBeTrue(name);
        }
    }

    private async Task<bool> Verify(LoginIdScene scene, JsonNode result, string username) =>
        (await Node(scene, "verifyToken", result["jwt"]!.ToString(), username))!.GetValue<bool>();

    private Task<JsonNode?> Node(LoginIdScene scene, string method, params object?[] args) =>
        _clients.Node(scene.Base, scene.Management, scene.PrivateKey, method, args);

    private Task<JsonNode?> Web(LoginIdScene scene, string device, string method, params object?[] args) =>
        _clients.Web(scene.Base, scene.Web, LoginIdScene.Page, device, method, args);

    private static Task<LoginIdClientException> Refused(Func<Task<JsonNode?>> call) => Should.ThrowAsync<LoginIdClientException>(call);
}
