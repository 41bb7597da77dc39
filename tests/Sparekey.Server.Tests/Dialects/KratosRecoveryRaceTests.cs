namespace Sparekey.Server.Tests.Dialects;

/// <summary>A thousand at once with one code or one link: one session.</summary>
public sealed class KratosRecoveryRaceTests(KratosRecoveryScene scene) : IClassFixture<KratosRecoveryScene>
{
    [Fact]
    public async Task A11_A_thousand_redemptions_of_one_code_open_one_session()
    {
        var (id, _) = await scene.Person();
        var (flow, code) = await scene.Code(id, "api");

        var answers = await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => scene.Server.Post($"/self-service/recovery?flow={flow}", new { code })));

        var winner = answers.Where(a => a.Status == 200).ShouldHaveSingleItem();
        winner["state"].ShouldBe("passed_challenge");
        answers.Where(a => a.Status != 200).ShouldAllBe(a => a.Status == 400);
        await OneSession(id);
    }

    [Fact]
    public async Task A11_A_thousand_redemptions_of_one_link_open_one_session()
    {
        var (id, _) = await scene.Person();
        var (flow, token) = await scene.Link(id);

        var answers = await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => scene.Server.Post($"/self-service/recovery?flow={flow}&token={token}", "{}")));

        answers.ShouldAllBe(a => a.Status == 303);
        answers.Count(a => a.Headers.Location!.AbsolutePath.EndsWith("/self-service/settings/page", StringComparison.Ordinal)).ShouldBe(1);
        answers.Count(a => a.Headers.GetValues("Set-Cookie").Any(c => c.StartsWith("ory_kratos_session=", StringComparison.Ordinal))).ShouldBe(1);
        await OneSession(id);
    }

    private async Task OneSession(string id)
    {
        var events = await scene.Events(id);
        events.Count(e => e == "session_opened").ShouldBe(1);
        events.Count(e => e == "recovery_completed").ShouldBe(1);
    }
}
