using FsCheck;
using FsCheck.Fluent;
using Sparekey.Core.Secrets;

namespace Sparekey.Core.Tests.Secrets;

public sealed class CodeTextTests
{
    private static readonly string[] Words =
        [.. Enumerable.Range(0, 2048).Select(i => string.Concat("abc", (char)('a' + (i % 26)), (char)('a' + (i / 26 % 26)), (char)('a' + (i / 676))))];

    [Theory]
    [InlineData(CodeFormat.Digits, "123456", "123456")]
    [InlineData(CodeFormat.Digits, " 1234-5678 ", "12345678")]
    [InlineData(CodeFormat.Digits, "123\u00a0456\n", "123456")]
    [InlineData(CodeFormat.Digits, "0000000000", "0000000000")]
    [InlineData(CodeFormat.Letters, "ABCDE-FGHJK", "ABCDEFGHJK")]
    [InlineData(CodeFormat.Letters, "abcde fghjk", "ABCDEFGHJK")]
    [InlineData(CodeFormat.Letters, "oOiIlL00-11", "0011110011")]
    [InlineData(CodeFormat.Long, " abcdefghijklmnopqrstuvwxyzABC-_9\r\n", "abcdefghijklmnopqrstuvwxyzABC-_9")]
    [InlineData(CodeFormat.Phrase, "abandon-ability-able-about-above-absent", "abandon-ability-able-about-above-absent")]
    [InlineData(CodeFormat.Phrase, "  ABANDON   ability.able__about, above -\nAbsent ", "abandon-ability-able-about-above-absent")]
    public void Reads_what_people_type(CodeFormat format, string typed, string form) => CodeText.Normalize(format, typed).ShouldBe(form);

    [Theory]
    [InlineData(CodeFormat.Digits, "")]
    [InlineData(CodeFormat.Digits, "12345")]
    [InlineData(CodeFormat.Digits, "12345678901")]
    [InlineData(CodeFormat.Digits, "12345a")]
    [InlineData(CodeFormat.Digits, "１２３４５６")]
    [InlineData(CodeFormat.Digits, "١٢٣٤٥٦")]
    [InlineData(CodeFormat.Digits, "12345\u200b6")]
    [InlineData(CodeFormat.Digits, "+123456")]
    [InlineData(CodeFormat.Digits, "123456\0")]
    [InlineData(CodeFormat.Letters, "ABCDE-FGHJU")]
    [InlineData(CodeFormat.Letters, "ABCDE-FGHJ")]
    [InlineData(CodeFormat.Letters, "ABCDE-FGHJKM")]
    [InlineData(CodeFormat.Letters, "ABCDE-FGHJ\u212a")]
    [InlineData(CodeFormat.Letters, "\u0410BCDE-FGHJK")]
    [InlineData(CodeFormat.Letters, "ABCDE-FGHJ\u0131")]
    [InlineData(CodeFormat.Long, "abcdefghijklmnopqrstuvwxyzABC-_")]
    [InlineData(CodeFormat.Long, "abcdefghijklmnopqrstuvwxyzABC-_9=")]
    [InlineData(CodeFormat.Long, "abcdefghijklmnop qrstuvwxyzABC-_")]
    [InlineData(CodeFormat.Long, "abcdefghijklmnopqrstuvwxyzABC+/9")]
    [InlineData(CodeFormat.Phrase, "abandon ability able about above")]
    [InlineData(CodeFormat.Phrase, "abandon ability able about above absent absorb")]
    [InlineData(CodeFormat.Phrase, "abandon ability able about above absent1")]
    [InlineData(CodeFormat.Phrase, "abandon ability able about above \u212aey")]
    [InlineData(CodeFormat.Phrase, "\u0430bandon ability able about above absent")]
    public void Refuses_what_is_no_such_code(CodeFormat format, string typed) => CodeText.Normalize(format, typed).ShouldBeNull();

    [Fact]
    public void Capitals_tell_long_codes_apart() =>
        CodeText.Normalize(CodeFormat.Long, new string('a', 32)).ShouldNotBe(CodeText.Normalize(CodeFormat.Long, new string('A', 32)));

