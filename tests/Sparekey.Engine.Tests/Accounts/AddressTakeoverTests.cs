using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Accounts;

/// <summary>What whoever holds <c>account:write</c> gains by touching somebody's addresses: nothing that is not told in time.</summary>
public sealed class AddressTakeoverTests : IAsyncLifetime
{
    private AccountScene _scene = null!;
    private Account _person = null!;

    public async ValueTask InitializeAsync()
    {
        _scene = await AccountScene.Create();
        _person = await _scene.Person();
    }

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task An_added_address_names_nobody_and_carries_nothing()
    {
        var added = await _scene.Added(_person.Id, "attacker@example.org");

        var account = (await _scene.Find(_person.Id)).ShouldNotBeNull();
        var address = account.Addresses.Single(a => a.Id == added);
        (address.IsUsable, address.CarriesSecrets(_scene.Acts.Now), address.CarriesSecrets(DateTimeOffset.MaxValue)).ShouldBe((false, false, false));
        account.AddressesForNotices().Select(a => a.Value).ShouldBe(["person@example.com"]);
        account.Version.ShouldBe(_person.Version + 1);
        (await _scene.FindByIdentifier("attacker@example.org")).ShouldBeNull();
    }

    [Fact]
    public async Task A9_An_address_that_takes_the_place_of_another_is_told_to_both_and_carries_nothing()
    {
        var old = _person.Addresses[0];

        var changed = (await _scene.Change(_person.Id, new AccountChange
        {
            Traits = """{"email":"attacker@example.org"}""",
            AddAddresses = [new WantedAddress(AddressKind.Email, "attacker@example.org")],
            RemoveAddresses = [old.Id],
        })).Value;

        changed.Version.ShouldBe(_person.Version + 1);
        var read = (await _scene.Find(_person.Id)).ShouldNotBeNull();
        read.Addresses.ShouldHaveSingleItem().IsUsable.ShouldBeFalse();
        read.AddressesForSecrets(AddressKind.Email, DateTimeOffset.MaxValue).ShouldBeEmpty();
        (await _scene.FindByIdentifier("attacker@example.org")).ShouldBeNull();
        (await _scene.FindByIdentifier("person@example.com")).ShouldBeNull();
        var notices = (await _scene.Outbox()).Where(m => m.Kind == MessageKind.AddressChangedNotice).ToList();
        notices.Select(n => n.Values["change"]).ShouldBe(["added", "removed"]);
        notices.ShouldAllBe(n => n.To.Any(to => to.Contains("person@example.com", StringComparison.Ordinal)));
        (await _scene.Ledger(LedgerEvent.AddressAdded)).ShouldHaveSingleItem();
        (await _scene.Ledger(LedgerEvent.AddressRemoved)).ShouldHaveSingleItem();
        (await _scene.Ledger(LedgerEvent.AccountChanged)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_change_with_a_wrong_or_taken_address_changes_nothing()
    {
        await _scene.Person("taken@example.com");
        foreach (var value in new[] { "no address", "taken@example.com" })
        {
            (await _scene.Change(_person.Id, new AccountChange
            {
                Traits = """{"a":1}""",
                AddAddresses = [new WantedAddress(AddressKind.Email, value, "/traits/email")],
                RemoveAddresses = [_person.Addresses[0].Id],
            })).Refusal.ShouldNotBeNull();
        }

        (await _scene.Find(_person.Id)).ShouldNotBeNull().Version.ShouldBe(_person.Version);
        (await _scene.FindByIdentifier("person@example.com")).ShouldNotBeNull();
    }

    [Fact]
    public async Task An_address_that_goes_and_comes_in_one_change_must_be_confirmed_anew()
    {
        var old = _person.Addresses[0];

        await _scene.Change(_person.Id, new AccountChange
        {
            AddAddresses = [new WantedAddress(AddressKind.Email, "Person@example.com")], RemoveAddresses = [old.Id],
        });

        (await _scene.Find(_person.Id)).ShouldNotBeNull().Addresses.ShouldHaveSingleItem().IsUsable.ShouldBeFalse();
        (await _scene.Change(_person.Id, new AccountChange { AddAddresses = [new WantedAddress(AddressKind.Email, "person@EXAMPLE.com")] }))
            .Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
    }

    [Fact]
    public async Task N9_A_confirmed_address_carries_secrets_a_day_later_and_not_a_moment_sooner()
    {
        var added = await _scene.Added(_person.Id, "new@example.org");
        (await _scene.Confirm(_person.Id, added, await _scene.CodeAt("new@example.org"))).Refusal.ShouldBeNull();

        var address = (await _scene.Find(_person.Id))!.Addresses.Single(a => a.Id == added);
        address.IsUsable.ShouldBeTrue();
        address.CarriesSecrets(_scene.Acts.Now + TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1)).ShouldBeFalse();
        address.CarriesSecrets(_scene.Acts.Now + TimeSpan.FromHours(24)).ShouldBeTrue();
        (await _scene.FindByIdentifier("NEW@example.org"))!.Id.ShouldBe(_person.Id);
    }

    [Fact]
    public async Task The_day_counts_from_the_confirmation_not_from_the_change()
    {
        var added = await _scene.Added(_person.Id, "new@example.org");
        _scene.Time.Advance(TimeSpan.FromHours(23));
        (await _scene.Confirm(_person.Id, added, await _scene.CodeAt("new@example.org"))).Refusal.ShouldBeNull();
        _scene.Time.Advance(TimeSpan.FromHours(23));
        (await _scene.Find(_person.Id))!.AddressesForSecrets(AddressKind.Email, _scene.Acts.Now).Select(a => a.Value)
            .ShouldBe(["person@example.com"]);
    }

    [Fact]
    public async Task A_vouched_address_that_was_removed_comes_back_as_a_stranger()
    {
        (await _scene.Remove(_person.Id, _person.Addresses[0].Id)).ShouldBeNull();
        (await _scene.FindByIdentifier("person@example.com")).ShouldBeNull();
        var again = await _scene.Added(_person.Id, "person@example.com");
        (await _scene.Find(_person.Id))!.Addresses.Single(a => a.Id == again).IsUsable.ShouldBeFalse();
    }

    [Fact]
    public async Task A9_Old_and_new_address_are_told_and_neither_learns_the_other()
    {
        await _scene.Added(_person.Id, "attacker@example.org");
        var told = (await _scene.Outbox()).Single(m => m.Kind == MessageKind.AddressChangedNotice);
        told.To.ShouldBe(["person@example.com", "attacker@example.org"]);
        told.Values["change"].ShouldBe("added");
        string.Concat(told.Values.Values).ShouldNotContain("person@example.com");
        string.Concat(told.Values.Values).ShouldNotContain("attacker@example.org");
    }

    [Fact]
    public async Task A_removed_address_is_told_of_its_removal()
    {
        (await _scene.Remove(_person.Id, _person.Addresses[0].Id)).ShouldBeNull();
        var told = (await _scene.Outbox()).Single(m => m.Kind == MessageKind.AddressChangedNotice);
        told.To.ShouldBe(["person@example.com"]);
        told.Values["change"].ShouldBe("removed");
    }

    [Fact]
    public async Task The_others_are_told_when_an_address_is_confirmed()
    {
        var added = await _scene.Added(_person.Id, "attacker@example.org");
        await _scene.Confirm(_person.Id, added, await _scene.CodeAt("attacker@example.org"));
        (await _scene.Outbox()).Last(m => m.Kind == MessageKind.AddressChangedNotice).To
            .ShouldBe(["person@example.com", "attacker@example.org"]);
    }

    [Fact]
    public async Task The_code_leaves_by_the_new_address_alone()
    {
        await _scene.Added(_person.Id, "attacker@example.org");
        (await _scene.Outbox()).Single(m => m.Kind == MessageKind.AddressConfirmation).To.ShouldBe(["attacker@example.org"]);
    }

    [Fact]
    public async Task An_unconfirmed_address_keeps_its_owner_out_of_nothing()
    {
        var squatted = await _scene.Added(_person.Id, "owner@example.org");
        var code = await _scene.CodeAt("owner@example.org");
        var owner = await _scene.Person("owner@example.org");
        (await _scene.FindByIdentifier("owner@example.org"))!.Id.ShouldBe(owner.Id);

        (await _scene.Confirm(_person.Id, squatted, code)).Refusal!.Code.ShouldBe(RefusalCode.IdentifierTaken);
        (await _scene.Find(_person.Id))!.Addresses.Single(a => a.Id == squatted).IsUsable.ShouldBeFalse();
        (await _scene.FindByIdentifier("owner@example.org"))!.Id.ShouldBe(owner.Id);
    }

    [Fact]
    public async Task Somebody_elses_address_cannot_be_added()
    {
        await _scene.Person("other@example.org");
        (await _scene.Add(_person.Id, "Other@EXAMPLE.org")).Refusal!.Code.ShouldBe(RefusalCode.IdentifierTaken);
        (await _scene.Add(_person.Id, " PERSON@example.com ")).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
    }

    [Fact]
    public async Task An_eleventh_address_is_refused()
    {
        for (var i = 1; i < 10; i++)
        {
            await _scene.Added(_person.Id, $"a{i}@example.org");
        }

        (await _scene.Add(_person.Id, "a10@example.org")).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
        (await _scene.Find(_person.Id))!.Addresses.Length.ShouldBe(10);
    }

    [Fact]
    public async Task Nobody_is_flooded_by_adding_their_address_again_and_again()
    {
        for (var i = 0; i < 10; i++)
        {
            await _scene.Remove(_person.Id, await _scene.Added(_person.Id, "flooded@example.org"));
        }

        (await _scene.Add(_person.Id, "flooded@example.org")).Refusal!.Code.ShouldBe(RefusalCode.TooManyRequests);
        (await _scene.Find(_person.Id))!.Addresses.Length.ShouldBe(1);
    }

    [Fact]
    public async Task Every_change_is_in_the_ledger_without_the_address_in_clear()
    {
        var added = await _scene.Added(_person.Id, "new@example.org");
        await _scene.Confirm(_person.Id, added, await _scene.CodeAt("new@example.org"));
        await _scene.Remove(_person.Id, added);
        foreach (var happened in new[] { LedgerEvent.AddressAdded, LedgerEvent.AddressConfirmed, LedgerEvent.AddressRemoved })
        {
            var entry = (await _scene.Ledger(happened)).ShouldHaveSingleItem();
            entry.GetProperty("account").GetString().ShouldBe(_person.Id.ToString());
            entry.GetProperty("facts").GetProperty("address").GetString().ShouldBe(added.ToString());
            entry.GetRawText().ShouldNotContain("new@example.org");
        }
    }

    [Fact]
    public async Task A_lost_commit_adds_nothing_and_sends_nothing()
    {
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(() => _scene.Add(_person.Id, "new@example.org"));
        (await _scene.Find(_person.Id))!.Addresses.Length.ShouldBe(1);
        (await _scene.Outbox()).ShouldBeEmpty();
        (await _scene.Ledger(LedgerEvent.AddressAdded)).ShouldBeEmpty();
    }
}
