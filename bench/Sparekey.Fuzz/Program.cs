using System.Diagnostics;
using System.Globalization;
using Sparekey.Server.Tests.Fuzzing;
using Sparekey.Testing.Fuzzing;

// Does any credential, token or body make a parser throw, or a verifier take what nobody signed?
// usage: Sparekey.Fuzz [cases of a target, 40000 unless given] [seed] [what a target's name holds] [the number of the first case]
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var count = args.Length > 0 ? long.Parse(args[0], CultureInfo.InvariantCulture) : 40_000;
var seed = args.Length > 1 ? ulong.Parse(args[1], CultureInfo.InvariantCulture) : 20261121;
var wanted = args.Length > 2 ? args[2] : "";
var first = args.Length > 3 ? long.Parse(args[3], CultureInfo.InvariantCulture) : 0;
const int slice = 500;

long cases = 0;
var findings = 0;
var whole = Stopwatch.StartNew();
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {count} cases of each target\n"));
Console.WriteLine($"{"target",-40} {"refused",9} {"taken",9} {"findings",9} {"seconds",8}");
foreach (var target in EngineTargets.All().Concat(ServerTargets.All()).Where(t => t.Name.Contains(wanted, StringComparison.OrdinalIgnoreCase)))
{
    var clock = Stopwatch.StartNew();
    var report = new FuzzReport(target.Name);
    var starts = Enumerable.Range(0, (int)((count + slice - 1) / slice)).Select(i => first + ((long)i * slice));
    Parallel.ForEach(starts, start =>
    {
        var part = target.Run(seed, start, Math.Min(slice, first + count - start));
        lock (report)
        {
            report.Add(part);
        }
    });
    cases += report.Refused + report.Taken;
    findings += report.Findings.Count;
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{target.Name,-40} {report.Refused,9} {report.Taken,9} {report.Findings.Count,9} {clock.Elapsed.TotalSeconds,8:0.0}"));
    foreach (var finding in report.Findings.Take(10))
    {
        Console.WriteLine($"  {finding}");
    }
}

Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{cases} cases in {whole.Elapsed.TotalSeconds:0} seconds, {findings} findings"));
return findings == 0 ? 0 : 1;