    [Fact]
    public void Tries_every_format_that_fits()
    {
        CodeText.Candidates("12345-67890").ShouldBe([new(CodeFormat.Digits, "1234567890"), new(CodeFormat.Letters, "1234567890")]);
        CodeText.Candidates("lo345-67890").ShouldBe([new(CodeFormat.Letters, "1034567890")]);
        CodeText.Candidates("able-able-able-able-able-ability").Select(c => c.Format).ShouldBe([CodeFormat.Long, CodeFormat.Phrase]);
        CodeText.Candidates("hello").ShouldBeEmpty();
        CodeText.Candidates("").ShouldBeEmpty();
        CodeText.Candidates("123456\ud800").ShouldBeEmpty();
    }

    [Fact]
    public void Over_long_input_has_no_reading()
    {
        CodeText.Candidates("123456" + new string(' ', 250)).ShouldHaveSingleItem();
        CodeText.Candidates("123456" + new string(' ', 251)).ShouldBeEmpty();
        CodeText.Candidates(new string('1', 1_000_000)).ShouldBeEmpty();
    }

    [Fact]
    public void Never_throws_and_reads_its_own_form_again() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(2000),
        Prop.ForAll<string>(typed =>
        {
            foreach (var reading in CodeText.Candidates(typed ?? ""))
            {
                CodeText.Normalize(reading.Format, reading.Text).ShouldBe(reading.Text);
            }
        }));

    [Fact]
    public void Reads_every_code_it_makes_however_it_is_typed() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500),
        Prop.ForAll(Choices.Stories(1).Filter(s => s.Length == 1), seeds =>
        {
            var choices = new Choices(seeds[0]);
            var format = choices.Of(Enum.GetValues<CodeFormat>());
            var shown = CodeText.Make(format, 6 + choices.Next(5), Words, choices.Next).Reveal();
            var form = CodeText.Normalize(format, shown).ShouldNotBeNull();

            CodeText.Candidates(shown).ShouldContain(new CodeReading(format, form));
            CodeText.Normalize(format, $" {shown}\n").ShouldBe(form);
            if (format != CodeFormat.Long)
            {
                CodeText.Normalize(format, shown.ToUpperInvariant().Replace('-', ' ')).ShouldBe(form);
                CodeText.Normalize(format, shown.ToLowerInvariant()).ShouldBe(form);
            }
        }));

    [Fact]
    public void N2_A13_codes_have_the_bits_they_promise()
    {
        Bits(CodeFormat.Digits, 6).ShouldBeGreaterThan(19.9);
        Bits(CodeFormat.Letters, 6).ShouldBe(50);
        Bits(CodeFormat.Long, 6).ShouldBe(192);
        Bits(CodeFormat.Phrase, 6).ShouldBeGreaterThanOrEqualTo(64);
    }

    [Fact]
    public void N6_issued_codes_have_six_digits_at_least()
    {
        foreach (var digits in Enumerable.Range(6, 5))
        {
            CodeText.Make(CodeFormat.Digits, digits, Words, _ => 7).Reveal().ShouldBe(new string('7', digits));
        }

        Should.Throw<ArgumentOutOfRangeException>(() => CodeText.Make(CodeFormat.Digits, 5, Words, _ => 0));
        Should.Throw<ArgumentOutOfRangeException>(() => CodeText.Make(CodeFormat.Digits, 11, Words, _ => 0));
        Should.Throw<ArgumentOutOfRangeException>(() => CodeText.Make(CodeFormat.Phrase, 8, Words[1..], _ => 0));
    }

    [Fact]
    public void Shows_each_format_in_its_own_way()
    {
        Made(CodeFormat.Digits).ShouldMatch("^[0-9]{8}$");
        Made(CodeFormat.Letters).ShouldMatch("^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$");
        Made(CodeFormat.Long).ShouldMatch("^[A-Za-z0-9_-]{32}$");
        Made(CodeFormat.Phrase).ShouldMatch("^[a-z]+(-[a-z]+){5}$");
    }

    private static string Made(CodeFormat format) => CodeText.Make(format, 8, Words, new Choices(1).Next).Reveal();

    // The bits of every choice that a code is made of, when each is uniform.
    private static double Bits(CodeFormat format, int digits)
    {
        var bits = 0.0;
        CodeText.Make(format, digits, Words, below =>
        {
            bits += Math.Log2(below);
            return below - 1;
        });
        return Math.Round(bits, 6);
    }
}
