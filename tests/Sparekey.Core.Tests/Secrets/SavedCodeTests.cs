using System.Security.Cryptography;
using Sparekey.Core.Secrets;

namespace Sparekey.Core.Tests.Secrets;

public sealed class SavedCodeTests
{
    [Fact]
    public void N2_A_saved_code_has_eighty_bits_beside_its_name_and_no_character_is_likelier_than_another()
    {
        const string crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        var drawn = 0;
        var code = SavedCode.Make("ABCD", max =>
        {
            // Every draw takes one of 32, so that sixteen of them are 80 bits.
            max.ShouldBe(32);
            return (drawn++ * 7) % max;
        });
        (drawn, code.Secret.Reveal().Length).ShouldBe((16, 16));
        code.Secret.Reveal().ShouldBe(string.Concat(Enumerable.Range(0, 16).Select(i => crockford[i * 7 % 32])));
        var names = 0;
        SavedCode.MakeName(max => names++ * 0 + max - 1).ShouldBe("ZZZZ");
        names.ShouldBe(4);
    }

    [Fact]
    public void What_is_shown_is_read_however_people_type_it()
    {
        for (var round = 0; round < 1000; round++)
        {
            var made = SavedCode.Make(SavedCode.MakeName(RandomNumberGenerator.GetInt32), RandomNumberGenerator.GetInt32);
            var shown = SavedCode.Show(made).Reveal();
            shown.ShouldMatch("^([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}$");
            foreach (var typed in new[]
            {
                shown, shown.ToLowerInvariant(), shown.Replace("-", "", StringComparison.Ordinal), $"  {shown.Replace('-', ' ')}\r\n",
                shown.Replace('0', 'o').Replace('1', 'l'), shown.Replace('1', 'i').Replace('0', 'O'), shown.Replace('-', '\u2011'),
            })
            {
                var read = SavedCode.Read(typed).ShouldNotBeNull(typed);
                (read.Name, read.Secret.Reveal()).ShouldBe((made.Name, made.Secret.Reveal()));
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("ABCD-EFGH-JKMN-PQRS-TVW")]
    [InlineData("ABCD-EFGH-JKMN-PQRS-TVWXY")]
    [InlineData("ABCD-EFGH-JKMN-PQRS-TVWU")]
    [InlineData("ABCD-EFGH-JKMN-PQRS-TVW\u212a")]
    [InlineData("ABCD-EFGH-JKMN-PQRS-TVW\u0000")]
    [InlineData("ABCD_EFGH_JKMN_PQRS_TVWX")]
    [InlineData("ＡBCD-EFGH-JKMN-PQRS-TVWX")]
    public void What_is_no_saved_code_is_read_as_none(string typed) => SavedCode.Read(typed).ShouldBeNull();

    [Fact]
    public void A_text_of_any_length_is_answered_at_once_and_no_other_code_is_taken_for_a_saved_one()
    {
        SavedCode.Read(new string('-', 300) + "ABCDEFGHJKMNPQRSTVWX").ShouldBeNull();
        SavedCode.Read(new string('A', 10_000_000)).ShouldBeNull();
        var words = Enumerable.Range(0, 2048).Select(i => $"word{i}").ToList();
        foreach (var format in Enum.GetValues<CodeFormat>())
        {
            SavedCode.Read(CodeText.Make(format, 10, words, RandomNumberGenerator.GetInt32).Reveal()).ShouldBeNull(format.ToString());
        }

        CodeText.Candidates("ABCD-EFGH-JKMN-PQRS-TVWX").ShouldBeEmpty();
    }

    [Fact]
    public void A_code_shows_itself_nowhere() =>
        $"{SavedCode.Make("ABCD", _ => 3)} {SavedCode.Show(SavedCode.Make("ABCD", _ => 3))}".ShouldNotContain("3333");
}
