using System.Buffers.Text;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Secrets;

namespace Sparekey.Engine.Tests.Secrets;

public sealed class SecretMintTests
{
    [Fact]
    public void The_word_list_is_whole()
    {
        PhraseWords.All.Length.ShouldBe(2048);
        PhraseWords.All.Distinct(StringComparer.Ordinal).Count().ShouldBe(2048);
        PhraseWords.All.Select(w => w[..Math.Min(4, w.Length)]).Distinct(StringComparer.Ordinal).Count().ShouldBe(2048);
        PhraseWords.All.ShouldAllBe(w => w.Length >= 3 && w.Length <= 8 && w.All(char.IsAsciiLetterLower));
        (PhraseWords.All[0], PhraseWords.All[^1]).ShouldBe(("abandon", "zoo"));
    }

    [Fact]
    public void A13_a_token_has_256_random_bits()
    {
        var tokens = Enumerable.Range(0, 1000).Select(_ => SecretMint.NewToken32().Reveal()).ToList();

        tokens.ShouldAllBe(t => t.Length == 43 && Base64Url.DecodeFromChars(t).Length == 32);
        tokens.Distinct(StringComparer.Ordinal).Count().ShouldBe(1000);
        for (var bit = 0; bit < 256; bit++)
        {
            // 1 000 fair coins fall outside of this once in 10^20 times.
            tokens.Count(t => (Base64Url.DecodeFromChars(t)[bit / 8] >> (bit % 8) & 1) == 1).ShouldBeInRange(350, 650);
        }
    }

    [Theory]
    [InlineData(CodeFormat.Digits)]
    [InlineData(CodeFormat.Letters)]
    [InlineData(CodeFormat.Long)]
    [InlineData(CodeFormat.Phrase)]
    public void Every_code_can_be_typed_and_differs(CodeFormat format)
    {
        var codes = Enumerable.Range(0, 500).Select(_ => SecretMint.NewCode(format, 10).Reveal()).ToList();

        codes.ShouldAllBe(c => CodeText.Normalize(format, c) != null);
        codes.Distinct(StringComparer.Ordinal).Count().ShouldBeGreaterThan(497);
    }

    [Fact]
    public void N2_no_digit_and_no_letter_is_likelier_than_another()
    {
        Spread(CodeFormat.Digits, "0123456789").ShouldAllBe(n => n > 700 && n < 1300);
        Spread(CodeFormat.Letters, "0123456789ABCDEFGHJKMNPQRSTVWXYZ").ShouldAllBe(n => n > 180 && n < 470);
    }

    [Fact]
    public void Shows_no_secret() => $"{SecretMint.NewToken32()} {SecretMint.NewCode(CodeFormat.Digits)}".ShouldBe("[secret] [secret]");

    private static IEnumerable<int> Spread(CodeFormat format, string alphabet)
    {
        var all = string.Concat(Enumerable.Range(0, 1000).Select(_ => SecretMint.NewCode(format, 10).Reveal()));
        return alphabet.Select(c => all.Count(a => a == c));
    }
}
