namespace Sparekey.Core.Tests;

public sealed class IdsTests
{
    private const string Written = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

    [Fact]
    public void Reads_what_it_writes()
    {
        Ids.TryParse<AccountId>(Written, out var id).ShouldBeTrue();
        id.ToString().ShouldBe(Written);
        Ids.Parse<AccountId>(Written).ShouldBe(id);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("3F2504E0-4F89-41D3-9A0C-0305E82C3301")]
    [InlineData("3f2504e0-4f89-41d3-9a0c-0305e82c330A")]
    [InlineData(" 3f2504e0-4f89-41d3-9a0c-0305e82c3301")]
    [InlineData("3f2504e0-4f89-41d3-9a0c-0305e82c3301\n")]
    [InlineData("3f2504e04f8941d39a0c0305e82c3301")]
    [InlineData("{3f2504e0-4f89-41d3-9a0c-0305e82c3301}")]
    [InlineData("+f2504e0-4f89-41d3-9a0c-0305e82c3301")]
    [InlineData("0x2504e0-4f89-41d3-9a0c-0305e82c3301")]
    [InlineData("3f2504e0-+f89-41d3-9a0c-0305e82c3301")]
    [InlineData("3f2504e0-4f89-41d3-9a0c-0305e82c330")]
    [InlineData("3f2504e0-4f89-41d3-9a0c-0305e82c3301-")]
    [InlineData("3f2504e0 4f89 41d3 9a0c 0305e82c3301")]
    [InlineData("３f2504e0-4f89-41d3-9a0c-0305e82c3301")]
    public void Refuses_every_other_spelling(string? text)
    {
        Ids.TryParse<AccountId>(text, out var id).ShouldBeFalse();
        id.ShouldBe(default);
    }

    [Fact]
    public void Refuses_a_text_of_ten_million_characters() => Ids.TryParse<AccountId>(new string('a', 10_000_000), out _).ShouldBeFalse();

    [Theory]
    [InlineData(0x00)]
    [InlineData(0xFF)]
    public void A_made_id_is_version_4_and_keeps_122_bits(byte fill)
    {
        var bytes = new byte[16];
        Array.Fill(bytes, fill);
        var text = Ids.FromRandom<RecoveryId>(bytes).ToString();

        text[14].ShouldBe('4');
        text[19].ShouldBe(fill == 0 ? '8' : 'b');
        text.Replace("-", "", StringComparison.Ordinal).Remove(16, 1).Remove(12, 1).ShouldBe(new string(fill == 0 ? '0' : 'f', 30));
    }

    [Fact]
    public void Every_kind_of_id_writes_itself_the_same_way()
    {
        var kinds = typeof(AccountId).Assembly.GetTypes().Where(t => t.IsValueType
            && t.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IId<>))).ToList();
        kinds.Count.ShouldBeGreaterThan(5);
        foreach (var kind in kinds)
        {
            Activator.CreateInstance(kind, new Guid(Written))!.ToString().ShouldBe(Written);
        }
    }

    [Theory]
    [InlineData("default", true)]
    [InlineData("a", true)]
    [InlineData("0-9", true)]
    [InlineData("abcdefghijklmnopqrstuvwxyz012345", true)]
    [InlineData("abcdefghijklmnopqrstuvwxyz0123456", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData("-a", false)]
    [InlineData("A", false)]
    [InlineData("a_b", false)]
    [InlineData("a.b", false)]
    [InlineData("a b", false)]
    [InlineData("a\n", false)]
    [InlineData("ä", false)]
    [InlineData("(none)", false)]
    public void A_tenants_name_is_short_and_plain(string? text, bool good)
    {
        TenantId.TryParse(text, out var tenant).ShouldBe(good);
        tenant.ToString().ShouldBe(good ? text : "(none)");
        if (!good && text is not null)
        {
            Should.Throw<FormatException>(() => TenantId.Parse(text));
        }
    }
}
