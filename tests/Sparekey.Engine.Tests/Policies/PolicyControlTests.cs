using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Tests.Access;

namespace Sparekey.Engine.Tests.Policies;

/// <summary>Who changes policy, who stops recoveries, and what another policy would have said.</summary>
public sealed class PolicyControlTests : IAsyncLifetime
{
    private static readonly PolicyDocument Guarded = PolicyScene.Document(changes: new ChangesDocument(2));

    private static readonly PolicyDocument Loose = PolicyScene.Document();

    private PolicyScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await PolicyScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Who_loosens_what_it_takes_to_change_policy_needs_as_many_as_it_takes_now()
    {
        await _scene.Use(Guarded);
        var (writer, a, b) = (await _scene.Programme("writer"), await _scene.Programme("a"), await _scene.Programme("b"));
        var proposed = (await _scene.Write(writer, Loose, 1)).Value.Proposed.ShouldNotBeNull();

        (await Current()).Version.ShouldBe(1);
        (await Approve(writer, proposed)).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
        (await Approve(await _scene.Programme("writer's other", Owner(writer)), proposed)).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
        (await Approve(a, proposed)).Value.State.ShouldBe(PolicyChangeState.Open);
        (await Approve(await _scene.Programme("a's other", Owner(a)), proposed)).Refusal!.Code.ShouldBe(RefusalCode.AlreadyDecided);
        (await Current()).Version.ShouldBe(1);
        (await Approve(b, proposed)).Value.State.ShouldBe(PolicyChangeState.Landed);

        var current = await Current();
        (current.Version, current.Policy.Changes).ShouldBe((2, null));
        var landed = (await _scene.Inner.Ledger(LedgerEvent.PolicyChanged)).Single();
        landed.ShouldContain($"\"approved_by\":[\"{a.Principal.Id}\",\"{b.Principal.Id}\"]");
        landed.ShouldContain(writer.Principal.Id);
        (await Approve(await _scene.Programme("late"), proposed)).Refusal!.Code.ShouldBe(RefusalCode.PolicyChangeClosed);
        (await _scene.Write(writer, Guarded, 2)).Value.Proposed.ShouldBeNull();
    }

    [Fact]
    public async Task Nobody_agrees_with_a_low_ceiling_without_the_permission_or_to_what_they_did_not_see()
    {
        await _scene.Use(PolicyScene.Document(changes: new ChangesDocument(1)));
        var proposed = (await _scene.Write(await _scene.Programme("writer"), Loose, 1)).Value.Proposed!;

        (await Approve(await _scene.Programme("low", ceiling: "user"), proposed)).Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        var reader = await _scene.Inner.NewCaller("reader", await _scene.Person(), PermissionSet.Of(Permission.PolicyRead));
        (await Approve(reader, proposed)).Refusal!.Code.ShouldBe(RefusalCode.PermissionMissing);
        (await Approve(await _scene.Programme("a"), proposed with { Document = "{}" })).Refusal!.Code.ShouldBe(RefusalCode.DigestMismatch);
        (await Approve(await _scene.Programme("b"), proposed with { Id = NewId.Make<PolicyChangeId>() })).Refusal!.Code.ShouldBe(RefusalCode.PolicyChangeNotFound);
        (await Current()).Version.ShouldBe(1);
    }

    [Fact]
    public async Task Of_two_changes_of_one_version_one_lands_and_the_other_is_outdated()
    {
        await _scene.Use(PolicyScene.Document(changes: new ChangesDocument(1)));
        var (one, two) = (await _scene.Programme("one"), await _scene.Programme("two"));
        var first = (await _scene.Write(one, Loose, 1)).Value.Proposed!;
        var second = (await _scene.Write(two, Guarded, 1)).Value.Proposed!;

        var approved = await Task.WhenAll(Approve(two, first), Approve(one, second));

        approved.Count(a => a.Refusal is null).ShouldBe(1);
        approved.Single(a => a.Refusal is not null).Refusal!.Code.ShouldBe(RefusalCode.VersionConflict);
        (await Current()).Version.ShouldBe(2);
        var states = (await _scene.Get<DecideOnPolicy>().List(one, CancellationToken.None)).Select(c => c.State);
        states.ShouldBe([PolicyChangeState.Landed, PolicyChangeState.Outdated], ignoreOrder: true);
        (await _scene.Inner.Count("SELECT COUNT(*) FROM policies")).ShouldBe(2);
    }

