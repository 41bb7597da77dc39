using System.Globalization;
using Sparekey.Core;
using Sparekey.Server.Http;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Http;

/// <summary>A flood from one address ends at the limit and troubles nobody else.</summary>
public sealed class SourceLimiterTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Refuses_the_call_after_the_last_and_says_when_to_come_back()
    {
        var limiter = new SourceLimiter(3, _time);
        _time.Advance(TimeSpan.FromSeconds(20));
        Enumerable.Range(0, 3).Select(_ => limiter.Count("192.0.2.1")).ShouldAllBe(r => r == null);

        var refused = limiter.Count("192.0.2.1").ShouldNotBeNull();

        refused.Code.ShouldBe(RefusalCode.TooManyRequests);
        refused.RetryAfter.ShouldBe(TimeSpan.FromSeconds(40));
        limiter.Count("192.0.2.2").ShouldBeNull();
        _time.Advance(TimeSpan.FromSeconds(40));
        limiter.Count("192.0.2.1").ShouldBeNull();
    }

    [Fact]
    public void A_hundred_thousand_addresses_do_not_crowd_out_one_more()
    {
        var limiter = new SourceLimiter(600, _time);
        for (var i = 0; i < 100_000; i++)
        {
            limiter.Count(i.ToString(CultureInfo.InvariantCulture)).ShouldBeNull();
        }

        limiter.Count("192.0.2.1").ShouldBeNull();
    }

    [Fact]
    public void Calls_at_once_are_counted_to_the_last()
    {
        var limiter = new SourceLimiter(100, _time);
        var passed = 0;
        Parallel.For(0, 10_000, _ =>
        {
            if (limiter.Count("192.0.2.1") is null)
            {
                Interlocked.Increment(ref passed);
            }
        });
        passed.ShouldBe(100);
    }

    [Fact]
    public void A_clock_that_goes_back_does_not_shut_anybody_out_for_long()
    {
        var limiter = new SourceLimiter(1, _time);
        limiter.Count("192.0.2.1").ShouldBeNull();
        limiter.Count("192.0.2.1").ShouldNotBeNull();
        _time.Advance(TimeSpan.FromHours(-1));
        limiter.Count("192.0.2.1").ShouldBeNull();
    }

    [Fact]
    public void Zero_is_no_limit()
    {
        var limiter = new SourceLimiter(0, _time);
        Enumerable.Range(0, 10_000).Select(_ => limiter.Count("192.0.2.1")).ShouldAllBe(r => r == null);
    }

    [Fact]
    public async Task Strangers_are_counted_wherever_they_knock_and_known_callers_are_not()
    {
        await using var server = await RunningServer.Start(callsPerMinute: 6);
        (await server.Get("/v1/nothing")).Status.ShouldBe(404);
        (await server.Send("DELETE", "/v1/redemptions", null)).Status.ShouldBe(405);
        (await server.Get("/v1/policy")).Status.ShouldBe(401);
        (await server.Get("/v1/sessions/current", "nonsense")).Status.ShouldBe(401);
        (await server.Post("/v1/redemptions", "{}")).Status.ShouldBe(400);
        (await server.Get("/local/keys")).Status.ShouldBe(404);

        foreach (var path in new[] { "/v1/nothing", "/v1/policy", "/v1/sessions/current", "/healthz", "/local/keys" })
        {
            var refused = await server.Get(path);
            (refused.Status, refused.Code).ShouldBe((429, "too_many_requests"), path);
            refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeInRange(1, 60);
        }

        (await server.Get("/v1/policy", server.AdminToken)).Status.ShouldBe(200);
        server.Time.Advance(TimeSpan.FromMinutes(1));
        (await server.Get("/v1/policy")).Status.ShouldBe(401);
    }
}
