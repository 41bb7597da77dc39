using System.Globalization;
using Sparekey.Timing;

// Can strangers tell, by how long an answer takes, which accounts exist and what became of a secret?
// usage: Sparekey.Timing PATH-TO-sparekey [samples of a class, 600 unless given] [what a group's name holds]
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var count = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 600;

// A class is told apart when its AUC is further from 0.5 than this: with one sample an attacker would be right 55 times in 100.
// The noise of 600 samples a class is 0.5 ± 0.05 at three standard deviations, so that a smaller margin would fail by chance.
const double margin = 0.05;
var order = new Random(20261121);
await using var server = await Server.Start(args[0]);
var failed = false;
var wanted = args.Length > 2 ? args[2] : "";
foreach (var group in (await Groups.Prepare(server, count)).Where(g => g.Name.Contains(wanted, StringComparison.OrdinalIgnoreCase)))
{
    // Every class once in every round, in an order that is drawn anew: drift and housekeeping hit all alike. The first are thrown away.
    var samples = group.Classes.Select(c => new Samples(c.Name)).ToArray();
    for (var round = 0; round < count + Groups.WarmUp; round++)
    {
        var turn = Enumerable.Range(0, samples.Length).ToArray();
        order.Shuffle(turn);
        foreach (var i in turn)
        {
            var (milliseconds, status) = await server.Measure(group.Path, group.Classes[i].Body(round));
            if (status != group.Status)
            {
                throw new InvalidOperationException($"{group.Path}, {samples[i].Name}: {status} instead of {group.Status}");
            }

            if (round >= Groups.WarmUp)
            {
                samples[i].Add(milliseconds);
            }
        }
    }

    Console.WriteLine($"\n{group.Name}  (n = {count} a class)");
    foreach (var s in samples)
    {
        Console.WriteLine($"  {s.Name,-44} median {s.Quantile(0.5),7:0.000} ms   p95 {s.Quantile(0.95),7:0.000} ms");
    }

    var (one, other) = samples[0].Halves(order);
    Report("noise: " + one.Name, other.Name, Comparison.Of(one, other), judged: false);
    for (var i = 0; i < samples.Length; i++)
    {
        for (var j = i + 1; j < samples.Length; j++)
        {
            Report(samples[i].Name, samples[j].Name, Comparison.Of(samples[i], samples[j]), judged: true);
        }
    }
}

Console.WriteLine(failed ? "\nSome classes can be told apart." : "\nNo class can be told apart.");
return failed ? 1 : 0;

void Report(string first, string second, Comparison c, bool judged)
{
    var apart = judged && Math.Abs(c.Auc - 0.5) > margin;
    failed |= apart;
    Console.WriteLine(
        $"  {first + " / " + second,-92} AUC {c.Auc:0.000} (z {c.Z,6:0.0})  KS {c.Ks:0.000} (p {c.KsP:0.000}){(apart ? "  TOLD APART" : "")}");
}
