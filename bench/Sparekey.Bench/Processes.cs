using System.Diagnostics;
using System.Globalization;

namespace Sparekey.Bench;

/// <summary>What the system tells of processes, and how they are run.</summary>
internal static class Processes
{
    // USER_HZ is 100 on every Linux that .NET runs on.
    private const double Tick = 1000.0 / 100;

    /// <summary>Processor time that a process used so far, its threads' included.</summary>
    /// <param name="id">The process.</param>
    public static TimeSpan Cpu(int id)
    {
        var fields = Stat(id);
        return TimeSpan.FromMilliseconds(Tick * (Number(fields[11]) + Number(fields[12])));
    }

    /// <summary>
    /// Processor time that a process and its children used so far, those that ended included.
    /// </summary>
    /// <param name="id">The process.</param>
    public static TimeSpan CpuOfFamily(int id)
    {
        var own = Stat(id);
        var sum = Number(own[11]) + Number(own[12]) + Number(own[13]) + Number(own[14]);
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var child))
            {
                try
                {
                    var fields = Stat(child);
                    sum += Number(fields[1]) == id ? Number(fields[11]) + Number(fields[12]) : 0;
                }
                catch (IOException)
                {
                    // It ended meanwhile: its parent has its time.
                }
            }
        }

        return TimeSpan.FromMilliseconds(Tick * sum);
    }

    /// <summary>Memory that a process holds, in MB.</summary>
    /// <param name="id">The process.</param>
    public static double Resident(int id) =>
        File.ReadLines($"/proc/{id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kilobytes, ..] ? Number(kilobytes) / 1024.0 : 0;

    /// <summary>Runs a program to its end.</summary>
    /// <param name="line">The program and its arguments.</param>
    /// <returns>What it wrote.</returns>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static async Task<string> Run(params IReadOnlyList<string> line)
    {
        var start = new ProcessStartInfo(line[0], line.Skip(1))
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/",
        };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? await output
            : throw new InvalidOperationException($"{string.Join(' ', line)}\n{await output}{await errors}");
    }

    /// <summary>Ends a process, as an init system does.</summary>
    /// <param name="process">The process.</param>
    public static async Task Terminate(Process process)
    {
        await Run("kill", "-TERM", process.Id.ToString(CultureInfo.InvariantCulture));
        await process.WaitForExitAsync();
    }

    // Fields from the third on (the state): the second, the name, may hold spaces.
    private static string[] Stat(int id)
    {
        var text = File.ReadAllText($"/proc/{id}/stat");
        return text[(text.LastIndexOf(')') + 2)..].Split(' ');
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
