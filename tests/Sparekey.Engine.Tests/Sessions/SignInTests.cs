using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Sessions;

public sealed class SignInTests
{
    [Fact]
    public async Task Opens_a_session_whose_token_proves_it()
    {
        await using var scene = await SessionScene.Create();

        var opened = await scene.SignedIn("  ADA ");

        var session = (await scene.Authenticate(opened)).Value;
        session.Account.ShouldBe(scene.Ada);
        session.Amr.ShouldBe(["pwd"]);
        session.RestrictedTo.ShouldBeNull();
        (await scene.Ledgered(LedgerEvent.SessionOpened)).ShouldBe(1);
        opened.ToString().ShouldNotContain("sps_");
    }

    [Theory]
    [InlineData("nobody", SessionScene.Password)]
    [InlineData("ada", "not the password at all")]
    [InlineData("ada", "")]
    [InlineData("", SessionScene.Password)]
    [InlineData("disabled", SessionScene.Password)]
    [InlineData("passwordless", SessionScene.Password)]
    [InlineData("overdue", SessionScene.Password)]
    [InlineData("ada\0", SessionScene.Password)]
    public async Task Refuses_everything_else_alike(string identifier, string password)
    {
        await using var scene = await SessionScene.Create();
        await scene.AddAccount("passwordless");
        var disabled = await scene.AddAccount("disabled");
        await scene.SetPassword(disabled, SessionScene.Password);
        await scene.Disable(disabled);
        await scene.SetPassword(await scene.AddAccount("overdue"), SessionScene.Password, provisional: true);
        scene.Time.Advance(TimeSpan.FromHours(24));

        var refusal = (await scene.SignIn(identifier, password)).Refusal;

        refusal.ShouldBe(new Refusal(RefusalCode.SignInFailed));
        (await scene.Count("SELECT COUNT(*) FROM sessions")).ShouldBe(0);
    }

    [Fact]
    public async Task A10_Does_the_same_work_whether_the_account_exists_or_not()
    {
        await using var scene = await SessionScene.Create(new PasswordHashing(500_000, processors: 1, waiting: 0));
        await scene.AddAccount("passwordless");
        string[] names = ["ada", "nobody", "passwordless", ""];

        // While the only processor is taken, everybody who is about to have a password checked is told so.
        var taken = scene.Hashing.Hash("takes the only processor", CancellationToken.None);
        foreach (var name in names)
        {
            var refusal = (await scene.SignIn(name, "wrong")).Refusal.ShouldNotBeNull();
            taken.IsCompleted.ShouldBeFalse("the test needs a slower hash");
            refusal.Code.ShouldBe(RefusalCode.Busy);
            refusal.RetryAfter.ShouldNotBeNull();
        }

        await taken;
        var commits = new List<long>();
        foreach (var name in names)
        {
            var before = scene.Faults.Commits;
            (await scene.SignIn(name, "wrong")).Refusal!.Code.ShouldBe(RefusalCode.SignInFailed);
            commits.Add(scene.Faults.Commits - before);
        }

        commits.Distinct().ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData("ada")]
    [InlineData("nobody")]
    [InlineData("passwordless")]
    public async Task Slows_down_known_and_unknown_names_alike(string identifier)
    {
        await using var scene = await SessionScene.Create();
        await scene.AddAccount("passwordless");

        var refusals = new List<RefusalCode>();
        for (var i = 0; i < 30 && !refusals.Contains(RefusalCode.TooManyRequests); i++)
        {
            refusals.Add((await scene.SignIn(identifier, "wrong")).Refusal!.Code);
        }

        refusals[^1].ShouldBe(RefusalCode.TooManyRequests);
        var allowed = refusals.Count;
        refusals.Clear();
        for (var i = 0; i < allowed; i++)
        {
            refusals.Add((await scene.SignIn("nobody-else", "wrong")).Refusal!.Code);
        }

        refusals[^1].ShouldBe(RefusalCode.TooManyRequests);
        refusals[^2].ShouldBe(RefusalCode.SignInFailed);
    }

