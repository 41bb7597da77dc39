using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>The command line where the organisation key is: beside a running server, on the same machine.</summary>
public sealed class EscrowCommandTests
{
    [Fact]
    public async Task Enables_drills_rotates_disables_and_undoes()
    {
        var data = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        try
        {
            var (first, second) = (await PassboltVectors.Key("account_recovery_organization"), await PassboltVectors.Key("account_recovery_organization_alternative"));
            string Write(string name, string text)
            {
                var path = Path.Combine(data, name);
                File.WriteAllText(path, text);
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                return path;
            }

            var (firstPublic, firstSecret, firstPassphrase) =
                (Write("first.pub", first.Public), Write("first.key", first.Private), Write("first.pass", first.Passphrase + "\n"));
            var (secondPublic, secondSecret, secondPassphrase) =
                (Write("second.pub", second.Public), Write("second.key", second.Private), Write("second.pass", second.Passphrase));
            await using (var server = await ServerProcess.Start(data))
            {
                await SetAndDrill();
                string.Join('\n', server.Log).ShouldNotContain(first.Passphrase);
                await server.Terminate();
            }

            await using var own = await SparekeyServer.Start(new ServerOptions(data, []) { Shared = await TestPlaces.Shared(data) }, CancellationToken.None);
            using var organisation = PgpSecretKey.Open(Encoding.UTF8.GetBytes(first.Private), Encoding.UTF8.GetBytes(first.Passphrase)).Value;
            await Enrol(own, organisation);
            (await Fail(data, "rotate", "--new-key", secondPublic, "--mode", "mandatory")).ShouldContain("--mode");
            string[] rotate = ["rotate", "--new-key", secondPublic, "--old-key", firstSecret, "--old-passphrase-file", firstPassphrase, "--mode", "mandatory"];
            foreach (var _ in new[] { "Once.", "And again: it is done." })
            {
                var rotated = await Run(data, rotate);
                (rotated["mode"]!.ToString(), rotated["key"]!["fingerprint"]!.ToString()).ShouldBe(("mandatory", second.Fingerprint));
            }

            (await Run(data, "disable"))["mode"]!.ToString().ShouldBe("disabled");
            (await Run(data, "undo"))["mode"]!.ToString().ShouldBe("mandatory");
            var status = await Run(data, "status");
            (status["policy"]!["mode"]!.ToString(), status["coverage"]!["enrolled"]!.GetValue<int>()).ShouldBe(("mandatory", 1));

            async Task SetAndDrill()
            {
                (await Run(data, "policy", "set", "--mode", "opt-in", "--key", firstPublic))["mode"]!.ToString().ShouldBe("opt_in");
                (await Run(data, "drill", "--key", firstSecret, "--passphrase-file", firstPassphrase))["state"]!.ToString().ShouldBe("passed");
                (await Fail(data, "drill", "--key", firstSecret, "--passphrase-file", secondPassphrase)).ShouldContain("passphrase");
                (await Fail(data, "drill", "--key", secondSecret, "--passphrase-file", secondPassphrase)).ShouldContain("does not open");
                (await Fail(data, "rotate", "--new-key", firstPublic, "--old-key", secondSecret, "--old-passphrase-file", secondPassphrase)).ShouldNotBeEmpty();
                File.SetUnixFileMode(firstSecret, UnixFileMode.UserRead | UnixFileMode.OtherRead);
                (await Fail(data, "drill", "--key", firstSecret, "--passphrase-file", firstPassphrase)).ShouldContain("others may read it");
                (await Fail(data, "rotate", "--new-key", secondPublic, "--old-key", firstSecret, "--old-passphrase-file", firstPassphrase))
                    .ShouldContain("others may read it");
                File.SetUnixFileMode(firstSecret, UnixFileMode.UserRead);
            }
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    // Somebody whose secret the organisation signed, as after an earlier rotation.
    private static async Task Enrol(SparekeyServer server, PgpSecretKey organisation)
    {
        var (person, now) = (TestEscrows.NewPerson(), TimeProvider.System.GetUtcNow());
        var domain = server.App.Services.GetRequiredService<EngineOptions>().Origin.AbsoluteUri.TrimEnd('/');
        using var secret = EscrowSecret.New(domain, person.Value, new string('A', 40), now);
        using var json = secret.Write();
        await TestEscrows.Add(
            server.App.Services, person, new string('A', 40), PgpMessages.Encrypt(json.Span, organisation.Public, now, organisation));
    }

    private static async Task<JsonNode> Run(string data, params string[] arguments)
    {
        var (code, said, errors) = await ServerProcess.RunToEnd(["escrow", .. arguments, "--data", data, "--json"]);
        code.ShouldBe(0, $"{string.Join(' ', arguments)}: {said}{errors}");
        return JsonNode.Parse(said)!;
    }

    private static async Task<string> Fail(string data, params string[] arguments)
    {
        var (code, _, errors) = await ServerProcess.RunToEnd(["escrow", .. arguments, "--data", data, "--json"]);
        code.ShouldNotBe(0);
        return errors;
    }
}
