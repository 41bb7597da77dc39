using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow;

/// <summary>
/// A tenant with escrow, and people whose keys are the vendor's test keys: making keys costs seconds, and every use of a large one a third
/// of a second. So people have small keys and always the same ids, the organisation the smallest it may have, and what was made or opened
/// once is made or opened once.
/// </summary>
internal sealed class EscrowScene : IAsyncDisposable
{
    public const string Domain = "https://recover.example.com";

    private static readonly ConcurrentDictionary<(AccountId Person, string Key, string Organisation), NewEscrow> Made = new();

    private static readonly ConcurrentDictionary<(string Blob, string Password, string Key), string> Recovered = new();

    private static readonly ConcurrentDictionary<string, string> Revocations = new(StringComparer.Ordinal);

    private readonly ServiceProvider _services;

    private EscrowScene(TestEngine engine, Action<IServiceCollection>? more)
    {
        Engine = engine;
        var services = new ServiceCollection().AddLogging().AddSingleton<TimeProvider>(engine.Time)
            .AddSparekeyEngine(new EngineOptions(engine.Database, engine.Keys, new Uri(Domain)));
        more?.Invoke(services);
        _services = services.BuildServiceProvider();
    }

    public TestEngine Engine { get; }

    public Acts Acts => Get<Acts>();

    public PgpSecretKey Organisation { get; private set; } = null!;

    public PgpSecretKey Next { get; private set; } = null!;

    public Caller Manager { get; } = Operator("boss", "admin", Permission.EscrowManage, Permission.AccountRead);

    public static async Task<EscrowScene> Create(bool enabled = true, Action<IServiceCollection>? more = null)
    {
        var scene = new EscrowScene(await TestEngine.Create(), more)
        {
            Organisation = await VectorKeys.Secret("rsa_3072"),
            Next = await VectorKeys.Secret("account_recovery_request"),
        };
        if (enabled)
        {
            (await scene.Enable()).Refusal.ShouldBeNull();
        }

        return scene;
    }

    public static Caller Operator(string name, string ceiling, params Permission[] permissions) => new(
        TenantId.Default, "192.0.2.9", "request-2",
        new Grant(new Principal(PrincipalKind.ServiceAccount, name, $"owner-of-{name}"), PermissionSet.Of(permissions), ceiling, null));

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public Task<Result<EscrowPolicy>> Enable(EscrowMode mode = EscrowMode.OptIn) =>
        Change(new EscrowPolicyChange(mode) { NewKey = Given(Organisation) });

    public Task<Result<EscrowPolicy>> Change(EscrowPolicyChange change, Caller? caller = null) =>
        Get<ChangeEscrowPolicy>().Run(caller ?? Manager, change, CancellationToken.None);

    public Task<Result<EscrowPolicy>> Disable() => Change(new EscrowPolicyChange(EscrowMode.Disabled) { WithoutRevocation = true });

    public Task<Result<EscrowPolicy>> Undo(EscrowPolicyId? which = null) => Get<ChangeEscrowPolicy>().Undo(Manager, which, CancellationToken.None);

    public async Task<Result<EscrowPolicy>> SetMode(EscrowMode mode) =>
        await Change(new EscrowPolicyChange(mode) { KeyId = (await Policy()).Key!.Id.ToString() });

    public Task<EscrowPolicy> Policy() => Get<ReadEscrowPolicy>().Run(Manager, CancellationToken.None);

    public static GivenKey Given(PgpSecretKey key) => new(key.Public.Armored, key.Public.Fingerprint);

    public static GivenKey Revoked(PgpSecretKey key) => new(
        Revocations.GetOrAdd(key.Public.Fingerprint, _ => PgpRevocation.Revoke(key, VectorKeys.Now)), key.Public.Fingerprint);

