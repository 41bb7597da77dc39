using System.Text;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Passbolt;
using Sparekey.Engine.Recoveries;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Passbolt;

public sealed class PassboltCompanionTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Answers_a_request_once_the_person_and_an_operator_agreed()
    {
        await using var scene = await CompanionScene.Create(real: true);
        var (ada, request) = await Asked(scene);
        await scene.Watch();

        var recovery = await scene.Recovery();
        var account = (await scene.AccountOf(ada))!;
        (recovery.Request.Means, recovery.State, recovery.Request.Account, recovery.RequestedBy).ShouldBe(
            (Means.Escrow, RecoveryState.Pending, account.Id, Principal.Of(account.Id)));
        recovery.Request.RequestKeyFingerprint.ShouldBe(request.Key.Fingerprint);
        (await Answer(scene)).ShouldBe(0, "Nobody agreed yet.");
        await scene.Watch();
        request.Status.ShouldBe("pending");

        await scene.Agree();
        (await Answer(scene)).ShouldBe(1);
        (await scene.Recovery()).State.ShouldBe(RecoveryState.Completed);
        await scene.Watch();
        request.Status.ShouldBe("approved");
        scene.Passbolt.Recover(request).ShouldBe(ada.Key.Fingerprint);
        scene.Passbolt.Signers.ShouldBe([scene.Passbolt.Organisation.Fingerprint, scene.User.Key.Fingerprint], ignoreOrder: true);
        (scene.Passbolt.Attacks, scene.Passbolt.Requests.Count).ShouldBe((0, 1));

        // Nothing is told twice, and nothing that is secret was written anywhere.
        var calls = Posted(scene);
        await scene.Watch();
        (await Answer(scene)).ShouldBe(0);
        Posted(scene).ShouldBe(calls);
        var device = PassboltStandIn.Open(request.Key);
        using var inside = PgpMessages.Decrypt((string)request.Response!["data"]!, device, [], scene.Time.GetUtcNow()).Value;
        using var secret = EscrowSecret.Read(inside.Bytes).Value;
        var text = await scene.StoredBytes() + string.Join('\n', scene.Log);
        foreach (var clear in new[]
        {
            Encoding.UTF8.GetString(secret.Secret), scene.Passbolt.Organisation.Passphrase, scene.User.Key.Passphrase, "PRIVATE KEY BLOCK", "GEZDGNBVGY3TQOJQ",
        })
        {
            text.ShouldNotContain(clear);
        }
    }

    [Fact]
    public async Task Posts_as_rejected_what_was_denied_cancelled_or_ran_out_of_time()
    {
        await using var scene = await CompanionScene.Create();
        var decide = scene.Get<DecideOnRecovery>();
        foreach (var how in new[] { "denied", "cancelled", "expired" })
        {
            var (_, request) = await Asked(scene, how switch { "denied" => "ada", "cancelled" => "betty", _ => "carol" });
            await scene.Watch();
            var recovery = await scene.Recovery();
            recovery.Request.RequestKeyFingerprint.ShouldBe(request.Key.Fingerprint);
            if (how == "expired")
            {
                scene.Time.Advance(recovery.OpenUntil - scene.Time.GetUtcNow() + TimeSpan.FromMinutes(1));
                await scene.Get<SweepRecoveries>().Run(TenantId.Default, None);
            }
            else
            {
                var done = how == "denied"
                    ? await decide.Deny(CompanionScene.Programme("chief"), recovery.Id, new GivenDecision(recovery.Digest), None)
                    : await decide.Cancel(CompanionScene.Programme("chief"), recovery.Id, "a mistake", None);
                done.Refusal.ShouldBeNull();
            }

            await scene.Watch();
            (request.Status, request.Response!.ContainsKey("data")).ShouldBe(("rejected", false), how);
        }

        Posted(scene).ShouldBe(3);
    }

    [Fact]
    public async Task Cancels_what_somebody_else_answered_and_does_not_call_it_a_fault()
    {
        await using var scene = await CompanionScene.Create();
        var (_, request) = await Asked(scene);
        await scene.Watch();
        request.Status = "approved";
        await scene.Watch();
        var recovery = await scene.Recovery();
        recovery.State.ShouldBe(RecoveryState.Cancelled);
        (await scene.State())!.Fault.ShouldBeNull();
        Posted(scene).ShouldBe(0);

        var told = (await scene.Ledger(LedgerEvent.CompanionAnswerTold)).ShouldHaveSingleItem().GetProperty("facts");
        (told.GetProperty("outcome").GetString(), told.GetProperty("answer").GetString()).ShouldBe(("answered_elsewhere", "pending"));

        // The same between completion and telling: the rule of pending requests.
        var (_, second) = await Asked(scene, "betty");
        await scene.Watch();
        await scene.Agree();
        await Answer(scene);
        second.Status = "rejected";
        await scene.Watch();
        await scene.Watch();
        Posted(scene).ShouldBe(1);
        (await scene.State())!.Fault.ShouldBeNull();
        (await scene.Count("SELECT COUNT(*) FROM escrow_answers WHERE sealed IS NOT NULL")).ShouldBe(0, "An answer that nobody fetches is kept by nobody.");
        told = (await scene.Ledger(LedgerEvent.CompanionAnswerTold))[^1].GetProperty("facts");
        (told.GetProperty("outcome").GetString(), told.GetProperty("answer").GetString()).ShouldBe(
            ("answered_elsewhere", "approved"), "Approved here, and the person got nothing of it.");
    }

    [Fact]
    public async Task Knows_its_own_answer_again_where_nobody_heard_that_it_was_taken()
    {
        await using var scene = await CompanionScene.Create();
        var (ada, request) = await Asked(scene);
        await scene.Watch();
        await scene.Agree();
        await Answer(scene);
        (scene.Passbolt.Mode, scene.Passbolt.Only) = ("lost", "/account-recovery/responses");
        (await scene.Look()).ShouldBe("unreachable");
        request.Status.ShouldBe("approved");
        var first = request.Response;
        (scene.Passbolt.Mode, scene.Passbolt.Only) = ("ok", null);
        await scene.Restart();
        await scene.Watch();
        await scene.Watch();
        request.Response.ShouldBeSameAs(first);
        Posted(scene).ShouldBe(2);
        scene.Passbolt.Recover(request).ShouldBe(ada.Key.Fingerprint);
        (await scene.Recovery()).State.ShouldBe(RecoveryState.Completed);
        (await scene.Count("SELECT COUNT(*) FROM escrow_requests WHERE outcome = 'posted'")).ShouldBe(1);
    }

    [Fact]
    public async Task Raises_an_alarm_and_answers_nothing_when_the_organisations_key_was_rotated_under_it()
    {
        await using var scene = await CompanionScene.Create();
        var (ada, request) = await Asked(scene);
        await scene.Watch();
        await scene.Agree();

        var (former, other) = (scene.Passbolt.Organisation, await PassboltVectors.Key("ecdsa_p256"));
        (scene.Passbolt.Organisation, scene.Passbolt.OrganisationId) = (other, NewId.Make<AccountId>().Value);
        scene.Passbolt.Enrol(ada); // As the one who rotated wrapped it anew.
        await scene.Watch();
        await scene.Watch();
        (await scene.State())!.Alarm.ShouldBe(CompanionAlarm.OrganisationKeyChanged);
        var raised = (await scene.Ledger(LedgerEvent.CompanionAlarmRaised)).ShouldHaveSingleItem().GetProperty("facts");
        (raised.GetProperty("key_before").GetString(), raised.GetProperty("key_now").GetString()).ShouldBe((former.Fingerprint, other.Fingerprint));
        (await scene.Ledger(LedgerEvent.IncidentOpened)).ShouldHaveSingleItem();
        scene.Log.Count(l => l.StartsWith("Critical", StringComparison.Ordinal)).ShouldBe(1);

        (await Answer(scene)).ShouldBe(0);
        (await scene.Recovery()).State.ShouldBe(RecoveryState.Ready);
        await scene.Watch();
        (request.Status, Posted(scene)).ShouldBe(("pending", 0));

        // It goes on watching: what is answered there ends here.
        var (_, betty) = await Asked(scene, "betty");
        await scene.Watch();
        betty.Status = "rejected";
        await scene.Watch();
        (await scene.Recoveries()).Count(r => r.State == RecoveryState.Cancelled).ShouldBe(1);

        // The new key is put here.
        scene.Write("recovery.asc", other.Private);
        scene.Time.Advance(TimeSpan.FromMinutes(10));
        await scene.Watch();
        (await scene.State())!.Alarm.ShouldBeNull();
        (await scene.Ledger(LedgerEvent.CompanionAlarmEnded)).ShouldHaveSingleItem();
        (await Answer(scene)).ShouldBe(1);
        await scene.Watch();
        (request.Status, scene.Passbolt.Recover(request)).ShouldBe(("approved", ada.Key.Fingerprint));
    }

    [Fact]
    public async Task Waits_for_the_call_that_brings_the_key_where_it_holds_none()
    {
        await using var scene = await CompanionScene.Create(o => o with { RecoveryKeyFile = null });
        var (ada, request) = await Asked(scene);
        await scene.Watch();
        var complete = scene.Get<CompleteEscrow>();
        var recovery = await scene.Recovery();
        (await complete.Run(CompanionScene.Programme("desk"), recovery.Id, Keys(scene.Passbolt.Organisation), None)).Refusal!.Code
            .ShouldBe(RefusalCode.RequirementsOpen);
        await scene.Agree();
        (await Answer(scene)).ShouldBe(0);
        var wrong = await complete.Run(
            CompanionScene.Programme("desk"), recovery.Id, Keys(await PassboltVectors.Key("ecdsa_p256")), None);
        wrong.Refusal.ShouldNotBeNull();
        (await complete.Run(CompanionScene.Programme("desk"), recovery.Id, default, None)).Refusal.ShouldNotBeNull("Nobody brought a key.");
        (await scene.Recovery()).State.ShouldBe(RecoveryState.Ready);

        (await complete.Run(CompanionScene.Programme("desk"), recovery.Id, Keys(scene.Passbolt.Organisation), None)).Refusal.ShouldBeNull();
        await scene.Watch();
        (request.Status, scene.Passbolt.Recover(request)).ShouldBe(("approved", ada.Key.Fingerprint));
        scene.Passbolt.Signers.ShouldContain(scene.User.Key.Fingerprint, "The companion's user signs, whoever brings the organisation's key.");
        (await scene.Ledger(LedgerEvent.RecoveryCompleted)).ShouldHaveSingleItem().GetProperty("actor").GetProperty("id").GetString().ShouldBe("desk");
    }

    [Fact]
    public async Task Answers_nothing_where_the_escrow_is_not_as_it_must_be_at_the_moment_of_the_answer()
    {
        await using var scene = await CompanionScene.Create();
        var (ada, request) = await Asked(scene);
        await scene.Watch();
        await scene.Agree();
        var index = scene.Passbolt.Requests.IndexOf(request);
        var (password, blob, recipient) = (ada.Password, ada.Blob, ada.Recipient);
        foreach (var named in new (string, string?)[]
        {
            ("wrong_domain", "wrong_domain"), ("wrong_user", "wrong_user"), ("wrong_fingerprint", "wrong_fingerprint"), ("unsigned", "unsigned"),
            ("unknown_signer", "unknown_signer"), ("no_public_key_message", null), ("truncated", null), ("no_escrow_any_more", "not_an_escrow"),
            ("another_request_key", "fingerprint_differs"), ("other_recipient", "wrong_recipient"), ("disabled", "escrow_disabled"),
        })
        {
            var (what, rule) = named;
            switch (what)
            {
                case "wrong_domain":
                    scene.Passbolt.Enrol(ada, "https://elsewhere.example.com");
                    break;
                case "wrong_user":
                    ada.Password = Wrapped(scene, ada, NewId.Make<AccountId>().Value, ada.Key.Fingerprint, ada.Key);
                    break;
                case "wrong_fingerprint":
                    ada.Password = Wrapped(scene, ada, ada.Id, new string('A', 40), ada.Key);
                    break;
                case "unsigned":
                    ada.Password = Wrapped(scene, ada, ada.Id, ada.Key.Fingerprint, null);
                    break;
                case "unknown_signer":
                    ada.Password = Wrapped(scene, ada, ada.Id, ada.Key.Fingerprint, await PassboltVectors.Key("ecdsa_brainpoolp256r1"));
                    break;
                case "no_public_key_message":
                    ada.Password = await PassboltVectors.Text("messages.ada.blob");
                    break;
                case "truncated":
                    ada.Password = ada.Password![..(ada.Password!.Length / 2)];
                    break;
                case "no_escrow_any_more":
                    ada.Password = null;
                    break;
                case "another_request_key":
                    scene.Passbolt.Requests[index] = request with { Key = await PassboltVectors.Key("eddsa_ed25519") };
                    break;
                case "other_recipient":
                    scene.Passbolt.Enrol(ada, to: await PassboltVectors.Key("ecdsa_p256"));
                    break;
                case "disabled":
                    scene.Passbolt.Policy = "disabled";
                    break;
            }

            (await Answer(scene)).ShouldBe(0, what);
            (await scene.Recovery()).State.ShouldBe(RecoveryState.Ready, what);
            (await scene.Ledger(LedgerEvent.EscrowAnswerRefused))[^1].GetProperty("facts").GetProperty("rule").GetString().ShouldBe(
                rule ?? (await scene.Ledger(LedgerEvent.EscrowAnswerRefused))[^1].GetProperty("facts").GetProperty("rule").GetString(), what);
            await scene.Look();
            (scene.Passbolt.Requests[index].Status, Posted(scene)).ShouldBe(("pending", 0), what);
            (ada.Password, ada.Blob, ada.Recipient, scene.Passbolt.Requests[index], scene.Passbolt.Policy) = (password, blob, recipient, request, "opt-in");
        }

        // Nothing but that was wrong.
        (await Answer(scene)).ShouldBe(1);
        await scene.Watch();
        (request.Status, scene.Passbolt.Recover(request)).ShouldBe(("approved", ada.Key.Fingerprint));
    }

    [Fact]
    public async Task Answers_an_escrow_of_a_former_name_of_the_server_and_leaves_that_name_in()
    {
        await using var scene = await CompanionScene.Create(o => o with { DomainAliases = ["https://former.example.com"] });
        var (ada, request) = await Asked(scene);
        scene.Passbolt.Enrol(ada, "https://former.example.com");
        await scene.Watch();
        await scene.Agree();
        (await Answer(scene)).ShouldBe(1);
        await scene.Watch();
        var device = PassboltStandIn.Open(request.Key);
        using var inside = PgpMessages.Decrypt((string)request.Response!["data"]!, device, [], scene.Time.GetUtcNow()).Value;
        JsonDocument.Parse(Encoding.UTF8.GetString(inside.Bytes)).RootElement.GetProperty("domain").GetString().ShouldBe("https://former.example.com");
    }

    [Fact]
    public async Task Believes_the_administrator_who_rotated_the_organisations_key()
    {
        await using var scene = await CompanionScene.Create();
        var (ada, request) = await Asked(scene);
        var admin = await scene.Passbolt.AddUser("admin", "admin");
        ada.Password = Wrapped(scene, ada, ada.Id, ada.Key.Fingerprint, admin.Key);
        await scene.Watch();
        await scene.Agree();
        (await Answer(scene)).ShouldBe(1, string.Join('\n', scene.Log));
        await scene.Watch();
        request.Status.ShouldBe("approved");
    }

    [Fact]
    public async Task Pulls_nothing_that_could_not_be_answered_and_says_so_once()
    {
        await using var scene = await CompanionScene.Create();
        var (ada, _) = await Asked(scene, key: "rsa_2048");
        var betty = await scene.Passbolt.AddUser("betty"); // Not enrolled.
        await scene.Passbolt.Ask(betty);
        for (var i = 0; i < 3; i++)
        {
            await scene.Watch();
            scene.Time.Advance(TimeSpan.FromMinutes(6));
        }

        (await scene.Recoveries()).ShouldBeEmpty();
        (await scene.Ledger(LedgerEvent.CompanionRequestRefused)).Select(e => e.GetProperty("facts").GetProperty("why").GetString())
            .ShouldBe(["size_not_allowed", "no_escrow"], ignoreOrder: true);
        ada.Key.Fingerprint.ShouldNotBeEmpty();

        // Who enrols meanwhile is heard.
        scene.Passbolt.Enrol(betty);
        await scene.Watch();
        (await scene.Recoveries()).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Takes_reason_and_ticket_of_a_pulled_request_from_whoever_may_ask_for_recoveries()
    {
        await using var scene = await CompanionScene.Create();
        await Asked(scene);
        await scene.Watch();
        var recovery = await scene.Recovery();
        var decide = scene.Get<DecideOnRecovery>();
        var before = recovery.Digest;
        (await decide.AddReason(
            CompanionScene.Programme("desk", Permission.RecoveryRequest), recovery.Id, new Reason("lost_laptop", "Left it on a train", "HD-7"), None))
            .Refusal.ShouldBeNull();
        recovery = await scene.Recovery();
        (recovery.Request.Reason!.Ticket, recovery.Digest == before).ShouldBe(("HD-7", false));
        (await decide.Approve(CompanionScene.Programme("chief"), recovery.Id, new GivenDecision(before), None)).Refusal!.Code.ShouldBe(RefusalCode.DigestMismatch);
    }

    [Fact]
    public async Task Begins_there_what_is_opened_here_and_binds_the_request_that_arrives()
    {
        await using var scene = await CompanionScene.Create();
        var ada = await scene.Passbolt.AddUser("ada");
        scene.Passbolt.Enrol(ada);
        await scene.Watch();
        var account = (await scene.AccountOf(ada))!;
        var order = new RecoveryOrder(new AccountName(account.Id, null), Means.Escrow)
        {
            Channel = Channel.Email, Reason = new Reason("lost_laptop", "Left it on a train", "HD-7"),
        };
        var opened = await scene.Get<OpenRecovery>().Run(CompanionScene.Programme("desk"), order, null, None);
        opened.Refusal.ShouldBeNull();

        // The server is down at first: nothing is lost.
        scene.Passbolt.Mode = "down";
        (await scene.Look()).ShouldBe("failing");
        scene.Passbolt.Mode = "ok";
        await scene.Watch();
        await scene.Watch();
        scene.Passbolt.Mailed.ShouldBe(["ada@example.com"]);

        var request = await scene.Passbolt.Ask(ada);
        await scene.Watch();
        var recovery = (await scene.Recoveries()).ShouldHaveSingleItem();
        (recovery.Request.Reason!.Ticket, recovery.Request.RequestKeyFingerprint, recovery.RequestedBy.Id).ShouldBe(
            ("HD-7", request.Key.Fingerprint, "desk"));
        await scene.Agree();
        (await Answer(scene)).ShouldBe(1);
        await scene.Watch();
        scene.Passbolt.Recover(request).ShouldBe(ada.Key.Fingerprint);
    }

    [Fact]
    public async Task Two_processes_pull_and_answer_once()
    {
        await using var scene = await CompanionScene.Create();
        await using var other = scene.Build();
        var (_, request) = await Asked(scene);
        await Both();
        (await scene.Recoveries()).ShouldHaveSingleItem();
        await scene.Agree();
        await Task.WhenAll(Answer(scene), ((AnswerReadyEscrows)other.GetService(typeof(AnswerReadyEscrows))!).RunOnce(None));
        await Both();
        request.Status.ShouldBe("approved");
        Posted(scene).ShouldBe(1);

        Task Both() => Task.WhenAll(scene.Look(), ((PassboltCompanion)other.GetService(typeof(PassboltCompanion))!).RunOnce(None));
    }

    internal static async Task<(PassboltUser User, PassboltRequest Request)> Asked(
        CompanionScene scene, string name = "ada", string key = "account_recovery_request")
    {
        var user = await scene.Passbolt.AddUser(name);
        scene.Passbolt.Enrol(user);
        scene.Time.Advance(TimeSpan.FromSeconds(1));
        return (user, await scene.Passbolt.Ask(user, key));
    }

    internal static Task<int> Answer(CompanionScene scene)
    {
        scene.Time.Advance(TimeSpan.FromMinutes(10)); // What could not be answered is tried again.
        return scene.Get<AnswerReadyEscrows>().RunOnce(None);
    }

    internal static int Posted(CompanionScene scene) =>
        scene.Passbolt.Calls.Count(c => c.StartsWith("POST /account-recovery/responses", StringComparison.Ordinal));

    private static EscrowKeyMaterial Keys(PassboltKey key) =>
        new(Encoding.UTF8.GetBytes(key.Private), Encoding.UTF8.GetBytes(key.Passphrase), default, default);

    private static string Wrapped(CompanionScene scene, PassboltUser of, Guid user, string fingerprint, PassboltKey? signer)
    {
        var (now, organisation) = (scene.Time.GetUtcNow(), PgpKey.Read(scene.Passbolt.Organisation.Public).Value);
        var real = PassboltStandIn.Open(scene.Passbolt.Organisation);
        using var opened = PgpMessages.Decrypt(of.Password!, real, [], now).Value;
        using var former = EscrowSecret.Read(opened.Bytes).Value;
        var json = Encoding.UTF8.GetString(opened.Bytes).Replace(former.UserId.ToString(), user.ToString(), StringComparison.Ordinal)
            .Replace(former.Fingerprint, fingerprint, StringComparison.Ordinal);
        if (signer is null)
        {
            return PgpMessages.Encrypt(Encoding.UTF8.GetBytes(json), organisation, now);
        }

        var by = PassboltStandIn.Open(signer);
        return PgpMessages.Encrypt(Encoding.UTF8.GetBytes(json), organisation, now, by);
    }
}
