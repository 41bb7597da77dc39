using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Passbolt;
using Sparekey.Engine.Tests.Accounts;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Passbolt;

public sealed class PullPeopleTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Makes_people_known_and_changes_nothing_where_nothing_changed()
    {
        await using var scene = await CompanionScene.Create();
        var ada = await scene.Passbolt.AddUser("ada", "admin");
        await Read(scene);
        var account = (await scene.AccountOf(ada))!;
        (account.Role, account.Kind, account.Status).ShouldBe(("user", AccountKind.Employee, AccountStatus.Active), "Who is high there is nobody here.");
        account.Addresses.ShouldHaveSingleItem().Value.ShouldBe("ada@example.com");
        var entries = await scene.Count("SELECT COUNT(*) FROM ledger_entries");
        await Read(scene);
        ((await scene.AccountOf(ada))!.Version, await scene.Count("SELECT COUNT(*) FROM ledger_entries")).ShouldBe((account.Version, entries));
    }

    [Fact]
    public async Task Notes_an_account_that_was_here_before_and_leaves_it_alone()
    {
        await using var scene = await CompanionScene.Create();
        var here = await Make(scene, "ada@example.com", "operator");
        var ada = await scene.Passbolt.AddUser("ada");
        await Read(scene);
        var account = (await scene.AccountOf(ada))!;
        (account.Id, account.Role).ShouldBe((here.Id, "operator"));

        // Disabled there: not here, but no recovery by escrow begins.
        ada.Disabled = "2026-11-21T08:00:00+00:00";
        await Read(scene);
        (await scene.AccountOf(ada))!.Status.ShouldBe(AccountStatus.Active);
        (await scene.Get<Acts>().Read(db => scene.Get<CompanionServer>().Knows(db, TenantId.Default, account.Id), None)).ShouldBeFalse();
    }

    [Fact]
    public async Task Disables_whom_the_server_disabled_or_lost_and_enables_them_again()
    {
        await using var scene = await CompanionScene.Create();
        var (ada, betty) = (await scene.Passbolt.AddUser("ada"), await scene.Passbolt.AddUser("betty"));
        await Read(scene);
        ada.Disabled = "2026-11-21T08:00:00+00:00";
        scene.Passbolt.Users.Remove(betty);
        await Read(scene);
        (await scene.AccountOf(ada))!.Status.ShouldBe(AccountStatus.Disabled);
        (await scene.AccountOf(betty))!.Status.ShouldBe(AccountStatus.Disabled);
        ada.Disabled = null;
        scene.Passbolt.Users.Add(betty);
        await Read(scene);
        (await scene.AccountOf(ada))!.Status.ShouldBe(AccountStatus.Active);
        (await scene.AccountOf(betty))!.Status.ShouldBe(AccountStatus.Active);
    }

    [Fact]
    public async Task Enables_nobody_whom_an_operator_had_disabled()
    {
        await using var scene = await CompanionScene.Create();
        var ada = await scene.Passbolt.AddUser("ada");
        await Read(scene);
        var account = (await scene.AccountOf(ada))!;
        await Change(scene, account.Id, new AccountChange { Status = AccountStatus.Disabled });
        ada.Disabled = "2026-11-21T08:00:00+00:00";
        await Read(scene);
        ada.Disabled = null;
        await Read(scene);
        (await scene.AccountOf(ada))!.Status.ShouldBe(AccountStatus.Disabled);

        // Nor does it touch one that has a higher role by now: it says so.
        await Change(scene, account.Id, new AccountChange { Status = AccountStatus.Active, Role = "operator" });
        ada.Disabled = "2026-11-21T08:00:00+00:00";
        await Read(scene);
        (await scene.AccountOf(ada))!.Status.ShouldBe(AccountStatus.Active);
        scene.Log.ShouldContain(l => l.Contains("above_ceiling", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Knows_somebody_under_another_id_once_an_operator_took_the_former_one_off()
    {
        await using var scene = await CompanionScene.Create();
        var ada = await scene.Passbolt.AddUser("ada");
        await Read(scene);
        var account = (await scene.AccountOf(ada))!;
        var again = ada with { Id = NewId.Make<AccountId>().Value };
        scene.Passbolt.Users.Remove(ada);
        scene.Passbolt.Users.Add(again);
        await Read(scene);
        await Read(scene);
        (await scene.AccountOf(again)).ShouldBeNull("That server alone does not say who is who.");
        await Change(scene, account.Id, new AccountChange { Status = AccountStatus.Active, ExternalIds = [] });
        await Read(scene);
        var now = (await scene.AccountOf(again))!;
        (now.Id, now.ExternalIds.Length).ShouldBe((account.Id, 1));
        (await scene.Get<Acts>().Read(db => scene.Get<CompanionServer>().Knows(db, TenantId.Default, account.Id), None)).ShouldBeTrue();
    }

    [Fact]
    public async Task Begins_anew_with_another_server_and_believes_nobody_of_the_former_one()
    {
        await using var scene = await CompanionScene.Create();
        var ada = await scene.Passbolt.AddUser("ada", "admin");
        await Read(scene);
        var account = (await scene.AccountOf(ada))!;
        scene.Passbolt.Users.Remove(ada);
        var again = ada with { Id = NewId.Make<AccountId>().Value };
        await scene.Restart(o => o with { Server = new Uri("http://elsewhere.example.com"), Address = o.Server });
        await scene.Get<Acts>().Write(TenantId.Default, act => scene.Get<CompanionStore>().PinServer(act, scene.Options, new string('A', 40)), None);
        (await scene.Get<Acts>().Read(db => scene.Get<CompanionStore>().AdminKeys(db, TenantId.Default, 10), None)).ShouldBeEmpty();
        await scene.Restart(o => o with { Server = o.Address!, Address = null });
        scene.Passbolt.Users.Add(again);
        await Read(scene);
        (await scene.AccountOf(again))!.Id.ShouldBe(account.Id);
    }

    [Fact]
    public async Task Disables_nobody_for_a_list_that_lost_many_at_once_or_the_companion_itself()
    {
        await using var scene = await CompanionScene.Create();
        var ada = await scene.Passbolt.AddUser("ada");
        var others = Enumerable.Range(0, 20).Select(i => new PassboltUser(NewId.Make<AccountId>().Value, $"p{i}@example.com", ada.Key)).ToList();
        scene.Passbolt.Users.AddRange(others);
        await Read(scene);
        scene.Passbolt.Users.RemoveAll(others.Take(15).Contains);
        await Read(scene);
        (await scene.Count("SELECT COUNT(*) FROM accounts WHERE status = 'disabled'")).ShouldBe(0);
        scene.Log.ShouldContain(l => l.Contains("nobody is disabled", StringComparison.Ordinal));
        scene.Passbolt.Users.AddRange(others.Take(14));
        await Read(scene);
        (await scene.Count("SELECT COUNT(*) FROM accounts WHERE status = 'disabled'")).ShouldBe(1, "One who left is one who left.");
    }

    [Fact]
    public async Task Makes_nobody_anew_whose_account_was_deleted_here()
    {
        await using var scene = await CompanionScene.Create();
        var ada = await scene.Passbolt.AddUser("ada");
        await Read(scene);
        var account = (await scene.AccountOf(ada))!;
        (await scene.Get<DeleteAccount>().Run(AccountScene.LocalOperator, account.Id, None)).ShouldBeNull();
        await Read(scene);
        (await scene.AccountOf(ada)).ShouldBeNull();
        (await scene.Count("SELECT COUNT(*) FROM passbolt_people WHERE username LIKE 'ada%' OR (state = 'forgotten' AND public_key IS NOT NULL)")).ShouldBe(0);
    }

    [Fact]
    public async Task Makes_nobody_of_whom_the_server_says_nonsense()
    {
        await using var scene = await CompanionScene.Create();
        var ada = await scene.Passbolt.AddUser("ada");
        scene.Passbolt.Users.Add(new PassboltUser(NewId.Make<AccountId>().Value, "no address", ada.Key));
        scene.Passbolt.Users.Add(new PassboltUser(NewId.Make<AccountId>().Value, "ADA@example.com", ada.Key));
        scene.Passbolt.Users.Add(new PassboltUser(NewId.Make<AccountId>().Value, "broken@example.com", ada.Key with { Public = "no key" }));
        scene.Passbolt.Users.Add(new PassboltUser(NewId.Make<AccountId>().Value, "never@example.com", ada.Key) { Active = false });
        await Read(scene);
        (await scene.Count("SELECT COUNT(*) FROM accounts")).ShouldBe(3, "Ada, the companion's own user, and one without a key.");
        (await scene.Count("SELECT COUNT(*) FROM passbolt_people WHERE fingerprint IS NULL")).ShouldBe(1);
    }

    private static async Task Read(CompanionScene scene) => (await scene.Get<PullPeople>().Run(None)).Fault.ShouldBe(PassboltFault.None);

    private static async Task Change(CompanionScene scene, AccountId account, AccountChange change) =>
        (await scene.Get<ChangeAccount>().Run(AccountScene.LocalOperator, account, change, None)).Refusal.ShouldBeNull();

    private static async Task<Account> Make(CompanionScene scene, string email, string role) =>
        (await scene.Get<CreateAccount>().Run(AccountScene.LocalOperator, new NewAccount { Emails = [email], Role = role }, null, None)).Value.Fresh!;
}
