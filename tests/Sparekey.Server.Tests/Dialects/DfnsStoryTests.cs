using Sparekey.Testing;
using static Sparekey.Server.Tests.Dialects.DfnsScene;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>The whole story with Dfns's own clients, unmodified: register, sign in, lose everything, recover, sign in again.</summary>
public sealed class DfnsStoryTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("0.8", "webauthn")]
    [InlineData("0.8", "browserkey")]
    [InlineData("0.5", "webauthn")]
    [InlineData("0.5", "browserkey")]
    public async Task A_person_loses_everything_and_is_recovered_with_the_recovery_key(string version, string kind)
    {
        await using var scene = await DfnsScene.Start(version, _server);
        object Device(string name) => kind == "webauthn" ? Passkey(name) : BrowserKey(name);

        // Register and sign in.
        var kit = await scene.Register(Device("phone"));
        var token = await scene.Login(Device("phone"));
        var claims = PayloadOf(token);
        claims["https://custom/username"]!.ToString().ShouldBe(Jane);
        claims["https://custom/app_metadata"]!["orgId"]!.ToString().ShouldBe(scene.OrgId);
        var before = (await scene.Api(token, null, "list" + (version == "0.5" ? "User" : "") + "Credentials", null))!["items"]!.AsArray();
        before.Select(c => c!["kind"]!.ToString()).ShouldBe([kind == "webauthn" ? "Fido2" : "Key", "RecoveryKey"], ignoreOrder: true);

        // Lose everything, and recover.
        await scene.Node.Call(new { op = "forget", device = "phone" });
        var begun = await scene.BeginRecovery(kit);
        begun["user"]!["name"]!.ToString().ShouldBe(Jane);
        begun["allowedRecoveryCredentials"]![0]!["encryptedRecoveryKey"]!.ToString()
            .ShouldBe(kit["credential"]!["encryptedPrivateKey"]!.ToString());
        var (credentials, nextKit) = await scene.NewCredentials(begun, Device("new phone"));
        var done = await scene.Complete(begun, await scene.Recovery(begun, kit, credentials));
        done!["credential"]!["kind"]!.ToString().ShouldBe(kind == "webauthn" ? "Fido2" : "Key");

        // The session of before is over, the new credential signs in, the old ones are gone.
        (await Should.ThrowAsync<NodeClientException>(scene.Api(token, null, version == "0.5" ? "listUserCredentials" : "listCredentials", null))).Status.ShouldBe(401);
        var after = (await scene.Api(await scene.Login(Device("new phone")), null, version == "0.5" ? "listUserCredentials" : "listCredentials", null))!["items"]!.AsArray();
        after.Select(c => c!["credentialId"]!.ToString()).ShouldContain(nextKit["credId"]!.ToString());
        after.Select(c => c!["credentialId"]!.ToString()).Intersect(before.Select(c => c!["credentialId"]!.ToString())).ShouldBeEmpty();
        await scene.Node.Call(new { op = "forget", device = "new phone" });

        // The old recovery key recovers nothing any more; the new one does.
        (await Should.ThrowAsync<NodeClientException>(scene.BeginRecovery(kit))).Said.ShouldBe("Credential cannot be used as a recovery factor.");
        (await scene.BeginRecovery(nextKit))["challenge"]!.ToString().ShouldStartWith("ch-");
    }

    [Theory]
    [InlineData("0.8")]
    [InlineData("0.5")]
    public async Task A_service_account_signs_in_for_a_person_who_then_adds_rests_and_wakes_credentials(string version)
    {
        await using var scene = await DfnsScene.Start(version, _server);
        var old = version == "0.5";
        await scene.Register(Passkey("phone"));

        // The delegated session reads; what changes something is signed by the person.
        var token = (await scene.Portal(old ? "createDelegatedUserLogin" : "delegatedLogin", new { username = Jane }))!["token"]!.ToString();
        (await scene.Api(token, null, old ? "listUserCredentials" : "listCredentials", null))!["items"]!.AsArray().Count.ShouldBe(2);
        var asked = (await scene.Api(token, null, old ? "createUserCredentialChallenge" : "createCredentialChallenge", new { kind = "Fido2" }))!;
        var made = (await scene.Create(Passkey("laptop"), asked))!.AsObject();
        made["challengeIdentifier"] = asked["challengeIdentifier"]!.ToString();
        made["credentialName"] = "Laptop";
        var added = await scene.Api(token, Passkey("phone"), old ? "createUserCredential" : "createCredential", made);
        added!["name"]!.ToString().ShouldBe("Laptop");

        // One rests: it signs nothing any more, until it is woken.
        var uuid = added["credentialUuid"]!.ToString();
        await scene.Api(token, Passkey("phone"), "deactivateCredential", new { credentialUuid = uuid });
        await Should.ThrowAsync<NodeClientException>(scene.Api(token, Passkey("laptop"), "activateCredential", new { credentialUuid = uuid }));
        await scene.Api(token, Passkey("phone"), "activateCredential", new { credentialUuid = uuid });
        (await scene.Login(Passkey("laptop"))).ShouldNotBeEmpty();

        // Signed out is signed out.
        (await scene.Base(token, "userLogout", null))!["message"]!.ToString().ShouldBe("success");
        (await Should.ThrowAsync<NodeClientException>(scene.Api(token, null, old ? "listUserCredentials" : "listCredentials", null))).Status.ShouldBe(401);
    }
}
