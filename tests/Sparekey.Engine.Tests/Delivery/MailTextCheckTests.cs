using Sparekey.Core;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Delivery.MailTexts;

namespace Sparekey.Engine.Tests.Delivery;

/// <summary>What a tenant may write into the mail that carries people's way back.</summary>
[Trait("runs", "once")]
public sealed class MailTextCheckTests
{
    private static readonly MailTemplates Templates = new();

    private static readonly Dictionary<string, string?> Sample = new(StringComparer.Ordinal)
    {
        ["application"] = "app.example.com", ["when"] = "now", ["until"] = "later", ["page"] = "https://app.example.com/recover",
        ["secret"] = "https://app.example.com/recover#sample", ["code"] = "1234-sample", ["not_me_link"] = "https://app.example.com/recover/not-me#s",
        ["address"] = "person@example.com", ["left"] = "3", ["kept"] = "sample", ["session"] = "session", ["requester"] = "somebody", ["means"] = "a link",
        ["credential"] = "password", ["name"] = "programme", ["whose"] = "somebody", ["number"] = "7", ["ends"] = "soon", ["what"] = "token",
        ["step"] = "issued", ["decide_link"] = "https://app.example.com/operate/recoveries/7", ["change"] = "added", ["kind"] = "e-mail address",
        ["news"] = "somebody asks", ["review_link"] = "https://app.example.com/review/7", ["request_key"] = "0123", ["source"] = "192.0.2.1",
        ["device"] = "a browser",
    };

    public static TheoryData<string, string, string> Hiding => new()
    {
        { "recovery_link", "Hello.", "secret" },
        { "recovery_link", "{{secret}}", "code" },
        { "recovery_link", "{{secret}} {{#if requester}}{{code}}{{/if}}", "code" },
        { "recovery_link", "{{code}} \\{{secret}}", "secret" },
        { "recovery_code", "Hello.", "secret" },
        { "recovery_opened_notice", "Somebody asked.", "not_me_link" },
        { "recovery_completed_notice", "{{#if kept}}{{not_me_link}}{{/if}}", "not_me_link" },
        { "address_confirmation", "Hello.", "code" },
    };

    [Fact]
    public void Takes_every_built_in_text_as_a_tenants_own()
    {
        foreach (var language in MailTemplates.Languages)
        {
            foreach (var name in MailTemplates.Names)
            {
                (MailTextCheck.Check(name, Templates.TextOf(name, language)!, Templates, Sample)?.Faults ?? []).ShouldBeEmpty($"{language}/{name}");
            }
        }
    }

    [Theory]
    [InlineData("{{{application}}}", "not escaped")]
    [InlineData("{{&application}}", "not escaped")]
    [InlineData("{{~{application}~}}", "not escaped")]
    [InlineData("{{#each secret}}{{#each ../secret}}x{{/each}}{{/each}}", "a loop")]
    [InlineData("{{#with secret}}x{{/with}}", "another block")]
    [InlineData("{{> layout}}", "a partial")]
    [InlineData("{{lookup this 'secret'}}", "a helper")]
    [InlineData("{{log secret}}", "a helper")]
    [InlineData("{{this}}", "everything at once")]
    [InlineData("{{../secret}}", "a path")]
    [InlineData("{{@root.secret}}", "a path")]
    [InlineData("{{password}}", "no such name")]
    [InlineData("{{#if password}}x{{/if}}", "no such name")]
    [InlineData("{{#if code}}x", "no end")]
    [InlineData("x{{/if}}", "no beginning")]
    [InlineData("{{code", "no end of the tag")]
    [InlineData("{{", "no end of the tag")]
    [InlineData("{{}}", "nothing")]
    [InlineData("{{#if code}}x{{/unless}}", "the wrong end")]
    [InlineData("[body]", "a layout's place")]
    public void Refuses(string text, string why)
    {
        var good = Templates.TextOf("recovery_link", "en")!;
        foreach (var bad in new[] { good with { Text = good.Text + text }, good with { Html = good.Html + text } })
        {
            var refusal = MailTextCheck.Check("recovery_link", bad, Templates, Sample).ShouldNotBeNull(why);
            refusal.Code.ShouldBe(RefusalCode.InvalidRequest);
            refusal.Faults.ShouldNotBeEmpty();
        }
    }

    [Theory]
    [MemberData(nameof(Hiding))]
    public void N15_Refuses_a_text_that_may_hide_what_it_must_carry(string name, string text, string carried)
    {
        var faults = MailTextCheck.Check(name, new MailText("Hello", text, text), Templates, Sample).ShouldNotBeNull().Faults;
        faults.Select(f => f.Pointer).Distinct().ShouldBe(["/text", "/html"]);
        faults.ShouldContain(f => f.Detail.Contains($"{{{{{carried}}}}}", StringComparison.Ordinal));
    }

    [Fact]
    public void Refuses_what_is_missing_too_long_too_deep_or_no_part_of_the_text()
    {
        var good = Templates.TextOf("recovery_link", "en")!;
        Pointers("recovery_link", good with { Subject = null }).ShouldBe(["/subject"]);
        Pointers("recovery_link", good with { Html = "  " }).ShouldBe(["/html"]);
        Pointers("recovery_link", good with { Subject = new string('x', 501) }).ShouldBe(["/subject"]);
        Pointers("recovery_link", good with { Text = good.Text + new string('x', 32 * 1024) }).ShouldBe(["/text"]);
        Pointers("recovery_link", good with { Text = good.Text + Nested(8) }).ShouldBeEmpty();
        Pointers("recovery_link", good with { Text = good.Text + Nested(9) }).ShouldBe(["/text"]);
        Pointers("recovery_link", good with { Text = good.Text + string.Concat(Enumerable.Repeat("{{nothing}}", 2000)) }).Count.ShouldBe(20);
        Pointers("layout", Templates.TextOf("layout", "en")! with { Subject = "x" }).ShouldBe(["/subject"]);
        Pointers("layout", new MailText(null, "no place", "<p>[body]</p>[body]")).ShouldBe(["/text", "/html"]);
        Pointers("layout", new MailText(null, "{{#if secret}}{{else}}[body]{{/if}}", "[body]")).ShouldContain("/text");
        Pointers("phrases", new MailText(null, "{\"means.link\":\"lien\"}", null)).ShouldBeEmpty();
        foreach (var wrong in new[]
        {
            "[]", "null", "{", "{\"means.link\":7}", "{\"means.link\":null}", "{\"means.link\":\"\"}", "{\"means.spell\":\"x\"}",
            "{\"time\":\"{0,999999999}\"}", "{\"time\":\"{4}\"}", "{\"time\":\"{3:D}\"}",
        })
        {
            Pointers("phrases", new MailText(null, wrong, null)).ShouldBe(["/text"], wrong);
        }
    }

    private static IReadOnlyList<string> Pointers(string name, MailText text) =>
        [.. (MailTextCheck.Check(name, text, Templates, Sample)?.Faults ?? []).Select(f => f.Pointer)];

    private static string Nested(int depth) =>
        string.Concat(Enumerable.Repeat("{{#if code}}", depth)) + "x" + string.Concat(Enumerable.Repeat("{{/if}}", depth));
}
