using System.CommandLine;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;
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
        var common = new CommonOptions(data, tenant, json);
        var root = new RootCommand("Sparekey, an account-recovery server.") { data, tenant, json };
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
        catch (Exception e) when (e is UsageException or SettingsException or KeyRingException or MigrationException or DataDirectoryException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return ExitCode.Configuration;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or StorageUnavailableException or UnauthorizedAccessException)
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
internal sealed record CommonOptions(Option<string> Data, Option<string> Tenant, Option<bool> Json)
{
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
            await using var client = await LocalClient.Connect(
                parsed.GetValue(Data)!, parsed.GetValue(Tenant)!, cancellationToken);
            await run(parsed, client, parsed.GetValue(Json), cancellationToken);
            return ExitCode.Done;
        });
        return command;
    }
}
