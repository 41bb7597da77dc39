using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Sessions;

public sealed class ChangePasswordTests
{
    [Fact]
    public async Task A19_Ends_every_session_and_opens_a_new_one()
    {
        await using var scene = await SessionScene.Create();
        var mine = await scene.SignedIn();
        var other = await scene.SignedIn();

        var opened = (await scene.ChangePassword(mine.Session)).Value;

        opened.Session.Id.ShouldNotBe(mine.Session.Id);
        opened.Token.Reveal().ShouldNotBe(mine.Token.Reveal());
        (await scene.Authenticate(opened)).Refusal.ShouldBeNull();
        (await scene.Authenticate(mine)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.Authenticate(other)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.SignIn()).Refusal!.Code.ShouldBe(RefusalCode.SignInFailed);
        (await scene.SignIn(password: SessionScene.NewPassword)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task N16_A9_Is_ledgered_and_told()
    {
        await using var scene = await SessionScene.Create();
        await scene.ChangePassword((await scene.SignedIn()).Session);

        (await scene.Ledgered(LedgerEvent.PasswordChanged)).ShouldBe(1);
        (await scene.Count(
            "SELECT COUNT(*) FROM outbox WHERE kind = 'credential_changed_notice' AND account_id = @ada",
            new { ada = scene.Ada.ToString() })).ShouldBe(1);
        scene.StoredBytes().ShouldNotContain(SessionScene.NewPassword);
    }

    [Theory]
    [InlineData(Fault.Lost)]
    [InlineData(Fault.Kept)]
    public async Task Password_sessions_ledger_and_notice_stand_or_fall_together(Fault fault)
    {
        await using var scene = await SessionScene.Create();
        var mine = await scene.SignedIn();
        scene.Faults.FailNth(2, fault);

        await Should.ThrowAsync<StorageUnavailableException>(() => scene.ChangePassword(mine.Session));

        var kept = fault == Fault.Kept;
        ((await scene.Authenticate(mine)).Refusal is null).ShouldBe(!kept);
        (await scene.Ledgered(LedgerEvent.PasswordChanged)).ShouldBe(kept ? 1 : 0);
        (await scene.Count("SELECT COUNT(*) FROM outbox")).ShouldBe(kept ? 1 : 0);
        ((await scene.SignIn(password: SessionScene.NewPassword)).Refusal is null).ShouldBe(kept);
    }

    [Fact]
    public async Task A_provisional_password_becomes_the_persons_own_and_the_session_whole()
    {
        await using var scene = await SessionScene.Create();
        await scene.SetPassword(scene.Ada, SessionScene.Password, provisional: true);
        var restricted = await scene.SignedIn();

        var opened = (await scene.ChangePassword(restricted.Session)).Value;

        opened.Session.RestrictedTo.ShouldBeNull();
        (await scene.Authenticate(opened)).Refusal.ShouldBeNull();
        (await scene.Authenticate(restricted, SessionRestriction.PasswordChange)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        scene.Time.Advance(TimeSpan.FromDays(2));
        (await scene.SignIn(password: SessionScene.NewPassword)).Value.Session.RestrictedTo.ShouldBeNull();
    }

    [Fact]
    public async Task A_provisional_password_cannot_be_kept()
    {
        await using var scene = await SessionScene.Create();
        await scene.SetPassword(scene.Ada, SessionScene.Password, provisional: true);
        var restricted = await scene.SignedIn();

        var refusal = (await scene.ChangePassword(restricted.Session, wanted: SessionScene.Password)).Refusal;

        refusal!.Code.ShouldBe(RefusalCode.PasswordRefused);
        (await scene.StoredPassword(scene.Ada))!.ProvisionalUntil.ShouldNotBeNull();
    }

    [Fact]
    public async Task A20_A_wrong_current_password_changes_nothing_and_is_slowed_down()
    {
        await using var scene = await SessionScene.Create();
        var mine = await scene.SignedIn();

        var codes = new List<RefusalCode>();
        for (var i = 0; i < 30 && !codes.Contains(RefusalCode.TooManyRequests); i++)
        {
            codes.Add((await scene.ChangePassword(mine.Session, current: "not the current one")).Refusal!.Code);
        }

        codes[0].ShouldBe(RefusalCode.CurrentPasswordWrong);
        codes[^1].ShouldBe(RefusalCode.TooManyRequests);
        (await scene.ChangePassword(mine.Session)).Refusal!.Code.ShouldBe(RefusalCode.TooManyRequests);
        (await scene.Ledgered(LedgerEvent.SignInRefused)).ShouldBe(codes.Count - 1);
        (await scene.Authenticate(mine)).Refusal.ShouldBeNull();
    }

    [Theory]
    [InlineData("short")]
    [InlineData("fourteen chars")]
    [InlineData("")]
    public async Task A_weak_password_is_refused_before_the_current_one_is_looked_at(string wanted)
    {
        await using var scene = await SessionScene.Create();
        var mine = await scene.SignedIn();

        (await scene.ChangePassword(mine.Session, current: "wrong", wanted: wanted)).Refusal!.Code.ShouldBe(RefusalCode.PasswordRefused);
        (await scene.ChangePassword(mine.Session, wanted: wanted)).Refusal!.Code.ShouldBe(RefusalCode.PasswordRefused);
    }

    [Fact]
    public async Task A_dead_session_changes_nothing()
    {
        await using var scene = await SessionScene.Create();
        var mine = await scene.SignedIn();
        await scene.Write(act => scene.Sessions.EndAll(act, scene.Ada));

        (await scene.ChangePassword(mine.Session)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.SignIn()).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Two_changes_at_once_have_one_winner()
    {
        await using var scene = await SessionScene.Create();
        var sessions = new List<Session>();
        for (var i = 0; i < 4; i++)
        {
            sessions.Add((await scene.SignedIn()).Session);
        }

        var results = await Task.WhenAll(sessions.Select((session, i) => Task.Run(
            () => scene.ChangePassword(session, wanted: $"{SessionScene.NewPassword} {i}"))));

        results.Count(r => r.Refusal is null).ShouldBe(1);
        results.Where(r => r.Refusal is not null).Select(r => r.Refusal!.Code).ShouldAllBe(
            code => code == RefusalCode.SessionInvalid || code == RefusalCode.CurrentPasswordWrong || code == RefusalCode.Busy);
        (await scene.Ledgered(LedgerEvent.PasswordChanged)).ShouldBe(1);
    }
}
