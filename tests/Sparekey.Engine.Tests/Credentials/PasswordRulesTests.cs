using Sparekey.Engine.Credentials.Passwords;

namespace Sparekey.Engine.Tests.Credentials;

public sealed class PasswordRulesTests
{
    private static readonly PasswordOptions Default = new();
    private static readonly PasswordOptions Eight = new() { MinLength = 8 };

    [Theory]
    [InlineData("a long and winding password")]
    [InlineData("               spaces               count")]
    [InlineData("correcthorsebatterystaple")]
    [InlineData("пароль из многих слов")]
    [InlineData("🐎🔋📎✔🐎🔋📎✔🐎🔋📎✔🐎a🔋📎")]
    public void Takes_any_long_text_without_rules_of_composition(string password) => Check(password).ShouldBeNull();

    [Fact]
    public void Counts_characters_as_people_see_them_in_the_composed_form()
    {
        Check("qwzxkvjbphgmfy").ShouldBe(PasswordFault.TooShort);
        Check("qwzxkvjbphgmfyd").ShouldBeNull();
        Check("🐎🔋📎✔🐎🔋📎✔🐎🔋📎✔ab").ShouldBe(PasswordFault.TooShort, "14 characters of 2 code units");
        Check("qwzxkvjbphgmfe\u0301").ShouldBe(PasswordFault.TooShort, "the accent is part of the letter before it");
        Check(Cycle(256)).ShouldBeNull();
        Check(Cycle(257)).ShouldBe(PasswordFault.TooLong);
        Check(new string('x', 50_000_000)).ShouldBe(PasswordFault.TooLong);
        Check("").ShouldBe(PasswordFault.TooShort);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    [InlineData(7)]
    public void No_setting_goes_under_8(int minLength)
    {
        PasswordRules.Check("qwzxkvj", new PasswordOptions { MinLength = minLength }, []).ShouldBe(PasswordFault.TooShort);
        PasswordRules.Check("qwzxkvjb", new PasswordOptions { MinLength = minLength }, []).ShouldBeNull();
    }

    [Fact]
    public void Refuses_what_is_not_text()
    {
        foreach (var bad in new[] { "\0", "\n", "\t", "\u001b", "\u007f", "\u0085", "\ud800", "\udc00", "\udc00\ud800" })
        {
            Check($"a long and {bad} winding password").ShouldBe(PasswordFault.NotText);
            Check("a long and winding password" + bad).ShouldBe(PasswordFault.NotText);
        }
    }

    [Fact]
    public void Knows_ten_thousand_common_ones_at_least() => PasswordRules.CommonCount.ShouldBeGreaterThanOrEqualTo(10_000);

    [Theory]
    [InlineData("password")]
    [InlineData("PassWord")]
    [InlineData("iloveyou")]
    [InlineData("12345678")]
    [InlineData("abcabcabc")]
    [InlineData("zzzzzzzz")]
    [InlineData("ZzZzZzZz")]
    public void Refuses_what_everybody_tries_first(string password) =>
        PasswordRules.Check(password, Eight, []).ShouldBe(PasswordFault.Common);

    [Fact]
    public void Length_does_not_help_a_repetition()
    {
        Check(new string('a', 40)).ShouldBe(PasswordFault.Common);
        Check("1234123412341234123").ShouldBe(PasswordFault.Common);
        Check("ababababababababababx").ShouldBeNull();
    }

    [Theory]
    [InlineData("winterbournes@example.org")]
    [InlineData("WinterBournes@Example.org")]
    [InlineData("winterbournes12")]
    [InlineData("12winterbournes!")]
    [InlineData("winterbourneswinterbournes")]
    public void Refuses_the_accounts_own_name(string password) =>
        PasswordRules.Check(password, Default, ["wb", "winterbournes@example.org"]).ShouldBe(PasswordFault.Personal);

    [Fact]
    public void Sees_the_name_whichever_way_its_accents_are_written()
    {
        PasswordRules.Check("he\u0301le\u0300ne12", Eight, ["h\u00e9l\u00e8ne"]).ShouldBe(PasswordFault.Personal);
        PasswordRules.Check("h\u00e9l\u00e8ne12", Eight, ["he\u0301le\u0300ne"]).ShouldBe(PasswordFault.Personal);
    }

    [Fact]
    public void A_name_within_a_password_of_its_own_is_no_fault()
    {
        PasswordRules.Check("winterbournes likes green tea", Default, ["winterbournes@example.org"]).ShouldBeNull();
        PasswordRules.Check("anna and the long winter", Default, ["anna", "", "@", "a\ud800bcd"]).ShouldBeNull();
        PasswordRules.Check("abcxabcyabczabcv", Default, ["abc"]).ShouldBeNull("three letters are no name");
    }

    [Fact]
    public async Task A_password_is_the_same_from_every_keyboard()
    {
        using var hashing = new PasswordHashing(1000, processors: 1, waiting: 0);
        var hash = await hashing.Hash("caf\u00e9 au lait, s'il vous pla\u00eet", CancellationToken.None);

        (await hashing.Verify(hash, "cafe\u0301 au lait, s'il vous plai\u0302t", CancellationToken.None)).ShouldBe(PasswordVerdict.Match);
        (await hashing.Verify(hash, "cafe au lait, s'il vous plait", CancellationToken.None)).ShouldBe(PasswordVerdict.Mismatch);
        (await hashing.Verify(hash, "caf\ud800", CancellationToken.None)).ShouldBe(PasswordVerdict.Mismatch);
    }

    [Fact]
    public void Every_fault_is_told_where_it_stood_and_without_the_password()
    {
        foreach (var fault in Enum.GetValues<PasswordFault>())
        {
            var told = PasswordRules.Refusal(fault, Eight, "/new_password").Faults.ShouldHaveSingleItem();

            told.Pointer.ShouldBe("/new_password");
            told.Detail.ShouldNotBeNullOrWhiteSpace();
        }
    }

    private static PasswordFault? Check(string password) => PasswordRules.Check(password, Default, []);

    private static string Cycle(int length) => string.Concat(Enumerable.Range(0, length).Select(i => (char)('a' + (i * i % 26))));
}
