using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Tests.Delivery;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Incidents;

/// <summary>An account that is frozen: what it keeps out, who may ask for it, and who lifts it.</summary>
public sealed class FreezeTests(SmtpFixture fixture) : IClassFixture<SmtpFixture>, IAsyncLifetime
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
    public async Task Nothing_signs_in_and_nothing_recovers_until_it_is_lifted()
    {
        var (link, redemption) = await OpenAndRedeem();
        var session = await OpenSession();
        await _scene.Deliver();
        await _smtp.Forget();

        var frozen = (await Freeze()).Value;

        frozen.StatusBefore.ShouldBe(AccountStatus.Active);
        (await Account()).Status.ShouldBe(AccountStatus.Frozen);
        (await _scene.Get<SessionAuthentication>().Authenticate(TenantId.Default, session, null, CancellationToken.None)).Refusal!.Code
            .ShouldBe(RefusalCode.SessionInvalid);
        (await _scene.Get<SetNewPassword>().Run(_scene.Visitor, redemption, new SecretText("a password nobody ever used"), CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.RedemptionInvalid);
        (await Redeem(link)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Open()).Refusal!.Code.ShouldBe(RefusalCode.AccountDisabled);
        await _scene.Get<RequestRecovery>().Run(_scene.Visitor, "person@example.com", CancellationToken.None);

        // The person is told once, of the freezing: not of each recovery that ended by it, and of no new one.
        await _scene.Deliver();
        (await _smtp.Received()).ShouldHaveSingleItem().Subject.ShouldContain("frozen");
        (await Consistency.Faults(_scene.Faults)).ShouldBeEmpty();

        await Lift();
        (await Account()).Status.ShouldBe(AccountStatus.Active);
        (await _scene.Get<SessionAuthentication>().Authenticate(TenantId.Default, session, null, CancellationToken.None)).Refusal!.Code
            .ShouldBe(RefusalCode.SessionInvalid);
        (await Redeem(link)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Open()).Refusal.ShouldBeNull();
    }

    [Theory]
    [InlineData(AccountStatus.Active)]
    [InlineData(AccountStatus.Disabled)]
    public async Task No_change_of_the_account_lifts_it_or_sets_it(AccountStatus wanted)
    {
        (await Change(AccountStatus.Frozen)).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
        await Freeze();
        (await Change(wanted)).Refusal!.Code.ShouldBe(RefusalCode.AccountFrozen);
        (await _scene.Get<ChangeAccount>().Run(
            _scene.Caller, _account, new AccountChange { Role = "operator" }, CancellationToken.None)).Value.Status.ShouldBe(AccountStatus.Frozen);
        (await Freeze()).Refusal!.Code.ShouldBe(RefusalCode.AccountFrozen);
        (await Account()).Status.ShouldBe(AccountStatus.Frozen);
    }

    [Fact]
    public async Task Lifting_takes_two_different_people_and_gives_back_what_was()
    {
        (await Change(AccountStatus.Disabled)).Refusal.ShouldBeNull();
        await Freeze();
        var owner = (await _scene.Account("owner@example.com")).ToString();
        var asks = Programme(owner);
        var asked = (await _scene.Get<LiftFreeze>().Ask(asks, _account, "looked into", CancellationToken.None)).Value.Lift!.Id;

        // The same programme, another of the same person, the person themselves, and whoever asks in their name.
        foreach (var same in new[] { asks, Programme(owner), Person(owner) })
        {
            (await Approve(same, asked)).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
        }

        (await _scene.Get<LiftFreeze>().Ask(_scene.Caller, _account, "me too", CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.AlreadyDecided);
        (await Approve(_scene.Caller, NewId.Make<LiftId>())).Refusal!.Code.ShouldBe(RefusalCode.LiftNotFound);
        (await Approve(Person(_account.ToString()), asked)).Refusal!.Code.ShouldBe(RefusalCode.OwnAccount);
        (await Approve(Programme(_account.ToString()), asked)).Refusal!.Code.ShouldBe(RefusalCode.OwnAccount);
        (await Approve(_scene.Caller with { Grant = _scene.Caller.Grant with { Ceiling = "nothing" } }, asked)).Refusal!.Code
            .ShouldBe(RefusalCode.AboveCeiling);
        (await Account()).Status.ShouldBe(AccountStatus.Frozen);

        (await Approve(_scene.Caller, asked)).Refusal.ShouldBeNull();
        (await Account()).Status.ShouldBe(AccountStatus.Disabled);
        (await Approve(_scene.Caller, asked)).Refusal!.Code.ShouldBe(RefusalCode.AccountNotFrozen);
        (await ActorsOf(LedgerEvent.AccountLiftAsked)).ShouldBe([asks.Principal.Id]);
        (await ActorsOf(LedgerEvent.AccountUnfrozen)).ShouldBe([_scene.Caller.Principal.Id]);
    }

    [Fact]
    public async Task Whom_the_asker_made_an_operator_does_not_lift_for_them()
    {
        await Freeze();
        var (asker, made) = (await _scene.Account("asker@example.com"), await _scene.Account("made@example.com"));
        await _scene.Write(act => _scene.Get<OperatorStore>().Put(
            act, new Operator(made, PermissionSet.All, "admin", null, act.Now, asker.ToString())));
        var asked = (await _scene.Get<LiftFreeze>().Ask(Programme(asker.ToString()), _account, "looked into", CancellationToken.None)).Value.Lift!.Id;

        foreach (var hand in new[] { Programme(made.ToString()), Person(made.ToString()) })
        {
            (await Approve(hand, asked)).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
        }

        (await Approve(_scene.Caller, asked)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Who_was_just_recovered_does_not_lift()
    {
        var approver = await _scene.Account("approver@example.com");
        var (_, redemption) = await OpenAndRedeem(approver);
        (await _scene.Get<SetNewPassword>().Run(_scene.Visitor, redemption, new SecretText("a password nobody ever used"), CancellationToken.None))
            .Refusal.ShouldBeNull();
        await Freeze();
        var asked = await Ask();
        var programme = Programme(approver.ToString());
        (await Approve(programme, asked)).Refusal!.Code.ShouldBe(RefusalCode.RecentlyRecovered);
        _scene.Time.Advance(TimeSpan.FromHours(71));
        (await Approve(programme, asked)).Refusal!.Code.ShouldBe(RefusalCode.RecentlyRecovered);
    }

    [Fact]
    public async Task A_request_to_lift_ends_when_it_is_refused_or_old_and_another_can_be_made()
    {
        await Freeze();
        var refused = await Ask();
        (await _scene.Get<LiftFreeze>().Deny(Programme("somebody"), _account, refused, CancellationToken.None)).Value.Lift.ShouldBeNull();
        (await Approve(Programme("somebody"), refused)).Refusal!.Code.ShouldBe(RefusalCode.LiftNotFound);

        var old = await Ask();
        _scene.Time.Advance(TimeSpan.FromHours(72));
        (await Approve(Programme("somebody"), old)).Refusal!.Code.ShouldBe(RefusalCode.LiftNotFound);
        (await _scene.Get<LiftFreeze>().Read(_scene.Caller, _account, CancellationToken.None)).Value.Lift.ShouldBeNull();
        var next = await Ask();
        (await Approve(Programme("somebody"), old)).Refusal!.Code.ShouldBe(RefusalCode.LiftNotFound);
        (await Approve(Programme("somebody"), next)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Of_many_who_agree_at_once_one_lifts()
    {
        await Freeze();
        var asked = await Ask();
        var done = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Approve(Programme($"owner-{i}"), asked)));
        done.Count(d => d.Refusal is null).ShouldBe(1);
        done.Where(d => d.Refusal is not null).ShouldAllBe(d => d.Refusal!.Code == RefusalCode.AccountNotFrozen);
        (await _scene.Ledgered(LedgerEvent.AccountUnfrozen)).ShouldBe(1);
    }

    [Fact]
    public async Task The_person_freezes_with_a_notice_to_an_address_of_seven_days_and_with_no_younger_one()
    {
        var young = await Notice();
        (await ByPerson(young)).Refusal!.Code.ShouldBe(RefusalCode.AddressTooNew);
        _scene.Time.Advance(TimeSpan.FromDays(7) - (_scene.Acts.Now - (await Account()).Addresses[0].Since) - TimeSpan.FromMilliseconds(1));
        (await ByPerson(await Notice())).Refusal!.Code.ShouldBe(RefusalCode.AddressTooNew);
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        var old = await Notice();
        (await ByPerson(young)).Refusal!.Code.ShouldBe(RefusalCode.AddressTooNew); // What counts is when it was sent.

        (await ByPerson(old)).Refusal.ShouldBeNull();

        (await Account()).Status.ShouldBe(AccountStatus.Frozen);
        (await ByPerson(old)).Value.Id.ShouldBe((await ByPerson(old)).Value.Id);
        (await _scene.Ledgered(LedgerEvent.AccountFrozen)).ShouldBe(1);
        (await _scene.Ledgered(LedgerEvent.IncidentOpened)).ShouldBe(1);
        (await ActorsOf(LedgerEvent.AccountFrozen)).ShouldBe([_account.ToString()]);

        // Two people lifted it: the message of then does not undo that.
        await Lift();
        (await ByPerson(old)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Account()).Status.ShouldBe(AccountStatus.Active);
    }

    [Fact]
    public async Task No_text_but_a_valid_token_freezes_anything()
    {
        _scene.Time.Advance(TimeSpan.FromDays(8));
        var token = await Notice();
        foreach (var text in new[] { "", "x", token + "x", token[..^1], token.Replace("spn_", "spl_", StringComparison.Ordinal) })
        {
            (await ByPerson(text)).Refusal.ShouldBe(new Refusal(RefusalCode.SecretInvalid), text);
        }

        (await _scene.Get<FreezeAccount>().ByPerson(
            _scene.Visitor with { Tenant = TenantId.Parse("other") }, new SecretText(token), CancellationToken.None)).Refusal!.Code
            .ShouldBe(RefusalCode.SecretInvalid);
        _scene.Time.Advance(TimeSpan.FromHours(240));
        (await ByPerson(token)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await Account()).Status.ShouldBe(AccountStatus.Active);
    }

    [Fact]
    public async Task Freezing_and_lifting_take_a_reason()
    {
        string[] none = ["", "   ", new string('x', 1001), new string((char)0xd800, 1) + " half a character", "nothing \0"];
        foreach (var reason in none)
        {
            (await _scene.Get<FreezeAccount>().ByOperator(_scene.Caller, _account, reason, CancellationToken.None)).Refusal!.Code
                .ShouldBe(RefusalCode.InvalidRequest);
        }

        (await _scene.Get<FreezeAccount>().ByOperator(_scene.Caller, NewId.Make<AccountId>(), "why", CancellationToken.None)).Refusal!.Code
            .ShouldBe(RefusalCode.AccountNotFound);
        await Freeze();
        foreach (var reason in none)
        {
            (await _scene.Get<LiftFreeze>().Ask(_scene.Caller, _account, reason, CancellationToken.None)).Refusal!.Code
                .ShouldBe(RefusalCode.InvalidRequest);
        }
    }

    [Theory]
    [InlineData(Fault.Lost, AccountStatus.Active)]
    [InlineData(Fault.Kept, AccountStatus.Frozen)]
    public async Task A_freezing_whose_commit_fails_is_whole_or_not_at_all(Fault fault, AccountStatus after)
    {
        await OpenAndRedeem();
        await OpenSession();
        _scene.Faults.FailNext(fault);
        await Should.ThrowAsync<Sparekey.Engine.Storage.StorageUnavailableException>(Freeze);
        (await Account()).Status.ShouldBe(after);
        (await _scene.Ledgered(LedgerEvent.AccountFrozen)).ShouldBe(after == AccountStatus.Frozen ? 1 : 0);
        (await _scene.Count("SELECT COUNT(*) FROM sessions")).ShouldBe(after == AccountStatus.Frozen ? 0 : 1);
        (await Consistency.Faults(_scene.Faults)).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_was_written_about_it_goes_with_the_account()
    {
        _scene.Time.Advance(TimeSpan.FromDays(8));
        var token = await Notice();
        (await _scene.Get<RepudiateRecovery>().Run(_scene.Visitor, new SecretText(token), CancellationToken.None)).Refusal.ShouldBeNull();
        var incident = (await Incidents())[0];
        (await Close(incident.Id, "a sentence about Incidentia")).Refusal.ShouldBeNull();
        (await _scene.Get<FreezeAccount>().ByOperator(_scene.Caller, _account, "a sentence about Freezia", CancellationToken.None)).Refusal.ShouldBeNull();
        (await _scene.Get<LiftFreeze>().Ask(_scene.Caller, _account, "a sentence about Liftia", CancellationToken.None)).Refusal.ShouldBeNull();

        (await _scene.Get<DeleteAccount>().Run(_scene.Caller, _account, CancellationToken.None)).ShouldBeNull();

        await _scene.Maintain();
        var stored = _scene.StoredBytes();
        foreach (var name in new[] { "Incidentia", "Freezia", "Liftia" })
        {
            stored.ShouldNotContain(name);
        }

        (await _scene.Get<RepudiateRecovery>().Run(_scene.Visitor, new SecretText(token), CancellationToken.None)).Refusal!.Code
            .ShouldBe(RefusalCode.SecretInvalid);
    }

    [Fact]
    public async Task An_incident_is_closed_once_with_words_by_who_may_act_on_the_account()
    {
        await _scene.Notice(_account);
        var token = (await Tokens())[0];
        await _scene.Get<RepudiateRecovery>().Run(_scene.Visitor, new SecretText(token), CancellationToken.None);
        var incident = (await Incidents()).ShouldHaveSingleItem();
        incident.State.ShouldBe(IncidentState.Open);

        (await Close(incident.Id, " ")).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
        (await Close(NewId.Make<IncidentId>(), "x")).Refusal!.Code.ShouldBe(RefusalCode.IncidentNotFound);
        (await Close(incident.Id, "x", Person(_account.ToString()))).Refusal!.Code.ShouldBe(RefusalCode.OwnAccount);
        (await Close(incident.Id, "x", _scene.Caller with { Tenant = TenantId.Parse("other") })).Refusal!.Code.ShouldBe(RefusalCode.IncidentNotFound);
        (await Close(incident.Id, "x", _scene.Caller with { Grant = _scene.Caller.Grant with { Ceiling = "nothing" } })).Refusal!.Code
            .ShouldBe(RefusalCode.AboveCeiling);

        var done = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Close(incident.Id, $"looked into {i}")));
        done.Count(d => d.Refusal is null).ShouldBe(1);
        done.Where(d => d.Refusal is not null).ShouldAllBe(d => d.Refusal!.Code == RefusalCode.AlreadyDecided);
        (await _scene.Ledgered(LedgerEvent.IncidentClosed)).ShouldBe(1);

        // Closing lifts nothing, and who says it again opens another.
        (await _scene.Get<OpenRecovery>().Evaluate(
            _scene.Caller, new RecoveryOrder(new AccountName(_account, null), Means.Link), CancellationToken.None)).Value.Answer.Requirements.ShouldNotBeEmpty();
        _scene.Time.Advance(TimeSpan.FromMinutes(1));
        await _scene.Notice(_account);
        await _scene.Get<RepudiateRecovery>().Run(_scene.Visitor, new SecretText((await Tokens())[^1]), CancellationToken.None);
        (await Incidents()).Select(i => i.State).ShouldBe([IncidentState.Open, IncidentState.Closed]);
        (await _scene.Get<ManageIncidents>().Page(
            _scene.Caller, new IncidentFilter(IncidentState.Open, _account), null, 10, CancellationToken.None)).Count.ShouldBe(1);
    }

    private Task<Result<Incident>> Close(IncidentId id, string comment, Caller? by = null) =>
        _scene.Get<ManageIncidents>().Close(by ?? _scene.Caller, id, comment, CancellationToken.None);

    private Task<IReadOnlyList<Incident>> Incidents() =>
        _scene.Get<ManageIncidents>().Page(_scene.Caller, new IncidentFilter(null, null), null, 100, CancellationToken.None);

    private Task<Result<Freeze>> Freeze() => _scene.Get<FreezeAccount>().ByOperator(_scene.Caller, _account, "somebody else has it", CancellationToken.None);

    private Task<Result<Freeze>> ByPerson(string token) => _scene.Get<FreezeAccount>().ByPerson(_scene.Visitor, new SecretText(token), CancellationToken.None);

    private async Task<LiftId> Ask() => (await _scene.Get<LiftFreeze>().Ask(_scene.Caller, _account, "looked into", CancellationToken.None)).Value.Lift!.Id;

    private Task<Result<Freeze>> Approve(Caller caller, LiftId lift) => _scene.Get<LiftFreeze>().Approve(caller, _account, lift, CancellationToken.None);

    private async Task Lift() => (await Approve(Programme("somebody else"), await Ask())).Refusal.ShouldBeNull();

    private Task<Result<Account>> Change(AccountStatus status) =>
        _scene.Get<ChangeAccount>().Run(_scene.Caller, _account, new AccountChange { Status = status }, CancellationToken.None);

    private async Task<Account> Account() => (await _scene.Acts.Read(
        db => _scene.Get<AccountStore>().Find(db, TenantId.Default, _account), CancellationToken.None)).ShouldNotBeNull();

    private Task<Result<Happened<IssuedSecret>>> Open(AccountId? account = null) => _scene.Get<OpenRecovery>().Run(
        _scene.Caller, new RecoveryOrder(new AccountName(account ?? _account, null), Means.Link), null, CancellationToken.None);

    private async Task<(SecretText Link, SecretText Redemption)> OpenAndRedeem(AccountId? account = null)
    {
        var link = new SecretText((await Open(account)).Value.Fresh!.Secret!.Text.Reveal().Split('#')[1]);
        return (link, (await Redeem(link)).Value.Token);
    }

    private Task<Result<OpenedRedemption>> Redeem(SecretText link) =>
        _scene.Get<RedeemSecret>().Run(_scene.Visitor, new PresentedSecret.Long(Means.Link, link), CancellationToken.None);

    private Task<SecretText> OpenSession() => _scene.Write(async act =>
        (await _scene.Get<SessionStore>().Open(act, new NewSession(_account, ["pwd"]))).Token);

    // A notice of the account as it leaves now, and its token.
    private async Task<string> Notice()
    {
        await _scene.Notice(_account);
        return (await Tokens())[^1];
    }

    private async Task<IReadOnlyList<string>> Tokens()
    {
        await _scene.Deliver();
        return [.. (await _smtp.Received()).Where(m => m.Text.Contains("#spn_")).Select(m => MailScene.Find(m.Text, @"/recover/not-me#(?<it>spn_\S+)"))];
    }

    private async Task<IReadOnlyList<string>> ActorsOf(LedgerEvent happened) => await _scene.Acts.Read(
        db => db.List<string>("SELECT actor_id FROM ledger_entries WHERE event = @name", new { name = WireName.Of(happened) }), CancellationToken.None);

    private Caller Programme(string owner) => As(new Principal(PrincipalKind.ServiceAccount, NewId.Make<ServiceAccountId>().ToString(), owner));

    // A person's own call, as a chat or a page makes it for them: the local operator's, so that no operator need be granted here.
    private Caller Person(string account) => As(new Principal(PrincipalKind.ServiceAccount, account, account));

    private Caller As(Principal principal) => _scene.Caller with { Grant = _scene.Caller.Grant with { Principal = principal } };
}
