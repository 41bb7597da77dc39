using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>What holds after every step of every story, whatever comes in whatever order and whichever way a clock jumps.</summary>
public sealed class RecoveryPropertyTests
{
    private const int Longest = 60;

    [Fact]
    public void T3_No_usable_secret_and_no_redemption_exists_while_a_requirement_is_open() => Holds(s =>
    {
        if (s.After!.Secret is { Usable: true } || s.After.Redemption is not null)
        {
            s.After.AllMet(s.Latest).ShouldBeTrue();
        }
    });

    [Fact]
    public void A_state_says_what_secret_there_is() => Holds(s =>
    {
        var usable = s.After!.Secret?.Usable;
        (s.After.State switch
        {
            RecoveryState.Pending => usable is not true && s.After.Redemption is null,
            RecoveryState.Ready => usable is null && s.After.Redemption is null,
            RecoveryState.Issued => usable is true && s.After.Redemption is null,
            RecoveryState.Redeemed => usable is true && s.After.Redemption is not null,
            RecoveryState.Locked => usable is null,
            _ => usable is null && s.After.Redemption is null,
        }).ShouldBeTrue();
    });

    [Fact]
    public void At_most_one_generation_lives_and_numbers_only_rise() => Holds(s =>
    {
        var (before, after) = (s.Before?.LastGeneration ?? 0, s.After!.LastGeneration);
        (after - before).ShouldBeInRange(0, 1);
        (s.After.Secret?.Number ?? after).ShouldBe(after);
        (s.After.Redemption?.Generation ?? after).ShouldBe(after);
        if (after > before)
        {
            s.Command.ShouldBeOfType<RecoveryCommand.Issue>();
            s.SaidYes.ShouldBeTrue();
        }
    });

    [Fact]
    public void A_closed_recovery_stays_as_it_is_and_holds_nothing() => Holds(s =>
    {
        // A requester who was denied may go on as if nobody had (T16), to no effect.
        if (s.Before is { IsClosed: true } && s.Decision is Decision.Accepted)
        {
            (s.Before.State, s.After!.State, s.After.ClosedAt).ShouldBe((RecoveryState.Denied, RecoveryState.Denied, s.Before.ClosedAt));
            s.After.LastGeneration.ShouldBe(s.Before.LastGeneration);
        }

        s.After!.ClosedAt.HasValue.ShouldBe(s.After.IsClosed);
        (s.After.IsClosed && (s.After.Secret is not null || s.After.Redemption is not null)).ShouldBeFalse();
    });

    [Fact]
    public void Requirements_never_disappear_and_never_weaken() => Holds(s =>
    {
        foreach (var was in s.Before?.Requirements ?? [])
        {
            var now = s.After!.Requirements.Single(was.IsSameDemandAs);
            now.Count.ShouldBeGreaterThanOrEqualTo(was.Count);
            (now.Until < was.Until).ShouldBeFalse();
            (now.Until is null && was.Until is not null).ShouldBeFalse();
            (now.OrEvidence && !was.OrEvidence).ShouldBeFalse();
        }
    });

    [Fact]
    public void Nobody_approves_twice_or_for_themselves() => Holds(s =>
    {
        // One person may be of one group and of another, but is one of the people that each set asks for.
        foreach (var approvers in s.After!.Requirements.Where(r => r.Kind == RequirementKind.Approvals).Select(r => r.Met.Select(m => m.By).ToList()))
        {
            approvers.All(a => !a.IsSamePersonAs(s.After.RequestedBy) && !a.IsPersonOf(s.After.Request.Account)).ShouldBeTrue();
            approvers.SelectMany((a, i) => approvers.Skip(i + 1).Select(b => (a, b))).All(p => !p.a.IsSamePersonAs(p.b)).ShouldBeTrue();
        }
    });

    [Fact]
    public void N12_A_second_proof_is_the_persons_own_or_a_verifiers() => Holds(s =>
        s.After!.Requirements.Where(r => r.Kind == RequirementKind.SecondProof).SelectMany(r => r.Met)
            .All(m => m.How == Requirement.RepeatedProofing
                ? !m.By.IsPersonOf(s.After.Request.Account) && !m.By.IsSamePersonAs(s.After.RequestedBy)
                : m.By.IsPersonOf(s.After.Request.Account)).ShouldBeTrue());

