using System.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Tokens;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow.Identity;

public sealed class OpenPgpServerStoreTests : IAsyncLifetime
{
    private const string Secret = "the secret half of a server's key";

    private static readonly Caller Operator = new(
        TenantId.Default, "", "test", new Grant(Principal.LocalOperator, PermissionSet.All, RankOrder.Default.Highest, ExpiresAt: null));

    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.Create();

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Keeps_a_tenants_keys_sealed_and_apart_from_other_tenants()
    {
        var store = new OpenPgpServerStore(_engine.Keys);
        var north = TenantId.Parse("north");
        await _engine.AddTenant(north);
        await Insert(store, TenantId.Default);
        var found = (await _engine.Acts.Read(db => store.Find(db, TenantId.Default), CancellationToken.None))!;
        (found.Domain, found.Fingerprint, found.ArmoredKey).ShouldBe(("https://passbolt.example.com", "openpgp", "public openpgp"));
        found.AccessKeyPem.ShouldBe("public access");
        (await _engine.Acts.Read(db => store.Find(db, north), CancellationToken.None)).ShouldBeNull();
        _engine.StoredBytes().ShouldNotContain(Secret);

        // Nobody moves a sealed key into another tenant's row.
        await Insert(store, north);
        await _engine.Database.Write(
            db => db.Execute(
                """
                UPDATE openpgp_server_keys SET sealed = (SELECT sealed FROM openpgp_server_keys WHERE tenant_id = 'default' AND purpose = 'openpgp')
                WHERE tenant_id = 'north' AND purpose = 'openpgp'
                """),
            CancellationToken.None);
        await Should.ThrowAsync<SealBrokenException>(
            () => _engine.Acts.Read(db => store.SecretOf(db, north, ServerKeyPurpose.Openpgp), CancellationToken.None));
    }

    [Fact]
    public async Task A_rotation_of_the_key_ring_seals_them_again_so_that_the_old_key_can_go()
    {
        var store = new OpenPgpServerStore(_engine.Keys);
        var file = KeyFiles.Make(Path.Combine(_folder, "keyring.json"), _engine.Keys, _engine.Time);
        await Insert(store, TenantId.Default);
        var uses = new KeysInUse(_engine.Database, _engine.Time);
        var rotate = new RotateKeys(_engine.Acts, _engine.Keys, new SigningKeys(_engine.Acts, _engine.Keys), uses, _engine.Time, [store]);
        (await uses.Count(CancellationToken.None))[1].ShouldBe(2);

        await rotate.Run(Operator, file, CancellationToken.None);

        (await uses.Count(CancellationToken.None)).GetValueOrDefault(1).ShouldBe(0);
        await rotate.Retire(Operator, file, 1, evenInUse: false, CancellationToken.None);
        foreach (var purpose in Enum.GetValues<ServerKeyPurpose>())
        {
            var secret = await _engine.Acts.Read(db => store.SecretOf(db, TenantId.Default, purpose), CancellationToken.None);
            Encoding.UTF8.GetString(secret).ShouldBe($"{Secret} {WireName.Of(purpose)}");
        }
    }

    [Fact]
    public void An_access_token_is_read_by_its_own_key_alone_and_says_what_was_written()
    {
        using var key = System.Security.Cryptography.RSA.Create(2048);
        using var other = System.Security.Cryptography.RSA.Create(2048);
        var claims = new AccessClaims(
            "https://passbolt.example.com", Ids.Parse<AccountId>("5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c11"),
            Ids.Parse<SessionId>("5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c12"), DateTimeOffset.FromUnixTimeSeconds(1_795_248_000));
        var token = AccessProof.Write(key.ExportPkcs8PrivateKey(), "key", claims);
        AccessProof.Read(key.ExportSubjectPublicKeyInfoPem(), token).ShouldBe(claims);
        AccessProof.Read(other.ExportSubjectPublicKeyInfoPem(), token).ShouldBeNull();
        for (var length = 0; length < token.Length; length += 7)
        {
            AccessProof.Read(key.ExportSubjectPublicKeyInfoPem(), token[..length]).ShouldBeNull();
        }

        var parts = token.Split('.');
        foreach (var bad in new[] { $"{parts[0]}.{parts[1]}.{parts[2]}=", $" {token}", $"{parts[1]}.{parts[0]}.{parts[2]}", $"{token}.{parts[2]}", new string('A', 100_000) })
        {
            AccessProof.Read(key.ExportSubjectPublicKeyInfoPem(), bad).ShouldBeNull();
        }
    }

    private Task<bool> Insert(OpenPgpServerStore store, TenantId tenant) => _engine.Acts.Write(
        tenant,
        async act =>
        {
            await store.SetDomain(act, "https://passbolt.example.com", []);
            foreach (var purpose in Enum.GetValues<ServerKeyPurpose>())
            {
                var name = WireName.Of(purpose);
                await store.Insert(act, new NewServerKey(purpose, name, $"public {name}", Encoding.UTF8.GetBytes($"{Secret} {name}")));
            }

            return true;
        },
        CancellationToken.None);
}
