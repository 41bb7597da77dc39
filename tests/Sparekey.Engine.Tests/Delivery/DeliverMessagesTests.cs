using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Recoveries;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Delivery;

/// <summary>What leaves, when, how often, and what is left of it, against a real SMTP server and a fake clock.</summary>
public sealed class DeliverMessagesTests(SmtpFixture fixture) : IClassFixture<SmtpFixture>, IAsyncLifetime
{
    private readonly SmtpServer _smtp = fixture.Server;
    private MailScene _scene = null!;

    public async ValueTask InitializeAsync()
    {
        await _smtp.Forget();
        _scene = await MailScene.Start(_smtp.Port);
    }

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task After_delivery_the_row_and_its_payload_are_gone_and_the_ledger_has_no_address()
    {
        var account = await _scene.Account("person@example.com");
        await _scene.Notice(account);
        var payload = await _scene.Acts.Read(db => db.Scalar<byte[]>("SELECT sealed FROM outbox"), CancellationToken.None);
        var needle = System.Text.Encoding.Latin1.GetString(payload!);
        _scene.StoredBytes().ShouldContain(needle);

        (await _scene.Deliver()).ShouldBe(1);
        await _scene.Maintain();

        _scene.StoredBytes().ShouldNotContain(needle);
        (await _scene.Waiting()).ShouldBe(0);
        await Delivered(1);
        var entry = await _scene.Acts.Read(
            db => db.Scalar<byte[]>("SELECT body FROM ledger_entries WHERE event = 'message_sent'"), CancellationToken.None);
        var body = System.Text.Encoding.UTF8.GetString(entry!);
        body.ShouldContain("credential_changed_notice");
        body.ShouldContain("\"address\":\"");
        body.ShouldNotContain("person@example.com");
        (await _scene.Deliver()).ShouldBe(0);
        (await _smtp.Received()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_refused_recipient_is_a_dead_letter_and_the_others_get_theirs_once()
    {
        var account = await _scene.Account("one@example.com", "refused@example.com", "two@example.com");
        await _scene.Notice(account);

        (await _scene.Deliver()).ShouldBe(2);
        _scene.Time.Advance(TimeSpan.FromHours(2));
        (await _scene.Deliver()).ShouldBe(0);

        (await _smtp.Received()).SelectMany(m => m.To).ShouldBe(["one@example.com", "two@example.com"], ignoreOrder: true);
        (await _scene.Count("SELECT COUNT(*) FROM dead_letters WHERE why = 'refused' AND smtp_code = 550 AND attempts = 1")).ShouldBe(1);
        (await _scene.Ledgered(LedgerEvent.MessageUndeliverable)).ShouldBe(1);
        (await _scene.Waiting()).ShouldBe(0);
    }

    [Fact]
    public async Task What_is_refused_for_now_is_tried_for_a_day_ever_more_seldom()
    {
        await _scene.Notice(await _scene.Account("later@example.com"));
        var tries = 0L;
        var began = _scene.Acts.Now;
        while (await _scene.Waiting() == 1)
        {
            await _scene.Deliver();
            tries++;
            (_scene.Acts.Now - began).ShouldBeLessThanOrEqualTo(TimeSpan.FromHours(25));
            if (await _scene.Waiting() == 1)
            {
                var due = await _scene.Count("SELECT due_at FROM outbox");
                due.ShouldBeGreaterThan(_scene.Acts.Now.ToUnixTimeMilliseconds());
                await _scene.Deliver(); // Not before its time.
                _scene.Time.SetUtcNow(DateTimeOffset.FromUnixTimeMilliseconds(due));
            }
        }

        tries.ShouldBeInRange(20, 32);
        (_scene.Acts.Now - began).ShouldBe(TimeSpan.FromHours(24));
        (await _scene.Count("SELECT COUNT(*) FROM dead_letters WHERE why = 'tried_too_long' AND smtp_code = 451 AND attempts = @tries", new { tries })).ShouldBe(1);
    }

    [Fact]
    public async Task Server_down_for_hours_then_everything_arrives_once()
    {
        await using var scene = await MailScene.Start(FreePort.Next());
        var account = await scene.Account("person@example.com", "second@example.com");
        for (var i = 0; i < 5; i++)
        {
            await scene.Notice(account);
        }

        var port = PortOf(scene);
        for (var hour = 0; hour < 5; hour++)
        {
            (await scene.Deliver()).ShouldBe(0);
            scene.Time.Advance(TimeSpan.FromHours(1));
        }

        scene.Mail.State.ShouldBe(MailState.Failing);
        await using var smtp = await SmtpServer.Start(new SmtpServerSettings { Port = port });
        scene.Time.Advance(TimeSpan.FromMinutes(73));
        (await scene.Deliver()).ShouldBe(10);
        (await scene.Deliver()).ShouldBe(0);
        scene.Mail.State.ShouldBe(MailState.Ok);
        var mails = await smtp.Received();
        mails.Count.ShouldBe(10);
        mails.Select(m => m["Message-ID"]).ShouldBeUnique();
        (await scene.Waiting()).ShouldBe(0);
        (await scene.Ledgered(LedgerEvent.MessageSent)).ShouldBe(10);
    }

    [Fact]
    public async Task A_cancelled_recoverys_queued_secret_is_never_sent_though_its_notices_are()
    {
        await _scene.Account("person@example.com");
        await _scene.Get<RequestRecovery>().Run(_scene.Visitor, "person@example.com", CancellationToken.None);
        (await _scene.Waiting()).ShouldBe(3);
        await Cancel();
        (await _scene.Deliver()).ShouldBe(3);
        var mails = await _smtp.Received();
        mails.Count.ShouldBe(3);
        mails.ShouldAllBe(m => !m.Text.Contains("spl_"));
    }

    [Fact]
    public async Task A_secret_that_dies_between_the_claim_and_the_sending_is_not_sent()
    {
        await _scene.Account("person@example.com");
        await _scene.Get<RequestRecovery>().Run(_scene.Visitor, "person@example.com", CancellationToken.None);
        var queue = _scene.Get<OutboxQueue>();
        var claimed = await _scene.Write(act => queue.Claim(act, act.Now + TimeSpan.FromMinutes(2), 8, [MessageRoute.Any, MessageRoute.Mail]));
        var secret = claimed.Single(m => m.Kind == MessageKind.RecoveryLink);
        (await Still(secret)).ShouldBeTrue();
        (await Still(secret, TimeSpan.FromMinutes(3))).ShouldBeFalse(); // The claim would end on the way.
        await Cancel();
        (await Still(secret)).ShouldBeFalse();

        Task<bool> Still(QueuedMessage message, TimeSpan? needed = null) => _scene.Acts.Read(
            db => queue.IsStillToSend(db, TenantId.Default, message, _scene.Acts.Now, needed ?? TimeSpan.FromSeconds(20)), CancellationToken.None);
    }

    [Fact]
    public async Task An_expired_secret_is_dropped_and_ledgered_with_and_without_mail()
    {
        await using var off = await MailScene.Start(mail: null);
        foreach (var scene in new[] { _scene, off })
        {
            await scene.Account("person@example.com");
            await scene.Get<RequestRecovery>().Run(scene.Visitor, "person@example.com", CancellationToken.None);
            scene.Time.Advance(TimeSpan.FromHours(1));
            await scene.Deliver();
            (await scene.Count("SELECT COUNT(*) FROM outbox WHERE expires_at IS NOT NULL")).ShouldBe(0);
            (await scene.Ledgered(LedgerEvent.MessageUndeliverable)).ShouldBe(1);
            (await scene.Count("SELECT COUNT(*) FROM dead_letters")).ShouldBe(0);
        }

        var mails = await _smtp.Received();
        mails.Count.ShouldBe(2);
        mails.ShouldAllBe(m => !m.Text.Contains("spl_"));
        off.Mail.State.ShouldBe(MailState.Off);
        (await off.Waiting()).ShouldBe(2); // Notices wait for a mail server.
    }

    [Fact]
    public async Task Two_workers_do_not_send_one_message_twice()
    {
        var account = await _scene.Account("person@example.com");
        for (var i = 0; i < 40; i++)
        {
            await _scene.Notice(account);
        }

        await using var other = _scene.Compose(MailScene.To(_smtp.Port));
        var sent = await Task.WhenAll(
            Task.Run(() => _scene.Deliver()), Task.Run(() => other.GetRequiredService<DeliverMessages>().RunOnce(CancellationToken.None)));

        sent.Sum().ShouldBe(40);
        var mails = await _smtp.Received();
        mails.Count.ShouldBe(40);
        mails.Select(m => m["Message-ID"]).ShouldBeUnique();
        (await _scene.Ledgered(LedgerEvent.MessageSent)).ShouldBe(40);
    }

    [Theory]
    [InlineData(Fault.Lost, 2)]
    [InlineData(Fault.Kept, 1)]
    public async Task A_crash_between_sending_and_recording_sends_again_under_the_same_id(Fault fault, int arrives)
    {
        await _scene.Notice(await _scene.Account("person@example.com"));
        _scene.Faults.FailNth(2, fault); // The claim is the first commit, the record the second.
        (await _scene.Deliver()).ShouldBe(0);
        (await _scene.Deliver()).ShouldBe(0); // Still claimed by the worker that died.
        _scene.Time.Advance(TimeSpan.FromMinutes(3));
        await _scene.Deliver();

        var mails = await _smtp.Received();
        mails.Count.ShouldBe(arrives);
        mails.Select(m => m["Message-ID"]).Distinct().ShouldHaveSingleItem();
        (await _scene.Waiting()).ShouldBe(0);
        (await _scene.Ledgered(LedgerEvent.MessageSent)).ShouldBe(1);
    }

    [Fact]
    public async Task A_lost_claim_sends_nothing_and_loses_nothing()
    {
        await _scene.Notice(await _scene.Account("person@example.com", "second@example.com"));
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<Sparekey.Engine.Storage.StorageUnavailableException>(_scene.Deliver);
        (await _smtp.Received()).ShouldBeEmpty();
        (await _scene.Deliver()).ShouldBe(2);
    }

    [Fact]
    public async Task A_worker_that_stops_gives_back_what_it_claimed()
    {
        await _scene.Notice(await _scene.Account("person@example.com"));
        var queue = _scene.Get<OutboxQueue>();
        var claimed = await _scene.Write(act => queue.Claim(act, act.Now + TimeSpan.FromMinutes(2), 8, [MessageRoute.Any, MessageRoute.Mail]));
        (await _scene.Deliver()).ShouldBe(0);
        await _scene.Write(act => queue.Release(act, claimed.ShouldHaveSingleItem()));
        (await _scene.Deliver()).ShouldBe(1);
    }

    [Fact]
    public async Task Who_has_no_address_that_mail_goes_to_is_noted_once()
    {
        await _scene.Notice(await _scene.Account("+4912345678"));
        await _scene.Notice(await _scene.Account());
        (await _scene.Deliver()).ShouldBe(0);
        (await _scene.Dead("no_address")).ShouldBe(2);
        (await _scene.Waiting()).ShouldBe(0);
    }

    [Fact]
    public async Task A_message_whose_key_was_retired_is_noted_and_the_rest_goes_on()
    {
        var account = await _scene.Account("person@example.com");
        await _scene.Notice(account);
        await _scene.Write(act => act.Db.Execute("UPDATE outbox SET sealed = @broken", new { broken = new byte[64] }));
        await _scene.Notice(account);
        (await _scene.Deliver()).ShouldBe(1);
        (await _scene.Dead("unreadable")).ShouldBe(1);
    }

    [Fact]
    public void Waits_longer_after_every_failure_and_never_past_a_day()
    {
        var since = new DateTimeOffset(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
        double[] pauses = [5, 30, 120, 600, 3600, 3600];
        for (var i = 0; i < pauses.Length; i++)
        {
            var wait = (RetrySchedule.Next(i + 1, since, since)!.Value - since).TotalSeconds;
            wait.ShouldBeInRange(pauses[i], pauses[i] * 1.2);
        }

        RetrySchedule.Next(30, since, since + TimeSpan.FromHours(23.9)).ShouldBe(since + TimeSpan.FromHours(24));
        RetrySchedule.Next(30, since, since + TimeSpan.FromHours(24)).ShouldBeNull();
    }

    private async Task Cancel()
    {
        var reader = _scene.Get<ReadRecoveries>();
        var recovery = (await reader.Page(_scene.Caller, new RecoveryFilter(null, null, null), 1, CancellationToken.None)).ShouldHaveSingleItem();
        (await _scene.Get<DecideOnRecovery>().Cancel(_scene.Caller, recovery.Id, null, CancellationToken.None)).Value.State.ShouldBe(RecoveryState.Cancelled);
    }

    private async Task Delivered(int count)
    {
        (await _smtp.Received()).Count.ShouldBe(count);
        (await _scene.Ledgered(LedgerEvent.MessageSent)).ShouldBe(count);
    }

    private static int PortOf(MailScene scene) => scene.Get<EngineOptions>().Mail!.Port;
}
