using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Keys;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Accounts;

/// <summary>A message as it left, or would leave.</summary>
internal sealed record Sent(MessageKind Kind, string Account, IReadOnlyList<string> To, IReadOnlyDictionary<string, string> Values);

/// <summary>An engine whose tenant has its default application, and the words in which operators speak to it.</summary>
internal sealed class AccountScene : IAsyncDisposable
{
    public static readonly TenantId Neighbour = TenantId.Parse("neighbour");

    private readonly TestEngine _engine;
    private readonly ServiceProvider _services;

    private AccountScene(TestEngine engine)
    {
        _engine = engine;
        _services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(engine.Time)
            .AddSparekeyEngine(new EngineOptions(engine.Database, engine.Keys, new Uri("https://recover.example.com")))
            .AddSingleton(new PasswordHashing(20_000, Environment.ProcessorCount, waiting: 1000))
            .BuildServiceProvider();
        Acts = Get<Acts>();
    }

    public Acts Acts { get; }

    public FakeTimeProvider Time => _engine.Time;

    public FaultyDatabase Faults => _engine.Faults;

    public static async Task<AccountScene> Create()
    {
        var scene = new AccountScene(await TestEngine.Create());
        await scene.Get<EnsureDefaultApplication>().Run(
            TenantId.Default, new Uri("https://recover.example.com"), CancellationToken.None);
        return scene;
    }

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public Task AddTenant(TenantId tenant) => _engine.AddTenant(tenant);

    /// <summary>A programme of the help desk.</summary>
    public static Caller Desk(string ceiling = "operator", TenantId? tenant = null, PermissionSet? permissions = null) => new(
        tenant ?? TenantId.Default, "192.0.2.9", "request-1",
        new Grant(new Principal(PrincipalKind.ServiceAccount, "desk", "boss"), permissions ?? PermissionSet.All, ceiling, null));

    /// <summary>A programme of the account's own person.</summary>
    public static Caller ProgrammeOf(AccountId account) => new(
        TenantId.Default, "192.0.2.9", "request-1",
        new Grant(new Principal(PrincipalKind.ServiceAccount, "own", account.ToString()), PermissionSet.All, "admin", null));

    public static Caller LocalOperator { get; } = new(
        TenantId.Default, "local", "request-1", new Grant(Principal.LocalOperator, PermissionSet.All, "admin", null));

    public async Task<Result<Account>> Make(NewAccount wanted, Caller? caller = null)
    {
        var made = await Get<CreateAccount>().Run(caller ?? Desk("admin"), wanted, null, CancellationToken.None);
        return made.Refusal is { } refusal ? refusal : made.Value.Fresh!;
    }

    public async Task<Account> Person(string email = "person@example.com", string role = "user", TenantId? tenant = null) =>
        (await Make(new NewAccount { Emails = [email], Role = role }, Desk("admin", tenant))).Value;

    public Task<Result<Account>> Change(AccountId id, AccountChange change, Caller? caller = null) =>
        Get<ChangeAccount>().Run(caller ?? Desk(), id, change, CancellationToken.None);

    public Task<Refusal?> Delete(AccountId id, Caller? caller = null) =>
        Get<DeleteAccount>().Run(caller ?? Desk(), id, CancellationToken.None);

    public async Task<Result<Account>> Add(
        AccountId id, string value, Caller? caller = null, AddressKind kind = AddressKind.Email)
    {
        var added = await Get<AddAddress>().Run(caller ?? Desk(), id, kind, value, null, CancellationToken.None);
        return added.Refusal is { } refusal ? refusal : added.Value.Fresh!;
    }

    /// <summary>Adds an address and gives its id.</summary>
    public async Task<AddressId> Added(AccountId id, string value) =>
        (await Add(id, value)).Value.Addresses.Single(a => a.Value == value).Id;

    public Task<Refusal?> Remove(AccountId id, AddressId address, Caller? caller = null) =>
        Get<RemoveAddress>().Run(caller ?? Desk(), id, address, CancellationToken.None);

    public Task<Result<Account>> Confirm(AccountId id, AddressId address, string code, Caller? caller = null) =>
        Get<ConfirmAddress>().Run(caller ?? Desk(), id, address, new SecretText(code), CancellationToken.None);

    public Task<Refusal?> SendCode(AccountId id, AddressId address, Caller? caller = null) =>
        Get<ConfirmAddress>().SendCode(caller ?? Desk(), id, address, CancellationToken.None);

    public Task<Account?> Find(AccountId id, TenantId? tenant = null) =>
        Acts.Read(db => Get<AccountStore>().Find(db, tenant ?? TenantId.Default, id), CancellationToken.None);

    public Task<Account?> FindByIdentifier(string typed, TenantId? tenant = null) =>
        Acts.Read(db => Get<AccountStore>().FindByIdentifier(db, tenant ?? TenantId.Default, typed), CancellationToken.None);

    /// <summary>Every message that waits, oldest first.</summary>
    public async Task<IReadOnlyList<Sent>> Outbox(TenantId? tenant = null)
    {
        var of = tenant ?? TenantId.Default;
        var rows = await Acts.Read(
            db => db.List<Row>(
                $"SELECT id AS Id, kind AS Kind, account_id AS Account, sealed AS Sealed FROM outbox WHERE tenant_id = @tenant ORDER BY {TestDatabase.InsertionOrder}",
                new { tenant = of.ToString() }),
            CancellationToken.None);
        return [.. rows.Select(r =>
        {
            var payload = JsonDocument.Parse(_engine.Keys.Open(KeyPurpose.Outbox, of, "outbox", r.Id, r.Sealed)).RootElement;
            return new Sent(
                WireName.Parse<MessageKind>(r.Kind), r.Account,
                [.. payload.GetProperty("To").EnumerateArray().Select(t => t.GetProperty("Value").GetString()!)],
                payload.GetProperty("Values").EnumerateObject().ToDictionary(v => v.Name, v => v.Value.GetString()!));
        })];
    }

    /// <summary>The code that an address was sent last.</summary>
    public async Task<string> CodeAt(string address) =>
        (await Outbox()).Last(m => m.Kind == MessageKind.AddressConfirmation && m.To.Contains(address)).Values["code"];

    public async Task<IReadOnlyList<JsonElement>> Ledger(LedgerEvent happened) =>
        [.. (await Acts.Read(
            db => db.List<byte[]>(
                "SELECT body FROM ledger_entries WHERE event = @name ORDER BY at", new { name = WireName.Of(happened) }),
            CancellationToken.None)).Select(b => JsonDocument.Parse(b).RootElement)];

    public Task<long> Count(string sql, object? parameters = null) =>
        Acts.Read(db => db.Scalar<long>(sql, parameters), CancellationToken.None);

    public Task<int> Execute(string sql, object? parameters = null) =>
        _engine.Database.Write(db => db.Execute(sql, parameters), CancellationToken.None);

    /// <summary>Everything in the database's files, a character a byte, after the log was emptied.</summary>
    public async Task<string> StoredBytes()
    {
        await _engine.Database.Maintain(CancellationToken.None);
        return _engine.StoredBytes();
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _engine.DisposeAsync();
    }

    private sealed record Row(string Id, string Kind, string Account, byte[] Sealed);
}
