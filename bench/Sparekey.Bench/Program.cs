using System.Globalization;
using Sparekey.Bench;

// Measures the built server, what it is held against, and its peers, in one run on one machine.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (Settings.Read(args) is not { } settings)
{
    return 64;
}

var (report, began) = (new Report(), TimeProvider.System.GetUtcNow());
Console.WriteLine(Report.Head);
await using (var postgres = settings.Engines.Contains("postgres") || settings.Only.Contains("peers") ? await Postgres.Start() : null)
{
    var parts = new Parts(settings, report);
    foreach (var (name, used) in new[] { ("sqlite", null), ("postgres", postgres) })
    {
        if (!settings.Engines.Contains(name))
        {
            continue;
        }

        using var engine = new Engine(used is null ? "SQLite" : "PostgreSQL", used);
        foreach (var part in settings.Only)
        {
            await (part switch
            {
                "floors" => parts.MeasureFloors(engine, used),
                "operations" => parts.MeasureOperations(engine),
                "growth" => parts.MeasureGrowth(engine),
                "start" => parts.MeasureStart(engine),
                "hot" => parts.MeasureHot(engine),
                "profile" => Profiles.Take(engine, settings),
                _ => Task.CompletedTask,
            });
        }
    }

    if (settings.Only.Contains("peers"))
    {
        await Peers.Measure(settings, report, postgres!);
    }
}

var text = report.Text(began, await File.ReadAllTextAsync(Path.Combine(settings.Root, "bench", "limits.md")));
Console.WriteLine();
Console.WriteLine(text);
if (settings.Results is { } file)
{
    await File.WriteAllTextAsync(file, text);
}

return 0;
