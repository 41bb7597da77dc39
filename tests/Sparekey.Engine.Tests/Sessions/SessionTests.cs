using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Tests.Sessions;

public sealed class SessionTests
{
    [Fact]
    public async Task A19_Is_dead_once_ended()
    {
        await using var scene = await SessionScene.Create();
        var opened = await scene.SignedIn();
        var end = scene.Get<EndSession>();

        (await end.Run(scene.CallerOf(opened.Session), CancellationToken.None)).Value.ShouldBeTrue();

        (await scene.Authenticate(opened)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await end.Run(scene.CallerOf(opened.Session), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.Ledgered(LedgerEvent.SessionEnded)).ShouldBe(1);
    }

    [Fact]
    public async Task N22_Is_dead_after_a_day_even_when_used_all_the_time()
    {
        await using var scene = await SessionScene.Create();
        var opened = await scene.SignedIn();
        for (var minutes = 0; minutes < (24 * 60) - 30; minutes += 30)
        {
            scene.Time.Advance(TimeSpan.FromMinutes(30));
            (await scene.Authenticate(opened)).Refusal.ShouldBeNull();
        }

        scene.Time.Advance(TimeSpan.FromMinutes(30) - TimeSpan.FromMilliseconds(1));
        (await scene.Authenticate(opened)).Refusal.ShouldBeNull();
        scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        (await scene.Authenticate(opened)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Fact]
    public async Task N22_Is_dead_after_an_hour_without_use()
    {
        await using var scene = await SessionScene.Create();
        var opened = await scene.SignedIn();
        scene.Time.Advance(TimeSpan.FromMinutes(59));
        (await scene.Authenticate(opened)).Refusal.ShouldBeNull();

        scene.Time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromMilliseconds(1));
        (await scene.Authenticate(opened)).Refusal.ShouldBeNull();
        scene.Time.Advance(TimeSpan.FromHours(1));
        (await scene.Authenticate(opened)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Fact]
    public async Task Use_is_written_down_once_a_minute()
    {
        await using var scene = await SessionScene.Create();
        var opened = await scene.SignedIn();
        var commits = scene.Faults.Commits;

        for (var i = 0; i < 10; i++)
        {
            scene.Time.Advance(TimeSpan.FromSeconds(5.9));
            await scene.Authenticate(opened);
        }

        scene.Faults.Commits.ShouldBe(commits);
        scene.Time.Advance(TimeSpan.FromSeconds(1));
        await scene.Authenticate(opened);
        scene.Faults.Commits.ShouldBe(commits + 1);
    }

    [Fact]
    public async Task Dies_with_its_account_being_disabled()
    {
        await using var scene = await SessionScene.Create();
        var opened = await scene.SignedIn();
        await scene.Disable(scene.Ada);

        (await scene.Authenticate(opened)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Fact]
    public async Task A_changed_or_cut_token_proves_nothing()
    {
        await using var scene = await SessionScene.Create();
        var token = (await scene.SignedIn()).Token.Reveal();
        var other = (await scene.SignedIn()).Token.Reveal();

        for (var length = 0; length < token.Length; length++)
        {
            (await scene.Authenticate(token[..length])).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        }

        for (var at = 0; at < token.Length; at++)
        {
            var changed = $"{token[..at]}{(token[at] == 'A' ? 'B' : 'A')}{token[(at + 1)..]}";
            (await scene.Authenticate(changed)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        }

        (await scene.Authenticate(token + "A")).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.Authenticate(Swapped(token, other))).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.Authenticate(token)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A8_A_token_for_another_purpose_proves_nothing()
    {
        await using var scene = await SessionScene.Create();
        TokenText.TryParse((await scene.SignedIn()).Token.Reveal(), TokenPrefix.Session, out var parts).ShouldBeTrue();

        var forged = TokenText.Format(TokenPrefix.Access, parts.Tenant, parts.Id, parts.Secret.Reveal()).Reveal();

        (await scene.Authenticate(forged)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Fact]
    public async Task A_token_proves_nothing_to_a_neighbour()
    {
        await using var scene = await SessionScene.Create();
        var neighbour = TenantId.Parse("neighbour");
        await scene.AddTenant(neighbour);
        var token = (await scene.SignedIn()).Token.Reveal();
        TokenText.TryParse(token, TokenPrefix.Session, out var parts).ShouldBeTrue();

        (await scene.Authenticate(token, tenant: neighbour)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        var renamed = TokenText.Format(TokenPrefix.Session, neighbour, parts.Id, parts.Secret.Reveal()).Reveal();
        (await scene.Authenticate(renamed)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.Authenticate(renamed, tenant: neighbour)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Fact]
    public async Task The_token_is_nowhere_in_storage()
    {
        await using var scene = await SessionScene.Create();
        TokenText.TryParse((await scene.SignedIn()).Token.Reveal(), TokenPrefix.Session, out var parts).ShouldBeTrue();

        scene.StoredBytes().ShouldNotContain(parts.Secret.Reveal());
        scene.StoredBytes().ShouldContain(parts.Id.ToString("D"), customMessage: "the search itself must work");
    }

    [Fact]
    public async Task Ending_the_others_leaves_the_callers()
    {
        await using var scene = await SessionScene.Create();
        var eve = await scene.AddAccount("eve");
        await scene.SetPassword(eve, SessionScene.Password);
        var eves = await scene.SignedIn("eve");
        var mine = await scene.SignedIn();
        var other = await scene.SignedIn();

        var ended = await scene.Get<EndOtherSessions>().Run(scene.CallerOf(mine.Session), CancellationToken.None);

        ended.Value.ShouldBe(1);
        (await scene.Authenticate(mine)).Refusal.ShouldBeNull();
        (await scene.Authenticate(eves)).Refusal.ShouldBeNull();
        (await scene.Authenticate(other)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Fact]
    public async Task Two_sessions_that_end_each_other_have_one_winner()
    {
        await using var scene = await SessionScene.Create();
        var opened = new List<OpenedSession>();
        for (var i = 0; i < 8; i++)
        {
            opened.Add(await scene.SignedIn());
        }

        var results = await Task.WhenAll(opened.Select(o => Task.Run(
            () => scene.Get<EndOtherSessions>().Run(scene.CallerOf(o.Session), CancellationToken.None))));

        results.Count(r => r.Refusal is null).ShouldBe(1);
        (await scene.SessionsOf(scene.Ada)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Sessions_that_ran_out_do_not_pile_up()
    {
        await using var scene = await SessionScene.Create();
        for (var i = 0; i < 5; i++)
        {
            await scene.SignedIn();
            scene.Time.Advance(Session.LongestLifetime);
        }

        await scene.SignedIn();
        await scene.Get<Housekeeping>().RunOnce(CancellationToken.None);

        (await scene.Count("SELECT COUNT(*) FROM sessions")).ShouldBe(1);
    }

    [Fact]
    public async Task Only_sessions_that_were_alive_count_as_ended()
    {
        await using var scene = await SessionScene.Create();
        await scene.SignedIn();
        scene.Time.Advance(TimeSpan.FromHours(2));

        (await scene.Write(act => scene.Sessions.EndAll(act, scene.Ada))).ShouldBe(0);
        (await scene.Count("SELECT COUNT(*) FROM sessions")).ShouldBe(0);
    }

    // The id of one token with the secret of another.
    private static string Swapped(string first, string second)
    {
        TokenText.TryParse(first, TokenPrefix.Session, out var one).ShouldBeTrue();
        TokenText.TryParse(second, TokenPrefix.Session, out var two).ShouldBeTrue();
        return TokenText.Format(TokenPrefix.Session, one.Tenant, one.Id, two.Secret.Reveal()).Reveal();
    }
}
