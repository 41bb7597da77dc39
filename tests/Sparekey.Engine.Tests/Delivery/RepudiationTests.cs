using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Delivery;

/// <summary>"This was not me", from the notice that arrived to what it does, and what it must not do.</summary>
public sealed class RepudiationTests(SmtpFixture fixture) : IClassFixture<SmtpFixture>, IAsyncLifetime
{
    private readonly SmtpServer _smtp = fixture.Server;
    private MailScene _scene = null!;
    private AccountId _account;

    public async ValueTask InitializeAsync()
    {
        await _smtp.Forget();
        _scene = await MailScene.Start(_smtp.Port);
        _account = await _scene.Account("person@example.com");
    }

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Ends_an_open_recovery_with_its_secret_and_its_redemption()
    {
        var (recovery, link) = await Open();
        var redemption = await Redeem(link);
        var token = (await TokensOfNotices())[0];

        var done = await Repudiate(token);

        done.ShouldHaveDone(recovery, RecoveryState.Cancelled, 0);
        (await _scene.Get<ReadRedemption>().Run(_scene.Visitor, redemption, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.RedemptionInvalid);
        (await _scene.Get<RedeemSecret>().Run(_scene.Visitor, new PresentedSecret.Long(Means.Link, link), CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await _scene.Ledgered(LedgerEvent.RecoveryRepudiated)).ShouldBe(1);
        (await ActorOf("recovery_cancelled")).ShouldBe(_account.ToString());
        (await Account()).Status.ShouldBe(AccountStatus.Active);
        (await Consistency.Faults(_scene.Faults)).ShouldBeEmpty();

        // The person is told that it worked, at every address.
        await _scene.Deliver();
        (await _smtp.Received()).Count(m => m.Subject.Contains("cancelled", StringComparison.Ordinal)).ShouldBe(1);
    }

    [Fact]
    public async Task After_completion_the_sessions_since_then_end_once_and_the_account_stays_usable()
    {
        var (recovery, link) = await Open(revoke: []);
        var before = await OpenSession();
        _scene.Time.Advance(TimeSpan.FromSeconds(1));
        await Complete(await Redeem(link));
        var thiefs = await OpenSession();
        var tokens = await TokensOfNotices();

        (await Repudiate(tokens[0])).ShouldHaveDone(recovery, RecoveryState.Completed, 1);
        (await Sessions()).ShouldBe([before]);
        (await Account()).Status.ShouldBe(AccountStatus.Active);
        thiefs.ShouldNotBe(before);

        // The person is back, and the same link must not sign them out.
        var own = await OpenSession();
        (await Repudiate(tokens[0])).ShouldHaveDone(recovery, RecoveryState.Completed, 0);
        (await Sessions()).ShouldBe([before, own]);
        (await _scene.Ledgered(LedgerEvent.RecoveryRepudiated)).ShouldBe(1);
    }

    [Fact]
    public async Task N15_Every_notice_of_a_recovery_has_a_token_of_its_own_and_secrets_have_none()
    {
        await _scene.Get<RequestRecovery>().Run(_scene.Visitor, "person@example.com", CancellationToken.None);
        await _scene.Deliver();
        var mails = await _smtp.Received();
        mails.Count(m => m.Text.Contains("#spn_", StringComparison.Ordinal)).ShouldBe(2);
        mails.Single(m => m.Text.Contains("#spl_", StringComparison.Ordinal)).Text.ShouldNotContain("spn_");
        var tokens = await TokensOfNotices();
        tokens.Distinct().Count().ShouldBe(2);
        mails.Where(m => m.Text.Contains("#spn_")).ShouldAllBe(m => tokens.Any(t => m.Html.Contains($"href=\"https://recover.example.com/recover/not-me#{t}\"")));
        tokens.ShouldAllBe(t => !_scene.StoredBytes().Contains(t));
    }

    [Fact]
    public async Task A_notice_that_is_tried_again_keeps_its_token()
    {
        await Open();
        _scene.Faults.FailNth(2, Fault.Lost); // The claim stands, the record of one sending is lost.
        await _scene.Deliver();
        _scene.Time.Advance(TimeSpan.FromMinutes(3));
        await _scene.Deliver();
        (await _smtp.Received()).Count.ShouldBe(3);
        var tokens = (await _smtp.Received()).Select(TokenOf).ToList();
        tokens.Distinct().Count().ShouldBe(2);
        (await _scene.Count("SELECT COUNT(*) FROM repudiation_tokens")).ShouldBe(2);
    }

    [Fact]
    public async Task Unknown_altered_foreign_and_old_tokens_look_alike()
    {
        var (_, link) = await Open();
        var token = (await TokensOfNotices())[0];
        string[] wrong =
        [
            "", "x", token + "x", token[..^1], token.Replace("spn_", "spl_", StringComparison.Ordinal), link.Reveal(), new string('a', 5000),
            TokenText.Format(TokenPrefix.NotMe, TenantId.Default, Guid.Empty, new string('A', 43)).Reveal(),
            Altered(token),
        ];
        foreach (var text in wrong)
        {
            (await Repudiate(text)).Refusal.ShouldBe(new Refusal(RefusalCode.SecretInvalid), text);
        }

        var other = TenantId.Parse("other");
        (await _scene.Get<RepudiateRecovery>().Run(_scene.Visitor with { Tenant = other }, new SecretText(token), CancellationToken.None))
            .Refusal.ShouldBe(new Refusal(RefusalCode.SecretInvalid));
        (await _scene.Ledgered(LedgerEvent.RecoveryCancelled)).ShouldBe(0);
        await Redeem(link); // And nothing was taken back.
    }

    [Fact]
    public async Task N15_Is_good_for_240_hours_after_the_end_and_then_forgotten()
    {
        var (_, link) = await Open();
        await Complete(await Redeem(link));
        var tokens = await TokensOfNotices();
        var sweep = _scene.Get<SweepRecoveries>();

        _scene.Time.Advance(TimeSpan.FromHours(240) - TimeSpan.FromMilliseconds(1));
        await sweep.Run(TenantId.Default, CancellationToken.None);
        (await Repudiate(tokens[0])).Value.State.ShouldBe(RecoveryState.Completed);
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        (await Repudiate(tokens[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Repudiate(tokens[^1])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        await sweep.Run(TenantId.Default, CancellationToken.None);
        (await _scene.Count("SELECT COUNT(*) FROM repudiation_tokens")).ShouldBe(0);
    }

    [Fact]
    public async Task A_token_outlives_a_recovery_that_stays_open_longer_than_it_is_looked_at()
    {
        var (recovery, _) = await Open(notBefore: TimeSpan.FromDays(20));
        var token = (await TokensOfNotices())[0];
        var sweep = _scene.Get<SweepRecoveries>();
        for (var day = 0; day < 15; day++)
        {
            _scene.Time.Advance(TimeSpan.FromDays(1));
            await sweep.Run(TenantId.Default, CancellationToken.None);
        }

        (await Repudiate(token)).ShouldHaveDone(recovery, RecoveryState.Cancelled, 0);
    }

    [Theory]
    [InlineData(Fault.Lost)]
    [InlineData(Fault.Kept)]
    public async Task A_lost_answer_can_be_asked_for_again(Fault fault)
    {
        var (recovery, _) = await Open();
        var token = (await TokensOfNotices())[0];
        _scene.Faults.FailNext(fault);
        await Should.ThrowAsync<Sparekey.Engine.Storage.StorageUnavailableException>(() => Repudiate(token));
        (await Repudiate(token)).ShouldHaveDone(recovery, RecoveryState.Cancelled, 0);
        (await _scene.Ledgered(LedgerEvent.RecoveryRepudiated)).ShouldBe(1);
        (await _scene.Ledgered(LedgerEvent.RecoveryCancelled)).ShouldBe(1);
    }

    [Fact]
    public async Task All_open_recoveries_of_the_account_are_cancelled_whichever_notice_told_of_them()
    {
        var (first, _) = await Open();
        var token = (await TokensOfNotices())[0];
        var (second, link) = await Open();
        var redemption = await Redeem(link);
        var (waiting, _) = await Open(notBefore: TimeSpan.FromDays(2));
        var other = await _scene.Account("other@example.com");
        var others = (await _scene.Get<OpenRecovery>().Run(
            _scene.Caller, new RecoveryOrder(new AccountName(other, null), Means.Link), null, CancellationToken.None)).Value.Fresh!.Recovery.Id;

        (await Repudiate(token)).ShouldHaveDone(first, RecoveryState.Cancelled, 0);

        foreach (var gone in new[] { first, second, waiting })
        {
            (await StateOf(gone)).ShouldBe(RecoveryState.Cancelled);
        }

        (await StateOf(others)).ShouldBe(RecoveryState.Issued);
        (await _scene.Get<ReadRedemption>().Run(_scene.Visitor, redemption, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.RedemptionInvalid);
        (await Incidents()).ShouldHaveSingleItem().Recoveries.Select(r => (r.Recovery, r.State))
            .ShouldBe([(first, RecoveryState.Cancelled), (second, RecoveryState.Cancelled), (waiting, RecoveryState.Cancelled)], ignoreOrder: true);
        (await Consistency.Faults(_scene.Faults)).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_link_of_an_older_notice_ends_what_a_later_recovery_opened()
    {
        var (first, _) = await Open(revoke: []);
        var token = (await TokensOfNotices())[0];
        _scene.Time.Advance(TimeSpan.FromMinutes(1));
        var (_, link) = await Open(revoke: []);
        var before = await OpenSession();
        _scene.Time.Advance(TimeSpan.FromMinutes(1));
        await Complete(await Redeem(link));
        await OpenSession();

        (await Repudiate(token)).ShouldHaveDone(first, RecoveryState.Cancelled, 1);
        (await Sessions()).ShouldBe([before]);
    }

    [Fact]
    public async Task Each_address_says_it_with_a_link_of_its_own_and_one_incident_counts_both()
    {
        var account = await _scene.Account("one@example.com", "two@example.com");
        await _scene.Get<OpenRecovery>().Run(
            _scene.Caller, new RecoveryOrder(new AccountName(account, null), Means.Link), null, CancellationToken.None);
        await _scene.Deliver();
        var opened = (await _smtp.Received()).Where(m => m.Subject.Contains("opened", StringComparison.Ordinal)).ToDictionary(m => m.To[0], TokenOf);
        opened["one@example.com"].ShouldNotBe(opened["two@example.com"]);

        (await Repudiate(opened["one@example.com"])).Value.State.ShouldBe(RecoveryState.Cancelled);
        (await Repudiate(opened["one@example.com"])).Value.State.ShouldBe(RecoveryState.Cancelled); // Again: nothing more happens.
        (await Incidents()).ShouldHaveSingleItem().Times.ShouldBe(1);
        (await Repudiate(opened["two@example.com"])).Value.State.ShouldBe(RecoveryState.Cancelled);

        (await Incidents()).ShouldHaveSingleItem().Times.ShouldBe(2);
        (await _scene.Ledgered(LedgerEvent.IncidentOpened)).ShouldBe(1);
        (await _scene.Ledgered(LedgerEvent.RecoveryRepudiated)).ShouldBe(2);
    }

    [Fact]
    public async Task For_a_day_a_recovery_takes_one_approval_more_and_signing_in_goes_on()
    {
        await Open();
        (await Repudiate((await TokensOfNotices())[0])).Refusal.ShouldBeNull();
        await OpenSession();

        var order = new RecoveryOrder(new AccountName(_account, null), Means.Link);
        var open = _scene.Get<OpenRecovery>();
        (await open.Evaluate(_scene.Caller, order, CancellationToken.None)).Value.Answer.Requirements
            .Single(r => r.Kind == RequirementKind.Approvals).Count.ShouldBe(1);
        var held = (await open.Run(_scene.Caller, order, null, CancellationToken.None)).Value.Fresh!;
        held.Secret.ShouldBeNull();
        held.Recovery.State.ShouldBe(RecoveryState.Pending);

        _scene.Time.Advance(TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1));
        (await open.Evaluate(_scene.Caller, order, CancellationToken.None)).Value.Answer.Requirements.ShouldNotBeEmpty();
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        (await open.Evaluate(_scene.Caller, order, CancellationToken.None)).Value.Answer.Requirements.ShouldBeEmpty();

        // What was demanded of the one that was opened within the day stays demanded.
        (await StateOf(held.Recovery.Id)).ShouldBe(RecoveryState.Pending);
        (await _scene.Get<IssueRecovery>().Run(_scene.Caller, held.Recovery.Id, null, CancellationToken.None)).Refusal!.Code
            .ShouldBe(RefusalCode.RequirementsOpen);
    }

    [Fact]
    public async Task A_change_of_the_account_can_be_said_not_to_be_ones_own_too()
    {
        await OpenSession();
        await OpenSession();
        await _scene.Notice(_account);
        var token = (await TokensOfNotices())[0];

        (await Repudiate(token)).ShouldHaveDone(null, null, 2);

        (await Sessions()).ShouldBeEmpty();
        (await Incidents()).ShouldHaveSingleItem().Recoveries.ShouldBeEmpty();
        await OpenSession();
        (await Repudiate(token)).ShouldHaveDone(null, null, 0);
        (await Sessions()).Count().ShouldBe(1);

        // Nothing was cancelled that would tell of it, so every address is told by itself.
        await _scene.Deliver();
        (await _smtp.Received()).Count(m => m.Subject.Contains("this was not me", StringComparison.Ordinal)).ShouldBe(1);
        _scene.Time.Advance(TimeSpan.FromHours(240));
        (await Repudiate(token)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
    }

    [Fact]
    public async Task An_address_that_was_added_lately_is_told_and_has_no_say()
    {
        var account = await Account();
        var added = new Address(NewId.Make<AddressId>(), AddressKind.Email, "new@example.net", _scene.Acts.Now, GivenAtCreation: false, ConfirmedAt: _scene.Acts.Now);
        await _scene.Write(act => _scene.Get<AccountStore>().Update(
            act, account, account with { Version = account.Version + 1, Addresses = account.Addresses.Add(added) }));
        await _scene.Notice(_account);
        await _scene.Deliver();
        var mails = await _smtp.Received();
        mails.Single(m => m.To[0] == "new@example.net").Text.ShouldNotContain("spn_");
        mails.Single(m => m.To[0] == "person@example.com").Text.ShouldContain("spn_");

        await _smtp.Forget();
        _scene.Time.Advance(TimeSpan.FromHours(24));
        await _scene.Notice(_account);
        await _scene.Deliver();
        var later = (await _smtp.Received()).Single(m => m.To[0] == "new@example.net");
        (await Repudiate(TokenOf(later))).Value.MayFreeze.ShouldBeFalse(); // Its word counts, and it cannot lock anybody out.
    }

    [Fact]
    public async Task The_address_that_was_taken_away_is_told_and_still_has_its_say()
    {
        var account = await _scene.Account("stays@example.com", "goes@example.com");
        var before = (await _scene.Acts.Read(db => _scene.Get<AccountStore>().Find(db, TenantId.Default, account), CancellationToken.None))!;
        _scene.Time.Advance(TimeSpan.FromDays(7));
        (await _scene.Get<RemoveAddress>().Run(_scene.Caller, account, before.Addresses[1].Id, CancellationToken.None)).ShouldBeNull();
        await _scene.Deliver();
        var gone = (await _smtp.Received()).Single(m => m.To[0] == "goes@example.com");

        (await Repudiate(TokenOf(gone))).Value.MayFreeze.ShouldBeTrue();
    }

    [Theory]
    [InlineData(Fault.Lost)]
    [InlineData(Fault.Kept)]
    public async Task A_repudiation_whose_commit_fails_is_whole_or_not_at_all(Fault fault)
    {
        await Open();
        await Open();
        var token = (await TokensOfNotices())[0];
        _scene.Faults.FailNext(fault);
        await Should.ThrowAsync<Sparekey.Engine.Storage.StorageUnavailableException>(() => Repudiate(token));
        (await Repudiate(token)).Value.State.ShouldBe(RecoveryState.Cancelled);
        (await Incidents()).ShouldHaveSingleItem().Times.ShouldBe(1);
        (await _scene.Ledgered(LedgerEvent.RecoveryCancelled)).ShouldBe(2);
        (await Consistency.Faults(_scene.Faults)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Many_presses_at_once_open_one_incident()
    {
        await Open();
        await Open();
        var tokens = await TokensOfNotices();
        var done = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Repudiate(tokens[i % tokens.Count])));
        done.ShouldAllBe(d => d.Refusal == null);
        (await Incidents()).ShouldHaveSingleItem().Times.ShouldBe(tokens.Count);
        (await _scene.Ledgered(LedgerEvent.IncidentOpened)).ShouldBe(1);
        (await _scene.Ledgered(LedgerEvent.RecoveryCancelled)).ShouldBe(2);
    }

    private Task<IReadOnlyList<Incident>> Incidents() => _scene.Get<ManageIncidents>().Page(
        _scene.Caller, new IncidentFilter(null, null), null, 100, CancellationToken.None);

    private async Task<RecoveryState> StateOf(RecoveryId id) =>
        (await _scene.Get<ReadRecoveries>().One(_scene.Caller, id, CancellationToken.None)).Value.State;

    private async Task<(RecoveryId Id, SecretText Link)> Open(Revocation[]? revoke = null, TimeSpan? notBefore = null)
    {
        var order = new RecoveryOrder(new AccountName(_account, null), Means.Link)
        {
            Revoke = revoke,
            NotBefore = notBefore is { } wait ? _scene.Acts.Now + wait : null,
        };
        var opened = await _scene.Get<OpenRecovery>().Run(_scene.Caller, order, null, CancellationToken.None);
        var issued = opened.Value.Fresh!;
        return (issued.Recovery.Id, new SecretText(issued.Secret?.Text.Reveal().Split('#')[1] ?? ""));
    }

    private async Task<SecretText> Redeem(SecretText link) =>
        (await _scene.Get<RedeemSecret>().Run(_scene.Visitor, new PresentedSecret.Long(Means.Link, link), CancellationToken.None)).Value.Token;

    private async Task Complete(SecretText redemption) => (await _scene.Get<SetNewPassword>().Run(
        _scene.Visitor, redemption, new SecretText("a password nobody ever used"), CancellationToken.None)).Refusal.ShouldBeNull();

    private Task<SessionId> OpenSession() => _scene.Write(async act =>
        (await _scene.Get<SessionStore>().Open(act, new NewSession(_account, ["pwd"]))).Session.Id);

    private async Task<IEnumerable<SessionId>> Sessions() => (await _scene.Acts.Read(
        db => _scene.Get<SessionStore>().List(db, TenantId.Default, _account, _scene.Acts.Now), CancellationToken.None)).Select(s => s.Id);

    private async Task<Account> Account() => (await _scene.Acts.Read(
        db => _scene.Get<AccountStore>().Find(db, TenantId.Default, _account), CancellationToken.None)).ShouldNotBeNull();

    private Task<Result<Repudiation>> Repudiate(string token) =>
        _scene.Get<RepudiateRecovery>().Run(_scene.Visitor, new SecretText(token), CancellationToken.None);

    private Task<string?> ActorOf(string happened) => _scene.Acts.Read(
        db => db.Scalar<string>("SELECT actor_id FROM ledger_entries WHERE event = @happened", new { happened }), CancellationToken.None);

    // In the order in which the mails arrived.
    private async Task<IReadOnlyList<string>> TokensOfNotices()
    {
        await _scene.Deliver();
        return [.. (await _smtp.Received()).Where(m => m.Text.Contains("#spn_")).Select(TokenOf)];
    }

    private static string TokenOf(ReceivedMail mail) => MailScene.Find(mail.Text, @"/recover/not-me#(?<it>spn_\S+)");

    // Another secret with a checksum that fits: only the hash can tell.
    private static string Altered(string token)
    {
        TokenText.TryParse(token, TokenPrefix.NotMe, out var parsed).ShouldBeTrue();
        var secret = parsed.Secret.Reveal();
        return TokenText.Format(TokenPrefix.NotMe, parsed.Tenant, parsed.Id, (secret[0] == 'A' ? "B" : "A") + secret[1..]).Reveal();
    }
}

/// <summary>Says what a repudiation did.</summary>
internal static class RepudiationAssertions
{
    /// <summary>Of which recovery, how it stands, how many sessions ended.</summary>
    public static void ShouldHaveDone(this Result<Repudiation> done, RecoveryId? recovery, RecoveryState? state, int ended) =>
        (done.Value.Recovery, done.Value.State, done.Value.SessionsEnded).ShouldBe((recovery, state, ended));
}
