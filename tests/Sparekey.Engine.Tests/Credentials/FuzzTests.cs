using Sparekey.Testing.Fuzzing;

namespace Sparekey.Engine.Tests.Credentials;

/// <summary>Sound ceremonies, changed in every way that the mutators know. <c>bench/Sparekey.Fuzz</c> runs the same, a million times and more.</summary>
[Trait("runs", "once")]
public sealed class FuzzTests
{
    private static readonly IReadOnlyList<FuzzTarget> Targets = EngineTargets.All();

    public static TheoryData<string> Names => [.. Targets.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_throws_and_nothing_is_taken_that_was_not_signed(string target)
    {
        var report = Targets.Single(t => t.Name == target).Run(seed: 20261121, first: 0, count: 1000);
        report.Findings.ShouldBeEmpty();

        // A target that takes everything, or nothing, tests nothing.
        report.Refused.ShouldBeGreaterThan(0);
        report.Taken.ShouldBeGreaterThan(0);
    }
}
