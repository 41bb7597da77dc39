using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using static Sparekey.Server.Tests.Dialects.DfnsScene;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Dfns's clients against the executable, set up by its command line, on the real clock.</summary>
public sealed class DfnsSmokeTests
{
    [Theory]
    [InlineData("0.8")]
    [InlineData("0.5")]
    public async Task The_story_holds_against_the_server_as_an_operator_starts_it(string version)
    {
        var data = Directory.CreateTempSubdirectory("sparekey-dfns-").FullName;
        await using var server = await ServerProcess.Start(data);
        await using var local = await TestPlaces.Local(data);
        await using var scene = await DfnsScene.Start(version, server.Http.BaseAddress!.ToString(), local);

        var kit = await scene.Register(Passkey("phone"));
        await scene.Login(Passkey("phone"));
        var begun = await scene.BeginRecovery(kit);
        var (credentials, _) = await scene.NewCredentials(begun, Passkey("new phone"));
        (await scene.Complete(begun, await scene.Recovery(begun, kit, credentials))).ShouldNotBeNull();
        (await scene.Login(Passkey("new phone"))).ShouldNotBeEmpty();
        await Should.ThrowAsync<Testing.NodeClientException>(scene.Login(Passkey("phone")));
    }

    [Theory]
    [InlineData("suspend", 3, false)]
    [InlineData("keep", 3, true)]
    public async Task Old_passkeys_rest_or_stay_where_a_setting_says_so(string setting, int left, bool stillSignsIn)
    {
        var data = Directory.CreateTempSubdirectory("sparekey-dfns-").FullName;
        await using var server = await ServerProcess.Start(
            data, environment: new Dictionary<string, string>(StringComparer.Ordinal) { ["SPAREKEY_DFNS__OLD_PASSKEYS"] = setting });
        await using var local = await TestPlaces.Local(data);
        await using var scene = await DfnsScene.Start("0.8", server.Http.BaseAddress!.ToString(), local);
        var kit = await scene.Register(Passkey("phone"));
        var begun = await scene.BeginRecovery(kit);
        var (credentials, _) = await scene.NewCredentials(begun, Passkey("new phone"));
        await scene.Complete(begun, await scene.Recovery(begun, kit, credentials));

        var token = await scene.Login(Passkey("new phone"));
        var held = (await scene.Api(token, null, "listCredentials", null))!["items"]!.AsArray();
        held.Count.ShouldBe(left);
        held.Select(c => c!["credentialId"]!.ToString()).ShouldNotContain(kit["credId"]!.ToString());
        held.Count(c => !(bool)c!["isActive"]!).ShouldBe(stillSignsIn ? 0 : 1);
        if (stillSignsIn)
        {
            (await scene.Login(Passkey("phone"))).ShouldNotBeEmpty();
        }
        else
        {
            await Should.ThrowAsync<Testing.NodeClientException>(scene.Login(Passkey("phone")));
        }
    }

    [Fact]
    public async Task The_command_line_answers_what_programmes_need()
    {
        var data = Directory.CreateTempSubdirectory("sparekey-dfns-").FullName;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var pem = Path.Combine(data, "key.pem");
        await File.WriteAllTextAsync(pem, key.ExportSubjectPublicKeyInfoPem());

        var application = await Run("dfns", "application", "set", "--data", data, "--origin", Origin, "--rp-id", "localhost", "--name", "Example", "--json");
        application["org_id"]!.ToString().ShouldMatch("^or-[a-z0-9]{5}-[a-z0-9]{5}-[a-z0-9]{14,16}$");
        application["app_id"]!.ToString().ShouldMatch("^ap-[a-z0-9]{5}-[a-z0-9]{5}-[a-z0-9]{14,16}$");
        (await Run("dfns", "application", "set", "--data", data, "--origin", "http://localhost:3001", "--rp-id", "localhost", "--name", "Example", "--json"))
            .ToJsonString().ShouldBe(application.ToJsonString());

        var account = await Run(
            "dfns", "service-account", "create", "--data", data, "--name", "portal", "--public-key", pem,
            "--permission", "Auth:Users:Create", "--permission", "Auth:Users:Delegate", "--permission", "Auth:Types:EndUser", "--json");
        account.AsObject().Select(m => m.Key).ShouldBe(["token", "cred_id", "org_id", "user_id"]);
        account["org_id"]!.ToString().ShouldBe(application["org_id"]!.ToString());
        PayloadOf(account["token"]!.ToString())["https://custom/app_metadata"]!["tokenKind"]!.ToString().ShouldBe("ServiceAccount");
    }

    private static async Task<JsonNode> Run(params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(ServerProcess.Executable, args) {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        process.ExitCode.ShouldBe(0, await error);
        return JsonNode.Parse(text)!;
    }
}
