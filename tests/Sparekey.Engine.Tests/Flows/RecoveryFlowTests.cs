using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Flows;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Tests.Sessions;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Flows;

/// <summary>Recovery flows where storage fails, and what of them stands in storage.</summary>
public sealed class RecoveryFlowTests
{
    private static readonly Uri Page = new("https://recover.example.com/page");

    [Theory]
    [InlineData(Means.Code)]
    [InlineData(Means.Link)]
    public async Task T6_A_redemption_that_is_lost_left_everything_as_it_was(Means means)
    {
        await using var scene = await SessionScene.Create();
        var ordered = await Order(scene, means);
        scene.Faults.FailNext(Fault.Lost);

        await Should.ThrowAsync<StorageUnavailableException>(() => Redeem(scene, ordered, means));
        (await Sessions(scene)).ShouldBeEmpty();
        (await Redeem(scene, ordered, means)).ShouldBeOfType<FlowOutcome.Opened>();
        (await Sessions(scene)).ShouldHaveSingleItem().RestrictedTo.ShouldBe(SessionRestriction.Recovery);
    }

    [Theory]
    [InlineData(Means.Code, FlowNoteKind.CodeUsed)]
    [InlineData(Means.Link, FlowNoteKind.TokenInvalid)]
    public async Task A_redemption_that_was_kept_but_reported_lost_opens_no_second_session(Means means, FlowNoteKind note)
    {
        await using var scene = await SessionScene.Create();
        var ordered = await Order(scene, means);
        scene.Faults.FailNext(Fault.Kept);

        await Should.ThrowAsync<StorageUnavailableException>(() => Redeem(scene, ordered, means));
        (await Redeem(scene, ordered, means)).ShouldBeOfType<FlowOutcome.Again>().Flow.Note!.Kind.ShouldBe(note);
        (await Sessions(scene)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Neither_the_flow_nor_its_secret_nor_its_session_stands_in_storage()
    {
        await using var scene = await SessionScene.Create();
        var ordered = await Order(scene, Means.Link);
        var token = ordered.Secret.Reveal().Split("token=")[1];
        var opened = (await Redeem(scene, ordered, Means.Link)).ShouldBeOfType<FlowOutcome.Opened>();

        var stored = scene.StoredBytes();
        stored.ShouldNotContain(ordered.Flow.Id);
        stored.ShouldNotContain(token);
        stored.ShouldNotContain(opened.Session.Token.Reveal());
        stored.ShouldNotContain(opened.Flow.Csrf!);
        $"{opened} {ordered}".ShouldNotContain(token);
        $"{opened.Flow} {ordered.Flow}".ShouldNotContain(opened.Flow.Csrf!);
    }

    [Fact]
    public async Task A_flow_is_its_tenants_alone()
    {
        await using var scene = await SessionScene.Create();
        var other = TenantId.Parse("other");
        await scene.AddTenant(other);
        var ordered = await Order(scene, Means.Code);
        var visitor = SessionScene.From(tenant: other);

        (await scene.Get<RecoveryFlows>().Find(visitor, ordered.Flow.Id, default)).ShouldBeNull();
        (await scene.Get<RedeemInFlow>().Run(visitor, ordered.Flow.Id, Try(ordered, Means.Code), default)).Refusal!.Code.ShouldBe(RefusalCode.RecoveryNotFound);
        var opened = (await Redeem(scene, ordered, Means.Code)).ShouldBeOfType<FlowOutcome.Opened>();
        var sessions = scene.Get<SessionAuthentication>();
        (await sessions.AuthenticateAlias(other, opened.Session.Token, SessionRestriction.Recovery, default)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await sessions.AuthenticateAlias(TenantId.Default, opened.Session.Token, SessionRestriction.Recovery, default)).Value.Id.ShouldBe(opened.Session.Session.Id);
        (await sessions.AuthenticateAlias(TenantId.Default, opened.Session.Token, null, default)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await sessions.Authenticate(TenantId.Default, opened.Session.Token, SessionRestriction.Recovery, default)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Fact]
    public async Task A_credential_lets_the_session_go_on_and_nothing_lengthens_another()
    {
        await using var scene = await SessionScene.Create();
        var opened = (await Redeem(scene, await Order(scene, Means.Code), Means.Code)).ShouldBeOfType<FlowOutcome.Opened>();
        var other = await scene.Write(act => scene.Sessions.Open(act, new NewSession(scene.Ada, ["pwd"]) { Lifetime = TimeSpan.FromMinutes(5) }));

        (await scene.Write(act => scene.Sessions.LiftRecovery(act, opened.Session.Session, TimeSpan.FromDays(9)))).ShouldBeTrue();
        (await scene.Write(act => scene.Sessions.LiftRecovery(act, other.Session, TimeSpan.FromDays(9)))).ShouldBeFalse();
        var lifted = (await Sessions(scene)).Single(s => s.Id == opened.Session.Session.Id);
        lifted.RestrictedTo.ShouldBeNull();
        lifted.ExpiresAt.ShouldBe(lifted.CreatedAt + Session.LongestLifetime);
        (await Sessions(scene)).Single(s => s.Id == other.Session.Id).ExpiresAt.ShouldBe(other.Session.ExpiresAt);
    }

    private static async Task<OrderedFlow> Order(SessionScene scene, Means means)
    {
        await scene.Get<EnsureDefaultApplication>().Run(TenantId.Default, new Uri("https://recover.example.com"), default);
        var application = (await scene.Get<ApplicationOfHost>().Run(SessionScene.From(), null, default)).Application;
        var caller = new Caller(TenantId.Default, "192.0.2.9", "request-2", new Grant(Principal.LocalOperator, PermissionSet.All, "admin", ExpiresAt: null));
        return (await scene.Get<OrderFlow>().Run(
            caller, new FlowOrder(scene.Ada, means, application.Id, "https://recover.example.com/x", "https://recover.example.com/y?flow=", "&token=", Page), default)).Value;
    }

    private static FlowTry Try(OrderedFlow ordered, Means means)
    {
        var text = means == Means.Link ? new SecretText(ordered.Secret.Reveal().Split("token=")[1]) : ordered.Secret;
        return new FlowTry(means, text, new FlowSession(TimeSpan.FromHours(1), "ory_st_"), new NewRecoveryFlow("https://recover.example.com/x", means, TimeSpan.FromHours(1)))
        {
            Csrf = "c3RhdGUgdGhhdCBpcyBhIHNlY3JldCBvZiBhIGJyb3dzZXI=",
        };
    }

    private static async Task<FlowOutcome> Redeem(SessionScene scene, OrderedFlow ordered, Means means) =>
        (await scene.Get<RedeemInFlow>().Run(SessionScene.From(), ordered.Flow.Id, Try(ordered, means), default)).Value;

    private static Task<IReadOnlyList<Session>> Sessions(SessionScene scene) =>
        scene.Acts.Read(db => scene.Sessions.List(db, TenantId.Default, scene.Ada, scene.Acts.Now), default);
}
