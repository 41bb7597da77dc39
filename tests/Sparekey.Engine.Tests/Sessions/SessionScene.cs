using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Sessions;

/// <summary>An engine with one account, <c>ada</c>, whose password is <see cref="Password"/>.</summary>
internal sealed class SessionScene : IAsyncDisposable
{
    public const string Password = "a long and winding password";
    public const string NewPassword = "quite another long password";

    // Cheap, because what a hash costs is tested where hashing is.
    public const int Iterations = 20_000;

    private readonly TestEngine _engine;
    private readonly ServiceProvider _services;

    private SessionScene(TestEngine engine, PasswordHashing hashing)
    {
        _engine = engine;
        _services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(engine.Time)
            .AddSparekeyEngine(new EngineOptions(engine.Database, engine.Keys, new Uri("https://recover.example.com")))
            .AddSingleton(hashing)
            .BuildServiceProvider();
        Acts = Get<Acts>();
    }

    public AccountId Ada { get; private set; }

    public Acts Acts { get; }

    public FakeTimeProvider Time => _engine.Time;

    public FaultyDatabase Faults => _engine.Faults;

    public SqlDialect Dialect => _engine.Database.Dialect;

    public PasswordStore Passwords => Get<PasswordStore>();

    public CredentialStore Credentials => Get<CredentialStore>();

    public SessionStore Sessions => Get<SessionStore>();

    public PasswordHashing Hashing => Get<PasswordHashing>();

    /// <summary>Makes one.</summary>
    /// <param name="hashing">Hashes its passwords; null for a cheap one that never is busy.</param>
    public static async Task<SessionScene> Create(PasswordHashing? hashing = null)
    {
        var scene = new SessionScene(
            await TestEngine.Create(), hashing ?? new PasswordHashing(Iterations, Environment.ProcessorCount, waiting: 1000));
        scene.Ada = await scene.AddAccount("ada");
        await scene.SetPassword(scene.Ada, Password);
        return scene;
    }

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public static Visitor From(string source = "192.0.2.1", TenantId? tenant = null) =>
        new(tenant ?? TenantId.Default, source, "request-1");

    public SessionCaller CallerOf(Session session) => new(TenantId.Default, "192.0.2.1", "request-1", session);

    public Caller Operator(string ceiling = "admin", Permission permission = Permission.CredentialRevoke) => new(
        TenantId.Default, "192.0.2.9", "request-2",
        new Grant(new Principal(PrincipalKind.ServiceAccount, "desk", "boss"), PermissionSet.Of(permission), ceiling, null));

    public Task AddTenant(TenantId tenant) => _engine.AddTenant(tenant);

    public Task<T> Write<T>(Func<Act, Task<T>> act, TenantId? tenant = null) =>
        Acts.Write(tenant ?? TenantId.Default, act, CancellationToken.None);

    public async Task<AccountId> AddAccount(string username, string role = "user", TenantId? tenant = null)
    {
        var account = new Account(NewId.Make<AccountId>(), role, Acts.Now, 1) { Username = username };
        await Write(
            async act =>
            {
                await Get<AccountStore>().Insert(act, account);
                return true;
            },
            tenant);
        return account.Id;
    }

    public Task<bool> Disable(AccountId id) => Write(async act =>
    {
        var account = (await Get<AccountStore>().Find(act.Db, act.Tenant, id)).ShouldNotBeNull();
        return await Get<AccountStore>().Update(
            act, account, account with { Status = AccountStatus.Disabled, Version = account.Version + 1 });
    });

    public async Task<CredentialId> SetPassword(AccountId account, string password, bool provisional = false)
    {
        var hash = (await Hashing.Hash(password, CancellationToken.None)).ShouldNotBeNull();
        return await Write(act => provisional
            ? Passwords.SetProvisional(act, account, hash)
            : Passwords.Set(act, account, hash, null));
    }

    public Task UsePolicy(params RuleDocument[] rules) => Write(act => Get<PolicyStore>().Add(
        act, 1, Policy.From(new PolicyDocument(["user", "operator", "admin"], null, rules)).Value, Principal.LocalOperator));

    public Task<Result<OpenedSession>> SignIn(
        string identifier = "ada", string password = Password, string source = "192.0.2.1", TenantId? tenant = null) =>
        Get<SignIn>().Run(From(source, tenant), identifier, new SecretText(password), CancellationToken.None);

    public async Task<OpenedSession> SignedIn(string identifier = "ada", string password = Password) =>
        (await SignIn(identifier, password)).Value;

    public Task<Result<Session>> Authenticate(string token, SessionRestriction? allowed = null, TenantId? tenant = null) =>
        Get<SessionAuthentication>().Authenticate(tenant ?? TenantId.Default, new SecretText(token), allowed, CancellationToken.None);

    public Task<Result<Session>> Authenticate(OpenedSession opened, SessionRestriction? allowed = null) =>
        Authenticate(opened.Token.Reveal(), allowed);

    public Task<Result<OpenedSession>> ChangePassword(
        Session session, string current = Password, string wanted = NewPassword) =>
        Get<ChangePassword>().Run(
            CallerOf(session), new SecretText(current), new SecretText(wanted), CancellationToken.None);

    public async Task<IReadOnlyList<Session>> SessionsOf(AccountId account) =>
        await Acts.Read(db => Sessions.List(db, TenantId.Default, account, Acts.Now), CancellationToken.None);

    public async Task<StoredPassword?> StoredPassword(AccountId account) =>
        await Acts.Read(db => Passwords.Find(db, TenantId.Default, account), CancellationToken.None);

    public async Task<long> Ledgered(LedgerEvent happened) => await Count(
        "SELECT COUNT(*) FROM ledger_entries WHERE event = @name", new { name = WireName.Of(happened) });

    public async Task<long> Count(string sql, object? parameters = null) =>
        await Acts.Read(db => db.Scalar<long>(sql, parameters), CancellationToken.None);

    /// <summary>Everything in the database's files, a character a byte.</summary>
    public string StoredBytes() => _engine.StoredBytes();

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _engine.DisposeAsync();
    }
}
