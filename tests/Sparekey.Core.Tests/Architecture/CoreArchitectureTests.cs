using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Tests.Architecture;

/// <summary>Core is pure. What is checked is the compiled assembly, bodies of methods included, so nothing hides in one.</summary>
public sealed class CoreArchitectureTests
{
    private static readonly string[] Impure =
    [
        "System.Threading.Tasks.", "System.Threading.Thread", "System.Threading.Timer", "System.IO.", "System.Net.", "System.TimeProvider",
        "System.Environment", "System.Console", "System.Random", "System.Diagnostics.Process", "System.Diagnostics.Stopwatch",
        "System.Security.Cryptography.RandomNumberGenerator", "System.AppContext", "System.Reflection.Emit",
    ];

    // Addresses as numbers: nothing is asked of a network.
    private static readonly string[] Values = ["System.Net.IPAddress", "System.Net.IPNetwork"];

    private static readonly string[] ImpureMembers =
    [
        "DateTime.get_UtcNow", "DateTime.get_Now", "DateTime.get_Today", "DateTimeOffset.get_UtcNow", "DateTimeOffset.get_Now", "Guid.NewGuid",
        "Guid.CreateVersion7", "TimeZoneInfo.get_Local",
    ];

    [Fact]
    public void References_nothing_but_the_base_library()
    {
        typeof(RecoveryMachine).Assembly.GetReferencedAssemblies().Select(a => a.Name!)
            .ShouldAllBe(n => n.StartsWith("System.", StringComparison.Ordinal)
                && (n == "System.Net.Primitives" || !n.StartsWith("System.Net", StringComparison.Ordinal)));

        var project = XDocument.Parse(Repository.Read("src/Sparekey.Core/Sparekey.Core.csproj"));
        project.Descendants().Select(e => e.Name.LocalName)
            .Intersect(["PackageReference", "ProjectReference", "FrameworkReference", "Reference"], StringComparer.Ordinal).ShouldBeEmpty();
    }

    [Fact]
    public void Mentions_no_clock_no_randomness_no_input_or_output_and_nothing_asynchronous()
    {
        var (types, members) = Mentioned();

        types.ShouldContain("System.Collections.Immutable.ImmutableArray`1"); // The list is read at all.
        types.Except(Values, StringComparer.Ordinal).Where(t => Impure.Any(i => t.StartsWith(i, StringComparison.Ordinal))).ShouldBeEmpty();
        members.Intersect(ImpureMembers, StringComparer.Ordinal).ShouldBeEmpty();
    }

    [Fact]
    public void Has_no_state_that_changes() =>
        typeof(RecoveryMachine).Assembly.GetTypes()
            .Where(t => !t.Name.Contains('<', StringComparison.Ordinal))
            .SelectMany(t => t.GetFields(System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.NonPublic))
            .Where(f => f is { IsInitOnly: false, IsLiteral: false } && !f.Name.Contains('<', StringComparison.Ordinal))
            .Select(f => $"{f.DeclaringType}.{f.Name}")
            .ShouldBeEmpty();

    [Fact]
    public void Every_code_of_a_refusal_has_its_own_name_and_its_page()
    {
        WireName.All<RefusalCode>().ShouldBeUnique();
        var pages = Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs/problems"), "*.md").Select(Path.GetFileNameWithoutExtension);
        WireName.All<RefusalCode>().Except(pages!, StringComparer.Ordinal).ShouldBeEmpty();
    }

    private static (IReadOnlySet<string> Types, IReadOnlySet<string> Members) Mentioned()
    {
        using var file = new PEReader(File.OpenRead(typeof(RecoveryMachine).Assembly.Location));
        var reader = file.GetMetadataReader();
        string NameOf(EntityHandle handle) => handle.Kind == HandleKind.TypeReference
            && reader.GetTypeReference((TypeReferenceHandle)handle) is var type
                ? $"{reader.GetString(type.Namespace)}.{reader.GetString(type.Name)}"
                : "";
        var types = reader.TypeReferences.Select(h => NameOf(h)).ToHashSet(StringComparer.Ordinal);
        var members = reader.MemberReferences.Select(reader.GetMemberReference)
            .Select(m => $"{NameOf(m.Parent).Split('.')[^1]}.{reader.GetString(m.Name)}").ToHashSet(StringComparer.Ordinal);
        return (types, members);
    }
}
