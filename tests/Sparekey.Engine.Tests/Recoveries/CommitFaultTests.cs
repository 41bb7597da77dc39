using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Recoveries;

/// <summary>
/// A whole recovery, with each of its commits in turn lost, or kept but reported lost. Whoever called tries again, as people
/// do; in the end the account is recovered once, nothing is half done, and no secret works twice.
/// </summary>
public sealed class CommitFaultTests
{
    [Theory]
    [InlineData(Fault.Lost)]
    [InlineData(Fault.Kept)]
    public async Task Whichever_commit_fails_the_recovery_ends_whole(Fault fault)
    {
        var commits = await CommitsOfAWholeRecovery();
        commits.ShouldBeGreaterThan(4);
        for (var n = 1; n <= commits; n++)
        {
            await using var engine = await Composed.Start();
            engine.Faults.FailNth(n, fault);
            await RecoverPatiently(engine, $"commit {n} {fault}");
            engine.Faults.Heal();
            (await Consistency.Faults(engine.Faults)).ShouldBeEmpty($"commit {n} {fault}");
        }
    }

    [Fact]
    public async Task With_every_third_commit_failing_at_random_nothing_is_half_done()
    {
        for (var seed = 1u; seed <= 10; seed++)
        {
            await using var engine = await Composed.Start();
            engine.Faults.FailRandomly(3, seed);
            await RecoverPatiently(engine, $"seed {seed}");
            engine.Faults.Heal();
            (await Consistency.Faults(engine.Faults)).ShouldBeEmpty($"seed {seed}");
        }
    }

    [Theory]
    [InlineData(Fault.Lost)]
    [InlineData(Fault.Kept)]
    public async Task Whichever_commit_fails_a_reset_by_token_ends_whole(Fault fault)
    {
        for (var n = 1; n <= 4; n++)
        {
            await using var engine = await Composed.Start();
            engine.Faults.FailNth(n, fault);
            await ResetPatiently(engine, $"commit {n} {fault}");
            engine.Faults.Heal();
            (await Consistency.Faults(engine.Faults)).ShouldBeEmpty($"commit {n} {fault}");
        }
    }

