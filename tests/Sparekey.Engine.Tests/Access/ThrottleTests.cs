using Sparekey.Core;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Tests.Access;

public sealed class ThrottleTests : IAsyncLifetime
{
    private AccessScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccessScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Slows_who_names_one_account_again_and_again_and_says_for_how_long()
    {
        _scene.Time.Advance(TimeSpan.FromMinutes(4));
        await UseUp();

        var refusal = (await Count()).ShouldNotBeNull();
        refusal.Code.ShouldBe(RefusalCode.TooManyRequests);
        refusal.RetryAfter.ShouldBe(TimeSpan.FromMinutes(6));

        _scene.Time.Advance(TimeSpan.FromMinutes(6));
        (await Count()).ShouldBeNull();
    }

    [Fact]
    public async Task Slows_nobody_else()
    {
        await UseUp();

        (await Count()).ShouldNotBeNull();
        (await Count(source: "198.51.100.7")).ShouldBeNull();
        (await Count(identifier: "grace@example.com")).ShouldBeNull();
        (await Count(kind: ThrottleKind.Redemption)).ShouldBeNull();
        (await Count(tenant: AccessScene.Neighbour)).ShouldBeNull();
    }

    [Theory]
    [InlineData("ADA@example.com")]
    [InlineData("  ada@example.com ")]
    [InlineData("Ada@Example.COM")]
    public async Task Counts_every_spelling_of_a_name_together(string spelling)
    {
        await UseUp();

        (await Count(identifier: spelling)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Counts_what_can_be_nobodys_name_together()
    {
        for (var i = 0; i < Throttle.TriesPerWindow; i++)
        {
            (await Count(identifier: new string('x', 300 + i))).ShouldBeNull();
        }

        (await Count(identifier: "\0")).ShouldNotBeNull();
    }

    [Fact]
    public async Task Admits_exactly_the_tries_of_a_window_however_many_come_at_once()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Count()));

        answers.Count(a => a is null).ShouldBe(Throttle.TriesPerWindow);
    }

    [Fact]
    public async Task Survives_a_restart()
    {
        await UseUp();
        await _scene.Restart();

        (await Count()).ShouldNotBeNull();
    }

    [Fact]
    public async Task Stores_neither_name_nor_source()
    {
        await Count(source: "203.0.113.77");

        var stored = _scene.StoredBytes();
        stored.ShouldNotContain("ada@example");
        stored.ShouldNotContain("203.0.113.77");
        (await _scene.Count("SELECT COUNT(*) FROM throttles")).ShouldBe(1);
    }

    private async Task UseUp()
    {
        for (var i = 0; i < Throttle.TriesPerWindow; i++)
        {
            (await Count()).ShouldBeNull();
        }
    }

    private Task<Refusal?> Count(
        ThrottleKind kind = ThrottleKind.SignIn, string identifier = "ada@example.com", string source = "192.0.2.1",
        TenantId? tenant = null) =>
        _scene.Write(act => _scene.Get<Throttle>().Count(act, kind, identifier, source), tenant);
}
