using System.CommandLine;
using System.Net.Sockets;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Storage.Moving;
using Sparekey.Engine.Storage.Postgres;
using Sparekey.Server.Hosting;

namespace Sparekey.Server.Cli;

/// <summary>The command line: the server itself, and what an operator does from the machine it runs on.</summary>
internal static class CommandLine
{
    /// <summary>Where a data directory is when nobody says.</summary>
    private const string DefaultData = "sparekey-data";

    // Longer than the host gives its parts (30 seconds): requests end, mail on its way is seen to its end, the log goes into the file.
    private static readonly TimeSpan LongestShutdown = TimeSpan.FromSeconds(40);

    /// <summary>Runs a command line.</summary>
    /// <param name="args">The arguments.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> Run(string[] args)
    {
        var data = new Option<string>("--data")
        {
            Description = "The data directory (database, key ring, socket).",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SPAREKEY_DATA") ?? DefaultData,
            Recursive = true,
        };
        var tenant = new Option<string>("--tenant") { Description = "The tenant to act in.", DefaultValueFactory = _ => "default", Recursive = true };
        var json = new Option<bool>("--json") { Description = "Answer in JSON, for machines.", Recursive = true };
        var database = new Option<string?>("--database")
        {
            Description = "The PostgreSQL database, instead of a data directory: Host=…;Database=…;Username=… (also SPAREKEY_DATABASE).",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SPAREKEY_DATABASE"),
            Recursive = true,
        };
        var keys = new Option<string?>("--keys")
        {
            Description = "The key file, with --database (also SPAREKEY_KEYS).",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SPAREKEY_KEYS"),
            Recursive = true,
        };
        var config = new Option<string?>("--config")
        {
            Description = "The settings, with --database (also SPAREKEY_CONFIG).",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SPAREKEY_CONFIG"),
            Recursive = true,
        };
        var common = new CommonOptions(data, tenant, json, database, keys, config);
        var root = new RootCommand("Sparekey, an account-recovery server.") { data, database, keys, config, tenant, json };
        root.Add(ServeCommand.Make(common));
        TenantCommands.AddTo(root, common);
        TokenCommands.AddTo(root, common);
        AccountCommands.AddTo(root, common);
        ApplicationCommands.AddTo(root, common);
        RecoverCommands.AddTo(root, common);
        PolicyCommands.AddTo(root, common);
        LedgerCommands.AddTo(root, common);
        IncidentCommands.AddTo(root, common);
        LoginIdCommands.AddTo(root, common);
        KratosCommands.AddTo(root, common);
        OperationsCommands.AddTo(root, common);
        root.Add(MigrateCommand.Make(common));
        MessageCommands.AddTo(root, common);
        SlackCommands.AddTo(root, common);
        CompanionCommands.AddTo(root, common);
        EscrowCommands.AddTo(root, common);
        DfnsCommands.AddTo(root, common);
        PassboltCommands.AddTo(root, common);
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is System.CommandLine.Invocation.ParseErrorAction)
        {
            await parsed.InvokeAsync(new InvocationConfiguration { Output = Console.Error });
            return ExitCode.Usage;
        }

        return await Guarded(() => parsed.InvokeAsync(
            new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = LongestShutdown }));
    }

    private static async Task<int> Guarded(Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (RefusedException e)
        {
            await Console.Error.WriteLineAsync(e.Describe());
            return ExitCode.Refused;
        }
        catch (Exception e) when (e is UsageException or SettingsException or KeyRingException or MigrationException or DataDirectoryException
            or MoveException or PostgresConnectionException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ExitCode.Configuration;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException or StorageUnavailableException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ExitCode.Unavailable;
        }
    }
}

/// <summary>The options every command has.</summary>
/// <param name="Data">The data directory.</param>
/// <param name="Tenant">The tenant.</param>
/// <param name="Json">Whether a machine reads the answer.</param>
/// <param name="Database">The database that other processes use too.</param>
/// <param name="Keys">The key file beside it.</param>
/// <param name="Config">The settings beside it.</param>
internal sealed record CommonOptions(
    Option<string> Data, Option<string> Tenant, Option<bool> Json, Option<string?> Database, Option<string?> Keys, Option<string?> Config)
{
    /// <summary>Reads the settings of the installation that a line names.</summary>
    /// <param name="parsed">The line.</param>
    /// <param name="urls">Where to listen.</param>
    /// <exception cref="SettingsException">A setting says something impossible, or <c>--database</c> has no <c>--keys</c>.</exception>
    /// <exception cref="PostgresConnectionException">The connection string is none.</exception>
    public ServerOptions Options(ParseResult parsed, IReadOnlyList<string> urls)
    {
        if (parsed.GetValue(Database) is not { Length: > 0 } database)
        {
            return ServerOptions.Read(parsed.GetValue(Data)!, urls);
        }

        return parsed.GetValue(Keys) is { Length: > 0 } keys
            ? ServerOptions.Read("", urls, new SharedPlace(PostgresConnections.Parse(database), keys, parsed.GetValue(Config)))
            : throw new SettingsException("--database needs --keys FILE: the key file, the same on every host.");
    }

    /// <summary>Connects to the installation that a line names, as the local operator.</summary>
    /// <param name="parsed">The line.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<LocalClient> Connect(ParseResult parsed, CancellationToken cancellationToken) =>
        LocalClient.Connect(() => Options(parsed, []), parsed.GetValue(Database) is { Length: > 0 } ? null : parsed.GetValue(Data)!, parsed.GetValue(Tenant)!, cancellationToken);

    /// <summary>Makes a command that talks to the server.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="run">Its work: gets the parsed line, the client, and whether a machine reads the answer.</param>
    /// <param name="symbols">Its arguments and options.</param>
    public Command Command(
        string name, string description, Func<ParseResult, LocalClient, bool, CancellationToken, Task> run, params Symbol[] symbols)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
            {
                command.Add(argument);
            }
            else
            {
                command.Add((Option)symbol);
            }
        }

        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var client = await Connect(parsed, cancellationToken);
            await run(parsed, client, parsed.GetValue(Json), cancellationToken);
            return ExitCode.Done;
        });
        return command;
    }
}
