using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Reminders;
using Sparekey.Engine.Tests.Delivery;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Incidents;

/// <summary>What time does, with several processes over one database: each thing once.</summary>
public sealed class TimerTests(SmtpFixture fixture) : IClassFixture<SmtpFixture>, IAsyncLifetime
{
    private const int Many = 8;

    private readonly SmtpServer _smtp = fixture.Server;
    private MailScene _scene = null!;
    private ServiceProvider _second = null!;
    private AccountId _account;

    public async ValueTask InitializeAsync()
    {
        await _smtp.Forget();
        _scene = await MailScene.Start(_smtp.Port);
        _second = _scene.Compose(MailScene.To(_smtp.Port));
        _account = await _scene.Account("person@example.com");
    }

    public async ValueTask DisposeAsync()
    {
        await _second.DisposeAsync();
        await _scene.DisposeAsync();
    }

    [Fact]
    public async Task The_end_of_a_waiting_time_is_told_once_by_however_many_processes()
    {
        await SetPolicy(new DemandDocument(Wait: "2h"));
        for (var i = 0; i < Many; i++)
        {
            await Open();
        }

        _scene.Time.Advance(TimeSpan.FromHours(2) - TimeSpan.FromMilliseconds(1));
        await Both();
        (await _scene.Ledgered(LedgerEvent.RecoveryReady)).ShouldBe(0);
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        for (var i = 0; i < 3; i++)
        {
            await Both();
            _scene.Time.Advance(TimeSpan.FromMinutes(1));
        }

        (await _scene.Ledgered(LedgerEvent.RecoveryReady)).ShouldBe(Many);
        (await _scene.Count("SELECT COUNT(*) FROM outbox WHERE kind = 'recovery_ready_notice'")).ShouldBe(Many);

        // And they end once.
        _scene.Time.Advance(RecoveryLimits.OpenFor);
        for (var i = 0; i < 3; i++)
        {
            await Both();
            _scene.Time.Advance(TimeSpan.FromMinutes(1));
        }

        (await _scene.Ledgered(LedgerEvent.RecoveryExpired)).ShouldBe(Many);
        (await Consistency.Faults(_scene.Faults)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_lease_that_ran_out_under_a_slow_process_lets_nothing_happen_twice()
    {
        await SetPolicy(new DemandDocument(Wait: "1h", Confirmation: true, Approvals: 1));
        for (var i = 0; i < Many; i++)
        {
            // One account each: nobody is asked to confirm more than five times an hour.
            _account = await _scene.Account($"person{i}@example.com");
            await Open();
        }

        _scene.Time.Advance(RecoveryLimits.OpenFor + TimeSpan.FromHours(1) - RecoveryLimits.RemindBefore);
        for (var i = 0; i < 4; i++)
        {
            // Nobody's lease holds: both look at the same recoveries side by side.
            await _scene.Write(act => act.Db.Execute("DELETE FROM leases"));
            await Both();
        }

        (await _scene.Ledgered(LedgerEvent.ReminderSent)).ShouldBe(2 * Many); // To the person and to approvers, of whom there are none.
        (await _scene.Count("SELECT COUNT(*) FROM outbox WHERE kind = 'recovery_reminder'")).ShouldBe(Many);
        _scene.Time.Advance(RecoveryLimits.RemindBefore);
        for (var i = 0; i < 4; i++)
        {
            await _scene.Write(act => act.Db.Execute("DELETE FROM leases"));
            await Both();
        }

        (await _scene.Ledgered(LedgerEvent.RecoveryExpired)).ShouldBe(Many);
        (await _scene.Ledgered(LedgerEvent.ReminderSent)).ShouldBe(2 * Many);
    }

    [Fact]
    public async Task Another_process_goes_on_when_the_one_that_did_the_work_is_gone()
    {
        await SetPolicy(new DemandDocument(Wait: "1h"));
        await Open();
        await _scene.Write(act => _scene.Get<Leases>().Take(act, "recoveries", TimeSpan.FromMinutes(1)));
        _scene.Time.Advance(TimeSpan.FromHours(1));
        await _scene.Write(act => _scene.Get<Leases>().Take(act, "recoveries", TimeSpan.FromMinutes(1)));

        var second = _second.GetRequiredService<SweepRecoveries>();
        (await second.Run(TenantId.Default, CancellationToken.None)).ShouldBe(0);
        (await _scene.Ledgered(LedgerEvent.RecoveryReady)).ShouldBe(0);
        _scene.Time.Advance(TimeSpan.FromMinutes(1));
        (await second.Run(TenantId.Default, CancellationToken.None)).ShouldBe(1);
        (await _scene.Ledgered(LedgerEvent.RecoveryReady)).ShouldBe(1);
    }

    [Fact]
    public async Task Those_who_have_not_answered_are_reminded_once_and_nobody_else()
    {
        var able = await Operator("able@example.com", PermissionSet.Of(Permission.RecoveryApprove), "user");
        await Operator("other-rights@example.com", PermissionSet.Of(Permission.RecoveryRead), "admin");
        await Operator("over@example.com", PermissionSet.Of(Permission.RecoveryApprove), "admin", TimeSpan.FromHours(1));
        var requester = await Operator("requester@example.com", PermissionSet.All, "admin");
        await Grant(_account, PermissionSet.All, "admin");
        await SetPolicy(new DemandDocument(Confirmation: true, Approvals: 1));
        var caller = _scene.Caller with
        {
            Grant = _scene.Caller.Grant with { Principal = new Principal(PrincipalKind.ServiceAccount, "programme", requester.ToString()) },
        };
        var id = (await _scene.Get<OpenRecovery>().Run(
            caller, new RecoveryOrder(new AccountName(_account, null), Means.Link), null, CancellationToken.None)).Value.Fresh!.Recovery.Id;
        await _scene.Deliver();
        await _smtp.Forget();

        _scene.Time.Advance(RecoveryLimits.OpenFor - RecoveryLimits.RemindBefore - TimeSpan.FromMilliseconds(1));
        await Both();
        await _scene.Deliver();
        (await _smtp.Received()).ShouldBeEmpty();
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        for (var i = 0; i < 3; i++)
        {
            await Both();
            await _scene.Deliver();
            _scene.Time.Advance(TimeSpan.FromHours(1));
        }

        var mails = await _smtp.Received();
        mails.Select(m => m.To[0]).ShouldBe(["able@example.com", "person@example.com"], ignoreOrder: true);
        var toApprover = mails.Single(m => m.To[0] == "able@example.com");
        toApprover.Text.ShouldContain($"https://recover.example.com/operate/recoveries/{id}");
        toApprover.Text.ShouldNotContain("spn_");
        toApprover.Text.ShouldNotContain("person@example.com");
        mails.Single(m => m.To[0] == "person@example.com").Text.ShouldContain("#spn_");
        able.ShouldNotBe(requester);
    }

    [Fact]
    public async Task What_is_answered_or_over_is_not_reminded_of()
    {
        await SetPolicy(new DemandDocument(Confirmation: true));
        var answered = await Open();
        var cancelled = await Open();
        (await _scene.Get<DecideOnRecovery>().Confirm(
            _scene.Caller with { Grant = _scene.Caller.Grant with { Principal = new Principal(PrincipalKind.ServiceAccount, "verifier", "somebody") } },
            answered.Id, new GivenDecision(answered.Digest), null, CancellationToken.None)).Refusal.ShouldBeNull();
        await _scene.Get<DecideOnRecovery>().Cancel(_scene.Caller, cancelled.Id, null, CancellationToken.None);
        _scene.Time.Advance(RecoveryLimits.OpenFor - RecoveryLimits.RemindBefore);
        await Both();
        (await _scene.Ledgered(LedgerEvent.ReminderSent)).ShouldBe(0);
    }

    [Fact]
    public async Task A5_Who_owns_a_token_a_right_or_a_first_password_is_reminded_once_before_it_ends()
    {
        var owner = await _scene.Account("owner@example.com");
        var tokens = _scene.Get<ManageTokens>();
        await Token("for a month", 30, owner);
        await Token("for a week", 7, owner);
        var revoked = await Token("revoked", 30, owner);
        await Token("nobody to tell", 30, null);
        (await tokens.Revoke(_scene.Caller, revoked, CancellationToken.None)).ShouldBeNull();
        await Grant(owner, PermissionSet.Of(Permission.RecoveryApprove), "user", TimeSpan.FromDays(30));

        await Reminded(TimeSpan.FromDays(23) - TimeSpan.FromMilliseconds(1), 0);
        await Reminded(TimeSpan.FromMilliseconds(1), 2);
        await Reminded(TimeSpan.FromDays(6), 0);

        await _scene.Deliver();
        var mails = (await _smtp.Received()).Where(m => m.To[0] == "owner@example.com").ToList();
        mails.Count.ShouldBe(2);
        mails.ShouldContain(m => m.Text.Contains("(for a month)", StringComparison.Ordinal) && m.Text.Contains("21 December 2026", StringComparison.Ordinal));
        mails.ShouldContain(m => m.Text.Contains("as an operator", StringComparison.Ordinal));

        // A first password lives a day: its person is reminded six hours before.
        await _scene.Write(act => act.Db.Execute(
            """
            INSERT INTO credentials (tenant_id, id, account_id, kind, created_at, provisional_until, version, body)
            VALUES ('default', @id, @account, 'password', @now, @until, 1, '{}')
            """,
            new { id = NewId.Make<CredentialId>().ToString(), account = _account.ToString(), now = act.NowMs, until = (act.Now + TimeSpan.FromHours(24)).ToUnixTimeMilliseconds() }));
        await Reminded(TimeSpan.FromHours(18) - TimeSpan.FromMilliseconds(1), 0);
        await Reminded(TimeSpan.FromMilliseconds(1), 1);

        async Task Reminded(TimeSpan later, int more)
        {
            _scene.Time.Advance(later);
            var before = await _scene.Ledgered(LedgerEvent.ReminderSent);
            for (var i = 0; i < 2; i++)
            {
                await _scene.Write(act => act.Db.Execute("DELETE FROM leases"));
                await Task.WhenAll(
                    _scene.Get<RemindOfExpiry>().Run(TenantId.Default, CancellationToken.None),
                    _second.GetRequiredService<RemindOfExpiry>().Run(TenantId.Default, CancellationToken.None));
            }

            (await _scene.Ledgered(LedgerEvent.ReminderSent) - before).ShouldBe(more);
        }
    }

    // Two processes at once, each its whole round.
    private Task Both() => Task.WhenAll(new[] { Fresh(_scene.Get<Housekeeping>()), Fresh(_second.GetRequiredService<Housekeeping>()) });

    private static async Task Fresh(Housekeeping housekeeping)
    {
        await Task.Yield();
        await housekeeping.RunOnce(CancellationToken.None);
    }

    private async Task<Recovery> Open() => (await _scene.Get<OpenRecovery>().Run(
        _scene.Caller, new RecoveryOrder(new AccountName(_account, null), Means.Link), null, CancellationToken.None)).Value.Fresh!.Recovery;

    private Task SetPolicy(DemandDocument demand) => _scene.Write(async act =>
    {
        var policy = Policy.From(new PolicyDocument(["user", "operator", "admin"], null, [new RuleDocument("all", null, demand)])).Value;
        await _scene.Get<PolicyStore>().Add(act, 1, policy, Principal.LocalOperator);
        return true;
    });

    private async Task<AccountId> Operator(string email, PermissionSet permissions, string ceiling, TimeSpan? lasts = null)
    {
        var account = await _scene.Account(email);
        await Grant(account, permissions, ceiling, lasts);
        return account;
    }

    private Task Grant(AccountId account, PermissionSet permissions, string ceiling, TimeSpan? lasts = null) => _scene.Write(act =>
        _scene.Get<OperatorStore>().Put(act, new Operator(account, permissions, ceiling, act.Now + lasts, act.Now, "local-operator")));

    private Task<TokenId> Token(string name, int days, AccountId? owner) => _scene.Write(async act =>
    {
        var (programme, token) = (NewId.Make<ServiceAccountId>(), NewId.Make<TokenId>());
        await act.Db.Execute(
            """
            INSERT INTO service_accounts (tenant_id, id, name, owner_id, created_at, created_by)
            VALUES ('default', @id, @name, @owner, @now, 'local-operator')
            """,
            new { id = programme.ToString(), name, owner = owner?.ToString() ?? "local-operator", now = act.NowMs });
        await act.Db.Execute(
            """
            INSERT INTO access_tokens
                (tenant_id, id, service_account_id, key_version, mac, permissions, ceiling, per_minute, created_at, created_by, expires_at)
            VALUES ('default', @id, @programme, 1, @mac, 'recovery:read', 'user', 0, @now, 'local-operator', @expires)
            """,
            new
            {
                id = token.ToString(), programme = programme.ToString(), mac = new byte[32], now = act.NowMs,
                expires = (act.Now + TimeSpan.FromDays(days)).ToUnixTimeMilliseconds(),
            });
        return token;
    });
}
