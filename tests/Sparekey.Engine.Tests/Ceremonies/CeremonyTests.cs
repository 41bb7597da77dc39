using Sparekey.Core;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Tests.Access;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Ceremonies;

public sealed class CeremonyTests : IAsyncLifetime
{
    private const string Kind = "test.flow";
    private const string Id = "an-unguessable-id-of-a-flow";

    private static readonly Flow State = new("a telling state", 7);

    private AccessScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccessScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task A_ceremony_is_found_as_it_was_begun()
    {
        var (account, recovery) = (NewId.Make<AccountId>(), NewId.Make<RecoveryId>());
        await Begin(new Ceremony<Flow>(account, recovery, State, 0));

        (await Find()).ShouldBe(new Ceremony<Flow>(account, recovery, State, 1));
    }

    [Fact]
    public async Task A_ceremony_shows_neither_id_nor_state_to_who_reads_the_database()
    {
        await Begin();

        var stored = _scene.StoredBytes();
        stored.ShouldNotContain(Id);
        stored.ShouldNotContain(State.Text);
    }

    [Fact]
    public async Task A_ceremony_is_found_under_its_own_kind_id_and_tenant_alone()
    {
        await Begin();

        (await Find(kind: "test.other")).ShouldBeNull();
        (await Find(id: Id + "x")).ShouldBeNull();
        (await Find(id: Id.ToUpperInvariant())).ShouldBeNull();
        (await Find(tenant: AccessScene.Neighbour)).ShouldBeNull();
    }

    [Fact]
    public async Task A_ceremony_ends_with_its_time()
    {
        await Begin();
        _scene.Time.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromMilliseconds(1));
        (await Find()).ShouldNotBeNull();

        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));

        (await Find()).ShouldBeNull();
        (await Consume(1)).ShouldBeFalse();
        (await Change(1)).ShouldBeFalse();
    }

    [Fact]
    public async Task Of_a_hundred_who_consume_a_ceremony_at_once_one_does()
    {
        await Begin();

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Consume(1)));

        answers.Count(a => a).ShouldBe(1);
        (await Find()).ShouldBeNull();
    }

    [Fact]
    public async Task A_ceremony_moves_on_from_the_version_that_was_found_and_no_other()
    {
        await Begin();

        (await Change(1)).ShouldBeTrue();
        (await Change(1)).ShouldBeFalse();
        (await Consume(1)).ShouldBeFalse();
        (await Find())!.ShouldBe(new Ceremony<Flow>(null, null, State with { Number = 8 }, 2));
        (await Consume(2)).ShouldBeTrue();
    }

    [Fact]
    public async Task An_act_that_fails_burns_no_ceremony()
    {
        await Begin();
        await Should.ThrowAsync<InvalidOperationException>(() => _scene.Write<bool>(async act =>
        {
            (await Store.Consume(act, Kind, Id, 1)).ShouldBeTrue();
            throw new InvalidOperationException("on purpose");
        }));
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(() => Consume(1));

        (await Consume(1)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_state_that_was_moved_to_another_row_does_not_open()
    {
        await Begin();
        await Begin(id: "victim", state: State with { Number = 1 });
        await _scene.Write(act => act.Db.Execute(
            "UPDATE ceremonies SET sealed = (SELECT sealed FROM ceremonies c WHERE c.id_hash <> ceremonies.id_hash)"));

        await Should.ThrowAsync<SealBrokenException>(() => Find());
    }

    [Fact]
    public async Task A_ceremony_survives_the_rotation_of_keys()
    {
        await Begin();
        _scene.ActivateKey(2);

        (await Find()).ShouldNotBeNull().State.ShouldBe(State);
    }

    private CeremonyStore Store => _scene.Get<CeremonyStore>();

    private Task Begin(Ceremony<Flow>? ceremony = null, string id = Id, Flow? state = null) => _scene.Write(act => Store.Begin(
        act, Kind, id, ceremony ?? new Ceremony<Flow>(null, null, state ?? State, 0), act.Now + TimeSpan.FromMinutes(10)));

    private Task<Ceremony<Flow>?> Find(string kind = Kind, string id = Id, TenantId? tenant = null) => _scene.Acts.Read(
        db => Store.Find<Flow>(db, tenant ?? TenantId.Default, kind, id, _scene.Acts.Now), CancellationToken.None);

    private Task<bool> Consume(int found) => _scene.Write(act => Store.Consume(act, Kind, Id, found));

    private Task<bool> Change(int found) =>
        _scene.Write(act => Store.Change(act, Kind, Id, found, State with { Number = 8 }));

    private sealed record Flow(string Text, int Number);
}
