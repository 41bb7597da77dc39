using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Tests.Credentials.Escrow.Requests;

/// <summary>Requests for escrowed keys from the mail to the end, and everything that can come in between.</summary>
public sealed class RequestTests : IAsyncLifetime
{
    private static readonly Caller Local = new(
        TenantId.Default, "local", "test", new Grant(Principal.LocalOperator, PermissionSet.All, RankOrder.Default.Highest, null));

    private RequestScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await RequestScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task The_mailed_token_confirms_the_answer_approves_and_the_person_has_their_key()
    {
        var (request, token) = await _scene.Asked();

        request.Status.ShouldBe(EscrowRequestStatus.Pending);
        var pending = await _scene.Recovery(request);
        (pending.State, pending.RequestedBy, pending.Request.RequestKeyFingerprint)
            .ShouldBe((RecoveryState.Pending, Principal.Of(_scene.Ada.Account), _scene.DeviceKey.Public.Fingerprint));
        pending.Requirements.Single(r => r.Kind == RequirementKind.Confirmation).Met.ShouldHaveSingleItem().Over.ShouldBe("email");
        (await _scene.Mails(MessageKind.RecoveryConfirmation)).ShouldBeEmpty(); // Nobody is asked what they have just answered.
        (await _scene.News(_scene.Reviewer)).ShouldBe(["request_made"]);
        (await _scene.Fetch(request, token)).Value.Answer.ShouldBeNull();

        var answered = (await _scene.Respond(request)).Value;
        (answered.Answer.IsHeld, answered.Request.Status).ShouldBe((false, EscrowRequestStatus.Approved));
        (await _scene.Recovery(request)).State.ShouldBe(RecoveryState.Completed);
        RequestScene.TokenIn((await _scene.Mails(MessageKind.EscrowApproved)).ShouldHaveSingleItem()["secret"]).ShouldBe(token);
        (await _scene.News(_scene.Reviewer)).ShouldBe(["request_made", "own_answer"]);
        (await _scene.News(_scene.Second)).ShouldBe(["request_made", "request_approved"]);

        for (var i = 0; i < 2; i++)
        {
            _scene.Open((await _scene.Fetch(request, token)).Value).ShouldBe(_scene.Ada.Key.Public.Fingerprint);
        }

        (await _scene.Finish(request, token)).ShouldBeNull();
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Completed);
        (await _scene.Stored(request))!.Sealed.ShouldBeNull();
        (await _scene.Fetch(request, token)).Refusal!.Faults[0].Rule.ShouldBe("request_completed");
        (await _scene.Finish(request, token))!.Faults[0].Rule.ShouldBe("token_consumed");
        (await _scene.Mails(MessageKind.EscrowFinishedNotice)).Count.ShouldBe(1);
        (await _scene.Mails(MessageKind.EscrowOperatorNotice))[^1]["device"].ShouldBe("sample browser");

        var key = _scene.DeviceKey.Public.Fingerprint;
        foreach (var happened in new[] { LedgerEvent.RecoveryOpened, LedgerEvent.RecoveryRequirementMet, LedgerEvent.RecoveryCompleted, LedgerEvent.EscrowFinished })
        {
            (await _scene.Facts(happened)).ShouldAllBe(f => f["request_key"]!.ToString() == key, happened.ToString());
        }

        (await _scene.Facts(LedgerEvent.RecoveryRequirementMet)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task An_answer_is_kept_until_policy_is_met_and_leaves_in_the_act_that_meets_it()
    {
        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 2));
        var (request, token) = await _scene.Asked();

        var held = (await _scene.Respond(request)).Value;
        (held.Answer.IsHeld, held.Request.Status).ShouldBe((true, EscrowRequestStatus.Pending));
        (await _scene.Fetch(request, token)).Value.Answer.ShouldBeNull();
        (await _scene.Get<ReadEscrowRequests>().Find(_scene.Reviewer, request.Id, false, CancellationToken.None)).Value.Answers.ShouldBeEmpty();
        (await _scene.News(_scene.Reviewer)).ShouldContain("own_answer_held");
        (await _scene.Facts(LedgerEvent.EscrowAnswerHeld)).ShouldHaveSingleItem()["request_key"]!.ToString().ShouldBe(request.Fingerprint);
        (await _scene.Respond(request)).Value.Answer.IsHeld.ShouldBeTrue(); // One person is one approval, however often they answer.

