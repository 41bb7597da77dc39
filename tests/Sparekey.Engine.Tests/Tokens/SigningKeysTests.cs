using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Tokens;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Tokens;

public sealed class SigningKeysTests
{
    private static readonly Dictionary<string, object> Claims = new(StringComparer.Ordinal) { ["sub"] = "someone" };

    [Fact]
    public async Task Makes_the_first_key_when_it_is_needed_and_keeps_it()
    {
        await using var engine = await TestEngine.Create();
        var keys = new SigningKeys(engine.Acts, engine.Keys);

        var key = await keys.Current(TenantId.Default, CancellationToken.None);
        var again = await new SigningKeys(engine.Acts, engine.Keys).Current(TenantId.Default, CancellationToken.None);
        var published = await keys.Published(TenantId.Default, CancellationToken.None);

        again.Id.ShouldBe(key.Id);
        published.ShouldHaveSingleItem().Kid.ShouldBe(key.Id);
        SignedProof.Read(SignedProof.Write(key, Claims), published).ShouldNotBeNull();
        SignedProof.Read(SignedProof.Write(again, Claims), published).ShouldNotBeNull();
    }

    [Fact]
    public async Task Publishing_makes_the_first_key_too()
    {
        await using var engine = await TestEngine.Create();

        (await new SigningKeys(engine.Acts, engine.Keys).Published(TenantId.Default, CancellationToken.None)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Of_many_that_need_the_first_key_at_once_one_makes_it()
    {
        await using var engine = await TestEngine.Create();

        var made = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
            new SigningKeys(engine.Acts, engine.Keys).Current(TenantId.Default, CancellationToken.None)));

        made.Select(k => k.Id).Distinct(StringComparer.Ordinal).ShouldHaveSingleItem();
        (await Rows(engine)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Tenants_do_not_share_keys()
    {
        await using var engine = await TestEngine.Create();
        var neighbour = TenantId.Parse("neighbour");
        await engine.AddTenant(neighbour);
        var keys = new SigningKeys(engine.Acts, engine.Keys);

        var ours = SignedProof.Write(await keys.Current(TenantId.Default, CancellationToken.None), Claims);
        var theirs = await keys.Published(neighbour, CancellationToken.None);

        theirs.ShouldHaveSingleItem();
        SignedProof.Read(ours, theirs).ShouldBeNull();
    }

    [Theory]
    [InlineData(Fault.Lost)]
    [InlineData(Fault.Kept)]
    public async Task A_commit_that_fails_leaves_no_key_that_nobody_can_check(Fault fault)
    {
        await using var engine = await TestEngine.Create();
        var keys = new SigningKeys(engine.Acts, engine.Keys);
        engine.Faults.FailNext(fault);

        await Should.ThrowAsync<StorageUnavailableException>(() => keys.Current(TenantId.Default, CancellationToken.None));

        var key = await keys.Current(TenantId.Default, CancellationToken.None);
        SignedProof.Read(SignedProof.Write(key, Claims), await keys.Published(TenantId.Default, CancellationToken.None)).ShouldNotBeNull();
        (await Rows(engine)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task The_private_half_is_stored_sealed_for_its_row()
    {
        await using var engine = await TestEngine.Create();
        var key = await new SigningKeys(engine.Acts, engine.Keys).Current(TenantId.Default, CancellationToken.None);

        var row = (await Rows(engine)).ShouldHaveSingleItem();

        var clear = engine.Keys.Open(KeyPurpose.SigningKey, TenantId.Default, "signing_keys", key.Id, row.Sealed);
        using var ecdsa = ECDsa.Create();
        ecdsa.ImportPkcs8PrivateKey(clear, out _);
        var secret = ecdsa.ExportParameters(includePrivateParameters: true).D!;
        row.Sealed.AsSpan().IndexOf(secret).ShouldBe(-1);
        row.Jwk.ShouldNotContain("\"d\"");
        row.Jwk.ShouldContain("\"kty\":\"EC\"");
        Should.Throw<SealBrokenException>(() => engine.Keys.Open(KeyPurpose.SigningKey, TenantId.Default, "signing_keys", "another", row.Sealed));
        Encoding.UTF8.GetString(row.Sealed).ShouldNotContain("PRIVATE");
    }

    [Fact]
    public async Task Without_the_key_ring_that_sealed_it_a_key_signs_nothing()
    {
        await using var engine = await TestEngine.Create();
        await new SigningKeys(engine.Acts, engine.Keys).Current(TenantId.Default, CancellationToken.None);
        var other = new KeyRing(new Dictionary<int, byte[]> { [1] = RandomNumberGenerator.GetBytes(32) }, active: 1);

        await Should.ThrowAsync<SealBrokenException>(() => new SigningKeys(engine.Acts, other).Current(TenantId.Default, CancellationToken.None));

        (await Rows(engine)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_retired_key_is_neither_used_nor_published()
    {
        await using var engine = await TestEngine.Create();
        var first = await new SigningKeys(engine.Acts, engine.Keys).Current(TenantId.Default, CancellationToken.None);
        await engine.Database.Write(db => db.Execute("UPDATE signing_keys SET retired_at = 1"), CancellationToken.None);
        var restarted = new SigningKeys(engine.Acts, engine.Keys);

        var second = await restarted.Current(TenantId.Default, CancellationToken.None);

        second.Id.ShouldNotBe(first.Id);
        (await restarted.Published(TenantId.Default, CancellationToken.None)).ShouldHaveSingleItem().Kid.ShouldBe(second.Id);
    }

    private static Task<IReadOnlyList<Row>> Rows(TestEngine engine) => engine.Database.Read(
        db => db.List<Row>("SELECT public_jwk AS Jwk, sealed AS Sealed FROM signing_keys"), CancellationToken.None);

    private sealed record Row(string Jwk, byte[] Sealed);
}
