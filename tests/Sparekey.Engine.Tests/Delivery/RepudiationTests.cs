using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
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

        done.Value.ShouldBe(new Repudiation(recovery, RecoveryState.Cancelled, 0));
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

        (await Repudiate(tokens[0])).Value.ShouldBe(new Repudiation(recovery, RecoveryState.Completed, 1));
        (await Sessions()).ShouldBe([before]);
        (await Account()).Status.ShouldBe(AccountStatus.Active);
        thiefs.ShouldNotBe(before);

        // The person is back, and the same link must not sign them out.
        var own = await OpenSession();
        (await Repudiate(tokens[0])).Value.ShouldBe(new Repudiation(recovery, RecoveryState.Completed, 0));
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
    public async Task Is_good_for_seven_days_after_the_end_and_then_forgotten()
    {
        var (_, link) = await Open();
        await Complete(await Redeem(link));
        var tokens = await TokensOfNotices();
        var sweep = _scene.Get<SweepRecoveries>();

        _scene.Time.Advance(TimeSpan.FromDays(7) - TimeSpan.FromMilliseconds(1));
        await sweep.Run(TenantId.Default, CancellationToken.None);
        (await Repudiate(tokens[0])).Value.State.ShouldBe(RecoveryState.Completed);
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        (await Repudiate(tokens[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
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

        (await Repudiate(token)).Value.ShouldBe(new Repudiation(recovery, RecoveryState.Cancelled, 0));
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
        (await Repudiate(token)).Value.ShouldBe(new Repudiation(recovery, RecoveryState.Cancelled, 0));
        (await _scene.Ledgered(LedgerEvent.RecoveryRepudiated)).ShouldBe(1);
        (await _scene.Ledgered(LedgerEvent.RecoveryCancelled)).ShouldBe(1);
    }

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