    [Fact]
    public void A_confirmation_over_a_channel_came_over_it() => Holds(s =>
        s.After!.Requirements.Where(r => r is { Kind: RequirementKind.Confirmation, Over.IsEmpty: false }).SelectMany(r => r.Met)
            .All(m => m.Over == "slack").ShouldBeTrue());

    [Fact]
    public void Nobody_who_was_just_recovered_approves() => Holds(s =>
    {
        if (s.Command is RecoveryCommand.Approve { RecoveredAt: { } at } && s.Now - at < TimeSpan.FromHours(72))
        {
            s.SaidYes.ShouldBeFalse();
        }
    });

    [Fact]
    public void Only_the_persons_own_word_meets_a_strict_confirmation() => Holds(s =>
        s.After!.Requirements.Where(r => r is { Kind: RequirementKind.Confirmation, OrEvidence: false }).SelectMany(r => r.Met)
            .All(m => m.How == "confirmation").ShouldBeTrue());

    [Fact]
    public void The_digest_changes_exactly_with_the_content_of_the_request() => Holds(s =>
    {
        if (s.Before is not null)
        {
            var same = Json(s.Before.Request) == Json(s.After!.Request);
            (s.Before.Digest == s.After.Digest).ShouldBe(same);
        }
    });

    [Fact]
    public void A_decision_counts_only_for_the_digest_it_was_made_on() => Holds(s =>
    {
        var digest = s.Command switch
        {
            RecoveryCommand.Confirm c => c.Digest,
            RecoveryCommand.GiveEvidence c => c.Digest,
            RecoveryCommand.Approve c => c.Digest,
            RecoveryCommand.Deny c => c.Digest,
            _ => null,
        };
        if (digest is not null && s.SaidYes)
        {
            digest.ShouldBe(s.Before!.Digest);
        }

        if (s.Before is not null && s.Before.Digest != s.After!.Digest)
        {
            s.After.Requirements.Where(r => r.IsDecidedByPeople).All(r => r.Met.IsEmpty).ShouldBeTrue();
        }
    });

    [Fact]
    public void A_generation_is_redeemed_five_times_at_most() => Holds(s =>
        (s.After!.Secret?.Redemptions ?? 0).ShouldBeInRange(0, 5));

    [Fact]
    public void A_redeemable_secret_had_fewer_than_a_hundred_wrong_tries_and_fewer_than_ten_by_handle() => Holds(s =>
    {
        if (s.After!.Secret is { } secret)
        {
            (secret.Tries + secret.HandleTries).ShouldBeLessThan(100);
            secret.HandleTries.ShouldBeLessThan(10);
        }
    });

    [Fact]
    public void The_version_rises_by_one_with_every_change_and_every_change_is_in_the_ledger() => Holds(s =>
    {
        if (s.Decision is Decision.Accepted accepted)
        {
            accepted.Next.Version.ShouldBe((s.Before?.Version ?? 0) + 1);
            accepted.Events.ShouldNotBeEmpty();
        }
    });

    [Fact]
    public void Every_event_can_be_written_to_the_ledger() => Holds(s =>
    {
        foreach (var e in s.Decision is Decision.Accepted accepted ? accepted.Events : [])
        {
            new LedgerEntry(e.Event, e.By) { Facts = e.Facts, Texts = e.Texts }
                .Canonical(Sample.Id<EntryId>(1), Sample.Tenant, s.Now, e.Texts.ToDictionary(t => t.Key, _ => new byte[16], StringComparer.Ordinal))
                .ShouldNotBeEmpty();
            e.Texts.Values.All(t => !t.Contains('\0', StringComparison.Ordinal)).ShouldBeTrue();
        }
    });