    /// <summary>Somebody with one of the vendor's keys, signed in.</summary>
    public async Task<EscrowPerson> Person(string key, string? role = null)
    {
        var secret = await KeyOf(key);
        var account = new Account(Ids.FromRandom<AccountId>(SHA256.HashData(Encoding.UTF8.GetBytes(key))), role ?? "user", Acts.Now, 1)
        {
            Username = key,
            Addresses = [new Address(NewId.Make<AddressId>(), AddressKind.Email, $"{key}@example.com", Acts.Now, true, null)],
        };
        var session = await Write(async act =>
        {
            await Get<AccountStore>().Insert(act, account);
            (await Get<PersonKeyStore>().Put(act, account.Id, secret.Public)).Refusal.ShouldBeNull();
            return (await Get<SessionStore>().Open(act, new NewSession(account.Id, ["hwk"]))).Session;
        });
        return new EscrowPerson(account.Id, secret, new SessionCaller(TenantId.Default, "192.0.2.1", "request-1", session));
    }

    public static Task<PgpSecretKey> KeyOf(string person) =>
        VectorKeys.Secret(person switch { "ada" => "eddsa_ed25519", "betty" => "ecdsa_p256", _ => "ecdsa_p384" });

    public NewEscrow Escrow(EscrowPerson person, PgpSecretKey? organisation = null)
    {
        var to = (organisation ?? Organisation).Public;
        return Made.GetOrAdd((person.Account, person.Key.Public.Fingerprint, to.Fingerprint), _ =>
        {
            var halves = EscrowMessages.Enrol(person.Key, to, Domain, person.Account.Value, VectorKeys.Now);
            return new NewEscrow(halves.Blob, [new GivenPassword(null, to.Fingerprint, halves.Password)]);
        });
    }

    public Task<Result<Enrolment>> Enrol(EscrowPerson person, NewEscrow? escrow = null) =>
        Get<EnrolInEscrow>().Enrol(person.Caller, escrow ?? Escrow(person), CancellationToken.None);

    public async Task<EscrowPerson> Enrolled(string key)
    {
        var person = await Person(key);
        (await Enrol(person)).Refusal.ShouldBeNull();
        return person;
    }

    public Task<Enrolment?> EnrolmentOf(EscrowPerson person) => Get<ReadEnrolments>().Find(Manager, person.Account, CancellationToken.None);

    /// <summary>Gives a person's key back, as releasing an escrow does in the end; the fingerprint of what came back.</summary>
    public async Task<string> Recover(EscrowPerson person, PgpSecretKey organisation)
    {
        var (blob, password) = await Acts.Read(
            async db => (await Get<EscrowStore>().FindBlob(db, TenantId.Default, person.Account), await Get<EscrowStore>().FindPassword(db, TenantId.Default, person.Account)),
            CancellationToken.None);
        return Recovered.GetOrAdd((blob.ShouldNotBeNull().Armored, password.ShouldNotBeNull().Armored, organisation.Public.Fingerprint), _ =>
        {
            PgpKey[] signers = [person.Key.Public, Organisation.Public, Next.Public];
            using var secret = EscrowMessages.Open(
                password.Armored, organisation, new EscrowExpectation([Domain], person.Account.Value, person.Key.Public.Fingerprint, signers),
                Acts.Now).Value;
            using var key = EscrowMessages.Recover(blob.Armored, secret, person.Key.Public, Acts.Now).Value;
            return key.Public.Fingerprint;
        });
    }

    public Task<T> Write<T>(Func<Act, Task<T>> act) => Acts.Write(TenantId.Default, act, CancellationToken.None);

    public Task<long> Count(string sql) => Acts.Read(db => db.Scalar<long>(sql), CancellationToken.None);

    public Task<long> Ledgered(LedgerEvent happened) => Acts.Read(
        db => db.Scalar<long>("SELECT COUNT(*) FROM ledger_entries WHERE event = @happened", new { happened = WireName.Of(happened) }), CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await Engine.DisposeAsync();
    }
}

/// <summary>Somebody with a key.</summary>
internal sealed record EscrowPerson(AccountId Account, PgpSecretKey Key, SessionCaller Caller);
