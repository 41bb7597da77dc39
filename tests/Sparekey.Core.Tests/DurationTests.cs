using FsCheck;
using FsCheck.Fluent;

namespace Sparekey.Core.Tests;

public sealed class DurationTests
{
    [Theory]
    [InlineData("1s", 1)]
    [InlineData("90s", 90)]
    [InlineData("10m", 600)]
    [InlineData("12h", 43_200)]
    [InlineData("30d", 2_592_000)]
    [InlineData("3660d", 316_224_000)]
    [InlineData("000000001s", 1)]
    public void Reads_a_whole_number_and_a_unit(string text, long seconds)
    {
        Duration.TryParse(text, out var value).ShouldBeTrue();
        value.ShouldBe(TimeSpan.FromSeconds(seconds));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("10")]
    [InlineData("0s")]
    [InlineData("000d")]
    [InlineData("-1s")]
    [InlineData("+1s")]
    [InlineData("1.5h")]
    [InlineData("1,5h")]
    [InlineData("1 h")]
    [InlineData(" 1h")]
    [InlineData("1h ")]
    [InlineData("1H")]
    [InlineData("1w")]
    [InlineData("1h30m")]
    [InlineData("0x1s")]
    [InlineData("1e3s")]
    [InlineData("１s")]
    [InlineData("3661d")]
    [InlineData("999999999d")]
    [InlineData("9999999999s")]
    [InlineData("99999999999999999999s")]
    [InlineData("PT1H")]
    public void Refuses_every_other_text(string? text)
    {
        Duration.TryParse(text, out var value).ShouldBeFalse();
        value.ShouldBe(default);
    }

    [Fact]
    public void Reads_back_what_it_writes() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500),
        Prop.ForAll(Gen.Choose(1, 3660 * 86_400).ToArbitrary(), seconds =>
        {
            Duration.TryParse(Duration.Format(TimeSpan.FromSeconds(seconds)), out var read).ShouldBeTrue();
            read.ShouldBe(TimeSpan.FromSeconds(seconds));
        }));

    [Theory]
    [InlineData(60, "1m")]
    [InlineData(61, "61s")]
    [InlineData(3600, "1h")]
    [InlineData(86_400, "1d")]
    [InlineData(90_000, "25h")]
    public void Writes_the_largest_whole_unit(int seconds, string text) => Duration.Format(TimeSpan.FromSeconds(seconds)).ShouldBe(text);
}
