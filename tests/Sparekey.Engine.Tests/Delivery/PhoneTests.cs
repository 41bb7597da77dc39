using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Recoveries;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Delivery;

/// <summary>Text messages and calls, against a stand-in for whoever sends them.</summary>
public sealed class PhoneTests : IAsyncLifetime
{
    private const string Number = "+49 30 901820";
    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);

    private PhoneStandIn _phone = null!;
    private MailScene _scene = null!;

    public async ValueTask InitializeAsync()
    {
        _phone = await PhoneStandIn.Start();
        _scene = await MailScene.Start(null, Options());
    }

    public async ValueTask DisposeAsync()
    {
        await _scene.DisposeAsync();
        await _phone.DisposeAsync();
    }

    [Fact]
    public async Task A_code_by_text_message_reaches_the_number_signed_and_once()
    {
        var account = await _scene.Account(Number);
        var opened = await Open(account, Means.Code, Channel.Sms);
        opened.Value.Fresh!.Secret.ShouldBeNull("It goes to the person and to nobody else.");
        (await _scene.Deliver()).ShouldBeGreaterThan(0);

        var code = Carrying();
        (code["channel"], code["to"], code["language"]).ShouldBe(("sms", Number, "en"));
        code["expires_at"].ShouldBe("2026-11-21T08:10:00.000Z");
        code["text"].ShouldContain("recover.example.com: ");
        code["text"].ShouldContain("08:10 UTC");
        (code.Headers["Authorization"], code.Headers["Idempotency-Key"]).ShouldBe(("Bearer secret-token", code["id"]));
        var signed = Encoding.UTF8.GetBytes($"{code["id"]}.{code.Headers["webhook-timestamp"]}.{code.Raw}");
        code.Headers["webhook-signature"].ShouldBe("v1," + Convert.ToBase64String(HMACSHA256.HashData(Key, signed)));

        var count = _phone.Calls.Count;
        (await _scene.Deliver()).ShouldBe(0);
        _phone.Calls.Count.ShouldBe(count);
        (await _scene.Waiting()).ShouldBe(0);
        var redeemed = await _scene.Get<RedeemSecret>().Run(
            _scene.Visitor, new PresentedSecret.Code(new SecretText(CodeIn(code["text"])), Number), CancellationToken.None);
        redeemed.Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A_call_reads_the_code_out_one_sign_after_the_other()
    {
        var account = await _scene.Account("{\"locale\":\"de\"}", [Number]);
        await Open(account, Means.Code, Channel.Call);
        await _scene.Deliver();

        var call = _phone.Calls.Single(c => c["channel"] == "voice");
        call["language"].ShouldBe("de");
        call["text"].ShouldStartWith("Hier ist recover.example.com. Ihr Code ist: ");
        MailScene.Find(call["text"], @"Code ist: (?<it>[0-9](, [0-9]){7})\. Noch einmal: ");
        (await Open(account, Means.Link, Channel.Call)).Refusal!.Code.ShouldBe(RefusalCode.ChannelNotAvailable);
    }

    [Fact]
    public async Task Notices_reach_telephones_too_and_say_where_to_take_it_back()
    {
        var account = await _scene.Account("person@example.com", Number);
        await Open(account, Means.Code, Channel.Return);
        await _scene.Deliver();

        var notices = _phone.Calls.ToList();
        notices.Count.ShouldBe(2);
        notices.ShouldAllBe(n => n["to"] == Number && n["text"].Contains("This was not me: https://recover.example.com/recover/not-me#"));
        (await _scene.Count("SELECT COUNT(*) FROM outbox WHERE route = 'mail'")).ShouldBe(2, "Mail waits for its server.");
        (await _scene.Deliver()).ShouldBe(0);
        _phone.Calls.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(302)]
    [InlineData(401)]
    [InlineData(429)]
    [InlineData(0)]
    public async Task What_was_not_taken_is_sent_again_under_the_same_id(int status)
    {
        await Open(await _scene.Account(Number), Means.Code, Channel.Sms);
        (_phone.Status, _phone.RetryAfter) = (status, status == 429 ? "60" : null);
        (await _scene.Deliver()).ShouldBe(0);
        var first = Carrying()["id"];
        _phone.Calls.Clear();
        _phone.Status = 200;
        _scene.Time.Advance(TimeSpan.FromSeconds(status == 429 ? 59 : 4));
        (await _scene.Deliver()).ShouldBe(0);
        _scene.Time.Advance(TimeSpan.FromSeconds(3));
        (await _scene.Deliver()).ShouldBeGreaterThan(0);

        Carrying()["id"].ShouldBe(first);
        (await _scene.Waiting()).ShouldBe(0);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(410)]
    [InlineData(422)]
    public async Task What_is_refused_for_good_is_a_dead_letter_of_which_no_secret_is_kept(int status)
    {
        await Open(await _scene.Account(Number), Means.Code, Channel.Sms);
        var waiting = await _scene.Waiting();
        _phone.Status = status;
        (await _scene.Deliver()).ShouldBe(0);

        (await _scene.Waiting()).ShouldBe(0);
        (await _scene.Count("SELECT COUNT(*) FROM dead_letters WHERE route = 'sms' AND why = 'refused' AND smtp_code = @status", new { status })).ShouldBe(waiting);
        (await _scene.Count("SELECT COUNT(*) FROM dead_letters WHERE sealed IS NULL AND kind = 'recovery_code'")).ShouldBe(1);
        (await _scene.Count("SELECT COUNT(*) FROM dead_letters WHERE sealed IS NULL AND kind <> 'recovery_code'")).ShouldBe(0);
    }

    [Fact]
    public async Task A_dead_notice_is_listed_and_sent_again_under_its_own_id_and_a_dead_secret_never_is()
    {
        var account = await _scene.Account(Number);
        await Open(account, Means.Code, Channel.Sms);
        (await List(MessageState.Waiting)).ShouldAllBe(m => m.State == MessageState.Waiting && m.Account == account && !m.CanRetry);
        _phone.Status = 422;
        await _scene.Deliver();
        _phone.Calls.Clear();
        (await List(MessageState.Waiting)).ShouldBeEmpty();
        var dead = await List(null);
        dead.ShouldAllBe(m => m.Route == MessageRoute.Sms && m.State == MessageState.Dead && m.Code == 422 && m.Why == "refused" && m.DiedAt == _scene.Acts.Now);
        var (secret, notice) = (dead.Single(m => m.Kind == "recovery_code"), dead.First(m => m.Kind != "recovery_code"));
        (secret.CanRetry, notice.CanRetry).ShouldBe((false, true));

        var manage = _scene.Get<ManageMessages>();
        (await manage.Retry(_scene.Caller, secret.Id, default)).Refusal!.Code.ShouldBe(RefusalCode.WrongState);
        (await manage.Retry(_scene.Caller, NewId.Make<MessageId>(), default)).Refusal!.Code.ShouldBe(RefusalCode.MessageNotFound);
        (await manage.Retry(Weaker(PermissionSet.Of([Permission.TokenWrite]), "admin"), notice.Id, default)).Refusal!.Code.ShouldBe(RefusalCode.PermissionMissing);
        (await manage.Retry(Weaker(PermissionSet.All, "operator"), notice.Id, default)).Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        (await manage.Retry(_scene.Caller with { Tenant = TenantId.Parse("neighbour") }, notice.Id, default)).Refusal!.Code.ShouldBeOneOf(
            RefusalCode.MessageNotFound, RefusalCode.AboveCeiling);
        _phone.Status = 200;
        var retried = await manage.Retry(_scene.Caller, notice.Id, default);
        (retried.Value.State, retried.Value.Attempts).ShouldBe((MessageState.Waiting, 0));
        (await manage.Retry(_scene.Caller, notice.Id, default)).Refusal!.Code.ShouldBe(RefusalCode.WrongState);
        (await _scene.Deliver()).ShouldBe(1);

        _phone.Calls.Single()["id"].ShouldBe(notice.Id.ToString());
        (await manage.Retry(_scene.Caller, notice.Id, default)).Refusal!.Code.ShouldBe(RefusalCode.MessageNotFound);
        (await _scene.Ledgered(LedgerEvent.MessageRetried)).ShouldBe(1);
        (await List(null)).Count.ShouldBe(dead.Count - 1);

        // A page ends where the next one begins.
        var pages = new List<MessageId>();
        for (PagePosition? after = null; (await manage.List(_scene.Caller, null, after, 1, default)) is [var one]; after = new PagePosition(one.CreatedAt.ToUnixTimeMilliseconds(), one.Id.Value))
        {
            pages.Add(one.Id);
        }

        pages.ShouldBe((await List(null)).Select(m => m.Id));

        (await _scene.Get<DeleteAccount>().Run(_scene.Caller, account, default)).ShouldBeNull();
        (await _scene.Count("SELECT COUNT(*) FROM dead_letters WHERE sealed IS NOT NULL")).ShouldBe(0, "What was said to somebody who is gone is gone.");

        async Task<IReadOnlyList<MessageInfo>> List(MessageState? state) =>
            await _scene.Get<ManageMessages>().List(_scene.Caller, state, null, 100, CancellationToken.None);
    }

    [Fact]
    public async Task A_number_that_is_not_settled_carries_no_secret_and_nobody_is_sent_one_where_nobody_sends()
    {
        (await Open(await _scene.Account("person@example.com"), Means.Code, Channel.Sms)).Refusal!.Code.ShouldBe(RefusalCode.NoUsableAddress);

        await using var silent = _scene.Compose(null);
        var account = await _scene.Account(Number);
        foreach (var channel in new[] { Channel.Sms, Channel.Call })
        {
            (await Open(account, Means.Code, channel, silent.GetService(typeof(OpenRecovery)) as OpenRecovery)).Refusal!.Code
                .ShouldBe(RefusalCode.ChannelNotAvailable);
        }
    }

    [Fact]
    public async Task A_secret_lives_ten_minutes_on_a_telephone_and_leaves_no_later()
    {
        _phone.Status = 500;
        await Open(await _scene.Account(Number), Means.Code, Channel.Sms);
        await _scene.Deliver();
        _scene.Time.Advance(TimeSpan.FromMinutes(10));
        _phone.Calls.Clear();
        _phone.Status = 200;
        await _scene.Deliver();

        _phone.Calls.ShouldAllBe(c => !c.Body.ContainsKey("expires_at") || c.Body["expires_at"] == null);
        (await _scene.Waiting()).ShouldBe(0);
        (await _scene.Dead("expired")).ShouldBe(0);
    }

    [Fact]
    public void Every_kind_says_something_in_every_language_and_values_are_no_places()
    {
        foreach (var language in MailTemplates.Languages)
        {
            foreach (var kind in Enum.GetValues<MessageKind>())
            {
                foreach (var route in new[] { MessageRoute.Sms, MessageRoute.Voice })
                {
                    var message = new QueuedMessage(NewId.Make<MessageId>(), kind, NewId.Make<AccountId>(), _scene.Acts.Now, "") { Route = route };
                    var values = new Dictionary<string, string>(StringComparer.Ordinal) { ["secret"] = "12-34", ["not_me_link"] = "https://x/#{secret}" };
                    var text = PhoneComposer.Write(message, values, "{not_me_link}", language);
                    text.Length.ShouldBeInRange(20, 400);
                    text.ShouldStartWith(route == MessageRoute.Sms ? "{not_me_link}: " : language == "de" ? "Hier ist {not_me_link}." : "This is {not_me_link}.");
                }
            }
        }
    }

    [Theory]
    [InlineData("whsec_", null)]
    [InlineData("whsec_AAAA", null)]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", null)]
    [InlineData("whsec_????????????????????????????????", null)]
    [InlineData("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 24)]
    public void A_key_that_signs_is_long_enough(string secret, int? length) => StandardWebhooks.KeyOf(secret)?.Length.ShouldBe(length!.Value);

    private Caller Weaker(PermissionSet permissions, string ceiling) =>
        _scene.Caller with { Grant = new Grant(Principal.LocalOperator, permissions, ceiling, ExpiresAt: null) };

    private PhoneOptions Options() => new(_phone.Url)
    {
        Token = new SecretText("secret-token"), Secret = new SecretText("whsec_" + Convert.ToBase64String(Key)), Calls = true,
    };

    private PhoneCall Carrying() => _phone.Calls.Single(c => c.Body["expires_at"] is not null);

    private static string CodeIn(string text) => MailScene.Find(text, @": (?<it>[0-9 -]{6,12}) is your code");

    private Task<Result<Happened<IssuedSecret>>> Open(AccountId account, Means means, Channel channel, OpenRecovery? by = null) =>
        (by ?? _scene.Get<OpenRecovery>()).Run(
            _scene.Caller, new RecoveryOrder(new AccountName(account, null), means) { Channel = channel }, null, CancellationToken.None);
}
