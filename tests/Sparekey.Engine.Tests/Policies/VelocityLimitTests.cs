using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Tests.Policies;

/// <summary>Limits of velocity against the hasty, the many and the clock.</summary>
public sealed class VelocityLimitTests : IAsyncLifetime
{
    private PolicyScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await PolicyScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Beyond_the_limit_of_an_operator_two_people_are_needed_until_the_window_has_passed()
    {
        await _scene.Use(new VelocityDocument("desk", "operator", 2, "1h"));
        var owner = await _scene.Person();
        var (one, two) = (await _scene.Programme("one", owner), await _scene.Programme("two", owner));

        // A person's second programme is the same person.
        State(await _scene.Open(one, await _scene.Person())).ShouldBe(RecoveryState.Issued);
        _scene.Inner.Time.Advance(TimeSpan.FromMinutes(30));
        State(await _scene.Open(two, await _scene.Person())).ShouldBe(RecoveryState.Issued);
        var third = (await _scene.Open(one, await _scene.Person())).Value.Recovery;
        (third.State, third.Requirements.Single().Kind, third.Requirements.Single().Count).ShouldBe((RecoveryState.Pending, RequirementKind.Approvals, 1));
        State(await _scene.Open(await _scene.Programme("another's"), await _scene.Person())).ShouldBe(RecoveryState.Issued);

        // The first is out of sight: one fits, and what was opened tight stays so.
        _scene.Inner.Time.Advance(TimeSpan.FromMinutes(30));
        State(await _scene.Open(one, await _scene.Person())).ShouldBe(RecoveryState.Pending);
        _scene.Inner.Time.Advance(TimeSpan.FromMinutes(61));
        State(await _scene.Open(one, await _scene.Person())).ShouldBe(RecoveryState.Issued);
        (await Issue(one, third.Id)).Refusal!.Code.ShouldBe(RefusalCode.RequirementsOpen);
    }

    [Fact]
    public async Task Each_scope_counts_its_own()
    {
        await _scene.Use(
            new VelocityDocument("token", "token", 1, "1h", "refuse"), new VelocityDocument("target", "target", 2, "1h", "refuse"),
            new VelocityDocument("finance", "group", 3, "1h", "refuse", ["finance"]));
        var (owner, target) = (await _scene.Person(), await _scene.Person("finance", "all"));
        var programmes = 0;
        async Task<string?> Try(AccountId account) =>
            (await _scene.Open(await _scene.Programme($"p{++programmes}", owner), account)).Refusal?.Detail;
        var first = await _scene.Programme("first", owner);

        (await _scene.Open(first, target)).Refusal.ShouldBeNull();
        var refused = (await _scene.Open(first, await _scene.Person())).Refusal!;
        (refused.Code, refused.RetryAfter, refused.Detail).ShouldBe((RefusalCode.VelocityExceeded, TimeSpan.FromHours(1), "The limit token is reached."));
        (await Try(target)).ShouldBeNull();
        (await Try(target)).ShouldBe("The limit target is reached.");
        (await Try(await _scene.Person("finance"))).ShouldBeNull();
        (await Try(await _scene.Person("finance"))).ShouldBe("The limit finance is reached.");
        (await Try(await _scene.Person("all"))).ShouldBeNull();
    }

