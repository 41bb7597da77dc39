using System.Text.RegularExpressions;

namespace Sparekey.Core.Tests.Architecture;

/// <summary>The repository the tests run in: its root is where the solution lies.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    /// <summary>The C# files of a project, by their path from the repository's root.</summary>
    public static IReadOnlyList<string> Sources(string project)
    {
        var files = Directory.EnumerateFiles(Path.Combine(Root, project), "*.cs", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/'))
            .Where(f => !f.Contains("/bin/", StringComparison.Ordinal) && !f.Contains("/obj/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .ToList();
        files.ShouldNotBeEmpty();
        return files;
    }

    /// <summary>Every line of the sources that an expression finds, as <c>path:line</c>.</summary>
    public static IReadOnlyList<string> Find(IEnumerable<string> sources, string expression)
    {
        var regex = new Regex(expression, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        return [.. sources.SelectMany(f => Read(f).Split('\n').Select((line, i) => (line, at: $"{f}:{i + 1}")))
            .Where(l => regex.IsMatch(l.line)).Select(l => l.at)];
    }

    private static string FindRoot(string from)
    {
        for (var at = new DirectoryInfo(from); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Sparekey.slnx")))
            {
                return at.FullName;
            }
        }

        throw new InvalidOperationException("The tests run inside the repository.");
    }
}
