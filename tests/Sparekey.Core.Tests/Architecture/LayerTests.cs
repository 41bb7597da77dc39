using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Sparekey.Core.Tests.Architecture;

/// <summary>The walls between the projects, read from their sources: Core decides, Engine does, Server translates.</summary>
public sealed class LayerTests
{
    public static TheoryData<string, string[]> Projects { get; } = new()
    {
        { "Sparekey.Core", [] },
        { "Sparekey.Engine", ["Sparekey.Core"] },
        { "Sparekey.Server", ["Sparekey.Engine"] },
    };

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_the_layer_below_and_nothing_else_of_ours(string project, string[] references) =>
        XDocument.Parse(Repository.Read($"src/{project}/{project}.csproj")).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')))
            .ShouldBe(references);

    [Fact]
    public void The_layers_name_none_above_them()
    {
        Repository.Find(Repository.Sources("src/Sparekey.Core"), @"\bSparekey\.(Engine|Server)\b").ShouldBeEmpty();
        Repository.Find(Repository.Sources("src/Sparekey.Engine"), @"\bSparekey\.Server\b").ShouldBeEmpty();
    }

    [Fact]
    public void Only_the_engine_speaks_sql()
    {
        const string Sql = @"""\s*(SELECT |INSERT (INTO|OR) |UPDATE [a-z_]+ |DELETE FROM |CREATE (TABLE|INDEX) |WITH [a-z_]+ AS )"
            + @"|^\s*(SELECT [a-z*].*|INSERT INTO .*|UPDATE [a-z_]+ SET.*|DELETE FROM .*)$";

        Repository.Find(Repository.Sources("src/Sparekey.Core").Concat(Repository.Sources("src/Sparekey.Server")), Sql).ShouldBeEmpty();
        Repository.Find(Repository.Sources("src/Sparekey.Engine"), Sql).ShouldNotBeEmpty(); // The expression finds SQL where there is some.
        Repository.Find(Repository.Sources("src/Sparekey.Server"), @"\busing (Dapper|Microsoft\.Data|Npgsql|System\.Data)").ShouldBeEmpty();
    }

    [Fact]
    public void A_dialect_names_no_other_dialect()
    {
        const string Folder = "src/Sparekey.Server/Dialects/";
        foreach (var file in Repository.Sources("src/Sparekey.Server").Where(f => f.StartsWith(Folder, StringComparison.Ordinal)))
        {
            var own = file[Folder.Length..].Split('/')[0];
            Regex.Matches(Repository.Read(file), @"\bDialects\.([A-Za-z0-9]+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)
                .Select(m => m.Value["Dialects.".Length..]).Where(d => d != own).ShouldBeEmpty(file);
        }
    }

    [Theory]
    [InlineData("Sparekey.Core")]
    [InlineData("Sparekey.Engine")]
    [InlineData("Sparekey.Server")]
    public void A_namespace_is_its_folder(string project)
    {
        foreach (var file in Repository.Sources($"src/{project}"))
        {
            var declared = Repository.Read(file).Split('\n').Where(l => l.StartsWith("namespace ", StringComparison.Ordinal)).ToList();
            if (declared.Count == 0)
            {
                Path.GetFileName(file).ShouldBeOneOf("Program.cs", "GlobalUsings.cs");
                continue;
            }

            declared.ShouldBe([$"namespace {string.Join('.', file["src/".Length..file.LastIndexOf('/')].Split('/'))};"], file);
        }
    }

    [Fact]
    public void No_name_says_nothing() =>
        new[] { "Core", "Engine", "Server" }.SelectMany(p => Repository.Sources($"src/Sparekey.{p}"))
            .Where(f => Regex.IsMatch(
                Path.GetFileNameWithoutExtension(f), "(?:Manager|Helper|Helpers|Utils|Utilities|Common|Base|Impl)$", RegexOptions.NonBacktracking))
            .ShouldBeEmpty();
}
