using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Accounts;

/// <summary>Deleting an account leaves nothing of the person, and everything that others refer to.</summary>
public sealed class DeleteAccountTests : IAsyncLifetime
{
    private static readonly string[] Personal =
    [
        "zweistein", "zweistein@example.com", "later@example.org", "+49 30 5550077", "+49305550077", "Thelonious", "us-secretid", "nickname",
        "192.0.2.77",
    ];

    private AccountScene _scene = null!;
    private Account _person = null!;

    public async ValueTask InitializeAsync()
    {
        _scene = await AccountScene.Create();
        _person = (await _scene.Make(
            new NewAccount
            {
                Emails = ["zweistein@example.com"],
                Phones = ["+49 30 5550077"],
                Username = "zweistein",
                Traits = """{"name":"Thelonious"}""",
                MetadataAdmin = """{"nickname":"x"}""",
                ExternalIds = [new ExternalId("dfns", "us-secretid")],
                Password = new SecretText("a long and winding password"),
            },
            AccountScene.Desk("admin") with { Source = "192.0.2.77" })).Value;
        await _scene.Added(_person.Id, "later@example.org");
        await _scene.Acts.Write(
            TenantId.Default,
            act => _scene.Get<SessionStore>().Open(act, new NewSession(_person.Id, ["pwd"])), CancellationToken.None);
    }

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Nothing_personal_is_left_in_the_database_files()
    {
        var before = await _scene.StoredBytes();
        Personal.ShouldAllBe(p => before.Contains(p, StringComparison.Ordinal));

        (await _scene.Delete(_person.Id)).ShouldBeNull();

        var after = await _scene.StoredBytes();
        Personal.Where(p => after.Contains(p, StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_same_when_the_ledger_was_numbered_before()
    {
        await _scene.Get<Engine.Ledger.LedgerSequencer>().Run(TenantId.Default, CancellationToken.None);
        await _scene.Delete(_person.Id);
        var after = await _scene.StoredBytes();
        Personal.Where(p => after.Contains(p, StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [Fact]
    public async Task It_is_found_nowhere_and_deleted_once()
    {
        await _scene.Delete(_person.Id);
        (await _scene.Find(_person.Id)).ShouldBeNull();
        (await _scene.FindByIdentifier("zweistein")).ShouldBeNull();
        (await _scene.FindByIdentifier("zweistein@example.com")).ShouldBeNull();
        (await _scene.Delete(_person.Id))!.Code.ShouldBe(RefusalCode.AccountNotFound);
        (await _scene.Change(_person.Id, new AccountChange { Status = AccountStatus.Active })).Refusal!.Code.ShouldBe(RefusalCode.AccountNotFound);
        (await _scene.Add(_person.Id, "x@example.org")).Refusal!.Code.ShouldBe(RefusalCode.AccountNotFound);
        (await _scene.Get<ReadAccounts>().Page(
            AccountScene.Desk(), new AccountFilter(null, null, null, 10), CancellationToken.None)).Value.Accounts.ShouldBeEmpty();
        (await _scene.Acts.Read(
            db => _scene.Get<AccountStore>().FindByExternalId(db, TenantId.Default, new ExternalId("dfns", "us-secretid")),
            CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task Credentials_sessions_and_queued_secrets_end_with_it()
    {
        await _scene.Delete(_person.Id);
        foreach (var table in new[] { "credentials", "sessions", "addresses", "identifiers", "account_external_ids" })
        {
            (await _scene.Count($"SELECT COUNT(*) FROM {table}")).ShouldBe(0, table);
        }

        (await _scene.Outbox()).ShouldNotContain(m => m.Kind == MessageKind.AddressConfirmation);
    }

    [Fact]
    public async Task Its_names_are_free_again()
    {
        await _scene.Delete(_person.Id);
        var next = (await _scene.Make(new NewAccount { Emails = ["zweistein@example.com"], Username = "zweistein" })).Value;
        next.Id.ShouldNotBe(_person.Id);
    }

    [Fact]
    public async Task What_refers_to_it_still_stands()
    {
        var managed = (await _scene.Make(new NewAccount { Username = "managed", Manager = _person.Id })).Value;
        (await _scene.Get<OpenRecovery>().Run(
            AccountScene.Desk(), new RecoveryOrder(new AccountName(_person.Id, null), Means.Link), null, CancellationToken.None))
            .Refusal.ShouldBeNull();
        var entries = await Entries();

        (await _scene.Delete(_person.Id)).ShouldBeNull();

        (await _scene.Count("SELECT COUNT(*) FROM recoveries WHERE closed_at IS NOT NULL")).ShouldBe(1);
        (await _scene.Count("SELECT COUNT(*) FROM recovery_secrets")).ShouldBe(0);
        (await Entries()).Take(entries.Count).ShouldBe(entries);
        (await _scene.Ledger(LedgerEvent.AccountDeleted)).ShouldHaveSingleItem();
        var left = (await _scene.Find(managed.Id)).ShouldNotBeNull();
        (left.Manager, left.Version).ShouldBe((null, 2));

        Task<IReadOnlyList<string>> Entries() => _scene.Acts.Read(
            db => db.List<string>($"SELECT id FROM ledger_entries ORDER BY {TestDatabase.InsertionOrder}"), CancellationToken.None);
    }

    [Fact]
    public async Task Other_peoples_texts_stay()
    {
        await _scene.Person("other@example.com");
        await _scene.Delete(_person.Id);
        (await _scene.Count("SELECT COUNT(*) FROM ledger_texts WHERE text = 'other@example.com'")).ShouldBe(1);
    }

    [Fact]
    public async Task A_lost_commit_deletes_nothing()
    {
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(() => _scene.Delete(_person.Id));
        (await _scene.FindByIdentifier("zweistein"))!.Addresses.Length.ShouldBe(3);
        (await _scene.Count("SELECT COUNT(*) FROM credentials")).ShouldBe(1);
    }
}
