using System.Diagnostics;
using FsCheck;
using FsCheck.Fluent;
using Sparekey.Core.Accounts;

namespace Sparekey.Core.Tests.Accounts;

public sealed class IdentifierTests
{
    // Invisible, or turning the reading direction: what nobody sees must tell no two identifiers apart.
    private static readonly string[] Unseen =
    [
        "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u202d", "\u2066", "\u2069", "\u200f", "\u061c",
        "\u0000", "\u0001", "\u001b", "\u007f", "\u0085", "\u2028", "\u2029", "\ud800", "\udc00", "\U000E0001", "\U000E0061", "\U0001D173",
    ];

    [Theory]
    [InlineData("  Anna  ", "anna")]
    [InlineData("ANNA@Example.COM", "anna@example.com")]
    [InlineData("ÉMILE", "émile")]
    [InlineData("E\u0301milE\u0301", "émilé")]
    [InlineData("ПЕ\u0308ТР", "пётр")]
    [InlineData("ПЁТР", "пётр")]
    [InlineData("H\u0331", "\u1e96")]
    [InlineData("\u00a0anna\u3000", "anna")]
    [InlineData("+49 (30) 123-456.78/9", "+49301234567" + "89")]
    [InlineData("+1 two", "+1 two")]
    [InlineData("0049301234567", "0049301234567")]
    public void Has_one_form_to_compare(string typed, string form) => Identifier.Normalize(typed).ShouldBe(form);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("a\tb")]
    [InlineData("a\nb")]
    public void Some_texts_have_none(string? typed) => Identifier.Normalize(typed).ShouldBeNull();

    [Fact]
    public void Nothing_unseen_is_in_an_identifier()
    {
        foreach (var unseen in Unseen)
        {
            Identifier.IsPlainText($"an{unseen}na").ShouldBeFalse();
            Identifier.Normalize($"an{unseen}na").ShouldBeNull();
            Identifier.IsUsername($"an{unseen}na").ShouldBeFalse();
            Identifier.IsEmail($"an{unseen}na@example.com").ShouldBeFalse();
            Identifier.IsEmail($"anna@exam{unseen}ple.com").ShouldBeFalse();
        }

        Identifier.IsPlainText("Größe 😀 한국어 עברית").ShouldBeTrue();
    }

    [Fact]
    public void The_longest_has_254_code_units()
    {
        Identifier.Normalize(new string('a', 254)).ShouldNotBeNull();
        Identifier.Normalize(new string('a', 255)).ShouldBeNull();
    }

    [Fact]
    public void The_form_is_its_own_form() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(1000),
        Prop.ForAll<string>(text =>
        {
            if (Identifier.Normalize(text) is { } form)
            {
                Identifier.Normalize(form).ShouldBe(form);
            }
        }));

    [Theory]
    [InlineData("an", true)]
    [InlineData("anna.b-c_d", true)]
    [InlineData("김철수", true)]
    [InlineData("a", false)]
    [InlineData("", false)]
    [InlineData("an na", false)]
    [InlineData("an\u00a0na", false)]
    [InlineData("an\u3000na", false)]
    [InlineData("anna@example.com", false)]
    [InlineData("anna＠example.com", false)]
    [InlineData("anna﹫example.com", false)]
    [InlineData("+4930123456", false)]
    public void A_user_name_is_short_and_passes_for_no_address(string text, bool good) => Identifier.IsUsername(text).ShouldBe(good);

    [Fact]
    public void A_user_name_has_64_characters_at_most()
    {
        Identifier.IsUsername(new string('a', 64)).ShouldBeTrue();
        Identifier.IsUsername(new string('a', 65)).ShouldBeFalse();
    }

    [Theory]
    [InlineData("a@b.co", true)]
    [InlineData("anna+tag@example.com", true)]
    [InlineData("o'hara@example.com", true)]
    [InlineData("ünï@exämple.org", true)]
    [InlineData("a@xn--exmple-cua.org", true)]
    [InlineData("", false)]
    [InlineData("@", false)]
    [InlineData("@example.com", false)]
    [InlineData("anna@", false)]
    [InlineData("anna", false)]
    [InlineData("anna@localhost", false)]
    [InlineData("anna@example..com", false)]
    [InlineData("anna@.example.com", false)]
    [InlineData("anna@example.com.", false)]
    [InlineData("anna@-example.com", false)]
    [InlineData("anna@example-.com", false)]
    [InlineData("anna@b@example.com", false)]
    [InlineData("anna＠b@example.com", false)]
    [InlineData(".anna@example.com", false)]
    [InlineData("anna.@example.com", false)]
    [InlineData("an..na@example.com", false)]
    [InlineData("\"anna\"@example.com", false)]
    [InlineData("anna@[127.0.0.1]", false)]
    [InlineData("<anna@example.com>", false)]
    [InlineData("anna@example.com,b@example.org", false)]
    [InlineData("anna@example.com;b@example.org", false)]
    [InlineData("anna@example.com\r\nBcc: b@example.org", false)]
    [InlineData("anna @example.com", false)]
    [InlineData("anna@exa mple.com", false)]
    [InlineData("mailto:anna@example.com", false)]
    [InlineData("anna(comment)@example.com", false)]
    [InlineData("an\\na@example.com", false)]
    public void An_e_mail_address_is_one_mailbox_of_a_person(string text, bool good) => Identifier.IsEmail(text).ShouldBe(good);

    [Fact]
    public void An_e_mail_address_keeps_the_lengths_of_its_parts()
    {
        var domain = string.Join('.', Enumerable.Repeat(new string('d', 62), 3));

        Identifier.IsEmail(new string('a', 64) + "@" + domain).ShouldBeTrue();
        Identifier.IsEmail(new string('a', 65) + "@example.com").ShouldBeFalse();
        Identifier.IsEmail("a@" + new string('d', 63) + ".com").ShouldBeTrue();
        Identifier.IsEmail("a@" + new string('d', 64) + ".com").ShouldBeFalse();
        Identifier.IsEmail("a@" + domain + "." + new string('d', 62)).ShouldBeTrue();
        Identifier.IsEmail("abcd@" + domain + "." + new string('d', 62)).ShouldBeFalse();
    }

    [Theory]
    [InlineData("+4930123", true)]
    [InlineData("+493012", false)]
    [InlineData("+123456789012345", true)]
    [InlineData("+1234567890123456", false)]
    [InlineData("+49 (30) 1234-567", true)]
    [InlineData("004930123456", false)]
    [InlineData("030 123456", false)]
    [InlineData("+49 30 12345x6", false)]
    [InlineData("++4930123456", false)]
    [InlineData("+", false)]
    [InlineData("+４９３０１２３４５", false)]
    [InlineData("", false)]
    public void A_telephone_number_is_international(string text, bool good) => Identifier.IsPhone(text).ShouldBe(good);

    [Fact]
    public void Ten_million_characters_are_answered_at_once()
    {
        var watch = Stopwatch.StartNew();
        foreach (var c in "a@. +1\ud800\u0301")
        {
            var huge = "+" + new string(c, 10_000_000);
            Identifier.Normalize(huge[1..]).ShouldBeNull();
            Identifier.IsUsername(huge).ShouldBeFalse();
            Identifier.IsEmail(huge).ShouldBeFalse();
            Identifier.IsPhone(huge).ShouldBeFalse();
        }

        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10));
    }
}
