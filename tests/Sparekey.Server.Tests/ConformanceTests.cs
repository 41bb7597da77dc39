using System.Text.RegularExpressions;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>
/// <c>docs/conformance.md</c> says of every requirement what we do and which tests show it. Here it is held to the tests that there are.
/// </summary>
public sealed partial class ConformanceTests
{
    private static readonly HashSet<string> Tests =
    [
        .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .SelectMany(file => Test().Matches(File.ReadAllText(file)).Select(m => m.Groups["name"].Value)),
    ];

    private static readonly List<Row> Rows =
    [
        .. File.ReadLines(Path.Combine(Repository.Root, "docs", "conformance.md"))
            .Select(line => TableRow().Match(line)).Where(m => m.Success)
            .Select(m => new Row(
                m.Groups["id"].Value, m.Groups["state"].Value.Trim(), [.. TestName().Matches(m.Groups["tests"].Value).Select(t => t.Groups["name"].Value)])),
    ];

    [Fact]
    public void Every_requirement_has_its_row_and_no_row_is_of_another()
    {
        var ids = Numbered("N", 23).Concat(Numbered("A", 25)).Concat(Numbered("T", 19)).Concat(Enumerable.Range(3, 6).Select(i => $"D.{i}"));
        Rows.Select(r => r.Id).Order(StringComparer.Ordinal).ShouldBe(ids.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_row_is_shown_by_tests_or_says_why_not()
    {
        foreach (var row in Rows)
        {
            var closed = row.State.StartsWith("Met", StringComparison.Ordinal) || row.State.StartsWith("Partly: ", StringComparison.Ordinal)
                || row.State.StartsWith("Deviates: ", StringComparison.Ordinal);
            var open = row.State.StartsWith("Not yet: ", StringComparison.Ordinal) || row.State.StartsWith("Does not apply: ", StringComparison.Ordinal);
            (closed || open).ShouldBeTrue($"{row.Id}: {row.State}");
            (row.Tests.Count > 0).ShouldBe(closed, $"{row.Id}: {row.State}");
        }
    }

    [Fact]
    public void Every_test_that_a_row_names_exists()
    {
        Tests.Count.ShouldBeGreaterThan(500);
        Rows.SelectMany(r => r.Tests.Where(t => !Tests.Contains(t)).Select(t => $"{r.Id}: {t}")).ShouldBeEmpty();
    }

    [Fact]
    public void Every_test_that_names_a_requirement_stands_in_its_row()
    {
        var missing = Tests
            .SelectMany(test => Ids().Match(test).Value.Split('_', StringSplitOptions.RemoveEmptyEntries).Select(id => (Id: id, Test: test)))
            .Where(named => !Rows.Any(r => r.Id == named.Id && r.Tests.Contains(named.Test)))
            .Select(named => $"{named.Id}: `{named.Test}`")
            .Order(StringComparer.Ordinal);
        missing.ShouldBeEmpty();
    }

    [Fact]
    public void Every_test_that_the_threat_model_names_exists()
    {
        var named = File.ReadLines(Path.Combine(Repository.Root, "docs", "threats.md")).Where(l => l.StartsWith("| ", StringComparison.Ordinal))
            .SelectMany(l => TestName().Matches(l.Split('|')[^2]).Select(m => m.Groups["name"].Value)).ToList();
        named.Count.ShouldBeGreaterThan(40);
        named.Where(t => !Tests.Contains(t)).ShouldBeEmpty();
    }

    private static IEnumerable<string> Numbered(string letter, int count) => Enumerable.Range(1, count).Select(i => $"{letter}{i}");

    [GeneratedRegex(@"^\| (?<id>[NAT][0-9]+|D\.[0-9]) \| [^|]+ \| (?<state>[^|]+) \|(?<tests>[^|]*)\|$", RegexOptions.NonBacktracking)]
    private static partial Regex TableRow();

    [GeneratedRegex("`(?<name>[A-Za-z0-9_]+)`", RegexOptions.NonBacktracking)]
    private static partial Regex TestName();

    [GeneratedRegex(@"\[(Fact|Theory)\][^;{]*?(void|Task) (?<name>[A-Za-z0-9_]+)\(", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Test();

    [GeneratedRegex("^([NAT][0-9]+_)+", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Ids();

    private sealed record Row(string Id, string State, IReadOnlyList<string> Tests);
}
