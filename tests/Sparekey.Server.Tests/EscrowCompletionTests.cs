using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Server.Api;
using Sparekey.Server.Cli;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>The call that brings the organisation's key and its passphrase, and what is left of them afterwards: nothing.</summary>
public sealed class EscrowCompletionTests(EscrowCompletionTests.Planted planted) : IClassFixture<EscrowCompletionTests.Planted>
{
    // The vendor's passphrase is the address in the public key, which is no secret: this one stands nowhere else.
    private const string Passphrase = "orchard-lantern-7c1f-quarry";

    private readonly RunningServer _server = planted.Server;
    private readonly EscrowSeed _seed = planted.Seed;
    private readonly string _key = planted.Key;

    [Fact]
    public async Task Key_and_passphrase_in_the_body_complete_the_recovery_and_stay_nowhere()
    {
        var ready = await _seed.Ask();
        var path = $"/v1/recoveries/{ready.Recovery}/complete";
        var device = (await PassboltVectors.Key(EscrowSeed.DeviceKey)).Fingerprint;
        var keys = new { key = _key, passphrase = Passphrase, request_key = device };

        (await _server.Post(path, keys, await _server.Token("reader", ["recovery:read"]))).Code.ShouldBe("permission_missing");
        (await _server.Post(path, new { key = _key, passphrase = "wrong one" }, _server.AdminToken)).Code.ShouldBe("openpgp_refused");
        (await _server.Post(path, new { key = _key, passphrase = Passphrase, request_key = new string('A', 40) }, _server.AdminToken)).Code.ShouldBe("digest_mismatch");
        var done = await _server.Post(path, keys, _server.AdminToken, idempotencyKey: "complete-1");
        done.Status.ShouldBe(200, done.Text);
        (done["state"], done["request_key"]).ShouldBe(("completed", device));
        (await _server.Post(path, keys, _server.AdminToken, idempotencyKey: "complete-1")).Code.ShouldBe("recovery_closed");
        (await _server.Services.GetRequiredService<ReadEscrowAnswer>().Run(
            new Engine.Access.Visitor(TenantId.Default, "192.0.2.1", "r"), ready.Request.ToString(), ready.Account.ToString(), ready.Token,
            CancellationToken.None)).Value.Answer.ShouldNotBeNull();

        var kept = string.Join('\n', _server.LogLines.Concat(_server.Answers));
        var stored = await TestPlaces.Stored(_server.Folder);
        foreach (var secret in new[] { Passphrase, ready.Secret, planted.SecretLine })
        {
            kept.ShouldNotContain(secret);
            foreach (var (name, bytes) in stored)
            {
                (bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)) < 0 && bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(secret)) < 0)
                    .ShouldBeTrue($"{name} holds a secret");
            }
        }
    }

    [Fact]
    public async Task A_body_may_be_half_a_mebibyte_and_no_larger_whether_it_says_so_or_not()
    {
        var fits = JsonSerializer.Serialize(new { key = new string('k', EscrowCompletionApi.BodyLimit - 30) });
        (await _server.Post($"/v1/recoveries/{NewRecovery}/complete", fits, _server.AdminToken)).Code.ShouldBe("recovery_not_found");
        foreach (var chunked in new[] { false, true })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/recoveries/{NewRecovery}/complete");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _server.AdminToken);
            request.Headers.TransferEncodingChunked = chunked;
            request.Content = new StringContent(new string(' ', EscrowCompletionApi.BodyLimit + 1), Encoding.UTF8, "application/json");
            (await _server.Send(request)).Status.ShouldBe(413);
        }

        using var other = new HttpRequestMessage(HttpMethod.Post, $"/v1/recoveries/{NewRecovery}/complete");
        other.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _server.AdminToken);
        other.Content = new StringContent("{}", Encoding.UTF8, "text/plain");
        (await _server.Send(other)).Code.ShouldBe("unsupported_media_type");
    }

    [Fact]
    public async Task Nobody_holds_the_key_where_nobody_said_so()
    {
        var ready = await _seed.Ask();
        (await _server.Post($"/v1/recoveries/{ready.Recovery}/complete", new { }, _server.AdminToken)).Code.ShouldBe("means_not_available");
    }

    [Fact]
    public async Task A_decision_names_the_key_that_it_saw()
    {
        var ready = await _seed.Ask();
        var read = await _server.Get($"/v1/recoveries/{ready.Recovery}", _server.AdminToken);
        var wrong = await _server.Post(
            $"/v1/recoveries/{ready.Recovery}/denials", new { digest = read["digest"], request_key = new string('A', 40) }, _server.AdminToken);
        wrong.Code.ShouldBe("digest_mismatch");
        wrong.Json!["errors"]![0]!["pointer"]!.ToString().ShouldBe("/request_key");
        (await _server.Post(
            $"/v1/recoveries/{ready.Recovery}/denials", new { digest = read["digest"], request_key = read["request_key"] }, _server.AdminToken))
            .Status.ShouldBe(200);
    }

    [Fact]
    public async Task The_answer_is_made_where_the_key_is_and_nothing_else_leaves_that_machine()
    {
        var ready = await _seed.Ask();
        var folder = Directory.CreateTempSubdirectory("sparekey-key-").FullName;
        try
        {
            var (key, passphrase, token) = (Path.Combine(folder, "key.asc"), Path.Combine(folder, "passphrase"), Path.Combine(folder, "token"));
            await Write(key, _key, UnixFileMode.UserRead | UnixFileMode.OtherRead);
            await Write(passphrase, Passphrase + "\n", UnixFileMode.UserRead);
            await Write(token, await _server.Token("completer", ["recovery:complete"]) + "\n", UnixFileMode.UserRead | UnixFileMode.GroupRead);
            var device = (await PassboltVectors.Key(EscrowSeed.DeviceKey)).Fingerprint;
            (await Answer(device)).ShouldBe(ExitCode.Configuration); // Others may read the token.
            File.SetUnixFileMode(token, UnixFileMode.UserRead);
            (await Answer(device)).ShouldBe(ExitCode.Refused); // Others may read the key.
            File.SetUnixFileMode(key, UnixFileMode.UserRead);
            (await Answer(device, "http://sparekey.example.com")).ShouldBe(ExitCode.Configuration); // Others may read the token on its way.
            (await Answer(new string('A', 40))).ShouldBe(ExitCode.Refused); // It is not the key that the person read out.
            (await _server.Get($"/v1/recoveries/{ready.Recovery}", _server.AdminToken))["state"].ShouldBe("ready");

            (await Answer(device.ToLowerInvariant())).ShouldBe(ExitCode.Done);
            (await _server.Get($"/v1/recoveries/{ready.Recovery}", _server.AdminToken))["state"].ShouldBe("completed");

            Task<int> Answer(string requestKey, string? server = null) => CommandLine.Run(
            [
                "escrow", "answer", "--recovery", ready.Recovery.ToString(), "--request-key", requestKey, "--key", key, "--passphrase-file", passphrase,
                "--server", server ?? _server.Origin.AbsoluteUri, "--token-file", token, "--json",
            ]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Nothing_of_key_passphrase_and_secret_stays_in_the_memory_of_the_server()
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-memory-").FullName;
        try
        {
            ReadyEscrow ready;
            await using (var seeding = await SparekeyServer.Start(new ServerOptions(folder, []) { Shared = await TestPlaces.Shared(folder) }, CancellationToken.None))
            {
                ready = await (await EscrowSeed.Plant(seeding.App.Services, "http://127.0.0.1:4800")).Ask();
            }

            await using var process = await ServerProcess.Start(
                folder, environment: new Dictionary<string, string>(StringComparer.Ordinal) { ["SPAREKEY_ORIGIN"] = "http://127.0.0.1:4800" });
            var token = (await File.ReadAllTextAsync(Path.Combine(folder, "bootstrap-token"))).Trim();

            // With its length, as programmes send it: what comes in chunks goes through buffers that nobody can wipe.
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/recoveries/{ready.Recovery}/complete");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            request.Content = new StringContent(JsonSerializer.Serialize(new { key = _key, passphrase = Passphrase }), Encoding.UTF8, "application/json");
            using var answer = await process.Http.SendAsync(request);
            ((int)answer.StatusCode).ShouldBe(200, await answer.Content.ReadAsStringAsync());

            foreach (var encoding in new[] { Encoding.Unicode, Encoding.UTF8 })
            {
                ProcessMemory.Find(process.Id, encoding, ready.Recovery.ToString(), Passphrase, planted.SecretLine, ready.Secret)
                    .ShouldBe([true, false, false, false], encoding.WebName); // The search would find what is there.
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string NewRecovery => "00000000-0000-4000-8000-000000000001";

    private static async Task Write(string file, string text, UnixFileMode mode)
    {
        await File.WriteAllTextAsync(file, text);
        File.SetUnixFileMode(file, mode);
    }

    /// <summary>A server with Ada's escrow, and the organisation's key under a passphrase of ours.</summary>
    public sealed class Planted : IAsyncLifetime
    {
        internal RunningServer Server { get; private set; } = null!;

        internal EscrowSeed Seed { get; private set; } = null!;

        internal string Key { get; private set; } = null!;

        /// <summary>A line that is in the private key alone; without a sign that JSON writes otherwise.</summary>
        internal string SecretLine { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Server = await RunningServer.Start();
            Seed = await EscrowSeed.Plant(Server.Services, Server.Origin.GetLeftPart(UriPartial.Authority));
            var vector = await PassboltVectors.Key(EscrowSeed.OrganisationKey);
            using var opened = PgpSecretKey.Open(Encoding.UTF8.GetBytes(vector.Private), Encoding.UTF8.GetBytes(vector.Passphrase)).Value;
            using var locked = opened.ExportProtected(Encoding.UTF8.GetBytes(Passphrase));
            Key = Encoding.ASCII.GetString(locked.Span);
            SecretLine = Key.Split('\n').Select(l => l.Trim()).Last(l => l.Length >= 60 && !l.Contains('+') && !vector.Public.Contains(l, StringComparison.Ordinal));
        }

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }
}
