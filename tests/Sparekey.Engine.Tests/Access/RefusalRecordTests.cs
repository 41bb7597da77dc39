using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Access;

public sealed class RefusalRecordTests : IAsyncLifetime
{
    private AccessScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccessScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task A22_The_refusal_of_a_known_caller_stands_in_the_ledger()
    {
        var caller = await _scene.NewCaller();

        await Refuse(caller);

        var entry = (await _scene.Ledger(LedgerEvent.Refused)).Single();
        entry.ShouldContain("\"code\":\"permission_missing\"");
        entry.ShouldContain("\"route\":\"GET /v1/ledger\"");
        entry.ShouldContain(caller.Token.ToString()!);
        entry.ShouldContain(caller.Principal.Id);
        entry.ShouldNotContain(caller.Source);
    }

    [Fact]
    public async Task A_broken_programme_does_not_fill_the_ledger()
    {
        var caller = await _scene.NewCaller();
        var other = await _scene.NewCaller("other");
        for (var i = 0; i < 100; i++)
        {
            await Refuse(caller);
        }

        await Refuse(other);
        await _scene.Get<SecurityEvents>().Write(CancellationToken.None);

        (await _scene.Ledger(LedgerEvent.Refused)).Count.ShouldBe(61);
        (await Counted()).ShouldBe(40);
        _scene.Time.Advance(TimeSpan.FromMinutes(1));
        await Refuse(caller);
        (await _scene.Ledger(LedgerEvent.Refused)).Count.ShouldBe(62);
    }

    [Fact]
    public async Task A22_Refusals_of_strangers_are_one_row_a_minute_whatever_their_number()
    {
        var events = _scene.Get<SecurityEvents>();
        for (var round = 0; round < 3; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => Task.Run(() => events.Count(TenantId.Default, RefusalCode.PermissionMissing))));
            await events.Write(CancellationToken.None);
        }

        events.Count(AccessScene.Neighbour, RefusalCode.PermissionMissing);
        await events.Write(CancellationToken.None);

        (await _scene.Count("SELECT COUNT(*) FROM security_events")).ShouldBe(2);
        (await Counted()).ShouldBe(3000);
    }

    [Fact]
    public async Task No_count_is_lost_while_it_is_written()
    {
        var events = _scene.Get<SecurityEvents>();
        var counting = Task.Run(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                events.Count(TenantId.Default, RefusalCode.PermissionMissing);
            }
        });
        while (!counting.IsCompleted)
        {
            await events.Write(CancellationToken.None);
        }

        await events.Write(CancellationToken.None);
        (await Counted()).ShouldBe(20_000);
    }

    [Fact]
    public async Task Counts_wait_while_storage_is_away()
    {
        var events = _scene.Get<SecurityEvents>();
        events.Count(TenantId.Default, RefusalCode.PermissionMissing);
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(() => events.Write(CancellationToken.None));
        events.Count(TenantId.Default, RefusalCode.PermissionMissing);

        await events.Write(CancellationToken.None);

        (await Counted()).ShouldBe(2);
    }

    private Task Refuse(Caller caller) =>
        _scene.Get<RecordRefusal>().Run(caller, RefusalCode.PermissionMissing, "GET /v1/ledger");

    private Task<long> Counted() => _scene.Count(
        "SELECT SUM(count) FROM security_events WHERE tenant_id = 'default' AND event = 'permission_missing'");
}
