using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace Sparekey.Core.Tests;

/// <summary>RFC 8785, for the values this project hashes.</summary>
public sealed class CanonicalJsonTests
{
    [Fact]
    public void Writes_the_rfcs_string_and_literals_as_in_section_3_2_2() =>
        Write(
            ("literals", new object?[] { null, true, false }),
            ("string", "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/"))
            .ShouldBe("""{"literals":[null,true,false],"string":"€$\u000f\nA'B\"\\\\\"/"}""");

    [Fact]
    public void Sorts_by_utf16_code_units_as_in_section_3_2_3() =>
        Write(
            ("\u20ac", "Euro Sign"),
            ("\r", "Carriage Return"),
            ("\ufb33", "Hebrew Letter Dalet With Dagesh"),
            ("1", "One"),
            ("\ud83d\ude00", "Emoji: Grinning Face"),
            ("\u0080", "Control"),
            ("\u00f6", "Latin Small Letter O With Diaeresis"))
            .ShouldBe("{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
                + "\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");

    [Fact]
    public void Escapes_what_json_demands_and_nothing_else() =>
        Write(("", "\0\b\t\n\v\f\r\u001f \u007f</>&+\u2028\u2029"))
            .ShouldBe("{\"\":\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f \u007f</>&+\u2028\u2029\"}");

    [Theory]
    [InlineData(0L, "0")]
    [InlineData(-1L, "-1")]
    [InlineData(9007199254740991L, "9007199254740991")]
    [InlineData(-9007199254740991L, "-9007199254740991")]
    public void Writes_whole_numbers_that_a_double_holds(long number, string text) => Write(("n", number)).ShouldBe($$"""{"n":{{text}}}""");

    [Theory]
    [InlineData(9007199254740992L)]
    [InlineData(-9007199254740992L)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Refuses_numbers_that_a_double_does_not_hold(long number) => Should.Throw<ArgumentException>(() => Write(("n", number)));

    [Fact]
    public void Refuses_what_has_no_form()
    {
        foreach (var value in new object[] { 1.5, 1m, 'c', (byte)1, DateTimeOffset.UnixEpoch, Guid.Empty, new[] { 1 }, new object(), TenantId.Default })
        {
            Should.Throw<ArgumentException>(() => Write(("x", value)));
            Should.Throw<ArgumentException>(() => Write(("x", new[] { value })));
        }
    }

    [Fact]
    public void Refuses_half_characters_in_names_and_values()
    {
        foreach (var half in new[] { "\ud800", "\udc00", "a\ud800b", "\udc00\ud800", "\ud83d\ud83d\ude00" })
        {
            Should.Throw<ArgumentException>(() => Write(("x", half)));
            Should.Throw<ArgumentException>(() => Write((half, "x")));
            CanonicalJson.CanWrite(half).ShouldBeFalse();
        }
    }

    [Fact]
    public void Writes_empty_and_nested_things()
    {
        var inner = new Dictionary<string, object?>(StringComparer.Ordinal) { ["b"] = Array.Empty<string>(), ["a"] = new List<string> { "" } };

        Write(("o", inner), ("l", new object?[] { inner, Array.Empty<object?>() }), ("e", new Dictionary<string, object?>(StringComparer.Ordinal)))
            .ShouldBe("""{"e":{},"l":[{"a":[""],"b":[]},[]],"o":{"a":[""],"b":[]}}""");
    }

    [Fact]
    public void What_it_writes_reads_back_the_same() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500),
        Prop.ForAll<string, long>((text, number) =>
        {
            if (!CanonicalJson.CanWrite(text))
            {
                return;
            }

            using var read = JsonDocument.Parse(CanonicalJson.Write(
                new Dictionary<string, object?>(StringComparer.Ordinal) { ["t" + text] = text, ["n"] = number }));
            read.RootElement.GetProperty("t" + text).GetString().ShouldBe(text ?? null);
            read.RootElement.GetProperty("n").GetInt64().ShouldBe(number);
        }));

    [Fact]
    public void Has_no_byte_order_mark() => CanonicalJson.Write(new Dictionary<string, object?>(StringComparer.Ordinal)).ShouldBe("{}"u8.ToArray());

    private static string Write(params (string Name, object? Value)[] members) =>
        Encoding.UTF8.GetString(CanonicalJson.Write(members.ToDictionary(m => m.Name, m => m.Value, StringComparer.Ordinal)));
}
