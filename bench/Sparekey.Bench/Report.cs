using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Sparekey.Bench;

/// <summary>One line of the table.</summary>
/// <param name="Who">Who did it, on what.</param>
/// <param name="What">What was done.</param>
/// <param name="Clients">How many clients.</param>
/// <param name="Run">What was measured.</param>
/// <param name="Floor">The floor beside it; null where there is none.</param>
/// <param name="Open">The same at half of its rate, in an open loop; null where that was not measured.</param>
/// <param name="Memory">Memory of the server afterwards, in MB; null for what is no server of ours.</param>
internal sealed record Line(string Who, string What, int Clients, Run Run, Run? Floor = null, Run? Open = null, double? Memory = null);

/// <summary>What a run measured, as one table of Markdown and the facts beside it.</summary>
internal sealed class Report
{
    private readonly List<Line> _lines = [];
    private readonly List<string> _facts = [];
    private readonly List<(string What, double Is, double Bound, bool AtLeast)> _bounds = [];

    /// <summary>Adds a line and prints it at once: a run takes minutes.</summary>
    public void Add(Line line)
    {
        _lines.Add(line);
        Console.WriteLine(Row(line));
    }

    /// <summary>Adds a fact beside the table.</summary>
    public void Add(string fact)
    {
        _facts.Add(fact);
        Console.WriteLine($"- {fact}");
    }

    /// <summary>Holds a figure against what is wanted of it.</summary>
    /// <param name="what">The figure.</param>
    /// <param name="value">What it is.</param>
    /// <param name="bound">What it must be.</param>
    /// <param name="atLeast">Whether the bound is the least; else it is the most.</param>
    public void Hold(string what, double value, double bound, bool atLeast = false) => _bounds.Add((what, value, bound, atLeast));

    /// <summary>A line that was measured.</summary>
    public Line? Find(string who, string what, int clients) => _lines.Find(l => l.Who == who && l.What == what && l.Clients == clients);

    /// <summary>The whole.</summary>
    /// <param name="began">When the run began.</param>
    /// <param name="why">What is known about what is not held: the file that is kept beside the measurements.</param>
    public string Text(DateTimeOffset began, string why)
    {
        var text = new StringBuilder(
            $"""
            # Results

            Written by `bench/run` on {began:yyyy-MM-dd HH:mm} UTC; what is measured and how is said in [README.md](README.md).
            {Environment.ProcessorCount} processors ({Processor()}), {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20} MB, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}.
            Server, database and the clients that measure share them.

            Times are in milliseconds, processor time (CPU) in microseconds for one request. "Half" is an open loop at half of the rate that
            64 clients reached.


            """);
        text.AppendLine(Head);
        _lines.ForEach(l => text.AppendLine(Row(l)));
        text.AppendLine();
        _facts.ForEach(f => text.AppendLine(CultureInfo.InvariantCulture, $"- {f}"));
        text.AppendLine("\n## What is to hold\n\n| figure | is | must be | |\n| --- | ---: | ---: | --- |");
        foreach (var (what, value, bound, atLeast) in _bounds)
        {
            var held = atLeast ? value >= bound : value <= bound;
            text.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {value:0.##} | {(atLeast ? "≥" : "≤")} {bound:0.##} | {(held ? "held" : "**not held**")} |");
        }

        text.AppendLine().Append(why);
        return text.ToString();
    }

    /// <summary>The head of the table.</summary>
    public const string Head =
        "| on | what | clients | /s | p50 | p99 | CPU server | CPU database | MB | floor /s | of floor | half: /s | p50 | p99 |\n"
        + "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

    private static string Row(Line l) =>
        $"| {l.Who} | {l.What} | {l.Clients} | {l.Run.Rate:0} | {l.Run.P50:0.00} | {l.Run.P99:0.00} | {Or(l.Run.ServerCpu)} | {Or(l.Run.DatabaseCpu)} "
        + $"| {l.Memory:0} | {l.Floor?.Rate:0} | {(l.Floor is { } f ? $"{l.Run.Rate / f.Rate:0 %}" : "")} "
        + $"| {l.Open?.Rate:0} | {l.Open?.P50:0.00} | {l.Open?.P99:0.00} |";

    private static string Or(double value) => value > 0 ? $"{value:0}" : "";

    private static string Processor() => File.ReadLines("/proc/cpuinfo")
        .FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown";
}
