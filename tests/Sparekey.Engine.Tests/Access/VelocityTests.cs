using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Access;

public sealed class VelocityTests : IAsyncLifetime
{
    private AccessScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccessScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(601)]
    public async Task Admits_exactly_the_allowance_however_many_come_at_once(int perMinute)
    {
        var caller = await _scene.NewCaller(perMinute: perMinute);
        var velocity = _scene.Get<Velocity>();

        var answers = await Task.WhenAll(
            Enumerable.Range(0, perMinute + 200).Select(_ => Task.Run(() => velocity.Spend(caller, CancellationToken.None))));

        answers.Count(a => a is null).ShouldBe(perMinute);
        answers.Where(a => a is not null).ShouldAllBe(a => a!.Code == RefusalCode.VelocityExceeded);
    }

    [Fact]
    public async Task Never_exceeds_the_allowance_over_several_processes()
    {
        var caller = await _scene.NewCaller(perMinute: 100);
        await using var second = _scene.Start();
        await using var third = _scene.Start();
        Velocity[] all = [_scene.Get<Velocity>(), second.GetRequiredService<Velocity>(), third.GetRequiredService<Velocity>()];

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 600).Select(i => Task.Run(() => all[i % 3].Spend(caller, CancellationToken.None))));

        answers.Count(a => a is null).ShouldBe(100);
    }

    [Fact]
    public async Task Begins_anew_with_the_next_minute_and_says_when_that_is()
    {
        _scene.Time.Advance(TimeSpan.FromSeconds(18));
        var caller = await _scene.NewCaller(perMinute: 20);
        (await SpendAll(caller)).ShouldBe(20);

        var refusal = (await _scene.Get<Velocity>().Spend(caller, CancellationToken.None)).ShouldNotBeNull();
        refusal.RetryAfter.ShouldBe(TimeSpan.FromSeconds(42));

        _scene.Time.Advance(TimeSpan.FromSeconds(41));
        (await SpendAll(caller)).ShouldBe(0);
        _scene.Time.Advance(TimeSpan.FromSeconds(1));
        (await SpendAll(caller)).ShouldBe(20);
    }

    [Fact]
    public async Task A_crash_loses_the_block_and_never_gives_one_twice()
    {
        var caller = await _scene.NewCaller(perMinute: 100);
        (await _scene.Get<Velocity>().Spend(caller, CancellationToken.None)).ShouldBeNull();

        await _scene.Restart();

        (await SpendAll(caller)).ShouldBe(90);
    }

    [Fact]
    public async Task A_lease_whose_commit_fails_gives_nothing()
    {
        var caller = await _scene.NewCaller(perMinute: 100);
        var velocity = _scene.Get<Velocity>();
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(() => velocity.Spend(caller, CancellationToken.None));
        _scene.Faults.FailNext(Fault.Kept);
        await Should.ThrowAsync<StorageUnavailableException>(() => velocity.Spend(caller, CancellationToken.None));

        // The block that was kept but reported lost is gone; the one that was lost is not.
        (await SpendAll(caller)).ShouldBe(90);
    }

    [Fact]
    public async Task A_clock_that_is_set_back_gives_no_second_allowance()
    {
        var caller = await _scene.NewCaller(perMinute: 20);
        (await SpendAll(caller)).ShouldBe(20);
        _scene.Time.Advance(TimeSpan.FromMinutes(-1));
        (await SpendAll(caller)).ShouldBe(0);
        await _scene.Restart();
        (await SpendAll(caller)).ShouldBe(0);
        _scene.Time.Advance(TimeSpan.FromMinutes(1));
        (await SpendAll(caller)).ShouldBe(0);
    }

    [Fact]
    public async Task A_clock_that_ran_days_ahead_and_was_put_right_shuts_no_token_out()
    {
        var caller = await _scene.NewCaller(perMinute: 20);
        _scene.Time.Advance(TimeSpan.FromDays(3));
        (await SpendAll(caller)).ShouldBe(20);
        _scene.Time.Advance(TimeSpan.FromDays(-3));
        (await SpendAll(caller)).ShouldBe(20);
        (await SpendAll(caller)).ShouldBe(0);
    }

    [Fact]
    public async Task Every_token_has_its_own_allowance()
    {
        var (one, other) = (await _scene.NewCaller(perMinute: 5), await _scene.NewCaller(perMinute: 5));

        (await SpendAll(one)).ShouldBe(5);
        (await SpendAll(other)).ShouldBe(5);
    }

    [Fact]
    public async Task A_busy_token_costs_a_commit_a_block_and_a_refused_one_none()
    {
        var caller = await _scene.NewCaller(perMinute: 1000);
        var before = _scene.Faults.Commits;

        (await SpendAll(caller)).ShouldBe(1000);
        (_scene.Faults.Commits - before).ShouldBe(11); // Ten blocks, and one that finds nothing left.
        (await SpendAll(caller)).ShouldBe(0);
        (_scene.Faults.Commits - before).ShouldBe(11);
    }

    [Fact]
    public async Task The_local_operator_has_no_limit()
    {
        for (var i = 0; i < 2000; i++)
        {
            (await _scene.Get<Velocity>().Spend(AccessScene.Operator(), CancellationToken.None)).ShouldBeNull();
        }
    }

    private async Task<int> SpendAll(Caller caller)
    {
        var spent = 0;
        while (spent < 10_000 && await _scene.Get<Velocity>().Spend(caller, CancellationToken.None) is null)
        {
            spent++;
        }

        return spent;
    }
}
