namespace Sparekey.Bench;

/// <summary>What is measured of each engine, in the order of a run.</summary>
/// <param name="settings">What is measured, and for how long.</param>
/// <param name="report">Where it goes.</param>
internal sealed class Parts(Settings settings, Report report)
{
    private const int People = 5000;

    private readonly Dictionary<(string Engine, string Name, int Clients), Run> _floors = [];

    /// <summary>The floors.</summary>
    /// <param name="engine">Of which engine.</param>
    /// <param name="postgres">The PostgreSQL that it is; null for the embedded one.</param>
    public async Task MeasureFloors(Engine engine, Postgres? postgres)
    {
        var database = "floor";
        if (postgres is not null)
        {
            await postgres.Create(database);
            await postgres.Sql(database, Path.Combine(settings.Floors, "schema.sql"));
        }

        foreach (var name in new[] { "mint", "redeem" })
        {
            foreach (var clients in Settings.Clients)
            {
                var run = postgres is null
                    ? Floors.Sqlite(settings.Floors, name, clients, settings.Length)
                    : await postgres.Bench(database, Path.Combine(settings.Floors, $"{name}.sql"), clients, settings.Length);
                _floors[(engine.Name, name, clients)] = run;
                report.Add(new Line(engine.Name, $"floor of {name}", clients, run));
            }
        }
    }

    /// <summary>Every operation.</summary>
    /// <param name="engine">On which engine.</param>
    public async Task MeasureOperations(Engine engine)
    {
        var storage = await engine.Fresh();
        await using var server = await engine.Start(settings, storage);
        var all = await Operations.Prepare(server, People);
        
        // Many enough that no person signs in twice at once, which nobody does.
        await all.MakePasskeys(400);

        // The runtime compiles what is used often once more, and better: what was measured before that would be measured by chance.
        foreach (var operation in all.Each)
        {
            await operation.Stock(Most(operation, 2, operation == all.SetPassword ? 20 : 1000));
            await server.Load().Closed(operation, 16, TimeSpan.FromSeconds(operation == all.SetPassword ? 1 : 3));
        }

        await Engine.Analyze(storage);
        foreach (var operation in all.Each)
        {
            var rate = 0.0;
            foreach (var clients in operation == all.MintByMany || operation == all.VerifyMany ? [64] : Settings.Clients)
            {
                await operation.Stock(Most(operation, settings.Length.TotalSeconds, rate));
                var run = await server.Load().Closed(operation, clients, settings.Length);
                rate = run.Rate;
                Run? open = null;
                if (clients == 64)
                {
                    await operation.Stock(Most(operation, settings.Length.TotalSeconds, rate / 2));
                    open = await server.Load().Open(operation, 64, rate / 2, settings.Length);
                }

                var floor = _floors.GetValueOrDefault((engine.Name, operation == all.MintByMany ? all.Mint.Name : operation.Name, clients));
                report.Add(new Line(engine.Name, operation.Name, clients, run, floor, open, server.Memory));
                Hold(engine, operation == all.SetPassword, operation.Name, clients, run, floor, open);
            }
        }
    }

    /// <summary>Minting with few recoveries and with many.</summary>
    /// <param name="engine">On which engine.</param>
    public async Task MeasureGrowth(Engine engine)
    {
        const int few = 10_000;
        var storage = await engine.Fresh();
        Run small;
        await using (var server = await engine.Start(settings, storage))
        {
            var all = await Operations.Prepare(server, People);
            await server.Load().Closed(all.Mint.For(few), 64, TimeSpan.FromHours(1));
            await Engine.Analyze(storage);
            report.Add($"{engine.Name}: {server.Memory:0} MB resident after {few} recoveries were opened");
            report.Hold($"{engine.Name}: MB after {few} recoveries", server.Memory, 150);
            small = await MintAt(server, all, rate: null, $"mint at {few} recoveries", engine);
            await Growth.Settle(server);
        }

        var (grown, took) = await Growth.Fill(storage, settings.Grown);
        report.Add($"{engine.Name}: filled to {grown} recoveries in {took.TotalSeconds:0} s, by copies of the rows that were there");
        await using (var server = await engine.Start(settings, storage))
        {
            report.Add($"{engine.Name}: starts in {server.Started.TotalMilliseconds:0} ms with {grown} recoveries");
            var all = await Operations.Prepare(server, People, exist: true);

            // As many as the other server had done, so that the runtime knows this one as well.
            await server.Load().Closed(all.Mint.For(few), 64, TimeSpan.FromHours(1));
            var large = await MintAt(server, all, small.Rate, $"mint at {grown} recoveries", engine);
            report.Hold(
                $"{engine.Name}: p99 of mint at {grown} recoveries, times that at {few}", large.P99 / small.P99, settings.Grown > 1_000_000 ? 1.3 : 1.2);
        }
    }

