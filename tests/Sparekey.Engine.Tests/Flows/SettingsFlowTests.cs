using Sparekey.Core;
using Sparekey.Engine.Flows;
using Sparekey.Engine.Tests.Sessions;

namespace Sparekey.Engine.Tests.Flows;

public sealed class SettingsFlowTests
{
    [Fact]
    public async Task Is_found_as_it_was_written_and_for_an_hour_after_it_expired()
    {
        await using var scene = await SessionScene.Create();
        var flows = scene.Get<SettingsFlows>();
        var opened = await flows.Open(
            SessionScene.From(), new NewSettingsFlow(scene.Ada, "https://recover.example.com/x", TimeSpan.FromHours(1)) { ReturnTo = "https://app.example.com" },
            default);

        Guid.ParseExact(opened.Id, "D").Version.ShouldBe(4);
        (await flows.Find(SessionScene.From(), opened.Id, default)).ShouldBe(opened);
        await flows.Write(SessionScene.From(), opened with { IsDone = true, Faults = "[]" }, default);
        (await flows.Find(SessionScene.From(), opened.Id, default)).ShouldBe(opened with { IsDone = true, Faults = "[]" });

        scene.Time.Advance(TimeSpan.FromHours(1.9));
        (await flows.Find(SessionScene.From(), opened.Id, default))!.ExpiresAt.ShouldBeLessThan(scene.Acts.Now);
        scene.Time.Advance(TimeSpan.FromHours(0.1));
        (await flows.Find(SessionScene.From(), opened.Id, default)).ShouldBeNull();
    }

    [Fact]
    public async Task Is_its_tenants_alone_and_its_id_stands_nowhere()
    {
        await using var scene = await SessionScene.Create();
        var other = TenantId.Parse("other");
        await scene.AddTenant(other);
        var opened = await scene.Get<SettingsFlows>().Open(SessionScene.From(), new NewSettingsFlow(scene.Ada, "x", TimeSpan.FromHours(1)), default);

        (await scene.Get<SettingsFlows>().Find(SessionScene.From(tenant: other), opened.Id, default)).ShouldBeNull();
        scene.StoredBytes().ShouldNotContain(opened.Id);
    }
}
