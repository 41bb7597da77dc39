using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>
/// Kills the server again and again while organisation keys are rotated, one after the other, by two at once. Until a switch everything opens
/// with the one key, afterwards with the other; nothing is lost and nothing is exchanged.
/// </summary>
public sealed class EscrowCrashTests
{
    private const int Kills = 25;
    private const int People = 120;

    // How much one of two does in one life of the server: less than a rotation takes, so that 25 lives are not too many.
    private const int MostInALife = 20;
    private const string Domain = "https://recover.example.com";

    private static readonly Dictionary<string, string> Settings = new(StringComparer.Ordinal) { ["SPAREKEY_ORIGIN"] = Domain };

    // One after the other in force: only keys that may be.
    private static readonly string[] Names =
    [
        "account_recovery_organization", "account_recovery_organization_alternative", "account_recovery_request", "account_recovery_request_alternative",
        "ada", "betty", "carol", "admin", "rsa_4096", "rsa_3072",
    ];

    [Fact]
    public async Task A_rotation_survives_25_kills_and_every_escrow_opens()
    {
        var data = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        try
        {
            await using var story = await Story.Begin(data);
            var at = 0;
            for (var killed = 0; killed < Kills; killed++)
            {
                await using var server = await ServerProcess.Start(data, environment: Settings);
                if (killed == 0)
                {
                    await story.TakeToken(server);
                }

                var now = await story.KeyInForce(server);
                (now - at).ShouldBeInRange(0, 1);
                at = now;
                using var stop = new CancellationTokenSource();
                Task[] work = [story.Rotate(server, at, fromTheEnd: false, MostInALife, stop.Token), story.Rotate(server, at, fromTheEnd: true, MostInALife, stop.Token)];
                await Task.Delay(RandomNumberGenerator.GetInt32(0, 300));
                await server.Kill();
                await stop.CancelAsync();
                await Task.WhenAll(work);
            }

            at.ShouldBeLessThan(Names.Length - 1, "Every kill must meet work.");
            await using (var server = await ServerProcess.Start(data, environment: Settings))
            {
                at = await story.KeyInForce(server);
                await story.Rotate(server, at, fromTheEnd: false, int.MaxValue, CancellationToken.None);
                at = await story.KeyInForce(server);
                await server.Terminate();
            }

            at.ShouldBeGreaterThan(0);
            await story.Check(data, at);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    /// <summary>Keys, people, and for each of both the one message that is right: so that it can be told whether anything was lost or exchanged.</summary>
    private sealed class Story : IAsyncDisposable
    {
        private static readonly Caller Local = new(
            TenantId.Default, "local", "test", new Grant(Principal.LocalOperator, PermissionSet.All, RankOrder.Default.Highest, ExpiresAt: null));

        private readonly PgpSecretKey[] _keys = new PgpSecretKey[Names.Length];
        private readonly Dictionary<AccountId, EscrowSecret> _secrets = [];
        private readonly Dictionary<int, IReadOnlyDictionary<AccountId, string>> _messages = [];
        private readonly Dictionary<int, string> _revoked = [];
        private PgpSecretKey _signer = null!;
        private string _token = "";

        public static async Task<Story> Begin(string data)
        {
            var story = new Story { _signer = await Open("eddsa_ed25519") };
            for (var i = 0; i < Names.Length; i++)
            {
                story._keys[i] = await Open(Names[i]);
            }

            await using var server = await SparekeyServer.Start(new ServerOptions(data, []) { Shared = await TestPlaces.Shared(data) }, CancellationToken.None);
            await story.Enrol(server.App.Services);
            story._token = (await File.ReadAllTextAsync(Path.Combine(data, "bootstrap-token"))).Trim();
            return story;
        }

        // What a token may use in a minute is taken in blocks, and each kill loses one.
        public async Task TakeToken(ServerProcess server)
        {
            var (status, made) = await server.Send(
                HttpMethod.Post, "/v1/tokens",
                new { name = "rotates", permissions = new[] { "escrow:manage" }, ceiling = RankOrder.Default.Highest, expires_in = "20h", per_minute = 1_000_000 }, _token);
            status.ShouldBe(201, made?.ToJsonString());
            _token = (string)made!["token"]!;
        }

        public async Task<int> KeyInForce(ServerProcess server)
        {
            var (status, policy) = await server.Send(HttpMethod.Get, "/v1/escrow/policy", null, _token);
            status.ShouldBe(200);
            return Array.FindIndex(_keys, k => k.Public.Fingerprint == (string?)policy!["key"]!["fingerprint"]);
        }

        // What the command line does where the key is, until it is done or the server is gone.
        public async Task Rotate(ServerProcess server, int at, bool fromTheEnd, int most, CancellationToken stop)
        {
            if (at == Names.Length - 1)
            {
                return;
            }

            var (messages, revoked) = (Messages(at + 1), Revoked(at));
            try
            {
                var (_, rotation) = await server.Send(
                    HttpMethod.Post, "/v1/escrow/rotation", new { new_key = new { armored_key = _keys[at + 1].Public.Armored } }, _token);
                if (rotation?["id"] is not { } id)
                {
                    ((string?)rotation?["code"]).ShouldBe("key_used_before", rotation?.ToJsonString()); // The other one was done already.
                    return;
                }

                for (var done = 0; done < most && !stop.IsCancellationRequested;)
                {
                    var (status, part) = await server.Send(HttpMethod.Get, $"/v1/escrow/rotation/{id}/messages?limit=500", null, _token);
                    if (status != 200 || part!["messages"]!.AsArray() is not { Count: > 0 } tasks)
                    {
                        var (finished, answer) = await server.Send(
                            HttpMethod.Post, $"/v1/escrow/rotation/{id}/finish", new { revoked_key = new { armored_key = revoked } }, _token);
                        finished.ShouldBeOneOf([200, 404], answer?.ToJsonString()); // 404: the other one was first.
                        return;
                    }

                    foreach (var task in (fromTheEnd ? tasks.Reverse() : tasks).Take(8).TakeWhile(_ => !stop.IsCancellationRequested))
                    {
                        var account = Ids.Parse<AccountId>((string)task!["account_id"]!);
                        ((string)task["data"]!).ShouldBe(Messages(at)[account]);
                        var (staged, _) = await server.Send(
                            HttpMethod.Put, $"/v1/escrow/rotation/{id}/messages/{task["id"]}", new { data = messages[account] }, _token);
                        staged.ShouldBeOneOf(204, 404);
                        done++;
                    }
                }
            }
            catch (Exception e) when (e is HttpRequestException or SocketException or IOException or TaskCanceledException)
            {
                // The server was killed.
            }
        }

        // With the key in force everybody's escrow opens: each is the message that opens to that person's secret.
        public async Task Check(string data, int at)
        {
            await using var own = await SparekeyServer.Start(new ServerOptions(data, []) { Shared = await TestPlaces.Shared(data) }, CancellationToken.None);
            var services = own.App.Services;
            var policy = await services.GetRequiredService<ReadEscrowPolicy>().Run(Local, CancellationToken.None);
            var stored = (await services.GetRequiredService<ReadEscrowPasswords>().Run(Local, CancellationToken.None)).Value;
            var all = await services.GetRequiredService<Acts>().Read(
                db => db.Scalar<long>("SELECT COUNT(*) FROM escrow_passwords"), CancellationToken.None);
            policy.Key!.Fingerprint.ShouldBe(_keys[at].Public.Fingerprint);
            (stored.Length, all).ShouldBe((People, People));
            stored.ToDictionary(p => p.Account, p => p.Armored).ShouldBe(Messages(at), ignoreOrder: true);
            foreach (var password in stored.Take(3))
            {
                using var opened = EscrowMessages.Open(
                    password.Armored, _keys[at], new EscrowExpectation([Domain], password.Account.Value, Fingerprint(password.Account), [_signer.Public]),
                    TimeProvider.System.GetUtcNow()).Value;
                opened.Secret.SequenceEqual(_secrets[password.Account].Secret).ShouldBeTrue();
            }
        }

        public ValueTask DisposeAsync()
        {
            foreach (var secret in _secrets.Values)
            {
                secret.Dispose();
            }

            foreach (var key in _keys.Append(_signer))
            {
                key.Dispose();
            }

            return ValueTask.CompletedTask;
        }

        private static string Fingerprint(AccountId account) => $"{account.Value:N}00000000".ToUpperInvariant();

        private static async Task<PgpSecretKey> Open(string name)
        {
            var key = await PassboltVectors.Key(name);
            return PgpSecretKey.Open(Encoding.UTF8.GetBytes(key.Unprotected ?? key.Private), Encoding.UTF8.GetBytes(key.Unprotected is null ? key.Passphrase : "")).Value;
        }

        // Stands in for people's own devices: making keys for all of them would cost minutes.
        private async Task Enrol(IServiceProvider services)
        {
            (await services.GetRequiredService<ChangeEscrowPolicy>().Run(
                Local, new EscrowPolicyChange(EscrowMode.OptIn) { NewKey = new GivenKey(_keys[0].Public.Armored, null) }, CancellationToken.None)).Refusal.ShouldBeNull();
            var now = TimeProvider.System.GetUtcNow();
            for (var i = 0; i < People; i++)
            {
                var id = TestEscrows.NewPerson();
                _secrets[id] = EscrowSecret.New(Domain, id.Value, Fingerprint(id), now);
            }

            foreach (var (id, message) in Messages(0))
            {
                await TestEscrows.Add(services, id, Fingerprint(id), message);
            }
        }

        private IReadOnlyDictionary<AccountId, string> Messages(int key)
        {
            lock (_messages)
            {
                if (!_messages.TryGetValue(key, out var made))
                {
                    made = _secrets.ToDictionary(s => s.Key, s =>
                    {
                        using var json = s.Value.Write();
                        return PgpMessages.Encrypt(json.Span, _keys[key].Public, TimeProvider.System.GetUtcNow(), _signer);
                    });
                    _messages[key] = made;
                }

                return made;
            }
        }

        private string Revoked(int key)
        {
            lock (_revoked)
            {
                return _revoked.TryGetValue(key, out var made) ? made : _revoked[key] = PgpRevocation.Revoke(_keys[key], TimeProvider.System.GetUtcNow());
            }
        }
    }
}