    /// <summary>Minting and redeeming alone, for whoever changes them: one after the other, so that noise can be seen.</summary>
    /// <param name="engine">On which engine.</param>
    public async Task MeasureHot(Engine engine)
    {
        var storage = await engine.Fresh();
        await using var server = await engine.Start(settings, storage);
        var all = await Operations.Prepare(server, People);
        await server.Load().Closed(all.Mint.For(10_000), 64, TimeSpan.FromHours(1));
        await server.Load().Closed(all.Redeem, 64, TimeSpan.FromHours(1));
        await Engine.Analyze(storage);
        for (var i = 0; i < 3; i++)
        {
            report.Add(new Line(engine.Name, "mint", 64, await server.Load().Closed(all.Mint.For(6000), 64, TimeSpan.FromHours(1)), Memory: server.Memory));
            report.Add(new Line(engine.Name, "redeem", 64, await server.Load().Closed(all.Redeem, 64, TimeSpan.FromHours(1)), Memory: server.Memory));
        }
    }

    /// <summary>How long it takes to start, on an empty place and on one that was used.</summary>
    /// <param name="engine">On which engine.</param>
    public async Task MeasureStart(Engine engine)
    {
        var (first, again, mints) = (new List<double>(), new List<double>(), new List<double>());
        for (var i = 0; i < (settings.Quick ? 3 : 7); i++)
        {
            var storage = await engine.Fresh();
            await using (var server = await engine.Start(settings, storage))
            {
                first.Add(server.Started.TotalMilliseconds);
                await Operations.Prepare(server, 1);
            }

            await using (var server = await engine.Start(settings, storage))
            {
                again.Add(server.Started.TotalMilliseconds);
                var all = await Operations.Prepare(server, 1, exist: true);
                var began = System.Diagnostics.Stopwatch.GetTimestamp();
                await server.Load().Closed(all.Mint.For(1), 1, TimeSpan.FromHours(1));
                mints.Add(System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }

        report.Add(
            $"{engine.Name}: first answer of `/healthz` {Median(again):0} ms after the start of the process (median of {again.Count}; {Median(first):0} ms "
            + $"where the database is made first); the first mint took {Median(mints):0} ms");
        report.Hold($"{engine.Name}: ms from the start to the first answer", Median(again), 1000);
        report.Hold($"{engine.Name}: the same where the database is made first", Median(first), 1000);
    }

    private async Task<Run> MintAt(Server server, Operations all, double? rate, string what, Engine engine)
    {
        var closed = await server.Load().Closed(all.Mint, 64, settings.Length);
        var open = await server.Load().Open(all.Mint, 64, rate ?? closed.Rate / 2, settings.Length);
        report.Add(new Line(engine.Name, what, 64, closed, null, open, server.Memory));
        return open;
    }

    private void Hold(Engine engine, bool hashesPassword, string what, int clients, Run run, Run? floor, Run? open)
    {
        if (clients == 64 && floor is not null)
        {
            report.Hold($"{engine.Name}: {what}, % of the floor", 100 * run.Rate / floor.Rate, 60, atLeast: true);
        }

        if (open is not null && !hashesPassword)
        {
            report.Hold($"{engine.Name}: {what}, p99 at half of the rate", open.P99, 10);
        }
    }

    // As many as may be used up; nobody knows before, and what is left over is used by the next.
    private static int Most(Operation operation, double seconds, double rate) =>
        (int)(seconds * Math.Max(operation is SetPassword ? 40 : 1500, 1.5 * rate));

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
