using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Keys;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Access;

/// <summary>An engine with two tenants, a key ring that can rotate, and tokens made on demand.</summary>
internal sealed class AccessScene : IAsyncDisposable
{
    public static readonly TenantId Neighbour = TenantId.Parse("neighbour");

    private readonly TestEngine _engine;
    private readonly Dictionary<int, byte[]> _masters = new()
    {
        [1] = RandomNumberGenerator.GetBytes(32),
        [2] = RandomNumberGenerator.GetBytes(32),
    };

    private ServiceProvider _services;

    private AccessScene(TestEngine engine)
    {
        _engine = engine;
        Keys = new KeyRing(_masters, active: 1);
        _services = Start();
    }

    public KeyRing Keys { get; }

    public FakeTimeProvider Time => _engine.Time;

    public FaultyDatabase Faults => _engine.Faults;

    public Acts Acts => Get<Acts>();

    public static async Task<AccessScene> Create()
    {
        var scene = new AccessScene(await TestEngine.Create());
        await scene._engine.AddTenant(Neighbour);
        return scene;
    }

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    /// <summary>A second process over the same database: the same services, nothing of the first one's memory.</summary>
    public ServiceProvider Start() => new ServiceCollection()
        .AddLogging()
        .AddSingleton<TimeProvider>(_engine.Time)
        .AddSparekeyEngine(new EngineOptions(_engine.Database, Keys, new Uri("https://recover.example.com")))
        .BuildServiceProvider();

    /// <summary>The process dies and starts again.</summary>
    public async Task Restart()
    {
        await _services.DisposeAsync();
        _services = Start();
    }

    public void ActivateKey(int version) => Keys.Replace(_masters, version);

    public void RetireKey(int version) => Keys.Replace(
        _masters.Where(m => m.Key != version).ToDictionary(m => m.Key, m => m.Value), Keys.ActiveVersion);

    public static Visitor From(TenantId? tenant = null) => new(tenant ?? TenantId.Default, "192.0.2.1", "request-1");

    public static Caller Operator(TenantId? tenant = null) => new(
        tenant ?? TenantId.Default, "local", "request-1",
        new Grant(Principal.LocalOperator, PermissionSet.All, RankOrder.Default.Highest, ExpiresAt: null));

    public async Task<AccountId> AddPerson(TenantId? tenant = null)
    {
        var id = NewId.Make<AccountId>();
        return await Write(
            async act =>
            {
                await Get<AccountStore>().Insert(act, new Account(id, "user", act.Now, Version: 1));
                return id;
            },
            tenant);
    }

    public Task SetStatus(AccountId person, AccountStatus status) => Write(async act =>
    {
        var before = (await Get<AccountStore>().Find(act.Db, act.Tenant, person)).ShouldNotBeNull();
        return await Get<AccountStore>().Update(act, before, before with { Status = status, Version = before.Version + 1 });
    });

    public Task DeletePerson(AccountId person) => Write(async act =>
        await Get<AccountStore>().Erase(act, (await Get<AccountStore>().Find(act.Db, act.Tenant, person)).ShouldNotBeNull()));

    public Task<T> Write<T>(Func<Act, Task<T>> act, TenantId? tenant = null) =>
        Acts.Write(tenant ?? TenantId.Default, act, CancellationToken.None);

    /// <summary>A token of every permission and the highest role, unless said otherwise.</summary>
    public async Task<MintedToken> Mint(
        string name = "programme", AccountId? owner = null, PermissionSet? permissions = null, string ceiling = "admin",
        TimeSpan? expiresIn = null, int perMinute = 600, TenantId? tenant = null)
    {
        var order = new TokenOrder(null, name, permissions ?? PermissionSet.All)
        {
            Owner = owner?.ToString(),
            Ceiling = ceiling,
            ExpiresIn = expiresIn,
            PerMinute = perMinute,
        };
        return (await Order(Operator(tenant), order)).Value.Fresh.ShouldNotBeNull();
    }

    public Task<Result<Happened<MintedToken>>> Order(Caller caller, TokenOrder order, OnceKey<MintedToken>? once = null) =>
        Get<ManageTokens>().Create(caller, order, once, CancellationToken.None);

    public Task<Result<Caller>> Authenticate(string presented, TenantId? tenant = null) =>
        Get<Authentication>().Authenticate(From(tenant), new SecretText(presented), CancellationToken.None);

    public async Task<Caller> CallerOf(MintedToken minted, TenantId? tenant = null) =>
        (await Authenticate(minted.Secret.Reveal(), tenant)).Value;

    public async Task<Caller> NewCaller(
        string name = "programme", AccountId? owner = null, PermissionSet? permissions = null, string ceiling = "admin",
        TimeSpan? expiresIn = null, int perMinute = 600) =>
        await CallerOf(await Mint(name, owner, permissions, ceiling, expiresIn, perMinute));

    public async Task<long> Count(string sql, object? parameters = null) =>
        await Acts.Read(db => db.Scalar<long>(sql, parameters), CancellationToken.None);

    public Task<long> Tokens() => Count("SELECT COUNT(*) FROM access_tokens");

    public async Task<IReadOnlyList<string>> Ledger(LedgerEvent happened) =>
        [.. (await Acts.Read(
            db => db.List<byte[]>("SELECT body FROM ledger_entries WHERE event = @name", new { name = WireName.Of(happened) }),
            CancellationToken.None)).Select(Encoding.UTF8.GetString)];

    /// <summary>Everything in the database's files, a character a byte.</summary>
    public string StoredBytes() => _engine.StoredBytes();

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _engine.DisposeAsync();
    }
}
