using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Engine;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Ledger;
using Sparekey.Engine.Storage;

namespace Sparekey.Testing;

/// <summary>What every use case needs, over a fresh database that holds the tenant <c>default</c> and nothing else.</summary>
public sealed class TestEngine : IAsyncDisposable
{
    private readonly TestDatabase _files;

    private TestEngine(TestDatabase files, FakeTimeProvider time)
    {
        _files = files;
        Time = time;
        Faults = new FaultyDatabase(files.Database) { RunsActsTwice = TestDatabase.IsPostgres };
        Keys = new KeyRing(new Dictionary<int, byte[]> { [1] = RandomNumberGenerator.GetBytes(32) }, active: 1);
        Acts = new Acts(Faults, time, new LedgerWriter(), new Outbox(Keys));
    }

    /// <summary>
    /// The database that <see cref="Acts"/> uses. It fails no commit until <see cref="Faults"/> is told to. On PostgreSQL, where acts lose races,
    /// each is run twice.
    /// </summary>
    public Database Database => Faults;

    /// <summary>The same database, to plan failures of its commits.</summary>
    public FaultyDatabase Faults { get; }

    /// <summary>The clock.</summary>
    public FakeTimeProvider Time { get; }

    /// <summary>A key ring of one random key.</summary>
    public KeyRing Keys { get; }

    /// <summary>Runs acts.</summary>
    public Acts Acts { get; }

    /// <summary>Makes one.</summary>
    public static async Task<TestEngine> Create()
    {
        var time = new FakeTimeProvider();
        var engine = new TestEngine(await TestDatabase.Create(), time);
        await engine.AddTenant(TenantId.Default);
        return engine;
    }

    /// <summary>Adds a tenant's row.</summary>
    /// <param name="tenant">The tenant.</param>
    public Task AddTenant(TenantId tenant) => _files.Database.Write(
        db => db.Execute(
            "INSERT INTO tenants (id, created_at) VALUES (@id, @now)",
            new { id = tenant.ToString(), now = Time.GetUtcNow().ToUnixTimeMilliseconds() }),
        CancellationToken.None);

    /// <summary>Lets storage do what it needs done now and then.</summary>
    public Task Maintain() => _files.Database.Maintain(CancellationToken.None);

    /// <summary>Everything that is stored, a character a byte.</summary>
    public string StoredBytes() => _files.StoredBytes();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _files.DisposeAsync();
}
