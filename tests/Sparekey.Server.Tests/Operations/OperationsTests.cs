using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Delivery;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Operations;

/// <summary>What docs/operations.md tells an operator to do, done: back up and restore, rotate keys, read the log.</summary>
[Trait("runs", "once")]
public sealed class OperationsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_backup_restored_with_its_key_ring_serves_what_was_alive_and_with_another_nothing()
    {
        var (data, copy) = (Path.Combine(_folder, "data"), Path.Combine(_folder, "copy.db"));
        string token, link;
        await using (var server = await ServerProcess.Start(data))
        {
            token = (await File.ReadAllTextAsync(Path.Combine(data, "bootstrap-token"))).Trim();
            (await server.Send(HttpMethod.Post, "/v1/accounts", new { email = "person@example.com" }, token)).Status.ShouldBe(201);
            var (_, recovery) = await Mint(server, token);
            link = recovery!["secret"]!["link"]!.ToString().Split('#')[1];
            var backup = await ServerProcess.RunToEnd("backup", copy, "--data", data);
            backup.ExitCode.ShouldBe(0, backup.Errors);
            File.GetUnixFileMode(copy).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
            (await Mint(server, token)).Status.ShouldBe(201); // After the copy: not in it.
        }

        var restored = Restore("restored", copy, Path.Combine(data, "keyring.json"));
        await using (var server = await ServerProcess.Start(restored))
        {
            var (_, page) = await server.Send(HttpMethod.Get, "/v1/recoveries", null, token);
            page!["recoveries"]!.AsArray().Count.ShouldBe(1, "what came after the copy is not in it");
            var (redeemed, redemption) = await server.Send(HttpMethod.Post, "/v1/redemptions", new { link_secret = link }, null);
            redeemed.ShouldBe(201);
            (await server.Send(
                HttpMethod.Put, "/v1/redemption/password", new { new_password = "the password after the restore" },
                redemption!["redemption_token"]!.ToString())).Status.ShouldBe(200);
            (await server.Send(
                HttpMethod.Post, "/v1/sessions", new { identifier = "person@example.com", password = "the password after the restore" }, null)).Status.ShouldBe(201);
        }

        (await ServerProcess.RunToEnd("keys", "list", "--data", Path.Combine(_folder, "other"))).ExitCode.ShouldBe(0);
        var foreign = Restore("foreign", copy, Path.Combine(_folder, "other", "keyring.json"));
        var refused = await ServerProcess.RunToEnd("serve", "--data", foreign, "--urls", $"http://127.0.0.1:{FreePort.Next()}");
        refused.ExitCode.ShouldBe(78);
        refused.Errors.ShouldContain("not the one this database was written with");
    }

    [Fact]
    public async Task A_backup_restored_releases_the_key_that_was_in_escrow()
    {
        const string origin = "http://127.0.0.1:4800";
        var (data, copy) = (Path.Combine(_folder, "data"), Path.Combine(_folder, "copy.db"));
        ReadyEscrow ready;
        await using (var server = await SparekeyServer.Start(new ServerOptions(data, []), CancellationToken.None))
        {
            ready = await (await EscrowSeed.Plant(server.App.Services, origin)).Ask();
            var backup = await ServerProcess.RunToEnd("backup", copy, "--data", data);
            backup.ExitCode.ShouldBe(0, backup.Errors);
        }

        var token = (await File.ReadAllTextAsync(Path.Combine(data, "bootstrap-token"))).Trim();
        var restored = Restore("restored", copy, Path.Combine(data, "keyring.json"));
        Directory.Delete(data, recursive: true);
        var organisation = await PassboltVectors.Key(EscrowSeed.OrganisationKey);
        await using (var server = await ServerProcess.Start(restored, environment: new Dictionary<string, string> { ["SPAREKEY_ORIGIN"] = origin }))
        {
            var (status, completed) = await server.Send(
                HttpMethod.Post, $"/v1/recoveries/{ready.Recovery}/complete", new { key = organisation.Private, passphrase = organisation.Passphrase }, token);
            status.ShouldBe(200, completed?.ToJsonString());
        }

        // What the person's device gets opens to what their device put in.
        await using var own = await SparekeyServer.Start(new ServerOptions(restored, []), CancellationToken.None);
        var answer = (await own.App.Services.GetRequiredService<ReadEscrowAnswer>().Run(
            new Visitor(TenantId.Default, "192.0.2.1", "r"), ready.Request.ToString(), ready.Account.ToString(), ready.Token, CancellationToken.None)).Value.Answer!;
        var vector = await PassboltVectors.Key(EscrowSeed.DeviceKey);
        using var device = PgpSecretKey.Open(
            Encoding.UTF8.GetBytes(vector.Unprotected ?? vector.Private), Encoding.UTF8.GetBytes(vector.Unprotected is null ? vector.Passphrase : "")).Value;
        using var opened = PgpMessages.Decrypt(answer.Data!, device, [PgpKey.Read(organisation.Public).Value], TimeProvider.System.GetUtcNow()).Value;
        Encoding.UTF8.GetString(opened.Bytes).ShouldContain(ready.Secret);
    }

    [Fact]
    public async Task Keys_rotate_under_a_running_server_and_nothing_alive_dies()
    {
        await using var smtp = await SmtpServer.Start();
        await using var server = await RunningServer.Start(
            mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = smtp.Port, Tls = MailTls.None });
        await server.Account("person@example.com", password: "a password for the first day");
        var session = await SignIn();
        var before = await server.Get("/v1/sessions/current", session);
        var known = (before.Status, before.Code);
        known.ShouldNotBe((await server.Get("/v1/sessions/current", "sps_default_nobody")) is var no ? (no.Status, no.Code) : default);
        var token = await server.Token("before", ["recovery:request", "recovery:issue"]);
        var secret = await server.Recover("person@example.com", "link", token);
        var open = await server.Recover("person@example.com", "link", token);
        var redemption = await server.RedeemLink(open);
        (await server.Post("/v1/recovery-requests", new { identifier = "person@example.com" })).Status.ShouldBe(202); // Its mail waits.

        for (var i = 0; i < 2; i++)
        {
            var rotated = await ServerProcess.RunToEnd("keys", "rotate", "--data", server.Folder, "--json");
            rotated.ExitCode.ShouldBe(0, rotated.Errors);
        }

        var refused = await ServerProcess.RunToEnd("keys", "retire", "1", "--data", server.Folder);
        refused.ExitCode.ShouldBe(1, "what is alive hangs on it");
        JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(server.Folder, "keyring.json")))!["active"]!.GetValue<int>().ShouldBe(3);

        (await server.Recover("person@example.com", "link", token)).Status.ShouldBe(201);
        var after = await server.Get("/v1/sessions/current", session);
        (after.Status, after.Code).ShouldBe(known);
        await server.RedeemLink(secret);
        (await server.Get("/v1/redemption", redemption)).Status.ShouldBe(200);
        var mailed = await MailedLink(server, smtp);
        (await server.Post("/v1/redemptions", new { link_secret = mailed })).Status.ShouldBe(201);
        (await server.Put("/v1/redemption/password", new { new_password = "a password after the rotation" }, redemption)).Status.ShouldBe(200);
        server.LogLines.ShouldNotContain(l => l.Contains("could not be written") || l.Contains("A request of"));

        async Task<string> SignIn()
        {
            var signedIn = await server.Post("/v1/sessions", new { identifier = "person@example.com", password = "a password for the first day" });
            signedIn.Status.ShouldBe(201, signedIn.Text);
            return signedIn["session_token"];
        }
    }

    [Fact]
    public async Task A21_Every_line_of_the_log_is_json_and_a_failed_call_is_found_by_its_correlation_id()
    {
        var data = Path.Combine(_folder, "data");
        await using var server = await ServerProcess.Start(data, wrapper: ["/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
        using (var prlimit = System.Diagnostics.Process.Start("prlimit", ["--pid", $"{server.Id}", "--fsize=0:unlimited"]))
        {
            await prlimit.WaitForExitAsync();
        }

        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/recovery-requests")
        {
            Content = new StringContent("""{"identifier":"person@example.com"}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("X-Request-Id", "call-of-the-help-desk");
        using var answer = await server.Http.SendAsync(request);
        ((int)answer.StatusCode).ShouldBe(503);
        JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["correlation_id"]!.ToString().ShouldBe("call-of-the-help-desk");
        await Task.Delay(500);
        var lines = server.Log.Where(l => l.Length > 0).Select(l => JsonNode.Parse(l)!).ToList();
        var told = lines.Single(l => l["Message"]!.ToString().StartsWith("Storage is not available", StringComparison.Ordinal));
        told["LogLevel"]!.ToString().ShouldBe("Error");
        told["Scopes"]!.AsArray().Select(s => s!["correlation_id"]?.ToString()).ShouldContain("call-of-the-help-desk");
        string.Join('\n', server.Log).ShouldNotContain("person@example.com");
    }

    private string Restore(string name, string copy, string keys)
    {
        var data = Path.Combine(_folder, name);
        Directory.CreateDirectory(data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.Copy(copy, Path.Combine(data, "sparekey.db"));
        File.Copy(keys, Path.Combine(data, "keyring.json"));
        return data;
    }

    private static Task<(int Status, JsonNode? Json)> Mint(ServerProcess server, string token) => server.Send(
        HttpMethod.Post, "/v1/recoveries", new { account = new { email = "person@example.com" }, means = "link" }, token);

    private static async Task<string> MailedLink(RunningServer server, SmtpServer smtp)
    {
        for (var left = 100; left > 0; left--)
        {
            server.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(100);
            var found = (await smtp.Received()).Select(m => Regex.Match(m.Text, @"#(?<link>spl_\S+)", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(5))).FirstOrDefault(m => m.Success);
            if (found is not null)
            {
                return found.Groups["link"].Value;
            }
        }

        throw new TimeoutException("The mail did not arrive.");
    }
}
