using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Npgsql;

namespace Sparekey.Testing;

/// <summary>
/// A PostgreSQL of this process alone, in a directory of its own, on a socket there and on a port of the loopback. It ends with the process, and
/// its directory goes with it, even when the process is killed: a shell waits for the pipe to this process to close, and clears up then.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string Root = "postgres";

    // Who serves may not be a superuser: those are held by no revoked right, and the ledger is append-only by one.
    private const string Owner = "sparekey";

    // A file system in memory. What is made and removed a thousand times costs a disk's file system more than all else that the tests do.
    private const string Memory = "/dev/shm";
    private const long Room = 4L << 30;

    private static readonly Lazy<Task<PostgresServer>> TheOne = new(() => Start(durable: false));
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process _watchdog;
    private readonly string _password = RandomNumberGenerator.GetHexString(32);
    private readonly bool _durable;
    private int _databases;

    private PostgresServer(string folder, bool durable, Process watchdog)
    {
        Folder = folder;
        _durable = durable;
        _watchdog = watchdog;
    }

    /// <summary>The server that the tests of this process share, started when it is first asked for. Its data are in memory where there is room.</summary>
    public static Task<PostgresServer> Shared => TheOne.Value;

    /// <summary>The programs of PostgreSQL: the newest that Debian's package left, or those on the PATH.</summary>
    public static string Programs { get; } = FindPrograms();

    /// <summary>Its directory: the socket, the log, and the data in <c>data</c>.</summary>
    public string Folder { get; }

    /// <summary>Its port on the loopback; it stays the same over a restart.</summary>
    public int Port { get; private set; }

    /// <summary>What it logged.</summary>
    public string Log => File.ReadAllText(LogFile);

    private string Data => Path.Combine(Folder, "data");

    private string LogFile => Path.Combine(Folder, "log");

    /// <summary>Starts one.</summary>
    /// <param name="durable">Whether a commit is on the disk when it returns, as in earnest; otherwise it is faster.</param>
    /// <param name="settings">Lines of <c>postgresql.conf</c> that come last.</param>
    public static async Task<PostgresServer> Start(bool durable, params string[] settings)
    {
        var folder = NewFolder(durable);
        if (Environment.IsPrivilegedProcess)
        {
            await Run("chown", Root, folder);
        }

        // The watchdog comes first: whenever this process dies, nothing stays.
        var watchdog = Begin("sh", input: true, "-c", "trap '' HUP INT TERM; exec >/dev/null 2>&1; cat; \"$0/pg_ctl\" -D \"$1/data\" -m immediate -w stop; rm -rf \"$1\"", Programs, folder);
        var server = new PostgresServer(folder, durable, watchdog);
        try
        {
            await server.Make(settings);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }

        return server;
    }

    /// <summary>Makes a database, owned by the role that its connection string names.</summary>
    /// <param name="template">The connection string of a database to copy; nobody may be connected to that one.</param>
    /// <returns>Its connection string.</returns>
    public async Task<string> CreateDatabase(string? template = null)
    {
        var name = $"test{Interlocked.Increment(ref _databases)}";
        var source = template is null ? "template1" : new NpgsqlConnectionStringBuilder(template).Database;
        await Execute($"CREATE DATABASE {name} OWNER {Owner} TEMPLATE {source} STRATEGY {(_durable ? "WAL_LOG" : "FILE_COPY")}");
        return ConnectionString(name, Owner);
    }

    /// <summary>Removes a database, and whoever is connected to it. A closed pool is not needed for that.</summary>
    /// <param name="connectionString">Its connection string.</param>
    public Task DropDatabase(string connectionString) =>
        Execute($"DROP DATABASE IF EXISTS {new NpgsqlConnectionStringBuilder(connectionString).Database} WITH (FORCE)");

    /// <summary>Runs a statement as superuser.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="database">The connection string of the database to run it in; none is the server's own.</param>
    public async Task Execute(string sql, string? database = null)
    {
        await using var connection = new NpgsqlConnection(
            ConnectionString(database is null ? Root : new NpgsqlConnectionStringBuilder(database).Database!, Root));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The files of a database, with everything on disk that was written until now.</summary>
    /// <param name="connectionString">Its connection string.</param>
    public async Task<IReadOnlyList<string>> Files(string connectionString)
    {
        await using var connection = new NpgsqlConnection(ConnectionString(Root, Root));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("CHECKPOINT", connection);
        await command.ExecuteNonQueryAsync();
        command.CommandText = "SELECT oid::text FROM pg_database WHERE datname = $1";
        command.Parameters.Add(new NpgsqlParameter { Value = new NpgsqlConnectionStringBuilder(connectionString).Database });
        return Directory.GetFiles(Path.Combine(Data, "base", (string)(await command.ExecuteScalarAsync())!));
    }

    /// <summary>A database reached over the socket, as a bench does it: without the loopback's cost.</summary>
    /// <param name="connectionString">Its connection string.</param>
    public string OverSocket(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { Host = Folder }.ConnectionString;

    /// <summary>Starts it again after <see cref="Stop"/> or <see cref="Kill"/>, and waits until it answers.</summary>
    public async Task Start()
    {
        try
        {
            await Run("pg_ctl", "-D", Data, "-l", LogFile, "-w", "-t", "60", "start");
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidOperationException($"{e.Message} Its log:\n{(File.Exists(LogFile) ? Log : "none")}", e);
        }
    }

    /// <summary>Stops it as an operator would: whoever is connected is cut off, and what was committed is on the disk.</summary>
    public Task Stop() => Run("pg_ctl", "-D", Data, "-m", "fast", "-w", "stop");

    /// <summary>Lets it die where it stands: the next start has to recover.</summary>
    public Task Kill() => Run("pg_ctl", "-D", Data, "-m", "immediate", "-w", "stop");

    /// <summary>Stops and starts it.</summary>
    public async Task Restart()
    {
        await Stop();
        await Start();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _watchdog.StandardInput.Close();
        using var patience = new CancellationTokenSource(Patience);
        await _watchdog.WaitForExitAsync(patience.Token);
        _watchdog.Dispose();
    }

    private async Task Make(string[] settings)
    {
        var passwordFile = Path.Combine(Folder, "password");
        await File.WriteAllTextAsync(passwordFile, _password);
        if (Environment.IsPrivilegedProcess)
        {
            await Run("chown", Root, passwordFile);
        }

        await Run("initdb", "-D", Data, "-U", Root, "-A", "scram-sha-256", "--pwfile", passwordFile, "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync");
        File.Delete(passwordFile);
        var on = _durable ? "on" : "off";
        string[] own =
        [
            "listen_addresses = '127.0.0.1'", $"unix_socket_directories = '{Folder}'", "max_connections = 200", "shared_buffers = 64MB",
            $"fsync = {on}", $"synchronous_commit = {on}", $"full_page_writes = {on}", $"autovacuum = {on}",
            .. _durable ? [] : (string[])["wal_level = minimal", "max_wal_senders = 0", "max_wal_size = 256MB"],
        ];
        var file = Path.Combine(Data, "postgresql.conf");
        await File.AppendAllLinesAsync(file, [.. own, .. settings]);

        // A free port may be taken before the server has it.
        for (var tries = 1; ; tries++)
        {
            Port = FreePort.Next();
            await File.AppendAllLinesAsync(file, [$"port = {Port}"]);
            try
            {
                await Start();
                break;
            }
            catch (InvalidOperationException) when (tries < 5)
            {
            }
        }

        await Execute($"CREATE ROLE {Owner} LOGIN PASSWORD '{_password}'");
    }

    private static string NewFolder(bool durable)
    {
        if (durable || !Directory.Exists(Memory) || new DriveInfo(Memory).AvailableFreeSpace < Room)
        {
            return Directory.CreateTempSubdirectory("sparekey-pg-").FullName;
        }

        var folder = Path.Combine(Memory, $"sparekey-pg-{RandomNumberGenerator.GetHexString(12, lowercase: true)}");
        return Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
    }

    private string ConnectionString(string database, string role) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1", Port = Port, Database = database, Username = role, Password = _password, Pooling = role != Root,
    }.ConnectionString;

    private static string FindPrograms()
    {
        var debian = Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql") : [];
        var candidates = debian
            .OrderByDescending(d => double.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var version) ? version : 0)
            .Select(d => Path.Combine(d, "bin"))
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries));
        return candidates.FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
            ?? throw new InvalidOperationException("The tests need PostgreSQL's server: install Debian's package 'postgresql'.");
    }

    private static async Task Run(string program, params string[] args)
    {
        using var process = Begin(program, input: false, args);
        using var patience = new CancellationTokenSource(Patience);
        await process.WaitForExitAsync(patience.Token);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} ended with {process.ExitCode}.");
        }
    }

    // PostgreSQL refuses root.
    private static Process Begin(string program, bool input, params string[] args)
    {
        var file = Path.Combine(Programs, program) is var own && File.Exists(own) ? own : program;
        string[] command = Environment.IsPrivilegedProcess && program != "chown"
            ? ["setpriv", $"--reuid={Root}", $"--regid={Root}", "--init-groups", file, .. args]
            : [file, .. args];
        return Process.Start(new ProcessStartInfo("sh", ["-c", input ? "exec \"$@\"" : "exec \"$@\" >/dev/null", "sh", .. command])
        {
            WorkingDirectory = "/", RedirectStandardInput = input, UseShellExecute = false,
        }) ?? throw new InvalidOperationException($"{program} did not start.");
    }
}
