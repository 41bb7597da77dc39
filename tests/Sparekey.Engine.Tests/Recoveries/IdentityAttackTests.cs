using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Tests.Recoveries;

/// <summary>One person under several names, people of the wrong kind, and accounts that change under a recovery.</summary>
public sealed class IdentityAttackTests
{
    private static readonly Permission[] Everything = [.. Enum.GetValues<Permission>()];

    [Fact]
    public async Task A_requesters_other_tokens_programmes_and_sessions_agree_to_nothing_they_asked_for()
    {
        await using var scene = await ProofScene.Create(new DemandDocument(ConfirmationOrEvidence: true, Approvals: 1));
        var boss = await scene.Account("boss", ["boss@example.com"]);
        Caller[] identities =
        [
            ProofScene.CallerOf(boss, Everything), // As an operator's session or personal token.
            ProofScene.CallerOf("one", boss.ToString(), Everything),
            ProofScene.CallerOf("two", boss.ToString(), Everything),
            ProofScene.CallerOf("one", boss.ToString(), Everything) with { Token = NewId.Make<TokenId>(), CorrelationId = "another" },
        ];
        var decide = scene.Get<DecideOnRecovery>();
        foreach (var asks in identities.Take(2))
        {
            var opened = await scene.Opened(by: asks);
            foreach (var again in identities)
            {
                (await decide.Approve(again, opened.Id, opened.Digest, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
                (await decide.Confirm(again, opened.Id, opened.Digest, null, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
                (await decide.GiveEvidence(again, opened.Id, opened.Digest, "id_card", CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
            }

            // Another's approval makes it theirs who asked, and of nobody else with the same rights.
            var other = ProofScene.CallerOf("other", "somebody", Everything);
            (await decide.GiveEvidence(other, opened.Id, opened.Digest, "id_card", CancellationToken.None)).Refusal.ShouldBeNull();
            (await decide.Approve(other, opened.Id, opened.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
            (await scene.Issue(opened.Id, other)).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
            (await scene.Issue(opened.Id, asks)).Refusal.ShouldBeNull();
        }

        // The person's own programme is the person: it may neither ask as an operator nor agree.
        var own = ProofScene.CallerOf("own", scene.Jane.ToString(), Everything);
        (await scene.Open(by: own)).Refusal!.Code.ShouldBe(RefusalCode.OwnAccount);
        var waits = await scene.Opened();
        (await decide.Approve(own, waits.Id, waits.Digest, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.OwnAccount);
    }

    [Fact]
    public async Task One_person_with_two_tokens_is_one_of_two()
    {
        await using var scene = await ProofScene.Create(new DemandDocument(Approvals: 2));
        var approver = await scene.Account("approver", ["approver@example.com"]);
        var opened = await scene.Opened();
        var decide = scene.Get<DecideOnRecovery>();
        (await decide.Approve(ProofScene.CallerOf("one", approver.ToString(), Everything), opened.Id, opened.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
        foreach (var again in new[]
        {
            ProofScene.CallerOf("one", approver.ToString(), Everything), ProofScene.CallerOf("two", approver.ToString(), Everything), ProofScene.CallerOf(approver, Everything),
        })
        {
            (await decide.Approve(again, opened.Id, opened.Digest, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.AlreadyDecided);
        }

        (await scene.Issue(opened.Id)).Refusal!.Code.ShouldBe(RefusalCode.RequirementsOpen);
    }

    [Fact]
    public async Task Who_was_recovered_decides_on_nobody_for_three_days_nor_does_their_programme()
    {
        await using var scene = await ProofScene.Create(new DemandDocument(Approvals: 1));
        var approver = await scene.Account("approver", ["approver@example.com"]);
        var decide = scene.Get<DecideOnRecovery>();

        // The approver's own account is recovered, which takes others.
        var own = (await scene.Get<OpenRecovery>().Run(
            scene.Desk, new RecoveryOrder(new AccountName(approver, null), Means.Link), null, CancellationToken.None)).Value.Fresh!.Recovery;
        (await decide.Approve(ProofScene.CallerOf("other", "somebody", Everything), own.Id, own.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
        var link = (await scene.Issue(own.Id)).Value.Fresh!.Secret!.Text.Reveal();
        (await scene.SetPassword((await scene.RedeemLink(link)).Value)).Refusal.ShouldBeNull();

        Caller[] identities = [ProofScene.CallerOf(approver, Everything), ProofScene.CallerOf("one", approver.ToString(), Everything)];
        scene.Scene.Time.Advance(TimeSpan.FromHours(72) - TimeSpan.FromMilliseconds(1));
        var waits = await scene.Opened();
        foreach (var early in identities)
        {
            (await decide.Approve(early, waits.Id, waits.Digest, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.RecentlyRecovered);
        }

        scene.Scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        (await decide.Approve(identities[1], waits.Id, waits.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Groups_and_managers_are_those_of_the_people_behind_and_a_manager_who_asks_is_none()
    {
        await using var scene = await ProofScene.Create(new DemandDocument(ApprovalsFrom: [new ApproversDocument(1, ["security"])], ApprovalByManager: true));
        var manager = await scene.Account("manager", ["manager@example.com"]);
        var guard = await scene.Account("guard", ["guard@example.com"], ["security"]);
        var clerk = await scene.Account("clerk", ["clerk@example.com"], ["Security", "help_desk"]);
        await Change(scene, scene.Jane, a => a with { Manager = manager });
        var decide = scene.Get<DecideOnRecovery>();

        var asked = await scene.Opened(by: ProofScene.CallerOf("managers", manager.ToString(), Everything));
        (await Approve(asked, manager)).ShouldBe(RefusalCode.SeparationOfDuties);
        (await Approve(asked, guard)).ShouldBeNull();
        (await scene.Find(asked.Id)).State.ShouldBe(RecoveryState.Pending);

        var waits = await scene.Opened();
        (await Approve(waits, clerk)).ShouldBe(RefusalCode.SeparationOfDuties);
        (await Approve(waits, manager)).ShouldBeNull();
        (await Approve(waits, manager)).ShouldBe(RefusalCode.AlreadyDecided);
        (await scene.Issue(waits.Id)).Refusal!.Code.ShouldBe(RefusalCode.RequirementsOpen);
        (await decide.Approve(ProofScene.CallerOf("guards", guard.ToString(), Everything), waits.Id, waits.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
        (await scene.Issue(waits.Id)).Refusal.ShouldBeNull();

        async Task<RefusalCode?> Approve(Recovery recovery, AccountId by) =>
            (await decide.Approve(ProofScene.CallerOf(by, Everything), recovery.Id, recovery.Digest, CancellationToken.None)).Refusal?.Code;
    }

    [Fact]
    public async Task An_account_that_was_changed_after_the_approval_takes_another()
    {
        await using var scene = await ProofScene.Create(new DemandDocument(Approvals: 1));
        var waits = await scene.Opened();
        (await scene.Get<DecideOnRecovery>().Approve(
            ProofScene.CallerOf("other", "somebody", Everything), waits.Id, waits.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
        await Change(scene, scene.Jane, a => a with { Role = "operator" });
        (await scene.Issue(waits.Id)).Refusal!.Code.ShouldBe(RefusalCode.AccountChanged);
        await Change(scene, scene.Jane, a => a with { Role = "user" });
        (await scene.Issue(waits.Id)).Refusal!.Code.ShouldBe(RefusalCode.AccountChanged);
        (await scene.Scene.Count("SELECT COUNT(*) FROM recovery_secrets")).ShouldBe(0);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Revocation.Sessions)]
    [InlineData(Revocation.Passkeys)]
    [InlineData(Revocation.PasskeysForNow)]
    [InlineData(Revocation.RecoveryCodes)]
    public async Task A15_No_factor_goes_with_a_recovery_unless_it_was_named_and_approved(Revocation? named)
    {
        await using var scene = await ProofScene.Create(new DemandDocument(Approvals: 1));
        await scene.Scene.SignedIn("jane");
        var opened = (await scene.Open(revoke: named is { } one ? [one] : [])).Value.Fresh!.Recovery;
        (await scene.Get<DecideOnRecovery>().Approve(
            ProofScene.CallerOf("other", "somebody", Everything), opened.Id, opened.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
        var link = (await scene.Issue(opened.Id)).Value.Fresh!.Secret!.Text.Reveal();
        (await scene.SetPassword((await scene.RedeemLink(link)).Value)).Refusal.ShouldBeNull();

        var kept = (await scene.Scene.Acts.Read(db => scene.Get<CredentialStore>().List(db, TenantId.Default, scene.Jane), CancellationToken.None))
            .Where(c => c.State == CredentialState.Active).Select(c => c.Kind).ToList();
        kept.ShouldContain(CredentialKind.Password);
        kept.Contains(CredentialKind.Passkey).ShouldBe(named is not (Revocation.Passkeys or Revocation.PasskeysForNow));
        kept.Contains(CredentialKind.RecoveryCodes).ShouldBe(named != Revocation.RecoveryCodes);
    }

    private static Task<bool> Change(ProofScene scene, AccountId id, Func<Account, Account> change) => scene.Scene.Write(async act =>
    {
        var account = (await scene.Get<AccountStore>().Find(act.Db, act.Tenant, id)).ShouldNotBeNull();
        return await scene.Get<AccountStore>().Update(act, account, change(account) with { Version = account.Version + 1 });
    });
}