    [Fact]
    public async Task What_is_exceeded_is_in_the_ledger_once_in_its_window_whoever_goes_on()
    {
        await _scene.Use(new VelocityDocument("desk", "operator", 1, "1h", "refuse"));
        var desk = await _scene.Programme("desk");
        var target = await _scene.Person();
        (await _scene.Open(desk, target)).Refusal.ShouldBeNull();
        _scene.Inner.Time.Advance(TimeSpan.FromMinutes(1));
        for (var i = 0; i < 3; i++)
        {
            (await _scene.Open(desk, target)).Refusal!.Code.ShouldBe(RefusalCode.VelocityExceeded);
        }

        var entry = (await _scene.Inner.Ledger(LedgerEvent.VelocityExceeded)).Single();
        entry.ShouldContain("\"limit\":\"desk\"");
        entry.ShouldContain($"\"subject\":\"{desk.Principal.OwnerId}\"");
        entry.ShouldContain("\"then\":\"refuse\"");
        (await _scene.Inner.Count("SELECT COUNT(*) FROM recoveries")).ShouldBe(1);

        _scene.Inner.Time.Advance(TimeSpan.FromMinutes(60));
        (await _scene.Open(desk, target)).Refusal.ShouldBeNull();
        (await _scene.Open(desk, target)).Refusal!.Code.ShouldBe(RefusalCode.VelocityExceeded);
        (await _scene.Inner.Ledger(LedgerEvent.VelocityExceeded)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task What_waits_when_its_operator_gets_hasty_takes_a_second_person_too()
    {
        var wait = new RuleDocument("wait", null, new DemandDocument(Wait: "10m"));
        await _scene.Use(PolicyScene.Document([wait], [new VelocityDocument("desk", "operator", 2, "1h")]));
        var desk = await _scene.Programme("desk");
        var waiting = (await _scene.Open(desk, await _scene.Person())).Value.Recovery;
        await _scene.Open(desk, await _scene.Person());
        _scene.Inner.Time.Advance(TimeSpan.FromMinutes(10));
        (await Issue(desk, waiting.Id)).Refusal.ShouldBeNull();

        await _scene.Open(desk, await _scene.Person());
        var again = (await Issue(desk, waiting.Id)).Refusal!;
        (again.Code, again.Detail!.Contains("approvals", StringComparison.Ordinal)).ShouldBe((RefusalCode.RequirementsOpen, true));
    }

    [Fact]
    public async Task Of_many_at_once_only_as_many_get_through_as_fit()
    {
        await _scene.Use(new VelocityDocument("desk", "operator", 5, "1h", "refuse"));
        var desk = await _scene.Programme("desk");
        var people = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _scene.Person()));

        var opened = await Task.WhenAll(people.Select(p => _scene.Open(desk, p)));

        opened.Count(o => o.Refusal is null).ShouldBe(5);
        opened.Where(o => o.Refusal is not null).ShouldAllBe(o => o.Refusal!.Code == RefusalCode.VelocityExceeded);
    }

    [Fact]
    public async Task Evaluating_counts_nothing_and_says_what_would_come()
    {
        await _scene.Use(new VelocityDocument("desk", "operator", 1, "1h", "refuse"));
        var (desk, target) = (await _scene.Programme("desk"), await _scene.Person());
        var order = new RecoveryOrder(new AccountName(target, null), Means.Link);
        for (var i = 0; i < 3; i++)
        {
            (await _scene.Get<OpenRecovery>().Evaluate(desk, order, CancellationToken.None)).Value.Allowed.ShouldBeTrue();
        }

        await _scene.Open(desk, target);
        var evaluated = (await _scene.Get<OpenRecovery>().Evaluate(desk, order, CancellationToken.None)).Value;
        (evaluated.Allowed, evaluated.Refusal!.Code).ShouldBe((false, RefusalCode.VelocityExceeded));
    }

    [Fact]
    public async Task Without_limits_nothing_is_counted_and_what_is_old_is_forgotten()
    {
        var desk = await _scene.Programme("desk");
        await _scene.Open(desk, await _scene.Person());
        (await _scene.Inner.Count("SELECT COUNT(*) FROM velocity_uses")).ShouldBe(0);

        await _scene.Use(new VelocityDocument("desk", "operator", 1, "1h"));
        await _scene.Open(desk, await _scene.Person("all"));
        await _scene.Open(desk, await _scene.Person());

        // What no limit counts is not written.
        (await _scene.Inner.Count("SELECT COUNT(*) FROM velocity_uses WHERE scope = 'operator'")).ShouldBe(2);
        (await _scene.Inner.Count("SELECT COUNT(*) FROM velocity_uses")).ShouldBe(2);
        (await _scene.Inner.Count("SELECT COUNT(*) FROM velocity_alarms")).ShouldBe(1);
        _scene.Inner.Time.Advance(TimeSpan.FromDays(30));
        await _scene.Get<Housekeeping>().RunOnce(CancellationToken.None);
        (await _scene.Inner.Count("SELECT COUNT(*) FROM velocity_uses")).ShouldBe(0);
        (await _scene.Inner.Count("SELECT COUNT(*) FROM velocity_alarms")).ShouldBe(0);
    }

    private Task<Result<Happened<IssuedSecret>>> IssueOnce(Caller caller, RecoveryId id) =>
        _scene.Get<IssueRecovery>().Run(caller, id, null, CancellationToken.None);

    private async Task<Result<IssuedSecret>> Issue(Caller caller, RecoveryId id)
    {
        var issued = await IssueOnce(caller, id);
        return issued.Refusal is { } refusal ? refusal : issued.Value.Fresh!;
    }

    private static RecoveryState State(Result<IssuedSecret> opened) => opened.Value.Recovery.State;
}
