using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Ledger;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Ledger;

/// <summary>What an act records and queues is written at its end, a statement for many rows.</summary>
public sealed class ActWritesOutTests : IAsyncLifetime
{
    // More than one statement takes.
    private const int Many = 37;

    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.Create();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task Many_entries_of_one_act_keep_their_order_and_their_texts()
    {
        await Write(async act =>
        {
            for (var i = 0; i < Many; i++)
            {
                await act.Record(Entry(i));
            }
        });
        await new LedgerSequencer(_engine.Acts).Run(TenantId.Default, CancellationToken.None);
        var bodies = await Read<byte[]>(
            "SELECT e.body FROM ledger_positions p JOIN ledger_entries e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id ORDER BY p.position");
        bodies.Select(b => System.Text.Json.JsonDocument.Parse(b).RootElement.GetProperty("facts").GetProperty("number").GetInt32())
            .ShouldBe(Enumerable.Range(0, Many));
        var texts = await Read<string>(
            "SELECT t.text FROM ledger_positions p JOIN ledger_texts t ON t.tenant_id = p.tenant_id AND t.entry_id = p.entry_id ORDER BY p.position, t.name");
        texts.ShouldBe(Enumerable.Range(0, Many).SelectMany(i => new[] { $"a{i}", $"b{i}" }));
    }

    [Fact]
    public async Task Many_messages_of_one_act_are_all_queued()
    {
        await Write(async act =>
        {
            for (var i = 0; i < Many; i++)
            {
                await act.Send(new OutboxMessage(MessageKind.RecoveryOpenedNotice, default));
            }
        });
        (await Read<string>("SELECT id FROM outbox")).Distinct().Count().ShouldBe(Many);
    }

    [Fact]
    public async Task What_an_act_queues_and_then_erases_never_leaves()
    {
        var recovery = NewId.Make<RecoveryId>();
        await Write(async act =>
        {
            await act.Send(new OutboxMessage(MessageKind.RecoveryLink, default) { Recovery = recovery, ExpiresAt = act.Now.AddHours(1) });
            await act.EraseSecretMessages(recovery);
        });
        (await Read<string>("SELECT id FROM outbox")).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_act_that_fails_writes_nothing_of_it()
    {
        await Should.ThrowAsync<InvalidOperationException>(() => Write(async act =>
        {
            await act.Record(Entry(1));
            await act.Send(new OutboxMessage(MessageKind.RecoveryOpenedNotice, default));
            throw new InvalidOperationException("The act fails.");
        }));
        (await Read<string>("SELECT id FROM ledger_entries UNION ALL SELECT id FROM outbox")).ShouldBeEmpty();
    }

    private static LedgerEntry Entry(int number) => new(LedgerEvent.RecoveryOpened, Principal.System, null, null)
    {
        Facts = new Dictionary<string, object?>(StringComparer.Ordinal) { ["number"] = number },
        Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["first"] = $"a{number}", ["second"] = $"b{number}" },
    };

    private Task<int> Write(Func<Act, Task> what) => _engine.Acts.Write(
        TenantId.Default,
        async act =>
        {
            await what(act);
            return 0;
        },
        CancellationToken.None);

    private Task<IReadOnlyList<T>> Read<T>(string sql) => _engine.Acts.Read(db => db.List<T>(sql), CancellationToken.None);
}
