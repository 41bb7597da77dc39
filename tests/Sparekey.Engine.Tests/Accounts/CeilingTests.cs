using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;

namespace Sparekey.Engine.Tests.Accounts;

/// <summary>Who may change whom: every way of changing an account is tried by everybody who may not.</summary>
public sealed class CeilingTests : IAsyncLifetime
{
    public static readonly TheoryData<string> Changes = [
        "patch", "lower", "disable", "delete", "add", "remove", "code", "confirm"];

    private AccountScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccountScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Nobody_changes_an_account_above_their_ceiling(string change)
    {
        var chief = await _scene.Person("chief@example.com", "admin");
        (await Try(change, chief, AccountScene.Desk("operator"))).ShouldBe(RefusalCode.AboveCeiling);
        await Unchanged(chief);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Nobody_changes_themselves_as_an_operator(string change)
    {
        var person = await _scene.Person();
        (await Try(change, person, AccountScene.ProgrammeOf(person.Id))).ShouldBe(RefusalCode.OwnAccount);
        await Unchanged(person);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Nobody_changes_without_the_permission(string change)
    {
        var person = await _scene.Person();
        var reader = AccountScene.Desk("admin", permissions: PermissionSet.Of(Permission.AccountRead, Permission.RecoveryRequest));
        (await Try(change, person, reader)).ShouldBe(RefusalCode.PermissionMissing);
        await Unchanged(person);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_neighbours_account_is_not_found(string change)
    {
        await _scene.AddTenant(AccountScene.Neighbour);
        var theirs = await _scene.Person(tenant: AccountScene.Neighbour);
        (await Try(change, theirs, AccountScene.Desk("admin"))).ShouldBe(RefusalCode.AccountNotFound);
        (await _scene.Find(theirs.Id)).ShouldBeNull();
        (await _scene.Find(theirs.Id, AccountScene.Neighbour))!.Version.ShouldBe(theirs.Version);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_role_that_nobody_ordered_protects_its_holder(string change)
    {
        var person = await _scene.Person();
        await _scene.Execute("UPDATE accounts SET role = 'forgotten' WHERE id = @id", new { id = person.Id.ToString() });
        (await Try(change, person, AccountScene.Desk("admin"))).ShouldBe(RefusalCode.AboveCeiling);
    }

    [Fact]
    public async Task A_role_is_not_raised_above_the_ceiling()
    {
        var person = await _scene.Person();
        (await _scene.Change(person.Id, new AccountChange { Role = "admin" }, AccountScene.Desk("operator"))).Refusal!.Code
            .ShouldBe(RefusalCode.AboveCeiling);
        (await _scene.Change(person.Id, new AccountChange { Role = "operator" }, AccountScene.Desk("operator"))).Value.Role
            .ShouldBe("operator");
        await Unchanged(person with { Version = 2 });
    }

    [Fact]
    public async Task An_account_is_not_made_above_the_ceiling()
    {
        (await _scene.Make(new NewAccount { Emails = ["new@example.com"], Role = "admin" }, AccountScene.Desk("operator"))).Refusal!.Code
            .ShouldBe(RefusalCode.AboveCeiling);
        (await _scene.FindByIdentifier("new@example.com")).ShouldBeNull();
    }

    [Fact]
    public async Task Reading_knows_no_ceiling_but_needs_its_permission()
    {
        var chief = await _scene.Person("chief@example.com", "admin");
        var read = _scene.Get<ReadAccounts>();
        var reader = AccountScene.Desk("user", permissions: PermissionSet.Of(Permission.AccountRead));
        (await read.One(reader, chief.Id, CancellationToken.None)).Value.Id.ShouldBe(chief.Id);
        var writer = AccountScene.Desk("admin", permissions: PermissionSet.Of(Permission.AccountWrite));
        (await read.One(writer, chief.Id, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.PermissionMissing);
        (await read.Page(writer, new AccountFilter(null, null, null, 10), CancellationToken.None)).Refusal!.Code
            .ShouldBe(RefusalCode.PermissionMissing);
    }

    private async Task<RefusalCode?> Try(string change, Account account, Caller caller) => change switch
    {
        "patch" => (await _scene.Change(account.Id, new AccountChange { Traits = """{"a":1}""" }, caller)).Refusal?.Code,
        "lower" => (await _scene.Change(account.Id, new AccountChange { Role = "user", Username = new("lowered") }, caller)).Refusal?.Code,
        "disable" => (await _scene.Change(account.Id, new AccountChange { Status = AccountStatus.Disabled }, caller)).Refusal?.Code,
        "delete" => (await _scene.Delete(account.Id, caller))?.Code,
        "add" => (await _scene.Add(account.Id, "attacker@example.org", caller)).Refusal?.Code,
        "remove" => (await _scene.Remove(account.Id, account.Addresses[0].Id, caller))?.Code,
        "code" => (await _scene.SendCode(account.Id, account.Addresses[0].Id, caller))?.Code,
        "confirm" => (await _scene.Confirm(account.Id, account.Addresses[0].Id, "12345678", caller)).Refusal?.Code,
        _ => throw new ArgumentOutOfRangeException(nameof(change)),
    };

    private async Task Unchanged(Account account)
    {
        var now = (await _scene.Find(account.Id)).ShouldNotBeNull();
        now.Version.ShouldBe(account.Version);
        now.Addresses.Select(a => a.Value).ShouldBe(account.Addresses.Select(a => a.Value));
        (await _scene.Outbox()).ShouldBeEmpty();
    }
}
