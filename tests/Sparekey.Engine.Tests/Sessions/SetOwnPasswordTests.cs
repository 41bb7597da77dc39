using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Sessions;

public sealed class SetOwnPasswordTests
{
    [Fact]
    public async Task Sets_the_password_keeps_the_callers_session_and_ends_the_others()
    {
        await using var scene = await SessionScene.Create();
        var mine = await scene.SignedIn();
        var other = await scene.SignedIn();

        (await Set(scene, mine)).Refusal.ShouldBeNull();

        (await scene.Authenticate(mine)).Refusal.ShouldBeNull();
        (await scene.Authenticate(other)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.SignIn()).Refusal!.Code.ShouldBe(RefusalCode.SignInFailed);
        (await scene.SignIn(password: SessionScene.NewPassword)).Refusal.ShouldBeNull();
        (await scene.Ledgered(LedgerEvent.PasswordChanged)).ShouldBe(1);
        (await scene.Count("SELECT COUNT(*) FROM outbox WHERE kind = 'credential_changed_notice'")).ShouldBe(1);
        scene.StoredBytes().ShouldNotContain(SessionScene.NewPassword);
    }

    [Theory]
    [InlineData(15, 14, true)]
    [InlineData(15, 15, false)]
    [InlineData(60, 59, true)]
    [InlineData(5, 6, false)]
    public async Task Takes_it_in_the_privileged_time_alone(int privileged, int after, bool taken)
    {
        await using var scene = await SessionScene.Create();
        var mine = await scene.SignedIn();
        scene.Time.Advance(TimeSpan.FromMinutes(after));

        var set = await scene.Get<SetOwnPassword>().Run(
            scene.CallerOf(mine.Session) with { PrivilegedFor = TimeSpan.FromMinutes(privileged) },
            new SecretText(SessionScene.NewPassword), CancellationToken.None);

        set.Refusal?.Code.ShouldBe(RefusalCode.FreshSignInRequired);
        (set.Refusal is null).ShouldBe(taken);
        ((await scene.SignIn(password: SessionScene.NewPassword)).Refusal is null).ShouldBe(taken);
    }

    [Fact]
    public async Task The_session_of_a_recovery_goes_on_once_a_password_is_set_in_it_and_ends_otherwise()
    {
        await using var scene = await SessionScene.Create();
        var (used, unused) = (await Recovered(scene), await Recovered(scene));
        (await scene.Authenticate(used)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.Authenticate(used, SessionRestriction.Recovery)).Refusal.ShouldBeNull();
        var password = (await scene.StoredPassword(scene.Ada))!.Id;
        (await scene.Get<RevokeOwnCredential>().Run(scene.CallerOf(used.Session), password, default)).Refusal!.Code.ShouldBe(RefusalCode.PolicyRefuses);

        (await Set(scene, unused, SessionScene.Password)).Refusal!.Code.ShouldBe(RefusalCode.PasswordRefused);
        (await scene.Authenticate(unused)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        scene.Time.Advance(TimeSpan.FromMinutes(10));
        var caller = scene.CallerOf(used.Session) with { LastsFor = TimeSpan.FromHours(3) };
        (await scene.Get<SetOwnPassword>().Run(caller, new SecretText(SessionScene.NewPassword), default)).Refusal.ShouldBeNull();

        var whole = (await scene.Authenticate(used)).Value;
        (whole.RestrictedTo, whole.ExpiresAt).ShouldBe((null, used.Session.CreatedAt + TimeSpan.FromHours(3)));
        scene.Time.Advance(TimeSpan.FromMinutes(40));
        (await scene.Authenticate(used)).Refusal.ShouldBeNull();
        (await scene.Authenticate(unused, SessionRestriction.Recovery)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData(SessionScene.Password)]
    public async Task Refuses_a_bad_one_and_the_one_it_is(string wanted)
    {
        await using var scene = await SessionScene.Create();
        var mine = await scene.SignedIn();

        (await Set(scene, mine, wanted)).Refusal!.Code.ShouldBe(RefusalCode.PasswordRefused);

        (await scene.SignIn()).Refusal.ShouldBeNull();
        (await scene.Ledgered(LedgerEvent.PasswordChanged)).ShouldBe(0);
    }

    [Fact]
    public async Task Is_no_way_to_guess_the_current_one()
    {
        await using var scene = await SessionScene.Create();
        var mine = await scene.SignedIn();
        var refusals = new List<RefusalCode?>();
        for (var i = 0; i < 40; i++)
        {
            refusals.Add((await Set(scene, mine, SessionScene.Password)).Refusal?.Code);
        }

        refusals.ShouldContain(RefusalCode.TooManyRequests);
    }

    [Fact]
    public async Task An_ended_session_and_a_disabled_account_set_nothing()
    {
        await using var scene = await SessionScene.Create();
        var (mine, other) = (await scene.SignedIn(), await scene.SignedIn());
        await scene.Get<EndSession>().Run(scene.CallerOf(mine.Session), CancellationToken.None);
        (await Set(scene, mine)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);

        await scene.Disable(scene.Ada);
        (await Set(scene, other)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Fact]
    public async Task Of_two_at_once_one_sessions_password_stands_and_the_others_is_over()
    {
        await using var scene = await SessionScene.Create();
        var (mine, other) = (await scene.SignedIn(), await scene.SignedIn());

        var both = await Task.WhenAll(Set(scene, mine, "the first of two passwords"), Set(scene, other, "the second of two passwords"));

        both.Count(r => r.Refusal is null).ShouldBe(1);
        both.Single(r => r.Refusal is not null).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.SessionsOf(scene.Ada)).Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(Fault.Lost)]
    [InlineData(Fault.Kept)]
    public async Task Password_sessions_ledger_and_notice_stand_or_fall_together(Fault fault)
    {
        await using var scene = await SessionScene.Create();
        var (mine, other) = (await scene.SignedIn(), await scene.SignedIn());
        scene.Faults.FailNth(2, fault);

        await Should.ThrowAsync<StorageUnavailableException>(() => Set(scene, mine));

        var kept = fault == Fault.Kept;
        ((await scene.Authenticate(other)).Refusal is null).ShouldBe(!kept);
        (await scene.Ledgered(LedgerEvent.PasswordChanged)).ShouldBe(kept ? 1 : 0);
        (await scene.Count("SELECT COUNT(*) FROM outbox")).ShouldBe(kept ? 1 : 0);
        ((await scene.SignIn(password: SessionScene.NewPassword)).Refusal is null).ShouldBe(kept);
    }

    private static Task<OpenedSession> Recovered(SessionScene scene) => scene.Write(act => scene.Sessions.Open(
        act, new NewSession(scene.Ada, ["code_recovery"]) { RestrictedTo = SessionRestriction.Recovery, Lifetime = TimeSpan.FromMinutes(15) }));

    private static Task<Result<CredentialId>> Set(SessionScene scene, OpenedSession session, string wanted = SessionScene.NewPassword) =>
        scene.Get<SetOwnPassword>().Run(scene.CallerOf(session.Session), new SecretText(wanted), CancellationToken.None);
}
