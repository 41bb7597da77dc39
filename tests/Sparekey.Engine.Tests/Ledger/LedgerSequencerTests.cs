using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Ledger;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Ledger;

public sealed class LedgerSequencerTests : IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;

    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.Create();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task Where_one_thread_writes_an_entry_has_its_position_at_once_and_elsewhere_it_waits_for_the_sequencer()
    {
        await Record("1", "2");
        await Record("3");
        if (_engine.Database.Dialect.HasOneWriter)
        {
            (await Placed()).ShouldBe(["1", "2", "3"]);
            (await Waiting()).ShouldBe(0);
        }
        else
        {
            (await Placed()).ShouldBeEmpty();
            (await Waiting()).ShouldBe(3);
        }
    }

    [Fact]
    public async Task Of_acts_that_are_undone_no_position_is_left_whoever_is_beside_them()
    {
        await Task.WhenAll(Enumerable.Range(0, 60).Select(async i =>
        {
            try
            {
                await _engine.Acts.Write(TenantId.Default, async act => await Append(act, $"{i}") && i % 3 == 0 ? throw new TimeoutException() : true, None);
            }
            catch (TimeoutException) when (i % 3 == 0)
            {
            }
        }));
        await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None);
        (await Placed()).Order(StringComparer.Ordinal).ShouldBe(
            Enumerable.Range(0, 60).Where(i => i % 3 != 0).Select(i => $"{i}").Order(StringComparer.Ordinal));
        (await _engine.Database.Read(db => db.Scalar<long>("SELECT MAX(position) FROM ledger_positions"), None)).ShouldBe(40);
    }

    [Fact]
    public async Task What_waits_already_comes_before_what_is_written_now()
    {
        await LeaveWaiting("left", "by an earlier version");
        await Record("now");
        await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None);
        await Record("then");
        await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None);
        (await Placed()).ShouldBe(["left", "by an earlier version", "now", "then"]);
        (await Waiting()).ShouldBe(0);
    }

    [Fact]
    public async Task Entries_of_one_process_keep_their_order_within_an_act_and_from_act_to_act_although_the_clock_stands_or_goes_back()
    {
        await Record("1", "2", "3");
        await Record("4");
        _engine.Time.Advance(TimeSpan.FromMinutes(-5));
        await Record("5", "6");
        await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None);
        (await Placed()).ShouldBe(["1", "2", "3", "4", "5", "6"]);
        await Record("7");
        await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None);
        (await Placed()).ShouldBe(["1", "2", "3", "4", "5", "6", "7"]);
    }

    [Fact]
    public async Task More_than_one_batch_is_placed_without_gaps_and_leaves_an_empty_queue()
    {
        var marks = Enumerable.Range(0, 2500).Select(i => $"{i}").ToArray();
        await LeaveWaiting(marks);
        await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None);
        (await Placed()).ShouldBe(marks);
        (await Waiting()).ShouldBe(0);
        (await _engine.Database.Read(db => db.Scalar<long>("SELECT MAX(position) FROM ledger_positions"), None)).ShouldBe(2500);
    }

    [Fact]
    public async Task An_entry_of_a_process_whose_clock_is_behind_comes_after_what_has_a_position()
    {
        await Record("first");
        await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None);
        await LeaveWaiting("late");
        await _engine.Database.Write(db => db.Execute("UPDATE ledger_queue SET seq = 1"), None);
        await Record("last");
        await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None);
        (await Placed()).ShouldBe(["first", "late", "last"]);
    }

    [Fact]
    public async Task Tenants_count_for_themselves()
    {
        var other = TenantId.Parse("other");
        await _engine.AddTenant(other);
        await LeaveWaiting("mine");
        await _engine.Acts.Write(other, act => Append(act, "theirs"), None);
        await new LedgerSequencer(_engine.Acts).Run(other, None);
        (await Waiting()).ShouldBe(1, "the other tenant's queue was left alone");
        await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None);
        (await _engine.Database.Read(db => db.List<long>("SELECT position FROM ledger_positions"), None)).ShouldBe([1, 1]);
    }

    [Fact]
    public async Task Of_a_batch_whose_commit_was_lost_nothing_is_placed_and_of_one_that_was_kept_nothing_is_placed_twice()
    {
        foreach (var fault in new[] { Fault.Lost, Fault.Kept })
        {
            await LeaveWaiting($"{fault}");
            _engine.Faults.FailNext(fault);
            await Should.ThrowAsync<Exception>(() => new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None));
            await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, None);
        }

        (await Placed()).ShouldBe(["Lost", "Kept"]);
        (await Waiting()).ShouldBe(0);
    }

    [Fact]
    public async Task Several_processes_that_write_and_give_positions_at_once_place_every_entry_once_and_without_gaps()
    {
        const int Processes = 4, Acts = 25;
        var processes = Enumerable.Range(0, Processes)
            .Select(_ => new Acts(_engine.Database, _engine.Time, new LedgerWriter(), new Outbox(_engine.Keys))).ToList();
        await Task.WhenAll(processes.SelectMany((acts, p) => new[]
        {
            Task.Run(async () =>
            {
                for (var i = 0; i < Acts; i++)
                {
                    await acts.Write(TenantId.Default, act => Append(act, $"{p}-{i}a", $"{p}-{i}b"), None);
                }
            }),
            Task.Run(async () =>
            {
                for (var i = 0; i < Acts; i++)
                {
                    await new LedgerSequencer(acts).Run(TenantId.Default, None);
                }
            }),
        }));
        await new LedgerSequencer(processes[0]).Run(TenantId.Default, None);

        var placed = (await Placed()).ToList();
        placed.Order(StringComparer.Ordinal).ShouldBe(
            Enumerable.Range(0, Processes).SelectMany(p => Enumerable.Range(0, Acts).SelectMany(i => new[] { $"{p}-{i}a", $"{p}-{i}b" })).Order(StringComparer.Ordinal));
        (await _engine.Database.Read(db => db.Scalar<long>("SELECT MAX(position) FROM ledger_positions"), None)).ShouldBe(placed.Count);
        (await Waiting()).ShouldBe(0);
    }

    // As an engine with several writers does, and as an earlier version did on this one.
    private Task<bool> LeaveWaiting(params string[] marks) => _engine.Database.Write(
        async db =>
        {
            foreach (var (i, mark) in marks.Index())
            {
                var row = new
                {
                    tenant = TenantId.Default.ToString(),
                    id = NewId.Make<EntryId>().ToString(),
                    seq = (_engine.Time.GetUtcNow().AddSeconds(-1).ToUnixTimeMilliseconds() * 1000) + i,
                    body = JsonSerializer.SerializeToUtf8Bytes(new { facts = new { mark } }),
                };
                await db.Execute(
                    """
                    INSERT INTO ledger_entries (tenant_id, id, at, event, actor_id, body, leaf_hash)
                    VALUES (@tenant, @id, 0, 'keys.rotated', 'anonymous', @body, @body)
                    """,
                    row);
                await db.Execute("INSERT INTO ledger_queue (tenant_id, entry_id, seq) VALUES (@tenant, @id, @seq)", row);
            }

            return true;
        },
        None);

    private Task<bool> Record(params string[] marks) => _engine.Acts.Write(TenantId.Default, act => Append(act, marks), None);

    private static async Task<bool> Append(Act act, params string[] marks)
    {
        foreach (var mark in marks)
        {
            await act.Record(new LedgerEntry(LedgerEvent.KeysRotated, Principal.Anonymous)
            {
                Facts = new Dictionary<string, object?>(StringComparer.Ordinal) { ["mark"] = mark },
            });
        }

        return true;
    }

    private async Task<IEnumerable<string>> Placed()
    {
        var bodies = await _engine.Database.Read(
            db => db.List<byte[]>(
                "SELECT e.body FROM ledger_positions p JOIN ledger_entries e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id ORDER BY p.position"),
            None);
        return bodies.Select(b => JsonNode.Parse(b)!["facts"]!["mark"]!.ToString());
    }

    private Task<long> Waiting() => _engine.Database.Read(db => db.Scalar<long>("SELECT count(*) FROM ledger_queue"), None);
}
