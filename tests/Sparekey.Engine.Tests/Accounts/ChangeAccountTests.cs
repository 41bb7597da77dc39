using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Tests.Accounts;

/// <summary>Changing an account and listing accounts.</summary>
public sealed class ChangeAccountTests : IAsyncLifetime
{
    private AccountScene _scene = null!;
    private Account _person = null!;

    public async ValueTask InitializeAsync()
    {
        _scene = await AccountScene.Create();
        _person = (await _scene.Make(new NewAccount { Emails = ["person@example.com"], Username = "person" })).Value;
    }

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Leaves_alone_what_is_not_named()
    {
        var changed = (await _scene.Change(_person.Id, new AccountChange { Groups = ["a"] })).Value;
        var read = (await _scene.Find(_person.Id)).ShouldNotBeNull();
        read.Groups.ShouldBe(["a"]);
        (read.Username, read.Role, read.Traits, read.Version).ShouldBe(("person", "user", "{}", 2));
        changed.Version.ShouldBe(2);
        read.Addresses.ShouldBe(_person.Addresses);
    }

    [Fact]
    public async Task Moves_the_user_name_in_one_act()
    {
        (await _scene.Change(_person.Id, new AccountChange { Username = new("renamed") })).Refusal.ShouldBeNull();
        (await _scene.FindByIdentifier("person")).ShouldBeNull();
        (await _scene.FindByIdentifier("renamed"))!.Id.ShouldBe(_person.Id);
        (await _scene.Change(_person.Id, new AccountChange { Username = new(null) })).Refusal.ShouldBeNull();
        (await _scene.FindByIdentifier("renamed")).ShouldBeNull();
        (await _scene.Make(new NewAccount { Username = "renamed" })).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Refuses_a_name_that_is_somebodys()
    {
        await _scene.Make(new NewAccount { Username = "taken" });
        (await _scene.Change(_person.Id, new AccountChange { Username = new("TAKEN") })).Refusal!.Code.ShouldBe(RefusalCode.IdentifierTaken);
        (await _scene.FindByIdentifier("person"))!.Version.ShouldBe(1);
    }

    [Fact]
    public async Task Refuses_a_change_of_what_somebody_else_changed()
    {
        await _scene.Change(_person.Id, new AccountChange { Version = 1, Groups = ["a"] });
        (await _scene.Change(_person.Id, new AccountChange { Version = 1, Groups = ["b"] })).Refusal!.Code.ShouldBe(RefusalCode.VersionConflict);
        (await _scene.Find(_person.Id))!.Groups.ShouldBe(["a"]);
    }

    [Fact]
    public async Task One_of_many_wins_from_the_same_version()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(
            i => _scene.Change(_person.Id, new AccountChange { Version = 1, Groups = [$"g{i}"] })));
        answers.Count(a => a.Refusal is null).ShouldBe(1);
        (await _scene.Find(_person.Id))!.Version.ShouldBe(2);
    }

    [Fact]
    public async Task A_change_to_the_same_is_none()
    {
        (await _scene.Change(_person.Id, new AccountChange { Username = new("person"), Role = "user" })).Value.Version.ShouldBe(1);
        (await _scene.Ledger(LedgerEvent.AccountChanged)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Refuses_an_unknown_role_and_being_ones_own_manager()
    {
        (await _scene.Change(_person.Id, new AccountChange { Role = "emperor" })).Refusal!.Code.ShouldBe(RefusalCode.UnknownRole);
        (await _scene.Change(_person.Id, new AccountChange { Manager = new(_person.Id) })).Refusal!.Faults[0].Pointer.ShouldBe("/manager_id");
    }

    [Fact]
    public async Task The_ledger_says_what_changed_and_no_name()
    {
        await _scene.Change(_person.Id, new AccountChange { Username = new("renamed"), Role = "operator", Traits = """{"name":"private"}""" });
        var entry = (await _scene.Ledger(LedgerEvent.AccountChanged)).ShouldHaveSingleItem();
        entry.GetProperty("facts").GetProperty("changed").EnumerateArray().Select(c => c.GetString()).ShouldBe(["username", "role", "traits"]);
        entry.GetProperty("facts").GetProperty("role_before").GetString().ShouldBe("user");
        entry.GetRawText().ShouldNotContain("private");
        entry.GetRawText().ShouldNotContain("\"person\"");
    }

    [Fact]
    public async Task Disabling_ends_sessions_for_good()
    {
        await _scene.Acts.Write(
            TenantId.Default,
            act => _scene.Get<SessionStore>().Open(act, new NewSession(_person.Id, ["pwd"])), CancellationToken.None);
        await _scene.Change(_person.Id, new AccountChange { Status = AccountStatus.Disabled });
        await _scene.Change(_person.Id, new AccountChange { Status = AccountStatus.Active });
        (await _scene.Count("SELECT COUNT(*) FROM sessions")).ShouldBe(0);
    }

    [Fact]
    public async Task Knows_when_it_changed_and_since_when_it_is_disabled()
    {
        _scene.Time.Advance(TimeSpan.FromMinutes(1));
        var disabledAt = _scene.Acts.Now;
        var disabled = (await _scene.Change(_person.Id, new AccountChange { Status = AccountStatus.Disabled })).Value;
        (disabled.UpdatedAt, disabled.StatusSince).ShouldBe((disabledAt, disabledAt));
        _scene.Time.Advance(TimeSpan.FromMinutes(1));
        await _scene.Change(_person.Id, new AccountChange { Groups = ["a"] });

        var read = (await _scene.Find(_person.Id)).ShouldNotBeNull();
        (read.UpdatedAt, read.StatusSince, read.CreatedAt).ShouldBe((_scene.Acts.Now, disabledAt, _person.CreatedAt));
    }

    [Fact]
    public async Task Some_are_those_that_there_are_and_ours()
    {
        await _scene.AddTenant(AccountScene.Neighbour);
        var theirs = await _scene.Person("theirs@example.com", tenant: AccountScene.Neighbour);

        (await _scene.Get<ReadAccounts>().Some(AccountScene.Desk(), [theirs.Id, _person.Id, default, _person.Id], CancellationToken.None))
            .Value.Select(a => a.Id).ShouldBe([_person.Id]);
    }

    [Fact]
    public async Task Pages_hold_everybody_once_while_others_come_and_go()
    {
        var made = new List<AccountId> { _person.Id };
        for (var i = 0; i < 25; i++)
        {
            made.Add((await _scene.Person($"p{i}@example.com")).Id); // All in the same millisecond.
        }

        var (seen, after) = (new List<AccountId>(), default(AccountPosition));
        do
        {
            var page = (await _scene.Get<ReadAccounts>().Page(
                AccountScene.Desk(), new AccountFilter(null, null, after, 7), CancellationToken.None)).Value;
            seen.AddRange(page.Accounts.Select(a => a.Id));
            page.Accounts.ShouldAllBe(a => a.Addresses.Length == 1);
            after = page.Next;
            _scene.Time.Advance(TimeSpan.FromSeconds(1));
            if (seen.Count == 7)
            {
                await _scene.Delete(seen[0]);
                made.Add((await _scene.Person("late@example.com")).Id);
            }
        }
        while (after is not null);

        seen.ShouldBe(made, ignoreOrder: true);
        seen[^1].ShouldBe(made[^1]);
    }

    [Fact]
    public async Task Filters_find_a_usable_address_or_a_name_and_nothing_else()
    {
        await _scene.Added(_person.Id, "unconfirmed@example.org");
        (await Found("PERSON@example.com", null)).ShouldBe(1);
        (await Found(null, "Person")).ShouldBe(1);
        (await Found("person@example.com", "person")).ShouldBe(1);
        (await Found("person@example.com", "other")).ShouldBe(0);
        (await Found("person", null)).ShouldBe(0);
        (await Found(null, "person@example.com")).ShouldBe(0);
        (await Found("unconfirmed@example.org", null)).ShouldBe(0);
        (await Found("%", null)).ShouldBe(0);
        (await Found("", null)).ShouldBe(0);

        async Task<int> Found(string? email, string? username) => (await _scene.Get<ReadAccounts>().Page(
            AccountScene.Desk(), new AccountFilter(email, username, null, 10), CancellationToken.None)).Value.Accounts.Count;
    }
}
