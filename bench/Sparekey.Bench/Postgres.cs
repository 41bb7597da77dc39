using System.Globalization;
using Sparekey.Testing;

namespace Sparekey.Bench;

/// <summary>A PostgreSQL of its own on a free port, with the settings that it comes with: every commit reaches the disk.</summary>
internal sealed class Postgres : IAsyncDisposable
{
    private const string Owner = "postgres";

    private readonly string _folder;
    private readonly string _programs;

    private Postgres(string folder, string programs, int port) => (_folder, _programs, Port) = (folder, programs, port);

    /// <summary>Its port.</summary>
    public int Port { get; }

    /// <summary>The first of its processes, whose children do the work.</summary>
    public int Id => int.Parse(File.ReadLines(Path.Combine(_folder, "data", "postmaster.pid")).First(), CultureInfo.InvariantCulture);

    /// <summary>Makes one and starts it.</summary>
    public static async Task<Postgres> Start()
    {
        var programs = Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin"))
            .Where(d => File.Exists(Path.Combine(d, "pgbench"))).Order(StringComparer.Ordinal).LastOrDefault()
            ?? throw new InvalidOperationException("PostgreSQL with pgbench is not installed: apt-get install postgresql");
        var folder = Directory.CreateTempSubdirectory("sparekey-bench-postgres-").FullName;
        if (IsRoot)
        {
            await Processes.Run("chown", Owner, folder);
        }

        var postgres = new Postgres(folder, programs, FreePort.Next());
        await postgres.Do("initdb", "-D", $"{folder}/data", "-U", Owner, "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8");
        await postgres.Do(
            "pg_ctl", "-D", $"{folder}/data", "-w", "-l", $"{folder}/log",
            "-o", $"-p {postgres.Port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}", "start");
        return postgres;
    }

    /// <summary>Makes a database.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>How it is reached.</returns>
    public async Task<string> Create(string name)
    {
        await Do("createdb", "-h", "127.0.0.1", "-p", PortText, "-U", Owner, name);
        return $"Host=127.0.0.1;Port={PortText};Username={Owner};Database={name}";
    }

    /// <summary>Runs a file of SQL.</summary>
    /// <param name="database">In which database.</param>
    /// <param name="file">The file.</param>
    public Task Sql(string database, string file) =>
        Do("psql", "-h", "127.0.0.1", "-p", PortText, "-U", Owner, "-d", database, "-q", "-v", "ON_ERROR_STOP=1", "-c", File.ReadAllText(file));

    /// <summary>Runs pgbench on a file.</summary>
    /// <param name="database">In which database.</param>
    /// <param name="file">The file.</param>
    /// <param name="clients">How many clients.</param>
    /// <param name="length">How long.</param>
    /// <returns>Transactions a second, and their median and 99th percentile in milliseconds.</returns>
    public async Task<Run> Bench(string database, string file, int clients, TimeSpan length)
    {
        // Whoever runs it reads the file and writes its log, which may be another user than ours.
        var folder = Path.Combine(Path.GetTempPath(), $"sparekey-pgbench-{Environment.ProcessId}-{clients}");
        Directory.CreateDirectory(folder);
        File.Copy(file, $"{folder}/floor.sql", overwrite: true);
        if (IsRoot)
        {
            await Processes.Run("chown", "-R", Owner, folder);
        }

        var before = Processes.CpuOfFamily(Id);
        await Do(
            "pgbench", "-h", "127.0.0.1", "-p", PortText, "-U", Owner, "-n", "-M", "prepared", "-f", $"{folder}/floor.sql",
            "-c", $"{clients}", "-j", $"{Math.Min(clients, 2)}", "-T", $"{(int)length.TotalSeconds}", "-l", $"--log-prefix={folder}/log", database);
        var cpu = Processes.CpuOfFamily(Id) - before;
        var times = Directory.GetFiles(folder, "log*").SelectMany(File.ReadLines)
            .Select(l => double.Parse(l.Split(' ')[2], CultureInfo.InvariantCulture) / 1000).Order().ToArray();
        Directory.Delete(folder, recursive: true);
        return new Run(
            times.Length, (int)length.TotalSeconds, times[times.Length / 2], times[(int)(times.Length * 0.99)], 0,
            cpu.TotalMicroseconds / times.Length);
    }

    public async ValueTask DisposeAsync()
    {
        await Do("pg_ctl", "-D", $"{_folder}/data", "-m", "immediate", "stop");
        Directory.Delete(_folder, recursive: true);
    }

    private static bool IsRoot => Environment.UserName == "root";

    private string PortText => Port.ToString(CultureInfo.InvariantCulture);

    // It refuses to run as root.
    private Task<string> Do(string program, params string[] arguments) =>
        Processes.Run([.. IsRoot ? ["runuser", "-u", Owner, "--"] : Array.Empty<string>(), Path.Combine(_programs, program), .. arguments]);
}
