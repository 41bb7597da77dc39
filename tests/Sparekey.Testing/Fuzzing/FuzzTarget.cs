using System.Globalization;

namespace Sparekey.Testing.Fuzzing;

/// <summary>What became of a case.</summary>
public enum FuzzOutcome
{
    /// <summary>It was refused, as it should be or may be.</summary>
    Refused,

    /// <summary>It was taken, and says what may be taken.</summary>
    Taken,

    /// <summary>It was taken, and must not be.</summary>
    WronglyTaken,
}

/// <summary>One case: an input, and what is asked about it.</summary>
/// <param name="Run">Asks. Every exception is a finding.</param>
/// <param name="Input">The input, for the report: enough to try it again.</param>
public sealed record FuzzCase(Func<FuzzOutcome> Run, Func<string> Input);

/// <summary>Something that is attacked.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Draw">Draws a case.</param>
public sealed record FuzzTarget(string Name, Func<Dice, FuzzCase> Draw)
{
    private const int MostFindings = 20;

    /// <summary>Runs cases. The same seed and numbers draw the same changes, of ceremonies whose keys are new in every process.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="first">The number of the first case.</param>
    /// <param name="count">How many.</param>
    public FuzzReport Run(ulong seed, long first, long count)
    {
        var report = new FuzzReport(Name);
        var salt = Name.Aggregate(seed, (sum, c) => (sum * 1099511628211) ^ c);
        for (var number = first; number < first + count && report.Findings.Count < MostFindings; number++)
        {
            var drawn = Draw(new Dice(salt ^ ((ulong)number * 0x9E3779B97F4A7C15)));
            try
            {
                var outcome = drawn.Run();
                report.Count(outcome);
                if (outcome == FuzzOutcome.WronglyTaken)
                {
                    report.Findings.Add(string.Create(CultureInfo.InvariantCulture, $"{Name} {number}: wrongly taken: {drawn.Input()}"));
                }
            }
            catch (Exception e)
            {
                // One of a kind is enough.
                var thrown = $"{e.GetType().Name} {e.Message}, {OurFrame(e)}";
                if (!report.Findings.Any(f => f.Contains(thrown, StringComparison.Ordinal)))
                {
                    report.Findings.Add(string.Create(CultureInfo.InvariantCulture, $"{Name} {number}: {thrown}: {drawn.Input()}"));
                }
            }
        }

        return report;
    }

    private static string OurFrame(Exception exception) =>
        (exception.StackTrace ?? "").Split('\n').FirstOrDefault(l => l.Contains("at Sparekey.", StringComparison.Ordinal))?.Trim() ?? "";
}

/// <summary>What became of all cases of a target.</summary>
/// <param name="name">The target's name.</param>
public sealed class FuzzReport(string name)
{
    /// <summary>The target's name.</summary>
    public string Name => name;

    /// <summary>How many were refused.</summary>
    public long Refused { get; private set; }

    /// <summary>How many were taken and may be.</summary>
    public long Taken { get; private set; }

    /// <summary>Exceptions, and what was taken and must not be.</summary>
    public IList<string> Findings { get; } = [];

    /// <summary>Counts an outcome.</summary>
    /// <param name="outcome">The outcome.</param>
    public void Count(FuzzOutcome outcome)
    {
        Refused += outcome == FuzzOutcome.Refused ? 1 : 0;
        Taken += outcome == FuzzOutcome.Taken ? 1 : 0;
    }

    /// <summary>Adds what another run of the same target came to.</summary>
    /// <param name="other">The other.</param>
    public void Add(FuzzReport other)
    {
        Refused += other.Refused;
        Taken += other.Taken;
        foreach (var finding in other.Findings)
        {
            Findings.Add(finding);
        }
    }
}
