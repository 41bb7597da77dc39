using System.Globalization;
using Sparekey.Core;
using Sparekey.Server.Http;

namespace Sparekey.Server.Tests.Http;

/// <summary>What a problem's type URI points to exists, and says what the table of problems says.</summary>
public sealed class ProblemPagesTests
{
    public static TheoryData<RefusalCode> Codes => [.. Enum.GetValues<RefusalCode>()];

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_code_has_a_page_with_its_title_and_status(RefusalCode code)
    {
        var (status, title) = ProblemKinds.Of(code);
        var page = ProblemsApi.PageOf(code).ShouldNotBeNull().Split('\n');
        page[0].ShouldBe($"# {title}");
        page[2].ShouldBe($"Status {status}, code `{WireName.Of(code)}`.");
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_page_says_what_it_means_who_sees_it_and_what_to_do(RefusalCode code)
    {
        var page = ProblemsApi.PageOf(code).ShouldNotBeNull();
        page.ShouldContain("**What it means.** ");
        page.ShouldContain("**Who sees it, and when.** ");
        page.ShouldContain("**What to do.** ");
    }

    [Fact]
    public void The_index_lists_every_code_once_with_its_status_and_title()
    {
        var listed = ReadResource("problems/README.md").Split('\n')
            .Where(l => l.StartsWith("| [", StringComparison.Ordinal));
        var expected = Enum.GetValues<RefusalCode>().Select(c =>
        {
            var (status, title) = ProblemKinds.Of(c);
            return string.Create(CultureInfo.InvariantCulture, $"| [`{WireName.Of(c)}`]({WireName.Of(c)}.md) | {status} | {title} |");
        });
        listed.ShouldBe(expected);
    }

    [Fact]
    public void No_page_is_left_of_a_code_that_does_not_exist()
    {
        var pages = typeof(ProblemsApi).Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith("problems/", StringComparison.Ordinal) && n != "problems/README.md");
        pages.ShouldBe(WireName.All<RefusalCode>().Select(c => $"problems/{c}.md"), ignoreOrder: true);
    }

    private static string ReadResource(string name)
    {
        using var stream = typeof(ProblemsApi).Assembly.GetManifestResourceStream(name).ShouldNotBeNull();
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
