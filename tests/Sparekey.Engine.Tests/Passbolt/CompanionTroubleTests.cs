using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Passbolt;
using Sparekey.Engine.Recoveries;
using Sparekey.Testing;
using static Sparekey.Engine.Tests.Passbolt.PassboltCompanionTests;

namespace Sparekey.Engine.Tests.Passbolt;

/// <summary>What the companion does with a server that is broken, in part or as a whole, or that is not what it was.</summary>
public sealed class CompanionTroubleTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Loses_nothing_while_the_server_is_in_trouble()
    {
        await using var scene = await CompanionScene.Create();
        var (ada, request) = await Asked(scene);
        await scene.Watch();
        await scene.Agree();
        await Answer(scene);
        foreach (var (mode, only, fault) in new (string, string?, string)[]
        {
            ("down", null, "failing"), ("busy", null, "busy"), ("garbage", null, "garbage"), ("surrogate", null, "garbage"), ("huge", null, "too_large"),
            ("closed", null, "unreachable"), ("redirect", null, "garbage"), ("forbidden", null, "forbidden"),
            ("surrogate", "/account-recovery/responses", "garbage"),
        })
        {
            (scene.Passbolt.Mode, scene.Passbolt.Only) = (mode, only);
            var said = scene.Log.Count;
            scene.Time.Advance(TimeSpan.FromMinutes(2));
            (await scene.Look()).ShouldBe(fault, mode);
            (await scene.Look()).ShouldBe(fault, mode);
            ((await scene.State())!.Fault, (await scene.Recovery()).State).ShouldBe((fault, RecoveryState.Completed));
            scene.Log.Skip(said).Count(l => l.Contains("cannot be watched", StringComparison.Ordinal)).ShouldBe(1, "It is said once.");
            scene.Log.Skip(said).Count(l => l.StartsWith("Error", StringComparison.Ordinal)).ShouldBe(0, "It is no fault of this side.");
            request.Status.ShouldBe("pending", mode);
            await scene.Get<Acts>().Write(TenantId.Default, act => act.Db.Execute("UPDATE passbolt_companions SET fault = NULL", new { }), None);
        }

        (scene.Passbolt.Mode, scene.Passbolt.Only) = ("ok", null);
        scene.Time.Advance(TimeSpan.FromMinutes(5));
        await scene.Watch();
        ((await scene.State())!.Fault, request.Status).ShouldBe((null, "approved"));
        scene.Passbolt.Recover(request).ShouldBe(ada.Key.Fingerprint);
    }

    [Theory]
    [InlineData("/users.json", "nobody")]
    [InlineData("/users/recover", "nobody")]
    [InlineData("/account-recovery/requests/", "betty")]
    [InlineData("/account-recovery/responses", "ada")]
    public async Task One_thing_that_the_server_fails_at_stands_in_the_way_of_nothing_else(string only, string poisoned)
    {
        await using var scene = await CompanionScene.Create();
        var (_, first) = await Asked(scene);
        var (betty, carol) = (await scene.Passbolt.AddUser("betty"), await scene.Passbolt.AddUser("carol"));
        scene.Passbolt.Enrol(betty);
        await scene.Watch();
        await scene.Agree();
        await Answer(scene);
        var order = new RecoveryOrder(new AccountName((await scene.AccountOf(carol))!.Id, null), Means.Escrow)
        {
            Channel = Channel.Email, Reason = new Reason("lost_laptop", "Lost", null),
        };
        (await scene.Get<OpenRecovery>().Run(CompanionScene.Programme("desk"), order, null, None)).Refusal.ShouldBeNull();
        var second = await scene.Passbolt.Ask(betty);
        scene.Time.Advance(TimeSpan.FromSeconds(1));
        await scene.Passbolt.Ask(carol); // Newer, so that it is looked at after the other one; and not enrolled, which is told.
        only += poisoned == "betty" ? second.Id : "";

        (scene.Passbolt.Mode, scene.Passbolt.Only) = ("down", only);
        scene.Time.Advance(TimeSpan.FromMinutes(20)); // People are read again too.
        (await scene.Look()).ShouldBe("failing");
        var calls = Calls();
        (await scene.Look()).ShouldBe("failing", "It is left, and not tried again at once.");
        Calls().ShouldBe(calls);
        first.Status.ShouldBe(poisoned == "ada" ? "pending" : "approved");
        scene.Passbolt.Mailed.Count.ShouldBe(only == "/users/recover" ? 0 : 1);
        (await Bound()).ShouldBe(poisoned == "betty" ? 1 : 2);
        (await scene.Ledger(LedgerEvent.CompanionRequestRefused)).Count.ShouldBe(1);

        (scene.Passbolt.Mode, scene.Passbolt.Only) = ("ok", null);
        scene.Time.Advance(TimeSpan.FromMinutes(6));
        await scene.Watch();
        (first.Status, scene.Passbolt.Mailed.Count, await Bound()).ShouldBe(("approved", 1, 2));

        int Calls() => scene.Passbolt.Calls.Count(c => c.Contains($" {only}", StringComparison.Ordinal));
        async Task<int> Bound() => (await scene.Recoveries()).Count(r => r.Request.RequestKeyFingerprint is not null);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Keeps_an_answer_that_may_be_taken_later_and_tells_of_one_that_never_is(bool rule)
    {
        await using var scene = await CompanionScene.Create();
        var (_, request) = await Asked(scene);
        await scene.Watch();
        await scene.Agree();
        await Answer(scene);
        (scene.Passbolt.Mode, scene.Passbolt.Only) = (rule ? "ok" : "refused", "/account-recovery/responses");
        scene.Passbolt.BrokenRule = rule ? "wrongRecipient" : null;
        (await scene.Look()).ShouldBe(rule ? null : "refused");
        (scene.Passbolt.Mode, scene.Passbolt.BrokenRule) = ("ok", null);
        scene.Time.Advance(TimeSpan.FromMinutes(2));
        await scene.Watch();
        request.Status.ShouldBe(rule ? "pending" : "approved");
        var told = (await scene.Ledger(LedgerEvent.CompanionAnswerTold)).ShouldHaveSingleItem().GetProperty("facts");
        (told.GetProperty("outcome").GetString(), told.GetProperty("remote_request").GetString(), told.GetProperty("request_key").GetString()).ShouldBe(
            (rule ? "refused" : "posted", request.Id.ToString(), request.Key.Fingerprint));
        (await scene.Count("SELECT COUNT(*) FROM escrow_answers WHERE sealed IS NOT NULL")).ShouldBe(0);
        scene.Log.Count(l => l.StartsWith("Error", StringComparison.Ordinal)).ShouldBe(rule ? 1 : 0);
    }

    [Fact]
    public async Task Ends_a_recovery_whose_person_that_server_does_not_mail()
    {
        await using var scene = await CompanionScene.Create();
        var ada = await scene.Passbolt.AddUser("ada");
        await scene.Watch();
        var order = new RecoveryOrder(new AccountName((await scene.AccountOf(ada))!.Id, null), Means.Escrow)
        {
            Channel = Channel.Email, Reason = new Reason("lost_laptop", "Lost", null),
        };
        (await scene.Get<OpenRecovery>().Run(CompanionScene.Programme("desk"), order, null, None)).Refusal.ShouldBeNull();
        (scene.Passbolt.Mode, scene.Passbolt.Only) = ("refused", "/users/recover");
        await scene.Watch();
        (await scene.Recovery()).State.ShouldBe(RecoveryState.Cancelled);
        (await scene.Count("SELECT COUNT(*) FROM passbolt_starts")).ShouldBe(0);
    }

    [Fact]
    public async Task Shows_what_is_wrong_also_with_a_server_that_it_never_reached()
    {
        await using var scene = await CompanionScene.Create();
        scene.Write("user.asc", "no key");
        (await scene.Look()).ShouldBe("own_key");
        (await scene.Look()).ShouldBe("own_key");
        var state = (await scene.State())!;
        (state.Fault, state.ServerKey).ShouldBe(("own_key", null));
        scene.Log.Count(l => l.Contains("user.asc", StringComparison.Ordinal)).ShouldBe(1, "It says which file, once.");
        scene.Write("user.asc", scene.User.Key.Private);
        await scene.Watch();
        state = (await scene.State())!;
        (state.Fault, state.ServerKey).ShouldBe((null, scene.Passbolt.ServerKey.Fingerprint));
    }

    [Fact]
    public async Task Raises_an_alarm_for_another_server_key_until_somebody_trusts_it()
    {
        await using var scene = await CompanionScene.Create();
        await scene.Watch();
        var (first, other) = (scene.Passbolt.ServerKey, await PassboltVectors.Key("ecdsa_p384"));
        scene.Passbolt.ServerKey = other;
        scene.Passbolt.EndSessions();
        (await scene.Look()).ShouldBe("server_key_changed");
        (await scene.Look()).ShouldBe("server_key_changed");
        (await scene.State())!.Alarm.ShouldBe(CompanionAlarm.ServerKeyChanged);
        (await scene.Ledger(LedgerEvent.CompanionAlarmRaised)).ShouldHaveSingleItem();
        (await scene.Ledger(LedgerEvent.IncidentOpened)).ShouldHaveSingleItem();

        var (manage, chief) = (scene.Get<ManageCompanion>(), CompanionScene.Programme("chief"));
        (await manage.Trust(chief, "not a fingerprint", None)).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
        (await manage.Trust(chief with { Grant = chief.Grant with { Ceiling = "user" } }, other.Fingerprint, None)).Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        (await manage.Trust(chief, other.Fingerprint, None)).Value.State!.Alarm.ShouldBeNull();
        await scene.Watch();
        (await scene.State())!.ServerKey.ShouldBe(other.Fingerprint);
        var trusted = (await scene.Ledger(LedgerEvent.CompanionServerTrusted)).ShouldHaveSingleItem().GetProperty("facts");
        (trusted.GetProperty("key_before").GetString(), trusted.GetProperty("key_now").GetString()).ShouldBe((first.Fingerprint, other.Fingerprint));
    }

    [Fact]
    public async Task An_alarm_of_the_organisations_key_tells_of_the_next_key_and_is_not_over_because_escrow_is_disabled()
    {
        await using var scene = await CompanionScene.Create();
        await scene.Watch();
        foreach (var key in new[] { "ecdsa_p256", "ecdsa_brainpoolp512r1" })
        {
            (scene.Passbolt.Organisation, scene.Passbolt.OrganisationId) = (await PassboltVectors.Key(key), NewId.Make<AccountId>().Value);
            await scene.Watch();
            await scene.Watch();
        }

        (await scene.Ledger(LedgerEvent.CompanionAlarmRaised)).Count.ShouldBe(2);
        scene.Passbolt.Policy = "disabled";
        await scene.Watch();
        (await scene.State())!.Alarm.ShouldBe(CompanionAlarm.OrganisationKeyChanged);
        (await scene.Ledger(LedgerEvent.CompanionAlarmEnded)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Ends_the_request_of_somebody_whom_that_server_disabled()
    {
        await using var scene = await CompanionScene.Create();
        var (ada, request) = await Asked(scene);
        await scene.Watch();
        ada.Disabled = "2026-11-21T08:00:00+00:00";
        scene.Time.Advance(TimeSpan.FromMinutes(20));
        await scene.Watch();
        ((await scene.Recovery()).State, request.Status).ShouldBe((RecoveryState.Cancelled, "rejected"));
    }

    [Fact]
    public async Task Leaves_alone_what_the_person_asked_of_the_escrow_here()
    {
        await using var scene = await CompanionScene.Create();
        var (ada, _) = await Asked(scene);
        await scene.Watch();
        await scene.Get<Acts>().Write(
            TenantId.Default, act => act.Db.Execute("UPDATE escrow_requests SET origin = 'local', remote_id = NULL", new { }), None);
        foreach (var key in new[] { "eddsa_ed25519", "account_recovery_request" })
        {
            scene.Time.Advance(TimeSpan.FromMinutes(1));
            await scene.Passbolt.Ask(ada, key);
            await scene.Watch();

            // Of that server's own the former one gives way.
            (await scene.Recoveries()).Count(r => r.State == RecoveryState.Pending).ShouldBe(2);
        }
    }

    [Fact]
    public async Task Takes_a_request_key_that_was_made_by_a_clock_a_little_ahead()
    {
        await using var scene = await CompanionScene.Create();
        var (_, request) = await Asked(scene);
        var key = RemoteKey.Read(request.Key.Public).Value;
        var now = key.CreatedAt.AddMinutes(-2);
        PgpKeyRules.FaultOfRequestKey(key, null, now).ShouldBe(PgpFault.CreatedInFuture);
        PgpKeyRules.FaultOfRequestKey(key, null, now + RemoteKey.ClocksDiffer).ShouldBeNull();
    }

    [Fact]
    public async Task Asks_a_server_in_trouble_later_and_later()
    {
        await using var scene = await CompanionScene.Create();
        scene.Passbolt.Mode = "down";
        var companion = scene.Get<PassboltCompanion>();
        var gaps = new List<double>();
        var asked = scene.Time.GetUtcNow();
        await companion.Round(None);
        while (gaps.Count < 8)
        {
            scene.Time.Advance(TimeSpan.FromSeconds(10));
            var before = scene.Passbolt.Calls.Count;
            await companion.Round(None);
            if (scene.Passbolt.Calls.Count > before)
            {
                gaps.Add((scene.Time.GetUtcNow() - asked).TotalSeconds);
                asked = scene.Time.GetUtcNow();
            }
        }

        gaps.ShouldBe([30, 60, 120, 240, 480, 600, 600, 600]);

        // A clock that was wrong and is set back does not make it wait for a day.
        scene.Time.Advance(TimeSpan.FromDays(1));
        await companion.Round(None);
        var calls = scene.Passbolt.Calls.Count;
        scene.Time.SetUtcNow(scene.Time.GetUtcNow() - TimeSpan.FromHours(23));
        await companion.Round(None);
        scene.Passbolt.Calls.Count.ShouldBeGreaterThan(calls);
    }
}
