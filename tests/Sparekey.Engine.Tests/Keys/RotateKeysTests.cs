using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Access;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Tokens;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Keys;

public sealed class RotateKeysTests : IAsyncLifetime
{
    private static readonly Dictionary<string, object> Claims = new(StringComparer.Ordinal) { ["sub"] = "someone" };
    private static readonly Caller Operator = new(
        TenantId.Default, "", "test", new Grant(Principal.LocalOperator, PermissionSet.All, RankOrder.Default.Highest, ExpiresAt: null));

    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
    private KeyRingFile _file = null!;
    private TestEngine _engine = null!;
    private KeysInUse _uses = null!;
    private RotateKeys _rotate = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = await TestEngine.Create();
        _file = KeyFiles.Make(Path.Combine(_folder, "keyring.json"), _engine.Keys, _engine.Time);
        _uses = new KeysInUse(_engine.Database, _engine.Time);
        _rotate = new RotateKeys(_engine.Acts, _engine.Keys, new SigningKeys(_engine.Acts, _engine.Keys), _uses, _engine.Time, []);
    }

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_rotation_loses_no_signing_key_and_lets_the_old_key_go()
    {
        var proof = SignedProof.Write(await Restarted().Current(TenantId.Default, CancellationToken.None), Claims);
        (await InUse(1)).ShouldBe(1);

        (await _rotate.Run(Operator, _file, CancellationToken.None)).ShouldBe(2);

        (await InUse(1), await InUse(2)).ShouldBe((0, 1));
        await _rotate.Retire(Operator, _file, 1, evenInUse: false, CancellationToken.None);
        (_engine.Keys.ActiveVersion, _engine.Keys.Versions.Count).ShouldBe((2, 1));
        var published = await Restarted().Published(TenantId.Default, CancellationToken.None);
        SignedProof.Read(proof, published).ShouldNotBeNull();
        var later = SignedProof.Write(await Restarted().Current(TenantId.Default, CancellationToken.None), Claims);
        SignedProof.Read(later, published).ShouldNotBeNull();
        (await Ledger()).ShouldBe(["keys_rotated", "keys_rotated"]);
    }

    [Fact]
    public async Task A_rotation_that_stops_halfway_leaves_both_keys_and_can_be_done_again()
    {
        await Restarted().Current(TenantId.Default, CancellationToken.None);
        _engine.Faults.FailNext(Fault.Lost);

        await Should.ThrowAsync<StorageUnavailableException>(() => _rotate.Run(Operator, _file, CancellationToken.None));

        await Restarted().Current(TenantId.Default, CancellationToken.None);
        _engine.Keys.Versions.ShouldBe([1, 2]);
        (await _rotate.Run(Operator, _file, CancellationToken.None)).ShouldBe(3);
        (await InUse(1), await InUse(3)).ShouldBe((0, 1));
    }

    [Fact]
    public async Task A_key_that_something_hangs_on_is_retired_by_force_alone()
    {
        await _rotate.Run(Operator, _file, CancellationToken.None);
        await Confirmation(keyVersion: 1, minutes: 10);

        (await InUse(1)).ShouldBe(1);
        await Should.ThrowAsync<KeyRingException>(() => _rotate.Retire(Operator, _file, 1, evenInUse: false, CancellationToken.None));
        _file.Load().Versions.ShouldBe([1, 2]);

        await _rotate.Retire(Operator, _file, 1, evenInUse: true, CancellationToken.None);

        _file.Load().Versions.ShouldBe([2]);
        _engine.Keys.Versions.ShouldBe([2]);
    }

    [Fact]
    public async Task What_has_expired_hangs_on_nothing()
    {
        await Confirmation(keyVersion: 1, minutes: 10);
        (await InUse(1)).ShouldBe(1);

        _engine.Time.Advance(TimeSpan.FromMinutes(10));

        (await InUse(1)).ShouldBe(0);
    }

    [Fact]
    public async Task The_active_key_stays_whatever_is_said()
    {
        foreach (var version in new[] { 1, 0, 7 })
        {
            await Should.ThrowAsync<KeyRingException>(() => _rotate.Retire(Operator, _file, version, evenInUse: true, CancellationToken.None));
        }

        _engine.Keys.Versions.ShouldBe([1]);
        (await Ledger()).ShouldBeEmpty();
    }

    private SigningKeys Restarted() => new(_engine.Acts, _engine.Keys);

    private async Task<long> InUse(int version) => (await _uses.Count(CancellationToken.None)).GetValueOrDefault(version);

    private Task Confirmation(int keyVersion, int minutes) => _engine.Database.Write(
        async db =>
        {
            var expires = _engine.Time.GetUtcNow().AddMinutes(minutes).ToUnixTimeMilliseconds();
            await db.Execute(
                """
                INSERT INTO accounts (tenant_id, id, role, kind, status, group_names, traits, metadata_public, metadata_admin, created_at, version)
                VALUES ('default', 'person', 'member', 'person', 'active', '[]', '{}', '{}', '{}', 0, 1)
                """);
            await db.Execute(
                """
                INSERT INTO addresses (tenant_id, id, account_id, ordinal, kind, value, since, given_at_creation,
                    confirm_key_version, confirm_mac, confirm_sent_at, confirm_expires_at)
                VALUES ('default', 'address', 'person', 0, 'email', 'someone@example.org', 0, 0, @keyVersion, @mac, 0, @expires)
                """,
                new { keyVersion, mac = new byte[1], expires });
            return true;
        },
        CancellationToken.None);

    private Task<IReadOnlyList<string>> Ledger() => _engine.Database.Read(
        db => db.List<string>("SELECT event FROM ledger_entries ORDER BY at"), CancellationToken.None);
}
