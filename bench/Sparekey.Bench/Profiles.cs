using System.Globalization;

namespace Sparekey.Bench;

/// <summary>Looks where a server's processor time goes, with the system's perf, and keeps that as text.</summary>
internal static class Profiles
{
    // What is shown of a profile: enough to see where it goes, and little enough to be read.
    private const int Lines = 120;

    /// <summary>Profiles minting and redeeming.</summary>
    /// <param name="engine">On which engine.</param>
    /// <param name="settings">For how long.</param>
    public static async Task Take(Engine engine, Settings settings)
    {
        // The names of methods that the runtime made are in a file of their own, which perf looks for only where their memory has no other.
        Environment.SetEnvironmentVariable("DOTNET_PerfMapEnabled", "1");
        Environment.SetEnvironmentVariable("DOTNET_EnableWriteXorExecute", "0");
        await using var server = await engine.Start(settings, await engine.Fresh());
        Environment.SetEnvironmentVariable("DOTNET_PerfMapEnabled", null);
        Environment.SetEnvironmentVariable("DOTNET_EnableWriteXorExecute", null);
        var all = await Operations.Prepare(server, 5000);
        foreach (var operation in new Operation[] { all.Mint, all.Redeem })
        {
            await operation.Stock(30_000);
            await server.Load().Closed(operation, 16, TimeSpan.FromSeconds(settings.Quick ? 5 : 15));
            await operation.Stock(30_000);
            var data = Path.GetTempFileName();
            var load = server.Load().Closed(operation, 64, TimeSpan.FromSeconds(8));
            await Processes.Run("perf", "record", "-F", "999", "-g", "-p", server.Id.ToString(CultureInfo.InvariantCulture), "-o", data, "--", "sleep", "6");
            var run = await load;
            var text = string.Join(
                "\n",
                $"# {operation.Name} on {engine.Name}, 64 clients, {run.ServerCpu:0} µs of processor time of the server for each",
                "", "## By library", "", await Show(data, "--no-children", "--sort", "dso"),
                "", "## By method, with what it calls", "", await Show(data, "--children", "--sort", "symbol"),
                "", "## By method alone", "", await Show(data, "--no-children", "--sort", "symbol"));
            var file = Path.Combine(settings.Root, "bench", "profiles", $"{engine.Name.ToLowerInvariant()}-{operation.Name}.txt");
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, text + "\n");
            File.Delete(data);
            Console.WriteLine($"- {file}");
        }
    }

    private static async Task<string> Show(string data, params string[] how)
    {
        var text = await Processes.Run(["perf", "report", "-i", data, "-g", "none", "--stdio", "--percent-limit", "0.4", .. how]);
        return string.Join(
            '\n',
            text.Split('\n').Where(l => l.Length > 0 && l[0] != '#' && !l.Contains("[.] 0x0000", StringComparison.Ordinal)).Select(l => l.TrimEnd(' ', '-')).Select(l => l[..Math.Min(l.Length, 180)]).Take(Lines));
    }
}