        var recovery = await _scene.Recovery(request);
        recovery.Requirements.Single(r => r.Kind == RequirementKind.Approvals).Met.Length.ShouldBe(1);
        (await _scene.Get<DecideOnRecovery>().Approve(_scene.Second, recovery.Id, recovery.Digest, CancellationToken.None)).Value.State
            .ShouldBe(RecoveryState.Completed);
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Approved);
        _scene.Open((await _scene.Fetch(request, token)).Value).ShouldBe(_scene.Ada.Key.Public.Fingerprint);
    }

    [Fact]
    public async Task Of_two_answers_that_are_kept_the_last_counts()
    {
        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 2));
        var (request, token) = await _scene.Asked();
        (await _scene.Respond(request, data: _scene.Junk())).Value.Answer.IsHeld.ShouldBeTrue();

        var second = (await _scene.Respond(request, _scene.Second)).Value;
        (second.Answer.IsHeld, second.Answer.Responder, second.Request.Status)
            .ShouldBe((false, _scene.Second.Principal.Id, EscrowRequestStatus.Approved));
        _scene.Open((await _scene.Fetch(request, token)).Value).ShouldBe(_scene.Ada.Key.Public.Fingerprint);
    }

    [Fact]
    public async Task Whoever_agreed_elsewhere_first_answers_in_their_client_afterwards_and_mends_their_answer()
    {
        var (request, token) = await _scene.Asked();
        var recovery = await _scene.Recovery(request);
        (await _scene.Get<DecideOnRecovery>().Approve(_scene.Reviewer, recovery.Id, recovery.Digest, CancellationToken.None)).Value.State
            .ShouldBe(RecoveryState.Ready);

        (await _scene.Respond(request)).Value.Request.Status.ShouldBe(EscrowRequestStatus.Approved);
        _scene.Open((await _scene.Fetch(request, token)).Value).ShouldBe(_scene.Ada.Key.Public.Fingerprint);

        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 2));
        (request, token) = await _scene.Asked();
        await _scene.Respond(request, data: _scene.Junk());
        await _scene.Respond(request);
        recovery = await _scene.Recovery(request);
        (await _scene.Get<DecideOnRecovery>().Approve(_scene.Second, recovery.Id, recovery.Digest, CancellationToken.None)).Value.State
            .ShouldBe(RecoveryState.Completed);
        _scene.Open((await _scene.Fetch(request, token)).Value).ShouldBe(_scene.Ada.Key.Public.Fingerprint);
    }

    [Fact]
    public async Task What_was_released_is_told_to_every_address_and_taken_back_by_who_did_not_ask()
    {
        var (request, token) = await _scene.Asked();
        await _scene.Respond(request);
        var notice = (await _scene.Mails(MessageKind.EscrowReleasedNotice)).ShouldHaveSingleItem();
        notice["request_key"].ShouldBe(request.Fingerprint);
        notice.ContainsKey("secret").ShouldBeFalse();

        (await _scene.Repudiate(request.Recovery)).State.ShouldBe(RecoveryState.Completed);

        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Rejected);
        (await _scene.Stored(request))!.Sealed.ShouldBeNull();
        (await _scene.Fetch(request, token)).Refusal!.Faults[0].Rule.ShouldBe("token_consumed");
        (await _scene.Finish(request, token))!.Faults[0].Rule.ShouldBe("token_consumed");
        var taken = (await _scene.Facts(LedgerEvent.EscrowTakenBack)).ShouldHaveSingleItem();
        (taken["request_key"]!.ToString(), taken["fetched"]!.GetValue<bool>()).ShouldBe((request.Fingerprint, false));
        (await _scene.Facts(LedgerEvent.RecoveryRepudiated)).ShouldHaveSingleItem()["taken_back"]!.AsArray().ShouldHaveSingleItem()!.ToString()
            .ShouldBe(request.Recovery.ToString());
        (await _scene.Facts(LedgerEvent.IncidentOpened)).ShouldHaveSingleItem();
        (await _scene.Mails(MessageKind.IncidentNotice)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task An_operator_takes_back_what_was_released_and_the_ledger_knows_when_it_left()
    {
        var (request, token) = await _scene.Asked();
        await _scene.Respond(request);
        (await _scene.Facts(LedgerEvent.EscrowFetched)).ShouldBeEmpty();
        (await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _scene.Fetch(request, token)))).ShouldAllBe(f => f.Value.Answer != null);
        (await _scene.Facts(LedgerEvent.EscrowFetched)).ShouldHaveSingleItem()["request_key"]!.ToString().ShouldBe(request.Fingerprint);

        var decide = _scene.Get<DecideOnRecovery>();
        (await decide.Cancel(_scene.Second, request.Recovery, "a doubt", CancellationToken.None)).Value.State.ShouldBe(RecoveryState.Completed);

        (await _scene.Fetch(request, token)).Refusal!.Faults[0].Rule.ShouldBe("token_consumed");
        (await _scene.Facts(LedgerEvent.EscrowTakenBack)).ShouldHaveSingleItem()["fetched"]!.GetValue<bool>().ShouldBeTrue();
        (await _scene.Mails(MessageKind.EscrowRejectedNotice)).Count.ShouldBe(1);
        (await decide.Cancel(_scene.Second, request.Recovery, null, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.RecoveryClosed);
    }

    [Fact]
    public async Task With_the_account_goes_what_its_requests_say_of_the_person()
    {
        var (request, _) = await _scene.Asked();
        await _scene.Respond(request);
        var (late, _) = await _scene.Asked(_scene.OtherDeviceKey);
        late.RequestKey.Length.ShouldBeGreaterThan(100);
        (await _scene.Get<DeleteAccount>().Run(Local, _scene.Ada.Account, CancellationToken.None)).ShouldBeNull();

        (await _scene.Escrow.Count("SELECT COUNT(*) FROM escrow_requests")).ShouldBe(2);
        (await _scene.Escrow.Count("SELECT COUNT(*) FROM escrow_requests WHERE request_key <> '' OR token_sealed IS NOT NULL")).ShouldBe(0);
        (await _scene.Escrow.Count("SELECT COUNT(*) FROM escrow_answers WHERE sealed IS NOT NULL")).ShouldBe(0);
        (await _scene.Escrow.Count("SELECT COUNT(*) FROM escrow_tokens")).ShouldBe(0);
        (await _scene.Now(late)).Status.ShouldBe(EscrowRequestStatus.Rejected);
        (await _scene.Respond(late, data: _scene.Junk())).Refusal.ShouldNotBeNull();
    }

    [Fact]
    public async Task Whoever_asked_for_somebody_is_not_told_that_it_was_denied()
    {
        var third = await _scene.Operator("tina");
        await _scene.Get<OpenRecovery>().Run(
            _scene.Reviewer, new RecoveryOrder(new AccountName(_scene.Ada.Account, null), Means.Escrow), null, CancellationToken.None);
        var request = (await _scene.Ask(RequestScene.TokenIn((await _scene.Mails(MessageKind.EscrowToken))[0]["secret"]))).Value;

        (await _scene.Respond(request, _scene.Second, "rejected")).Value.Request.Status.ShouldBe(EscrowRequestStatus.Rejected);

        (await _scene.News(third)).ShouldContain("request_rejected");
        (await _scene.News(_scene.Reviewer)).ShouldNotContain("request_rejected");
        var read = _scene.Get<ReadEscrowRequests>();
        (await read.Find(third, request.Id, false, CancellationToken.None)).Value.Request.Status.ShouldBe(EscrowRequestStatus.Rejected);
        var seen = (await read.Find(_scene.Reviewer, request.Id, false, CancellationToken.None)).Value;
        (seen.Request.Status, seen.Request.ModifiedAt, seen.Answers.Count).ShouldBe((EscrowRequestStatus.Pending, request.CreatedAt, 0));
    }

    [Fact]
    public async Task A_stricter_policy_that_came_meanwhile_holds_for_an_answer_that_is_kept()
    {
        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 2));
        var (request, _) = await _scene.Asked();
        await _scene.Respond(request);
        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 3));
        var third = await _scene.Operator("tina");

        await Approve(request, _scene.Second);
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Pending);
        (await _scene.Stored(request))!.Answer.IsHeld.ShouldBeTrue();
        await Approve(request, third);
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Approved);
    }

    [Fact]
    public async Task What_is_kept_waits_while_recoveries_are_stopped_and_leaves_when_they_go_on()
    {
        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 2));
        var (request, token) = await _scene.Asked();
        await _scene.Respond(request);
        var stop = _scene.Get<StopRecoveries>();
        (await stop.Stop(Local, "fire", CancellationToken.None)).Refusal.ShouldBeNull();
        await Approve(request, _scene.Second);
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Pending);
        (await _scene.Fetch(request, token)).Value.Answer.ShouldBeNull();

        (await stop.Resume(Local, CancellationToken.None)).ShouldBeNull();
        (await _scene.Respond(request)).Value.Request.Status.ShouldBe(EscrowRequestStatus.Approved);
    }

    [Fact]
    public async Task A_rotation_crosses_no_request_that_is_pending_kept_or_approved()
    {
        var (approved, token) = await _scene.Asked();
        await _scene.Respond(approved);
        await _scene.Rotate();
        _scene.Open((await _scene.Fetch(approved, token)).Value).ShouldBe(_scene.Ada.Key.Public.Fingerprint);
        (await _scene.Finish(approved, token)).ShouldBeNull();

        // What was asked for afterwards is wrapped for the next key, and the next key answers.
        var (next, _) = await _scene.Asked();
        var former = (await _scene.Escrow.Policy()).Key!;
        former.Fingerprint.ShouldBe(_scene.Escrow.Next.Public.Fingerprint);
        var answer = await _scene.Answer(next, _scene.Escrow.Next);
        (await _scene.Respond(next, data: answer)).Value.Request.Status.ShouldBe(EscrowRequestStatus.Approved);
    }

    [Fact]
    public async Task Who_withdraws_or_enrols_anew_ends_their_own_request()
    {
        var (first, _) = await _scene.Asked();
        (await _scene.Get<EnrolInEscrow>().Renew(_scene.Ada.Caller, _scene.Escrow.Escrow(_scene.Ada), CancellationToken.None)).Refusal.ShouldBeNull();
        (await _scene.Now(first)).Status.ShouldBe(EscrowRequestStatus.Rejected);
        var (second, _) = await _scene.Asked();
        (await _scene.Get<EnrolInEscrow>().Withdraw(_scene.Ada.Caller, CancellationToken.None)).ShouldBeNull();
        (await _scene.Now(second)).Status.ShouldBe(EscrowRequestStatus.Rejected);
    }

    [Fact]
    public async Task A_channel_that_an_escrow_does_not_take_is_refused_and_not_replaced()
    {
        foreach (var (channel, refusal) in new (Channel, RefusalCode?)[] { (Channel.Sms, RefusalCode.ChannelNotAvailable), (Channel.Voice, RefusalCode.ChannelNotAvailable), (Channel.Email, null) })
        {
            var opened = await _scene.Get<OpenRecovery>().Run(
                _scene.Reviewer, new RecoveryOrder(new AccountName(_scene.Ada.Account, null), Means.Escrow) { Channel = channel }, null, CancellationToken.None);
            (opened.Refusal?.Code).ShouldBe(refusal);
        }
    }

    [Fact]
    public async Task An_answer_that_waits_for_time_leaves_by_itself()
    {
        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 1, Wait: "2h"));
        var (request, _) = await _scene.Asked();
        (await _scene.Respond(request)).Value.Answer.IsHeld.ShouldBeTrue();

        _scene.Advance(TimeSpan.FromMinutes(119));
        await _scene.Sweep();
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Pending);
        _scene.Advance(TimeSpan.FromMinutes(2));
        await _scene.Sweep();
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Approved);
    }

    [Fact]
    public async Task Where_policy_takes_no_mail_for_a_confirmation_the_person_is_asked_on_the_page()
    {
        await _scene.Use(new DemandDocument(ConfirmationOver: ["page"]));
        var (request, _) = await _scene.Asked();

        (await _scene.Recovery(request)).Requirements.Single(r => r.Kind == RequirementKind.Confirmation).Met.ShouldBeEmpty();
        (await _scene.Mails(MessageKind.RecoveryConfirmation)).Count.ShouldBe(1);
        (await _scene.Respond(request)).Value.Answer.IsHeld.ShouldBeTrue();
    }

    [Fact]
    public async Task A_signature_is_asked_for_elsewhere_and_the_answer_waits_for_it()
    {
        await _scene.Use(new DemandDocument(Approvals: 1, ApprovalsSigned: true));
        var (request, _) = await _scene.Asked();

        (await _scene.Respond(request)).Value.Answer.IsHeld.ShouldBeTrue();
        (await _scene.Recovery(request)).Requirements.Single(r => r.Kind == RequirementKind.Approvals).Met.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_no_ends_the_request_and_the_token_and_erases_what_was_kept()
    {
        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 2));
        var (request, token) = await _scene.Asked();
        await _scene.Respond(request);

        var denied = (await _scene.Respond(request, _scene.Second, "rejected")).Value;
        (denied.Answer.IsApproved, denied.Request.Status).ShouldBe((false, EscrowRequestStatus.Rejected));
        (await _scene.Recovery(request)).State.ShouldBe(RecoveryState.Denied);
        (await _scene.Stored(request))!.Sealed.ShouldBeNull();
        (await _scene.Fetch(request, token)).Refusal!.Faults[0].Rule.ShouldBe("token_consumed");
        (await _scene.Ask(token)).Refusal!.Faults[0].Rule.ShouldBe("token_consumed");
        (await _scene.Respond(request)).Refusal!.Faults.ShouldContain(f => f.Rule == "not_pending");
        (await _scene.Mails(MessageKind.EscrowRejectedNotice)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_native_no_and_a_native_end_turn_the_request_down_too()
    {
        var (request, token) = await _scene.Asked();
        var recovery = await _scene.Recovery(request);
        await _scene.Get<DecideOnRecovery>().Deny(_scene.Reviewer, recovery.Id, recovery.Digest, CancellationToken.None);
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Rejected);
        (await _scene.Fetch(request, token)).Refusal!.Faults[0].Rule.ShouldBe("token_consumed");

        var (again, _) = await _scene.Asked();
        await _scene.Get<DecideOnRecovery>().Cancel(_scene.Reviewer, again.Recovery, "a test", CancellationToken.None);
        (await _scene.Now(again)).Status.ShouldBe(EscrowRequestStatus.Rejected);

        var (late, lateToken) = await _scene.Asked();
        _scene.Advance(TimeSpan.FromHours(73));
        await _scene.Sweep();
        (await _scene.Now(late)).Status.ShouldBe(EscrowRequestStatus.Rejected);
        (await _scene.Fetch(late, lateToken)).Refusal!.Faults[0].Rule.ShouldBe("token_expired");
    }

    [Fact]
    public async Task A_second_request_takes_the_place_of_the_first_even_with_the_same_token()
    {
        var (first, token) = await _scene.Asked();
        var second = (await _scene.Ask(token, _scene.OtherDeviceKey)).Value;

        (await _scene.Now(first)).Status.ShouldBe(EscrowRequestStatus.Rejected);
        (await _scene.Recovery(first)).State.ShouldBe(RecoveryState.Cancelled);
        (await _scene.Respond(first, data: "")).Refusal!.Faults.ShouldContain(f => f.Rule == "not_pending");
        await _scene.Respond(second);
        _scene.Open((await _scene.Fetch(second, token)).Value, _scene.OtherDeviceKey).ShouldBe(_scene.Ada.Key.Public.Fingerprint);
    }

    [Fact]
    public async Task A_request_ends_every_other_token_of_the_person()
    {
        var other = await _scene.Token();
        var (request, token) = await _scene.Asked();

        (await _scene.Ask(other)).Refusal!.Faults[0].Rule.ShouldBe("token_consumed");
        await _scene.Respond(request);
        (await _scene.Get<StartEscrow>().Continue(RequestScene.Device, _scene.Ada.Account, token, CancellationToken.None)).Value
            .Account.Id.ShouldBe(_scene.Ada.Account);
        (await _scene.Get<StartEscrow>().Continue(RequestScene.Device, _scene.Ada.Account, other, CancellationToken.None))
            .Refusal!.Faults[0].Rule.ShouldBe("token_consumed");
    }

    [Fact]
    public async Task A_token_lives_ten_days_and_ends_its_request_when_it_is_shown_after_that()
    {
        var (request, token) = await _scene.Asked();
        await _scene.Respond(request);

        _scene.Advance(EscrowTokens.Lifetime - TimeSpan.FromSeconds(1));
        (await _scene.Fetch(request, token)).Value.Answer.ShouldNotBeNull();
        _scene.Advance(TimeSpan.FromSeconds(1));
        (await _scene.Finish(request, token))!.Faults[0].Rule.ShouldBe("token_expired");
        (await _scene.Fetch(request, token)).Refusal!.Faults[0].Rule.ShouldBe("token_expired");
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Rejected);
        (await _scene.Stored(request))!.Sealed.ShouldBeNull();
    }

    [Fact]
    public async Task An_approval_gives_a_token_that_is_over_its_time_again()
    {
        await _scene.Use(new DemandDocument(Approvals: 1, Wait: "12d"));
        var (request, token) = await _scene.Asked();
        _scene.Advance(TimeSpan.FromDays(13));
        await _scene.Respond(request);
        await _scene.Sweep();

        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Approved);
        (await _scene.Fetch(request, token)).Value.Answer.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_recovery_that_an_operator_opened_gets_the_devices_key_with_reason_and_ticket()
    {
        var opened = (await _scene.Get<OpenRecovery>().Run(
            _scene.Reviewer,
            new RecoveryOrder(new AccountName(_scene.Ada.Account, null), Means.Escrow) { Reason = new Reason("lost", "New laptop.", "HELP-1") }, null,
            CancellationToken.None)).Value.Fresh!.Recovery;

        opened.Request.RequestKeyFingerprint.ShouldBeNull();
        var token = RequestScene.TokenIn((await _scene.Mails(MessageKind.EscrowToken)).ShouldHaveSingleItem()["secret"]);
        (await _scene.Mails(MessageKind.RecoveryConfirmation)).ShouldBeEmpty();
        var request = (await _scene.Ask(token)).Value;
        request.Recovery.ShouldBe(opened.Id);
        (await _scene.Recovery(request)).Request.Reason!.Ticket.ShouldBe("HELP-1");
        (await _scene.Facts(LedgerEvent.RecoveryKeyBound)).ShouldHaveSingleItem()["request_key"]!.ToString().ShouldBe(request.Fingerprint);
        (await _scene.Respond(request, _scene.Reviewer)).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties); // Who asks does not agree.
        (await _scene.Respond(request, _scene.Second)).Value.Request.Status.ShouldBe(EscrowRequestStatus.Approved);
    }

    [Fact]
    public async Task Nobody_reviews_their_own_request_and_nobody_answers_above_their_ceiling()
    {
        var (request, _) = await _scene.Asked();
        var herself = _scene.Reviewer with { Grant = _scene.Reviewer.Grant with { Principal = Principal.Of(_scene.Ada.Account) } };
        (await _scene.Respond(request, herself)).Refusal!.Code.ShouldBe(RefusalCode.OwnAccount);

        var hers = _scene.Reviewer with
        {
            Grant = _scene.Reviewer.Grant with { Principal = new Principal(PrincipalKind.ServiceAccount, "hers", _scene.Ada.Account.ToString()) },
        };
        (await _scene.Respond(request, hers)).Refusal!.Code.ShouldBe(RefusalCode.OwnAccount);
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Pending);
        (await _scene.Stored(request)).ShouldBeNull();
    }

    [Fact]
    public async Task With_the_policy_every_request_ends()
    {
        var (request, token) = await _scene.Asked();
        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 2));
        await _scene.Respond(request);
        (await _scene.Escrow.Disable()).Refusal.ShouldBeNull();

        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Rejected);
        (await _scene.Fetch(request, token)).Refusal!.Code.ShouldBe(RefusalCode.EscrowDisabled);
        (await _scene.Ask(token)).Refusal!.Code.ShouldBe(RefusalCode.EscrowDisabled);
        (await _scene.News(_scene.Second)).ShouldContain("policy_disabled");
    }

    [Fact]
    public async Task With_the_enrolment_an_approved_request_ends_and_its_answer_is_erased()
    {
        var (request, token) = await _scene.Asked();
        await _scene.Respond(request);
        (await _scene.Get<EnrolInEscrow>().Remove(_scene.Escrow.Manager, _scene.Ada.Account, CancellationToken.None)).ShouldBeNull();

        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Rejected);
        (await _scene.Stored(request))!.Sealed.ShouldBeNull();
        (await _scene.Fetch(request, token)).Refusal.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_guessed_request_is_told_to_administrators_a_few_times_an_hour()
    {
        var (request, token) = await _scene.Asked();
        for (var i = 0; i < 8; i++)
        {
            (await _scene.Fetch(request with { Id = NewId.Make<EscrowRequestId>() }, token)).Refusal!.Faults[0].Rule.ShouldBe("request_unknown");
        }

        (await _scene.News(_scene.Reviewer)).Count(n => n == "request_guessed").ShouldBe(5);
        (await _scene.Facts(LedgerEvent.EscrowRequestGuessed)).Count.ShouldBe(5);
        (await _scene.Fetch(request, NewId.Make<EntryId>().ToString())).Refusal!.Faults[0].Rule.ShouldBe("token_unknown");
        (await _scene.Fetch(request, "not-a-token")).Refusal!.Faults[0].Rule.ShouldBe("not_a_uuid");
    }

    [Fact]
    public async Task Strangers_learn_nothing_and_fill_no_mailbox()
    {
        (await _scene.Get<SendEscrowToken>().Run(RequestScene.Device, "nobody@example.com", EscrowTokenReason.Default, CancellationToken.None)).ShouldBeNull();
        (await _scene.Mails(MessageKind.EscrowToken)).ShouldBeEmpty();
        for (var i = 0; i < 30; i++)
        {
            var from = RequestScene.Device with { Source = $"198.51.100.{i}" };
            (await _scene.Get<SendEscrowToken>().Run(from, "ada", EscrowTokenReason.LostPassphrase, CancellationToken.None)).ShouldBeNull();
        }

        (await _scene.Mails(MessageKind.EscrowToken)).Count.ShouldBe(10);
        (await _scene.Mails(MessageKind.EscrowToken))[0]["secret"].ShouldEndWith("?case=lost-passphrase");
    }

    [Fact]
    public async Task Of_many_answers_at_once_one_is_taken()
    {
        var (request, token) = await _scene.Asked();
        var data = await _scene.Answer(request);
        var answered = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => _scene.Respond(request, i % 2 == 0 ? _scene.Reviewer : _scene.Second, data: data)));

        answered.Count(a => a.Refusal is null).ShouldBe(1);
        (await _scene.Facts(LedgerEvent.RecoveryCompleted)).Count.ShouldBe(1);
        _scene.Open((await _scene.Fetch(request, token)).Value).ShouldBe(_scene.Ada.Key.Public.Fingerprint);
    }

    [Fact]
    public async Task Who_gives_up_ends_the_token_and_administrators_know()
    {
        var (request, token) = await _scene.Asked();
        (await _scene.Get<FinishEscrow>().Abort(RequestScene.Device, _scene.Ada.Account.ToString(), token, CancellationToken.None)).ShouldBeNull();

        (await _scene.Fetch(request, token)).Refusal!.Faults[0].Rule.ShouldBe("token_consumed");
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Pending);
        (await _scene.News(_scene.Reviewer)).ShouldContain("recovery_aborted");
    }

    [Fact]
    public async Task Only_the_persons_known_key_finishes_and_only_an_approved_request()
    {
        var (request, token) = await _scene.Asked();
        (await _scene.Finish(request, token))!.Faults[0].Rule.ShouldBe("not_approved");
        await _scene.Respond(request);
        (await _scene.Finish(request, token, _scene.DeviceKey))!.Faults[0].Rule.ShouldBe("not_the_persons_key");
        (await _scene.Finish(request with { Id = NewId.Make<EscrowRequestId>() }, token))!.Faults[0].Rule.ShouldBe("request_unknown");
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Approved);
    }

    [Fact]
    public async Task A_message_to_another_key_to_two_or_to_a_password_is_no_answer()
    {
        var (request, _) = await _scene.Asked();
        var right = await _scene.Answer(request);
        var other = PgpMessages.Encrypt("{}"u8, _scene.OtherDeviceKey.Public, _scene.Acts.Now, _scene.Escrow.Organisation);
        var password = PgpMessages.EncryptWithPassword("{}"u8, "secret"u8, _scene.Acts.Now, null);
        foreach (var (data, fault) in new[]
        {
            (other, PgpFault.WrongRecipient), (password, PgpFault.OpensWithPassword), ("", PgpFault.Unparsable), (right[..(right.Length / 2)], PgpFault.Unparsable),
            (new string('x', PgpMessageShape.MaxLength + 1), PgpFault.TooLarge),
        })
        {
            (await _scene.Respond(request, data: data)).Fault().ShouldBe(fault);
        }

        (await _scene.Recovery(request)).State.ShouldBe(RecoveryState.Pending);
        (await _scene.Stored(request)).ShouldBeNull();
    }

    [Fact]
    public async Task What_is_wrong_with_an_answer_is_said_by_rule_and_place()
    {
        var (request, _) = await _scene.Asked();
        var key = (await _scene.Escrow.Policy()).Key!.Id.ToString();
        var id = request.Id.ToString();
        foreach (var (given, expected) in new (EscrowAnswerGiven, string)[]
        {
            (new(null, "approved", key, "x"), "/request required"),
            (new("7", "approved", key, "x"), "/request not_a_uuid"),
            (new(NewId.Make<EscrowRequestId>().ToString(), "approved", key, "x"), "/request not_found"),
            (new(id, null, key, null), "/status required"),
            (new(id, "maybe", key, null), "/status not_in_list"),
            (new(id, "rejected", null, null), "/responder_key required"),
            (new(id, "rejected", "7", null), "/responder_key not_a_uuid"),
            (new(id, "rejected", NewId.Make<EntryId>().ToString(), null), "/responder_key not_found"),
            (new(id, "rejected", key, "x"), "/data forbidden"),
            (new(id, "approved", key, null), "/data required"),
        })
        {
            var fault = (await _scene.Get<AnswerEscrowRequest>().Run(_scene.Reviewer, given, CancellationToken.None)).Refusal!.Faults.ShouldHaveSingleItem();
            $"{fault.Pointer} {fault.Rule}".ShouldBe(expected);
        }
    }

    [Fact]
    public async Task What_is_wrong_with_a_request_is_said_in_the_contracts_order()
    {
        var token = await _scene.Token();
        var betty = await _scene.Escrow.Person("betty");
        var (account, print, armored) = (_scene.Ada.Account.ToString(), _scene.DeviceKey.Public.Fingerprint, _scene.DeviceKey.Public.Armored);
        foreach (var (asked, expected) in new (EscrowAsked, string)[]
        {
            (new(null, null, null, null), "/account required"),
            (new("7", "7", null, null), "/account not_a_uuid"),
            (new(betty.Account.ToString(), "7", null, null), "/account not_enrolled"),
            (new(account, null, null, null), "/token required"),
            (new(account, "7", null, null), "/token not_a_uuid"),
            (new(account, NewId.Make<EntryId>().ToString(), null, null), "/token token_unknown"),
            (new(account, token, null, armored), "/fingerprint required"),
            (new(account, token, print, null), "/request_key required"),
            (new(account, token, print, "no key"), "/request_key unparsable"),
            (new(account, token, new string('A', 40), armored), "/request_key fingerprint_differs"),
            (new(account, token, betty.Key.Public.Fingerprint, betty.Key.Public.Armored), "/request_key key_is_a_persons"),
        })
        {
            var fault = (await _scene.Get<OpenEscrowRequest>().Run(RequestScene.Device, asked, CancellationToken.None)).Refusal!.Faults.ShouldHaveSingleItem();
            $"{fault.Pointer} {fault.Rule}".ShouldBe(expected);
        }

        (await _scene.Ask(token)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Reviewers_find_sort_and_count_requests_and_the_ledger_knows_who_saw_a_wrapped_secret()
    {
        var (first, token) = await _scene.Asked();
        _scene.Advance(TimeSpan.FromMinutes(1));
        var second = (await _scene.Ask(token, _scene.OtherDeviceKey)).Value;
        var read = _scene.Get<ReadEscrowRequests>();

        var all = await read.List(_scene.Reviewer, new EscrowRequestFilter { Descending = true, Limit = 1 }, CancellationToken.None);
        (all.Count, all.Items.ShouldHaveSingleItem().Request.Id, all.Items[0].Password).ShouldBe((2, second.Id, null));
        (await read.List(_scene.Reviewer, new EscrowRequestFilter { OrderBy = EscrowRequestOrder.Status, WithPasswords = true }, CancellationToken.None))
            .Items.Select(i => (i.Request.Id, i.Password is not null)).ShouldBe([(second.Id, true), (first.Id, true)]);
        (await read.List(_scene.Reviewer, new EscrowRequestFilter { Accounts = [NewId.Make<AccountId>()] }, CancellationToken.None)).Count.ShouldBe(0);
        (await read.List(_scene.Reviewer, new EscrowRequestFilter { Status = EscrowRequestStatus.Rejected }, CancellationToken.None))
            .Items.ShouldHaveSingleItem().Request.Id.ShouldBe(first.Id);
        (await read.Pending(TenantId.Default, [_scene.Ada.Account], CancellationToken.None))[_scene.Ada.Account].ShouldBe(second.Id);

        (await _scene.Facts(LedgerEvent.EscrowRequestRead)).ShouldBeEmpty();
        (await read.Find(_scene.Reviewer, second.Id, true, CancellationToken.None)).Value.Password!.Recipient
            .ShouldBe(_scene.Escrow.Organisation.Public.Fingerprint);
        (await _scene.Facts(LedgerEvent.EscrowRequestRead)).ShouldHaveSingleItem()["request"]!.ToString().ShouldBe(second.Id.ToString());
        (await read.Find(_scene.Reviewer, NewId.Make<EscrowRequestId>(), true, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.RecoveryNotFound);
    }

    private async Task Approve(EscrowRequest request, Caller by)
    {
        var recovery = await _scene.Recovery(request);
        (await _scene.Get<DecideOnRecovery>().Approve(by, recovery.Id, recovery.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
    }
}