    [Fact]
    public async Task A_stranger_elsewhere_cannot_lock_the_person_out()
    {
        await using var scene = await SessionScene.Create();
        for (var i = 0; i < 40; i++)
        {
            await scene.SignIn("ada", "wrong", source: "198.51.100.7");
        }

        (await scene.SignIn("ada", source: "192.0.2.1")).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A_stranger_cannot_fill_the_ledger()
    {
        await using var scene = await SessionScene.Create();
        for (var i = 0; i < RefusedSignIns.LedgeredPerHour + 5; i++)
        {
            await scene.SignIn("ada", "wrong", source: $"198.51.100.{i}");
            await scene.SignIn($"nobody-{i}", "wrong", source: $"198.51.100.{i}");
        }

        (await scene.Ledgered(LedgerEvent.SignInRefused)).ShouldBe(RefusedSignIns.LedgeredPerHour);
        (await scene.Count("SELECT COUNT(*) FROM sign_in_refusals")).ShouldBe(2);

        scene.Time.Advance(TimeSpan.FromHours(1));
        await scene.SignIn("ada", "wrong", source: "203.0.113.5");
        (await scene.Ledgered(LedgerEvent.SignInRefused)).ShouldBe(RefusedSignIns.LedgeredPerHour + 1);
    }

    [Fact]
    public async Task A_neighbours_password_opens_nothing()
    {
        await using var scene = await SessionScene.Create();
        var neighbour = TenantId.Parse("neighbour");
        await scene.AddTenant(neighbour);

        (await scene.SignIn(tenant: neighbour)).Refusal!.Code.ShouldBe(RefusalCode.SignInFailed);
    }

    [Fact]
    public async Task A1_A_provisional_password_signs_in_only_to_be_changed()
    {
        await using var scene = await SessionScene.Create();
        await scene.SetPassword(scene.Ada, SessionScene.Password, provisional: true);
        scene.Time.Advance(TimeSpan.FromHours(23));

        var opened = await scene.SignedIn();

        opened.Session.RestrictedTo.ShouldBe(SessionRestriction.PasswordChange);
        opened.Session.ExpiresAt.ShouldBe(scene.Time.GetUtcNow() + TimeSpan.FromHours(1), "the session must not outlive the password");
        (await scene.Authenticate(opened)).Refusal!.Code.ShouldBe(RefusalCode.PasswordChangeRequired);
        (await scene.Authenticate(opened, SessionRestriction.PasswordChange)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task An_imported_password_is_the_persons_own()
    {
        await using var scene = await SessionScene.Create();
        var hash = await scene.Hashing.Hash(SessionScene.NewPassword, CancellationToken.None);
        await scene.Write(act => scene.Passwords.Import(act, scene.Ada, hash!));
        scene.Time.Advance(TimeSpan.FromDays(30));

        (await scene.SignedIn(password: SessionScene.NewPassword)).Session.RestrictedTo.ShouldBeNull();
        (await scene.SignIn()).Refusal!.Code.ShouldBe(RefusalCode.SignInFailed);
    }

    [Fact]
    public async Task Marks_the_password_as_used()
    {
        await using var scene = await SessionScene.Create();
        scene.Time.Advance(TimeSpan.FromMinutes(5));
        await scene.SignedIn();

        var credential = (await scene.Acts.Read(
            db => scene.Credentials.List(db, TenantId.Default, scene.Ada), CancellationToken.None)).ShouldHaveSingleItem();
        credential.Kind.ShouldBe(CredentialKind.Password);
        credential.LastUsedAt.ShouldBe(scene.Time.GetUtcNow());
    }

    [Fact]
    public async Task A_weaker_hash_is_made_again_once_and_keeps_the_credential()
    {
        await using var scene = await SessionScene.Create();
        using var former = new PasswordHashing(SessionScene.Iterations / 2, processors: 1, waiting: 1);
        var weak = (await former.Hash(SessionScene.Password, CancellationToken.None)).ShouldNotBeNull();
        var credential = await scene.Write(act => scene.Passwords.Import(act, scene.Ada, weak));

        // Both verify the weak hash; whoever comes second must not be refused because the first made it stronger.
        var both = await Task.WhenAll(Task.Run(() => scene.SignIn()), Task.Run(() => scene.SignIn()));

        both.ShouldAllBe(r => r.Refusal == null);
        var stored = (await scene.StoredPassword(scene.Ada)).ShouldNotBeNull();
        stored.Id.ShouldBe(credential);
        stored.Hash.ShouldNotBe(weak);
        await scene.SignedIn();
        (await scene.StoredPassword(scene.Ada))!.Hash.ShouldBe(stored.Hash);
    }

    [Fact]
    public async Task A_weaker_hash_is_not_written_over_a_changed_password()
    {
        await using var scene = await SessionScene.Create();
        var verified = (await scene.StoredPassword(scene.Ada)).ShouldNotBeNull();
        await scene.SetPassword(scene.Ada, SessionScene.NewPassword);

        (await scene.Write(act => scene.Passwords.Rehash(act, verified, "stronger"))).ShouldBeFalse();

        (await scene.SignIn(password: SessionScene.NewPassword)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task No_session_stands_on_a_password_after_its_change_committed()
    {
        await using var scene = await SessionScene.Create();
        var first = await scene.SignedIn();
        var old = first.Session.Credential;

        // 20 people at 10 tries each, so that at every moment some have verified the old password and not yet opened.
        var signIns = Enumerable.Range(0, 20).Select(person => Task.Run(async () =>
        {
            var mine = new List<Result<OpenedSession>>();
            for (var i = 0; i < 10; i++)
            {
                mine.Add(await scene.SignIn(source: $"198.51.100.{person}"));
            }

            return mine;
        })).ToList();
        var changed = await Task.Run(() => scene.ChangePassword(first.Session));
        var results = (await Task.WhenAll(signIns)).SelectMany(r => r).ToList();

        changed.Refusal.ShouldBeNull();
        (await scene.SessionsOf(scene.Ada)).ShouldHaveSingleItem().Id.ShouldBe(changed.Value.Session.Id);
        changed.Value.Session.Credential.ShouldNotBe(old);
        foreach (var opened in results.Where(r => r.Refusal is null))
        {
            (await scene.Authenticate(opened.Value)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        }

        results.Where(r => r.Refusal is not null).Select(r => r.Refusal!.Code)
            .ShouldAllBe(code => code == RefusalCode.SignInFailed);
        (await scene.Ledgered(LedgerEvent.PasswordChanged)).ShouldBe(1);
    }

    [Theory]
    [InlineData(Fault.Lost, 0)]
    [InlineData(Fault.Kept, 1)]
    public async Task Session_and_ledger_stand_or_fall_together(Fault fault, long stands)
    {
        await using var scene = await SessionScene.Create();
        scene.Faults.FailNth(2, fault);

        await Should.ThrowAsync<StorageUnavailableException>(() => scene.SignIn());

        (await scene.Count("SELECT COUNT(*) FROM sessions")).ShouldBe(stands);
        (await scene.Ledgered(LedgerEvent.SessionOpened)).ShouldBe(stands);
    }
}