    [Fact]
    public async Task The_last_word_given_by_many_at_once_lands_once()
    {
        await _scene.Use(Guarded);
        var proposed = (await _scene.Write(await _scene.Programme("writer"), Loose, 1)).Value.Proposed!;
        var people = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => _scene.Programme($"p{i}")));

        var approved = await Task.WhenAll(people.Select(p => Approve(p, proposed)));

        approved.Count(a => a.Refusal is null).ShouldBe(2);
        (await Current()).Version.ShouldBe(2);
        (await _scene.Inner.Ledger(LedgerEvent.PolicyChanged)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_change_ends_with_a_no_with_its_time_and_with_its_proposers_next_one()
    {
        await _scene.Use(PolicyScene.Document(changes: new ChangesDocument(1, "1h")));
        var (writer, other) = (await _scene.Programme("writer"), await _scene.Programme("other"));
        var denied = (await _scene.Write(writer, Loose, 1)).Value.Proposed!;
        (await Deny(other, denied)).Value.State.ShouldBe(PolicyChangeState.Denied);
        (await Approve(other, denied)).Refusal!.Code.ShouldBe(RefusalCode.PolicyChangeClosed);

        var former = (await _scene.Write(writer, Loose, 1)).Value.Proposed!;
        var next = (await _scene.Write(writer, Guarded, 1)).Value.Proposed!;
        (await Approve(other, former)).Refusal!.Code.ShouldBe(RefusalCode.PolicyChangeClosed);
        _scene.Inner.Time.Advance(TimeSpan.FromHours(1));
        (await Approve(other, next)).Refusal!.Code.ShouldBe(RefusalCode.PolicyChangeClosed);
        (await _scene.Get<DecideOnPolicy>().Read(other, next.Id, CancellationToken.None)).Value.State.ShouldBe(PolicyChangeState.Expired);
        (await Current()).Version.ShouldBe(1);
        (await _scene.Inner.Ledger(LedgerEvent.PolicyChangeProposed)).Count.ShouldBe(3);
        (await _scene.Inner.Ledger(LedgerEvent.PolicyChangeDenied)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_neighbour_sees_and_changes_nothing()
    {
        await _scene.Use(PolicyScene.Document(changes: new ChangesDocument(1)));
        var proposed = (await _scene.Write(await _scene.Programme("writer"), Loose, 1)).Value.Proposed!;
        var neighbour = AccessScene.Operator(AccessScene.Neighbour);

        (await Approve(neighbour, proposed)).Refusal!.Code.ShouldBe(RefusalCode.PolicyChangeNotFound);
        (await Deny(neighbour, proposed)).Refusal!.Code.ShouldBe(RefusalCode.PolicyChangeNotFound);
        (await _scene.Get<DecideOnPolicy>().List(neighbour, CancellationToken.None)).ShouldBeEmpty();
        (await _scene.Get<StopRecoveries>().Stop(neighbour, "fire", CancellationToken.None)).Refusal.ShouldBeNull();
        (await _scene.Open(await _scene.Programme("desk"), await _scene.Person())).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Stopping_is_written_down_once_and_takes_the_highest_ceiling_to_do_and_to_undo()
    {
        var (boss, low) = (await _scene.Programme("boss"), await _scene.Programme("low", ceiling: "user"));
        var stop = _scene.Get<StopRecoveries>();
        (await stop.Stop(low, "fire", CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        (await stop.Stop(boss, " ", CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
        (await stop.Stop(boss, new string('x', 1001), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
        (await stop.Stop(boss, "half a \ud800", CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);

        (await stop.Stop(boss, "The desk is under attack.", CancellationToken.None)).Value.Reason.ShouldBe("The desk is under attack.");
        (await stop.Stop(boss, "another reason", CancellationToken.None)).Value.Reason.ShouldBe("The desk is under attack.");
        var entry = (await _scene.Inner.Ledger(LedgerEvent.RecoveriesStopped)).Single();
        entry.ShouldContain(boss.Principal.Id);
        entry.ShouldNotContain("attack"); // What people write is erasable.

        (await stop.Resume(low, CancellationToken.None))!.Code.ShouldBe(RefusalCode.AboveCeiling);
        (await stop.Read(boss, CancellationToken.None)).ShouldNotBeNull();
        (await stop.Resume(boss, CancellationToken.None)).ShouldBeNull();
        (await stop.Resume(boss, CancellationToken.None)).ShouldBeNull();
        (await _scene.Inner.Ledger(LedgerEvent.RecoveriesResumed)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_process_that_starts_while_recoveries_are_stopped_knows_it()
    {
        var (boss, target) = (await _scene.Programme("boss"), await _scene.Person());
        await _scene.Get<StopRecoveries>().Stop(boss, "fire", CancellationToken.None);
        await using var second = _scene.Inner.Start();
        await _scene.Inner.Restart();
        (await _scene.Open(boss, target)).Refusal!.Code.ShouldBe(RefusalCode.RecoveriesStopped);

        // And one that ran already learns at once that they go on.
        await _scene.Get<StopRecoveries>().Resume(boss, CancellationToken.None);
        (await _scene.Open(boss, target)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Replays_the_last_recoveries_as_they_were_opened_and_changes_nothing()
    {
        var desk = await _scene.Programme("desk");
        var (vip, other) = (await _scene.Person("vip"), await _scene.Person());
        await _scene.Open(desk, vip);
        _scene.Inner.Time.Advance(TimeSpan.FromHours(12)); // 20:00
        await _scene.Open(desk, other, Means.Code);
        _scene.Inner.Time.Advance(TimeSpan.FromMinutes(1));
        await _scene.Open(desk, other);
        var before = await _scene.Inner.Count("SELECT COUNT(*) FROM ledger_entries");

        var proposed = PolicyScene.Document(
        [
            new RuleDocument("vip", new ConditionDocument(Groups: ["vip"]), new DemandDocument(Approvals: 2)),
            new RuleDocument("no_codes_at_night", new ConditionDocument(Means: ["code"], Hours: new HoursDocument("18:00", "08:00")), new DemandDocument(Refuse: true)),
            new RuleDocument("again", new ConditionDocument(RecoveriesLately: new LatelyDocument(1, "1d")), new DemandDocument(Reason: true)),
        ]);
        var replay = (await Evaluate(desk, proposed, 100)).Value;

        (replay.Replayed, replay.Gone).ShouldBe((3, 0));
        var byMeans = replay.Changed.ToDictionary(c => (c.Recovery.Request.Account, c.Recovery.Request.Means));
        byMeans[(vip, Means.Link)].Difference.Added.Single().Count.ShouldBe(2);
        byMeans[(other, Means.Code)].Difference.RefusedBy.ShouldBe("no_codes_at_night");
        byMeans[(other, Means.Code)].Rules.ShouldBe(["no_codes_at_night"]);

        // The code was opened before it, and what came after it does not count.
        byMeans[(other, Means.Link)].Difference.Added.Single().Kind.ShouldBe(RequirementKind.Reason);
        (await Evaluate(desk, proposed, 1)).Value.Replayed.ShouldBe(1);
        (await Evaluate(desk, Loose, 100)).Value.Changed.ShouldBeEmpty();

        (await _scene.Inner.Count("SELECT COUNT(*) FROM ledger_entries")).ShouldBe(before);
        (await Current()).Version.ShouldBe(0);
    }

    [Fact]
    public async Task Replaying_takes_a_valid_policy_a_bounded_number_and_somebody_who_may_see_it_all()
    {
        var (desk, low) = (await _scene.Programme("desk"), await _scene.Programme("low", ceiling: "user"));
        (await Evaluate(desk, Loose, 0)).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
        (await Evaluate(desk, Loose, 1001)).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
        (await Evaluate(desk, Loose with { Roles = [] }, 1)).Refusal!.Code.ShouldBe(RefusalCode.PolicyInvalid);
        (await Evaluate(low, Loose, 1)).Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        var reader = await _scene.Inner.NewCaller("reader", await _scene.Person(), PermissionSet.Of(Permission.PolicyRead));
        (await Evaluate(reader, Loose, 1)).Refusal!.Code.ShouldBe(RefusalCode.PermissionMissing);
        (await Evaluate(desk, Loose, 1000)).Value.Replayed.ShouldBe(0);
    }

    private static AccountId Owner(Caller caller) => Ids.Parse<AccountId>(caller.Principal.OwnerId!);

    private Task<VersionedPolicy> Current() =>
        _scene.Inner.Acts.Read(db => _scene.Get<PolicyStore>().Current(db, TenantId.Default), CancellationToken.None);

    private Task<Result<ProposedChange>> Approve(Caller caller, PolicyChange change) =>
        _scene.Get<DecideOnPolicy>().Approve(caller, change.Id, change.Digest, "read", CancellationToken.None);

    private Task<Result<ProposedChange>> Deny(Caller caller, PolicyChange change) =>
        _scene.Get<DecideOnPolicy>().Deny(caller, change.Id, change.Digest, null, CancellationToken.None);

    private Task<Result<PolicyReplay>> Evaluate(Caller caller, PolicyDocument document, int last) =>
        _scene.Get<EvaluatePolicy>().Run(caller, document, last, CancellationToken.None);
}
