using System.Diagnostics;
using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace Sparekey.Core.Tests;

/// <summary>Unicode normalisation form C. The expected texts were made with another implementation.</summary>
public sealed class NormalTextTests
{
    [Fact]
    public void The_platform_would_do_nothing() =>
        "e\u0301".Normalize().ShouldBe("e\u0301", "The platform normalises again: then this project's own tables can go.");

    [Theory]
    [InlineData("0065 0301", "00E9")] // é
    [InlineData("00E9", "00E9")]
    [InlineData("0041 030A", "00C5")] // Å
    [InlineData("212B", "00C5")] // Ångström sign
    [InlineData("212A", "004B")] // Kelvin sign
    [InlineData("1E9B 0323", "1E9B 0323")] // UAX 15, figure 5
    [InlineData("0064 0323 0307", "1E0D 0307")] // UAX 15, figure 4
    [InlineData("0064 0307 0323", "1E0D 0307")] // marks out of order
    [InlineData("1E0B 0323", "1E0D 0307")]
    [InlineData("0075 0308 0304", "01D6")] // two marks join one after the other
    [InlineData("0061 0302 0323", "1EAD")] // Vietnamese ậ
    [InlineData("1100 1161 11A8", "AC01")] // Hangul
    [InlineData("AC00 11A8", "AC01")]
    [InlineData("AC01 11A8", "AC01 11A8")]
    [InlineData("1100 1161 11A7", "AC00 11A7")] // U+11A7 is no trailing consonant
    [InlineData("0958", "0915 093C")] // excluded from composition
    [InlineData("FB2C", "05E9 05BC 05C1")]
    [InlineData("F900", "8C48")] // CJK compatibility
    [InlineData("2F800", "4E3D")]
    [InlineData("0344", "0308 0301")]
    [InlineData("0301 0065", "0301 0065")] // a mark before any letter
    [InlineData("0065 0334 0301", "00E9 0334")] // a mark of a lower class does not stand between
    [InlineData("0065 0301 0301", "00E9 0301")]
    [InlineData("0065 200D 0301", "0065 200D 0301")] // a starter does
    [InlineData("FB01", "FB01")] // compatibility forms stay: that would be form KC
    [InlineData("FF20", "FF20")]
    [InlineData("1F600", "1F600")]
    [InlineData("11099 110BA", "1109A")] // beyond the basic plane
    [InlineData("D800 0065 0301", "D800 00E9")] // half a character stays
    public void Composes(string from, string to) => NormalText.Compose(Text(from)).ShouldBe(Text(to));

    [Fact]
    public void A_composed_text_stays_as_it_is_whatever_stands_beside_it() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500),
        Prop.ForAll(
            Gen.Elements("0041", "0065", "0301", "0323", "0334", "0308", "1100", "1161", "11A8", "AC00", "0958", "1E9B", "D800", "1F600", "0344")
                .ArrayOf().ToArbitrary(),
            parts =>
            {
                var composed = NormalText.Compose(Text(string.Join(' ', parts)));
                NormalText.Compose(composed).ShouldBe(composed);
            }));

    [Fact]
    public void Texts_that_are_all_marks_take_no_quadratic_time()
    {
        var watch = Stopwatch.StartNew();
        NormalText.Compose(string.Concat(Enumerable.Repeat("\u0301\u0323\u0334", 100_000))).Length.ShouldBe(300_000);
        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void Plain_texts_are_given_back_as_they_came()
    {
        const string Plain = "größe, élan: naïve";
        NormalText.Compose(Plain).ShouldBeSameAs(Plain);
    }

    private static string Text(string points) => string.Concat(points.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(p => int.Parse(p, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))
        .Select(p => p > 0xFFFF ? char.ConvertFromUtf32(p) : ((char)p).ToString()));
}