    // An answer that was lost had a token in it; the same call makes another, which ends that one.
    private static async Task ResetPatiently(Composed engine, string what)
    {
        var order = new RecoveryOrder(new AccountName(engine.Account, null), Means.Token) { OnlyLowestRole = true, ReplacesEarlier = true };
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        var tokens = new List<SecretText>();
        for (var i = 0; i < 2; i++)
        {
            var made = await Again(() => engine.Get<CollectRecovery>().Run(engine.Caller, order, parameters, CancellationToken.None));
            made.Refusal.ShouldBeNull(what);
            tokens.Add(made.Value.Secret!.Text);
        }

        (await Reset(tokens[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid, what);
        if ((await Reset(tokens[1])).Refusal is { } refusal)
        {
            // It was kept though reported lost: the second try finds the token spent.
            refusal.Code.ShouldBe(RefusalCode.SecretInvalid, what);
        }

        (await Reset(tokens[1])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid, what);
        var all = await Again(() => engine.Get<ReadRecoveries>().Page(
            engine.Caller, new RecoveryFilter(engine.Account, null, null), 10, CancellationToken.None));
        all.Count(r => r.State == RecoveryState.Completed).ShouldBe(1, what);
        all.ShouldAllBe(r => r.State == RecoveryState.Completed || r.State == RecoveryState.Cancelled, what);

        Task<Result<Recovery>> Reset(SecretText token) => Again(() => engine.Get<SetPasswordWithToken>().Run(
            engine.Visitor, engine.Account, token, new SecretText("a password nobody ever used"), CancellationToken.None));
    }

    private static async Task<long> CommitsOfAWholeRecovery()
    {
        await using var engine = await Composed.Start();
        var before = engine.Faults.Commits;
        await RecoverPatiently(engine, "no fault");
        return engine.Faults.Commits - before;
    }

    // What a caller does who does not know whether it happened: the same call again, with the same idempotency key.
    private static async Task RecoverPatiently(Composed engine, string what)
    {
        var order = new RecoveryOrder(new AccountName(engine.Account, null), Means.Link);
        OnceKey<IssuedSecret> once = new("the-one-key", "POST /v1/recoveries", "body"u8.ToArray(), _ => new StoredAnswer(201, "{}"));
        var opened = await Again(() => engine.Get<OpenRecovery>().Run(engine.Caller, order, once, CancellationToken.None));
        opened.Refusal.ShouldBeNull(what);
        var recovery = (await Again(() => engine.Get<ReadRecoveries>().Page(
            engine.Caller, new RecoveryFilter(engine.Account, null, null), 10, CancellationToken.None))).ShouldHaveSingleItem(what);

        // The answer that held the secret may be lost: then the next generation is issued, and the lost one is dead.
        var secret = opened.Value.Fresh?.Secret
            ?? (await Again(() => engine.Get<IssueRecovery>().Run(engine.Caller, recovery.Id, null, CancellationToken.None))).Value.Fresh!.Secret!;
        var link = new SecretText(secret.Text.Reveal().Split('#')[1]);
        var redeemed = await Again(() => engine.Get<RedeemSecret>().Run(
            engine.Visitor, new PresentedSecret.Long(Means.Link, link), CancellationToken.None));
        redeemed.Refusal.ShouldBeNull(what);

        var set = await Again(() => engine.Get<SetNewPassword>().Run(
            engine.Visitor, redeemed.Value.Token, new SecretText("a password nobody ever used"), CancellationToken.None));
        if (set.Refusal is { } refusal)
        {
            // It was kept though reported lost: the second try finds the redemption spent.
            refusal.Code.ShouldBe(RefusalCode.RedemptionInvalid, what);
        }

        (await Again(() => engine.Get<ReadRecoveries>().One(engine.Caller, recovery.Id, CancellationToken.None)))
            .Value.State.ShouldBe(RecoveryState.Completed, what);
        (await Again(() => engine.Get<RedeemSecret>().Run(
            engine.Visitor, new PresentedSecret.Long(Means.Link, link), CancellationToken.None))).Refusal!.Code
            .ShouldBe(RefusalCode.SecretInvalid, what);
    }

    private static async Task<T> Again<T>(Func<Task<T>> call)
    {
        for (var left = 50; ; left--)
        {
            try
            {
                return await call();
            }
            catch (StorageUnavailableException) when (left > 0)
            {
                // The commit, or its answer, was lost.
            }
        }
    }

    private sealed class Composed : IAsyncDisposable
    {
        private readonly TestEngine _engine;
        private readonly ServiceProvider _services;

        private Composed(TestEngine engine, ServiceProvider services, AccountId account)
        {
            _engine = engine;
            _services = services;
            Account = account;
        }

        public AccountId Account { get; }

        public FaultyDatabase Faults => _engine.Faults;

        public Visitor Visitor { get; } = new(TenantId.Default, "203.0.113.7", "test");

        public Caller Caller { get; } = new(
            TenantId.Default, "203.0.113.8", "test", new Grant(Principal.LocalOperator, PermissionSet.All, "admin", ExpiresAt: null));

        public static async Task<Composed> Start()
        {
            var engine = await TestEngine.Create();
            var services = new ServiceCollection()
                .AddLogging()
                .AddSingleton<TimeProvider>(engine.Time)
                .AddSparekeyEngine(new EngineOptions(engine.Faults, engine.Keys, new Uri("https://recover.example.com")))
                .BuildServiceProvider();
            await services.GetRequiredService<EnsureDefaultApplication>().Run(
                TenantId.Default, new Uri("https://recover.example.com"), CancellationToken.None);
            var id = NewId.Make<AccountId>();
            await engine.Acts.Write(
                TenantId.Default,
                async act =>
                {
                    await services.GetRequiredService<AccountStore>().Insert(act, new Account(id, "user", act.Now, 1)
                    {
                        Addresses = [new Address(NewId.Make<AddressId>(), AddressKind.Email, "p@example.com", act.Now, GivenAtCreation: true, ConfirmedAt: null)],
                    });
                    return true;
                },
                CancellationToken.None);
            return new Composed(engine, services, id);
        }

        public T Get<T>()
            where T : notnull => _services.GetRequiredService<T>();

        public async ValueTask DisposeAsync()
        {
            await _services.DisposeAsync();
            await _engine.DisposeAsync();
        }
    }
}
