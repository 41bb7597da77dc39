using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Tests.Sessions;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials;

/// <summary>Saved recovery codes against the clock, the many and the wrong.</summary>
public sealed class RecoveryCodeTests : IAsyncLifetime
{
    private static readonly SecretText Fresh = new("a password that was never used");

    private SessionScene _scene = null!;

    public async ValueTask InitializeAsync()
    {
        _scene = await SessionScene.Create();
        await _scene.Get<EnsureDefaultApplication>().Run(TenantId.Default, new Uri("https://recover.example.com"), CancellationToken.None);
    }

    // Whatever a test did, no recovery and its code may contradict each other.
    public async ValueTask DisposeAsync()
    {
        (await Consistency.Faults(_scene.Get<Database>())).Where(f => f.StartsWith("recovery ", StringComparison.Ordinal)).ShouldBeEmpty();
        await _scene.DisposeAsync();
    }

    [Fact]
    public async Task N2_N3_Twelve_different_codes_are_made_and_only_keyed_hashes_of_them_are_stored()
    {
        var codes = await Make();
        codes.Count.ShouldBe(12);
        codes.Select(c => c[..4]).Distinct(StringComparer.Ordinal).Count().ShouldBe(12);
        codes.Select(c => c[4..]).Distinct(StringComparer.Ordinal).Count().ShouldBe(12);
        var stored = _scene.StoredBytes();
        foreach (var code in codes)
        {
            var bare = code.Replace("-", "", StringComparison.Ordinal)[4..];
            stored.ShouldNotContain(bare);
            stored.ShouldNotContain(code[5..]);
            stored.ShouldNotContain(bare[..8]);
        }

        (await _scene.Count("SELECT COUNT(*) FROM recovery_codes WHERE length(mac) = 32 AND key_version = 1")).ShouldBe(12);
        (await _scene.Count("SELECT COUNT(DISTINCT mac) FROM recovery_codes")).ShouldBe(12);
    }

