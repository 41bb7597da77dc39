using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Sparekey.Core.Accounts;
using Sparekey.Core.Tests.Recoveries;

namespace Sparekey.Core.Tests.Accounts;

public sealed class AddressTests
{
    private static readonly Address Changed =
        new(Sample.Id<AddressId>(1), AddressKind.Email, "anna@example.com", Sample.Now, GivenAtCreation: false, ConfirmedAt: null);

    [Fact]
    public void An_address_given_at_creation_carries_secrets_and_notices()
    {
        var given = Changed with { GivenAtCreation = true };

        given.IsUsable.ShouldBeTrue();
        given.CarriesSecrets(Sample.Now).ShouldBeTrue();
    }

    [Fact]
    public void N9_a_changed_address_carries_nothing_before_it_is_confirmed()
    {
        Changed.IsUsable.ShouldBeFalse();
        Changed.CarriesSecrets(Sample.Now.AddYears(1)).ShouldBeFalse();
    }

    [Theory]
    [InlineData(-1, false)]
    [InlineData(0, true)]
    public void A_changed_address_carries_secrets_a_day_after_it_was_confirmed(int ticks, bool carries)
    {
        var confirmed = Changed with { ConfirmedAt = Sample.Now };

        confirmed.IsUsable.ShouldBeTrue();
        confirmed.CarriesSecrets(Sample.Now.AddDays(1).AddTicks(ticks)).ShouldBe(carries);
    }

    [Fact]
    public void An_account_offers_only_such_addresses_of_the_kind_that_is_asked_for()
    {
        var given = Changed with { GivenAtCreation = true };
        var phone = given with { Id = Sample.Id<AddressId>(2), Kind = AddressKind.Phone, Value = "+4930123456" };
        var account = new Account(Sample.Id<AccountId>(1), "user", Sample.Now, 1) { Addresses = [Changed, given, phone] };

        account.AddressesForSecrets(AddressKind.Email, Sample.Now).ShouldBe([given]);
        account.AddressesForSecrets(AddressKind.Phone, Sample.Now).ShouldBe([phone]);
        account.AddressesForNotices().ShouldBe([given, phone]);
    }

    [Theory]
    [InlineData("anna@example.com", "a•••@e•••.com")]
    [InlineData("anna@mail.example.co.uk", "a•••@m•••.uk")]
    [InlineData("a@b.co", "•••@•••.co")]
    [InlineData("ab@cd.co", "a•••@c•••.co")]
    [InlineData("😀anna@example.com", "😀•••@e•••.com")]
    [InlineData("😀@example.com", "•••@e•••.com")]
    [InlineData("nobody", "•••")]
    public void An_e_mail_address_shows_its_ends(string value, string masked) => (Changed with { Value = value }).Masked().ShouldBe(masked);

    [Theory]
    [InlineData("+4930123456", "••••56")]
    [InlineData("+493", "••••")]
    public void A_telephone_number_shows_two_digits(string value, string masked) =>
        (Changed with { Kind = AddressKind.Phone, Value = value }).Masked().ShouldBe(masked);

    [Fact]
    public void A_masked_address_never_tells_the_whole_and_is_always_text() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(1000),
        Prop.ForAll(Parts().ToArbitrary(), Parts().ToArbitrary(), (local, name) =>
        {
            var value = $"{local}@{name}.com";
            var masked = (Changed with { Value = value }).Masked();

            masked.ShouldNotContain(value);
            masked.ShouldNotContain(local + "@");
            masked.ShouldNotContain(local + "•••@");
            masked.ShouldNotContain("@" + name + "•••");
            Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(masked)).ShouldBe(masked);
        }));

    private static Gen<string> Parts() =>
        Gen.Elements("a", "b", "é", "😀", "-", "김").NonEmptyListOf().Select(l => string.Concat(l));
}