    [Fact]
    public void An_escrow_completes_to_the_key_that_the_person_named_and_to_no_other() => Holds(s =>
    {
        if (s.Before?.Request.RequestKeyFingerprint is { } bound)
        {
            s.After!.Request.RequestKeyFingerprint.ShouldBe(bound);
        }

        if (s is { Command: RecoveryCommand.BindKey bind, SaidYes: true })
        {
            (bind.By == Sample.Person || bind.By == Sample.PersonsProgramme || bind.By.Kind == Core.Access.PrincipalKind.System).ShouldBeTrue();
            s.Before!.Request.Means.ShouldBe(Means.Escrow);
        }

        if (s.After is { State: RecoveryState.Completed, Request.Means: Means.Escrow })
        {
            s.After.Request.RequestKeyFingerprint.ShouldNotBeNull().Length.ShouldBe(40);
        }
    });

    [Fact]
    public void A_recovery_completes_once() => HoldsForStories(story =>
    {
        story.Steps.Count(s => s.Before?.State != RecoveryState.Completed && s.After?.State == RecoveryState.Completed).ShouldBeLessThanOrEqualTo(1);
        story.Steps.Select(s => s.Decision).OfType<Decision.Accepted>().SelectMany(a => a.Events)
            .Count(e => e.Event == LedgerEvent.RecoveryCompleted).ShouldBeLessThanOrEqualTo(1);
    });

    [Fact]
    public void A_secret_that_travels_in_the_answer_goes_to_the_requester_alone() => Holds(s =>
    {
        if (s.Command is RecoveryCommand.Issue issue && s.Before is { Request.Channel: not Channel.Email } && s.SaidYes)
        {
            issue.By.Id.ShouldBe(s.Before.RequestedBy.Id);
            issue.By.Kind.ShouldNotBe(Core.Access.PrincipalKind.Anonymous);
        }
    });

    [Fact]
    public void A_command_that_is_told_no_issues_opens_and_completes_nothing() => Holds(s =>
    {
        if (!s.SaidYes && s.Before is not null)
        {
            s.After!.LastGeneration.ShouldBe(s.Before.LastGeneration);
            (s.After.State == RecoveryState.Completed).ShouldBe(s.Before.State == RecoveryState.Completed);
            (s.After.Redemption is null || s.After.Redemption == s.Before.Redemption).ShouldBeTrue();
        }
    });

    [Fact]
    public void The_same_question_has_the_same_answer_and_the_recovery_asked_about_is_untouched() => Holds(s =>
    {
        var before = Json(s.Before);
        Json(RecoveryMachine.Decide(s.Before, s.Command, s.Policy, s.Now) is Decision.Accepted a ? a.Next : s.Before).ShouldBe(Json(s.After));
        Json(s.Before).ShouldBe(before);
    });

    [Fact]
    public void A_recovery_survives_being_stored_as_json() => Holds(s =>
    {
        if (s.Decision is Decision.Refused)
        {
            return;
        }

        var read = JsonSerializer.Deserialize<Recovery>(Json(s.After), RecoveryJson.Options)!;
        Json(read).ShouldBe(Json(s.After));
        read.Digest.ShouldBe(s.After!.Digest);
        read.Requirements.Length.ShouldBe(s.After.Requirements.Length);
        (read with { Requirements = s.After.Requirements, Request = s.After.Request }).ShouldBe(s.After);
    });

    [Fact]
    public void The_stories_reach_every_state_and_every_command_is_accepted_in_some()
    {
        var steps = Enumerable.Range(0, 400)
            .Select(i => new Choices((ulong)i))
            .SelectMany(c => Story.Of([.. Enumerable.Range(0, Longest).Select(_ => (ulong)c.Next(int.MaxValue))]).Steps)
            .ToList();

        steps.Where(s => s.After is not null).Select(s => s.After!.State).Distinct().ShouldBe(Enum.GetValues<RecoveryState>(), ignoreOrder: true);
        steps.Where(s => s.Decision is Decision.Accepted).Select(s => s.Command.GetType()).Distinct()
            .ShouldBe(typeof(RecoveryCommand).GetNestedTypes(), ignoreOrder: true);
    }

    private static void Holds(Action<Step> check) => HoldsForStories(story =>
    {
        foreach (var step in story.Steps.Where(s => s.After is not null))
        {
            check(step);
        }
    });

    private static void HoldsForStories(Action<Story> check) => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(100),
        Prop.ForAll(Choices.Stories(Longest), seeds => check(Story.Of(seeds))));

    private static string Json<T>(T value) => JsonSerializer.Serialize(value, RecoveryJson.Options);
}
