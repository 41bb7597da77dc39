using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Accounts;

/// <summary>Many accounts at once: all of them, or none and every fault by its line.</summary>
public sealed class ImportAccountsTests : IAsyncLifetime
{
    private AccountScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccountScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Makes_all_of_them_with_a_ledger_entry_each()
    {
        (await Import([.. Enumerable.Range(0, 500).Select(i => Email($"p{i}@example.com"))])).Value.Imported.ShouldBe(500);
        (await _scene.FindByIdentifier("p499@example.com"))!.Role.ShouldBe("user");
        (await _scene.Ledger(LedgerEvent.AccountCreated)).Count.ShouldBe(500);
    }

    [Fact]
    public async Task One_fault_imports_nothing_and_every_fault_names_its_line()
    {
        await _scene.Person("taken@example.com");
        var refusal = (await Import([
            Email("good@example.com"), new NewAccount { Username = "x" }, Email("good@example.com"),
            new NewAccount { Username = "pass", Password = new SecretText("a long and winding password") }])).Refusal!;
        refusal.Faults.Select(f => (f.Pointer, f.Detail.Split(':')[0])).ShouldBe([
            ("/accounts/1/username", "Line 11"), ("/accounts/2", "Line 12"), ("/accounts/3/password", "Line 13")]);

        // What only the tenant's state can tell comes when the lines alone are good.
        refusal = (await Import([
            Email("good@example.com"), Email("TAKEN@example.com"), Email("b@example.com") with { Role = "emperor" }])).Refusal!;
        refusal.Faults.Select(f => (f.Pointer, f.Detail.Split(':')[0])).ShouldBe([("/accounts/1", "Line 11"), ("/accounts/2/role", "Line 12")]);
        (await _scene.Count("SELECT COUNT(*) FROM accounts")).ShouldBe(1);
        (await _scene.Count("SELECT COUNT(*) FROM ledger_entries WHERE event = 'account_created'")).ShouldBe(1);
    }

    [Fact]
    public async Task Nobody_is_imported_above_the_ceiling()
    {
        var refusal = (await Import([Email("chief@example.com") with { Role = "admin" }], "operator")).Refusal!;
        refusal.Faults.ShouldHaveSingleItem().Pointer.ShouldBe("/accounts/0/role");
        (await _scene.Count("SELECT COUNT(*) FROM accounts")).ShouldBe(0);
    }

    [Fact]
    public async Task Refuses_none_and_too_many()
    {
        (await Import([])).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
        var one = Email("a@example.com");
        (await Import([.. Enumerable.Repeat(one, ImportAccounts.MaxLines + 1)])).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
    }

    [Fact]
    public async Task A_thousand_faults_are_enough() =>
        (await Import([.. Enumerable.Repeat(new NewAccount { Username = "x" }, 5000)])).Refusal!.Faults.Count.ShouldBe(1000);

    [Fact]
    public async Task A_lost_commit_imports_nothing()
    {
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(() => Import([Email("a@example.com"), Email("b@example.com")]));
        (await _scene.Count("SELECT COUNT(*) FROM accounts")).ShouldBe(0);
    }

    private static NewAccount Email(string email) => new() { Emails = [email] };

    private Task<Result<ImportReport>> Import(IReadOnlyList<NewAccount> accounts, string ceiling = "admin") =>
        _scene.Get<ImportAccounts>().Run(
            AccountScene.Desk(ceiling), [.. accounts.Select((a, i) => new ImportedLine(i + 10, a))], CancellationToken.None);
}