    [Fact]
    public async Task Making_them_takes_a_sign_in_of_the_last_fifteen_minutes_that_still_stands()
    {
        var session = (await _scene.SignedIn()).Session;
        _scene.Time.Advance(Session.PrivilegedTime - TimeSpan.FromMilliseconds(1));
        (await Make(session)).Refusal.ShouldBeNull();
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        (await Make(session)).Refusal!.Code.ShouldBe(RefusalCode.FreshSignInRequired);
        var another = (await _scene.SignedIn()).Session;
        (await Make(another with { RestrictedTo = SessionRestriction.PasswordChange })).Refusal!.Code.ShouldBe(RefusalCode.FreshSignInRequired);
        (await _scene.ChangePassword(another)).Refusal.ShouldBeNull();
        (await Make(another)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        await _scene.Disable(_scene.Ada);
        (await Make(session)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Fact]
    public async Task N3_N18_A_hundred_wrong_tries_use_up_the_code_that_they_name_and_no_other()
    {
        var codes = await Make();
        var wrong = codes[0][..^1] + (codes[0][^1] == 'Z' ? 'Y' : 'Z');
        for (var i = 0; i < 99; i++)
        {
            (await Redeem(wrong, source: $"192.0.2.{i}")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        }

        (await Left()).ShouldBe(12);
        (await _scene.Ledgered(LedgerEvent.RecoveryCodeSpent)).ShouldBe(0);
        (await Redeem(wrong, source: "198.51.100.1")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Left()).ShouldBe(11);
        (await _scene.Ledgered(LedgerEvent.RecoveryCodeSpent)).ShouldBe(1);
        (await Redeem(codes[0], source: "198.51.100.2")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Redeem(codes[1], source: "198.51.100.3")).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Tries_that_know_only_the_accounts_name_use_nothing_up()
    {
        var codes = await Make();
        var names = codes.Select(c => c[..4]).ToHashSet(StringComparer.Ordinal);
        for (var i = 0; i < 250; i++)
        {
            var guess = Guess(names);
            (await Redeem(guess, source: $"10.0.{i / 200}.{i % 200}")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        }

        (await _scene.Count("SELECT SUM(tries) FROM recovery_codes")).ShouldBe(0);
        (await Left()).ShouldBe(12);
        (await Redeem(codes[0], source: "198.51.100.2")).Refusal.ShouldBeNull();

        // What a stranger can write is bounded as well.
        (await _scene.Ledgered(LedgerEvent.RecoveryTryRefused)).ShouldBe(RefusedSignIns.LedgeredPerHour);
    }

    [Fact]
    public async Task N3_A17_A_saved_code_is_slowed_as_every_code_is_and_alike_for_names_that_are_nobodys()
    {
        var codes = await Make();
        var guess = Guess(codes.Select(c => c[..4]).ToHashSet(StringComparer.Ordinal));
        foreach (var name in new[] { "ada", "nobody", "ada@example.com" })
        {
            for (var i = 0; i < Throttle.TriesPerWindow; i++)
            {
                (await Redeem(guess, name)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
            }

            (await Redeem(guess, name)).Refusal!.Code.ShouldBe(RefusalCode.TooManyRequests);
            (await Redeem(codes[0], name)).Refusal!.Code.ShouldBe(RefusalCode.TooManyRequests);
        }

        _scene.Time.Advance(Throttle.Window);
        (await Redeem(codes[0])).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A16_A_code_fits_its_own_account_and_tenant_alone()
    {
        var eve = await _scene.AddAccount("eve");
        await _scene.SetPassword(eve, SessionScene.Password);
        var elsewhere = TenantId.Parse("elsewhere");
        await _scene.AddTenant(elsewhere);
        await _scene.AddAccount("ada", tenant: elsewhere);
        var codes = await Make();
        await Make("eve");
        (await Redeem(codes[0], "eve")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Redeem(codes[0], tenant: elsewhere)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);

        // Not even where somebody who writes to the database moves the row.
        await _scene.Write(act => act.Db.Execute(
            "UPDATE recovery_codes SET credential_id = (SELECT id FROM credentials WHERE account_id = @eve AND kind = 'recovery_codes') WHERE name = @name",
            new { eve = eve.ToString(), name = codes[0][..4] }));
        (await Redeem(codes[0], "eve")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Redeem(codes[1])).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task N4_The_commit_that_sets_a_credential_uses_the_code_up_and_makes_another()
    {
        var codes = await Make();
        var redemption = (await Redeem(codes[0])).Value;
        (await Left()).ShouldBe(12);
        (await SetPassword(redemption, new SecretText("short"))).Refusal!.Code.ShouldBe(RefusalCode.PasswordRefused);
        (await Redeem(codes[0])).Refusal.ShouldBeNull(); // Neither the redemption nor what was refused consumed it.
        redemption = (await Redeem(codes[0])).Value;
        var done = (await SetPassword(redemption)).Value;
        done.Recovery.State.ShouldBe(RecoveryState.Completed);
        var fresh = done.RecoveryCode.ShouldNotBeNull().Reveal();
        codes.ShouldNotContain(fresh);
        (await Left()).ShouldBe(12);
        _scene.StoredBytes().ShouldNotContain(fresh[5..]);
        (await Redeem(codes[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await SetPassword(redemption)).Refusal!.Code.ShouldBe(RefusalCode.RedemptionInvalid);
        (await Redeem(codes[1])).Refusal.ShouldBeNull();
        (await SetPassword((await Redeem(fresh)).Value)).Value.RecoveryCode.ShouldNotBeNull();
        (await _scene.Ledgered(LedgerEvent.RecoveryCodeReplaced)).ShouldBe(2);
        (await _scene.SessionsOf(_scene.Ada)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_code_can_be_typed_again_five_times_and_for_an_hour()
    {
        var codes = await Make();
        for (var i = 0; i < RecoveryLimits.RedemptionsPerSecret; i++)
        {
            (await Redeem(codes[0])).Refusal.ShouldBeNull();
        }

        (await Redeem(codes[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        var redemption = (await Redeem(codes[1])).Value;
        _scene.Time.Advance(RecoveryLimits.RedemptionFor);
        (await SetPassword(redemption)).Refusal!.Code.ShouldBe(RefusalCode.RedemptionInvalid);
        _scene.Time.Advance(RecoveryLimits.SavedCodeFor - RecoveryLimits.RedemptionFor - TimeSpan.FromMilliseconds(1));
        (await Redeem(codes[1])).Refusal.ShouldBeNull();
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        (await Redeem(codes[1])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Redeem(codes[2])).Refusal.ShouldBeNull();

        // What was begun and left alone is over with its time, and the code with it.
        _scene.Time.Advance(RecoveryLimits.OpenFor + TimeSpan.FromHours(1));
        (await _scene.Get<SweepRecoveries>().Run(TenantId.Default, CancellationToken.None)).ShouldBeGreaterThan(0);
        (await Left()).ShouldBe(9);
        (await Redeem(codes[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await _scene.Ledgered(LedgerEvent.RecoveryCodeSpent)).ShouldBe(3);
    }

    [Fact]
    public async Task A11_Of_many_who_hold_one_code_at_once_one_sets_a_credential()
    {
        var codes = await Make();
        var opened = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Redeem(codes[0], source: $"10.1.1.{i}")));
        opened.Count(o => o.Refusal is null).ShouldBe(RecoveryLimits.RedemptionsPerSecret);
        (await _scene.Count("SELECT COUNT(*) FROM recoveries")).ShouldBe(1);
        var done = await Task.WhenAll(opened.Where(o => o.Refusal is null).Select(o => SetPassword(o.Value)));
        done.Count(d => d.Refusal is null).ShouldBe(1);
        (await Left()).ShouldBe(12);
        (await _scene.Ledgered(LedgerEvent.RecoveryCodeReplaced)).ShouldBe(1);
        (await _scene.Ledgered(LedgerEvent.RecoveryCompleted)).ShouldBe(1);
    }

    [Fact]
    public async Task Of_two_codes_of_one_list_both_open_a_recovery_and_each_is_used_once()
    {
        var codes = await Make();
        var (one, two) = ((await Redeem(codes[0])).Value, (await Redeem(codes[1])).Value);
        one.View.Recovery.Id.ShouldNotBe(two.View.Recovery.Id);
        (await SetPassword(one)).Refusal.ShouldBeNull();
        (await SetPassword(two)).Refusal.ShouldBeNull();
        (await Left()).ShouldBe(12);
        (await SetPassword(two)).Refusal!.Code.ShouldBe(RefusalCode.RedemptionInvalid);
    }

    [Fact]
    public async Task New_codes_end_the_old_ones_and_what_they_opened()
    {
        var codes = await Make();
        var redemption = (await Redeem(codes[0])).Value;
        var fresh = await Make();
        (await SetPassword(redemption)).Refusal!.Code.ShouldBe(RefusalCode.RedemptionInvalid);
        foreach (var old in codes.Take(5))
        {
            (await Redeem(old)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        }

        (await _scene.Count("SELECT COUNT(*) FROM recoveries WHERE state = 'cancelled'")).ShouldBe(1);
        (await _scene.Count("SELECT COUNT(*) FROM recovery_codes")).ShouldBe(12);
        (await Redeem(fresh[0])).Refusal.ShouldBeNull();
        (await Left()).ShouldBe(12);
    }

    [Fact]
    public async Task A15_Codes_that_are_removed_by_their_person_or_rest_or_go_with_the_account_are_worth_nothing_nor_is_what_they_opened()
    {
        var codes = await Make();
        var redemption = (await Redeem(codes[0])).Value;
        var set = (await Status()).Id!.Value;
        await _scene.Write(act => _scene.Credentials.SetState(act, _scene.Ada, set, CredentialState.Suspended));
        (await SetPassword(redemption)).Refusal!.Code.ShouldBe(RefusalCode.RedemptionInvalid);
        (await Redeem(codes[1])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Status()).ShouldBe(new RecoveryCodesStatus(null, 0, null, null));
        await _scene.Write(act => _scene.Credentials.SetState(act, _scene.Ada, set, CredentialState.Active));
        redemption = (await Redeem(codes[1])).Value;
        var caller = _scene.CallerOf((await _scene.SignedIn()).Session);
        (await _scene.Get<RevokeOwnCredential>().Run(caller, set, CancellationToken.None)).Refusal.ShouldBeNull();
        (await SetPassword(redemption)).Refusal!.Code.ShouldBe(RefusalCode.RedemptionInvalid);
        (await Redeem(codes[2])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await _scene.Count("SELECT COUNT(*) FROM recovery_codes")).ShouldBe(0);
    }

    [Fact]
    public async Task Policy_can_demand_more_and_the_same_code_comes_back_to_what_waits()
    {
        await _scene.UsePolicy(new RuleDocument("codes", new ConditionDocument(Means: ["saved_code"]), new DemandDocument(Approvals: 1, ConfirmationOrEvidence: true)));
        var codes = await Make();
        var waiting = (await Redeem(codes[0])).Refusal.ShouldNotBeNull();
        waiting.Code.ShouldBe(RefusalCode.RequirementsOpen);
        var id = waiting.Recovery.ShouldNotBeNull();
        (await Redeem(codes[0])).Refusal!.Recovery.ShouldBe(id);
        var recovery = await Find(id);
        (recovery.State, recovery.RequestedBy).ShouldBe((RecoveryState.Pending, Principal.Of(_scene.Ada)));

        // Whoever presents the code says that it is them; what is open is another's word.
        recovery.Requirements.Single(r => r.Kind == RequirementKind.Confirmation).IsMet(_scene.Acts.Now).ShouldBeTrue();
        var decide = _scene.Get<DecideOnRecovery>();
        (await decide.Approve(_scene.Operator(permission: Permission.RecoveryApprove), id, recovery.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
        (await Find(id)).State.ShouldBe(RecoveryState.Ready);
        var redemption = (await Redeem(codes[0])).Value;
        redemption.View.Recovery.Id.ShouldBe(id);
        (await SetPassword(redemption)).Refusal.ShouldBeNull();
        (await Left()).ShouldBe(12);
    }

    [Fact]
    public async Task A_waiting_time_is_told_and_kept_and_a_notice_in_it_stops_the_code()
    {
        await _scene.UsePolicy(new RuleDocument("codes", new ConditionDocument(Means: ["saved_code"]), new DemandDocument(Wait: "24h")));
        var codes = await Make();
        var began = _scene.Acts.Now;
        var waiting = (await Redeem(codes[0])).Refusal.ShouldNotBeNull();
        (waiting.Code, waiting.NotBefore, waiting.RetryAfter).ShouldBe((RefusalCode.RequirementsOpen, began.AddDays(1), TimeSpan.FromDays(1)));
        (await Redeem(codes[1])).Refusal!.Code.ShouldBe(RefusalCode.RequirementsOpen);
        _scene.Time.Advance(TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1));
        (await Redeem(codes[0])).Refusal!.RetryAfter.ShouldBe(TimeSpan.FromMilliseconds(1));
        var policy = Policy.Default;
        await _scene.Write(async act => await _scene.Get<RecoveryAct>().Apply(
            act,
            new RecoveryAct.Found(
                (await _scene.Get<RecoveryStore>().Open(act.Db, act.Tenant, _scene.Ada)).Single(r => r.Id != waiting.Recovery),
                (await _scene.Get<AccountStore>().Find(act.Db, act.Tenant, _scene.Ada))!, policy),
            new RecoveryCommand.Cancel(Principal.Of(_scene.Ada)), null));
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        (await Redeem(codes[1])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await SetPassword((await Redeem(codes[0])).Value)).Value.Recovery.State.ShouldBe(RecoveryState.Completed);
        (await Left()).ShouldBe(11);
    }

    [Fact]
    public async Task The_account_goes_with_its_codes_and_what_they_opened()
    {
        var codes = await Make();
        var redemption = (await Redeem(codes[0])).Value;
        var deleted = await _scene.Get<DeleteAccount>().Run(_scene.Operator(permission: Permission.AccountWrite), _scene.Ada, CancellationToken.None);
        deleted.ShouldBeNull();
        (await _scene.Count("SELECT COUNT(*) FROM recovery_codes")).ShouldBe(0);
        (await SetPassword(redemption)).Refusal!.Code.ShouldBe(RefusalCode.RedemptionInvalid);
        (await Redeem(codes[1])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
    }

    [Fact]
    public async Task T16_Who_holds_a_code_and_was_denied_meets_what_one_who_waits_meets_until_the_end()
    {
        await _scene.UsePolicy(new RuleDocument("codes", new ConditionDocument(Means: ["saved_code"]), new DemandDocument(Approvals: 1)));
        var codes = await Make();
        var (waits, denied) = ((await Redeem(codes[0])).Refusal!, (await Redeem(codes[1])).Refusal!);
        var decide = _scene.Get<DecideOnRecovery>();
        (await decide.Deny(
            _scene.Operator(permission: Permission.RecoveryApprove), denied.Recovery!.Value, (await Find(denied.Recovery.Value)).Digest,
            CancellationToken.None)).Refusal.ShouldBeNull();
        (await Find(denied.Recovery.Value)).State.ShouldBe(RecoveryState.Denied);
        var (one, two) = ((await Redeem(codes[0])).Refusal!, (await Redeem(codes[1])).Refusal!);
        (one.Code, one.Detail, one.Recovery, one.NotBefore).ShouldBe((RefusalCode.RequirementsOpen, waits.Detail, waits.Recovery, null));
        (two.Code, two.Detail, two.Recovery, two.NotBefore).ShouldBe((RefusalCode.RequirementsOpen, waits.Detail, denied.Recovery, null));
        _scene.Time.Advance(RecoveryLimits.OpenFor);
        (await Redeem(codes[0])).Refusal.ShouldBe(RefusalCode.SecretInvalid);
        (await Redeem(codes[1])).Refusal.ShouldBe(RefusalCode.SecretInvalid);
        (await Left()).ShouldBe(10);
    }

    [Fact]
    public async Task Where_policy_refuses_saved_codes_only_who_holds_a_right_one_learns_it()
    {
        var codes = await Make();
        foreach (var demand in new[] { new DemandDocument(Refuse: true), new DemandDocument(Reason: true), new DemandDocument(Ticket: true) })
        {
            var rule = new RuleDocument("no_codes", new ConditionDocument(Means: ["saved_code"]), demand);
            await _scene.Write(act => act.Db.Execute("DELETE FROM policies"));
            await _scene.UsePolicy(rule);
            (await Redeem(codes[0])).Refusal!.Code.ShouldBe(RefusalCode.PolicyRefuses);
            (await Redeem(codes[0][..^1] + (codes[0][^1] == 'Z' ? 'Y' : 'Z'))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        }

        (await _scene.Count("SELECT COUNT(*) FROM recoveries")).ShouldBe(0);
        (await Left()).ShouldBe(12);
    }

    [Fact]
    public async Task Nobody_orders_a_recovery_by_a_saved_code_for_somebody_else()
    {
        await Make();
        var all = new Grant(new Principal(PrincipalKind.ServiceAccount, "desk", "boss"), PermissionSet.All, "admin", null);
        var caller = new Caller(TenantId.Default, "192.0.2.9", "request-2", all);
        var order = new RecoveryOrder(new AccountName(_scene.Ada, null), Means.SavedCode);
        (await _scene.Get<OpenRecovery>().Run(caller, order, null, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.MeansNotAvailable);
        (await _scene.Get<CollectRecovery>().Run(caller, order, new Dictionary<string, string>(StringComparer.Ordinal), CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.MeansNotAvailable);
        (await _scene.Get<OpenRecovery>().Evaluate(caller, order, CancellationToken.None)).Value.Allowed.ShouldBeFalse();
        (await _scene.Count("SELECT COUNT(*) FROM recoveries")).ShouldBe(0);
    }

    [Fact]
    public async Task A_new_key_leaves_saved_codes_good_and_the_old_key_waits_for_them()
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        try
        {
            var file = KeyFiles.Make(Path.Combine(folder, "keyring.json"), _scene.Get<KeyRing>(), _scene.Time);
            var codes = await Make();
            var local = new Caller(
                TenantId.Default, "", "test", new Grant(Principal.LocalOperator, PermissionSet.All, RankOrder.Default.Highest, ExpiresAt: null));
            (await _scene.Get<RotateKeys>().Run(local, file, CancellationToken.None)).ShouldBe(2);
            (await SetPassword((await Redeem(codes[0])).Value)).Refusal.ShouldBeNull();
            (await _scene.Count("SELECT COUNT(*) FROM recovery_codes WHERE spent_at IS NULL AND key_version = 1")).ShouldBe(11);
            (await _scene.Count("SELECT COUNT(*) FROM recovery_codes WHERE spent_at IS NULL AND key_version = 2")).ShouldBe(1);
            (await _scene.Get<KeysInUse>().Count(CancellationToken.None))[1].ShouldBeGreaterThanOrEqualTo(11);
            await Should.ThrowAsync<KeyRingException>(
                () => _scene.Get<RotateKeys>().Retire(local, file, 1, evenInUse: false, CancellationToken.None));
            await _scene.Get<RotateKeys>().Retire(local, file, 1, evenInUse: true, CancellationToken.None);
            (await Redeem(codes[1])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task If_a_commit_is_lost_the_old_codes_work_and_if_its_answer_is_lost_they_are_over()
    {
        var codes = await Make();
        var session = (await _scene.SignedIn()).Session;
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(() => Make(session));
        var redemption = (await Redeem(codes[0])).Value;
        await _scene.Get<SetNewPassword>().Run(SessionScene.From(), redemption.Token, new SecretText("short"), CancellationToken.None);
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(() => SetPassword(redemption));
        (await Left()).ShouldBe(12);
        redemption = (await Redeem(codes[0])).Value;
        (await SetPassword(redemption)).Refusal.ShouldBeNull();
        (await Redeem(codes[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
    }

    private static string Guess(HashSet<string> names)
    {
        while (true)
        {
            var name = SavedCode.MakeName(System.Security.Cryptography.RandomNumberGenerator.GetInt32);
            if (!names.Contains(name))
            {
                return SavedCode.Show(SavedCode.Make(name, System.Security.Cryptography.RandomNumberGenerator.GetInt32)).Reveal();
            }
        }
    }

    private async Task<IReadOnlyList<string>> Make(string name = "ada") =>
        [.. (await Make((await _scene.SignedIn(name)).Session)).Value.Codes.Select(c => c.Reveal())];

    private Task<Result<MadeRecoveryCodes>> Make(Session session) =>
        _scene.Get<MakeRecoveryCodes>().Run(_scene.CallerOf(session), CancellationToken.None);

    private Task<Result<OpenedRedemption>> Redeem(string code, string name = "ada", string? source = null, TenantId? tenant = null) =>
        _scene.Get<RedeemSecret>().Run(
            SessionScene.From(source ?? "192.0.2.1", tenant), new PresentedSecret.Code(new SecretText(code), name), CancellationToken.None);

    private Task<Result<CompletedRecovery>> SetPassword(OpenedRedemption redemption, SecretText? password = null) =>
        _scene.Get<SetNewPassword>().Run(SessionScene.From(), redemption.Token, password ?? Fresh, CancellationToken.None);

    private async Task<Recovery> Find(RecoveryId id) =>
        (await _scene.Acts.Read(db => _scene.Get<RecoveryStore>().Find(db, TenantId.Default, id), CancellationToken.None)).ShouldNotBeNull();

    private async Task<RecoveryCodesStatus> Status()
    {
        var session = new Session(NewId.Make<SessionId>(), _scene.Ada, _scene.Acts.Now, _scene.Acts.Now, _scene.Acts.Now, []);
        return await _scene.Get<ReadRecoveryCodes>().Run(_scene.CallerOf(session), CancellationToken.None);
    }

    private async Task<int> Left() => (await Status()).Left;
}
