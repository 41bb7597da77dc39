using System.CommandLine;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Storage.Moving;
using Sparekey.Engine.Storage.Postgres;
using Spectre.Console;

namespace Sparekey.Server.Cli;

/// <summary><c>migrate</c>: moves an embedded installation into a database server.</summary>
internal static class MigrateCommand
{
    private const string Sqlite = "sqlite:";
    private const string Postgres = "postgres:";

    /// <summary>Makes the command.</summary>
    /// <param name="common">The options every command has.</param>
    public static Command Make(CommonOptions common)
    {
        var from = new Option<string>("--from") { Description = "The installation to move: sqlite:DIR, its data directory.", Required = true };
        var to = new Option<string?>("--to") { Description = "The fresh database: postgres:CONNECTION, as Npgsql takes it." };
        var cancel = new Option<bool>("--cancel") { Description = "Take back a move that is not done: the old installation can be served again." };
        var command = new Command("migrate", "Moves an installation that is not served into a fresh database.") { from, to, cancel };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var folder = Without(Sqlite, parsed.GetValue(from), "--from");
            using var directory = OpenExisting(folder);
            await using var old = SqliteDatabase.Open(directory.DatabaseFile, NullLogger.Instance);
            if (parsed.GetValue(cancel))
            {
                var was = await MoveInstallation.Cancel(old, cancellationToken);
                Output.One(new JsonObject { ["cancelled"] = was }, parsed.GetValue(common.Json));
                return ExitCode.Done;
            }

            var connections = PostgresConnections.Parse(Without(Postgres, parsed.GetValue(to), "--to"));
            var file = parsed.GetValue(common.Keys) ?? throw new UsageException("--keys FILE is missing: the key ring goes there, for every host of the new installation.");
            await using var database = PostgresDatabase.Open(connections, NullLogger.Instance);
            var outcome = await Move(directory, old, database, Path.GetFullPath(file), parsed.GetValue(common.Json), cancellationToken);
            Output.One(
                new JsonObject { ["tables"] = outcome.Tables, ["rows"] = outcome.Rows, ["verified"] = true, ["was_done"] = outcome.WasDone, ["keys"] = Path.GetFullPath(file) },
                parsed.GetValue(common.Json));
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<MoveOutcome> Move(
        DataDirectory directory, Database old, Database database, string keys, bool json, CancellationToken cancellationToken)
    {
        foreach (var one in new[] { old, database })
        {
            await new Migrator(one.Dialect, TimeProvider.System).Apply(one, cancellationToken);
        }

        await MovedKeys.Give(old, directory.KeyRingFile, keys, cancellationToken);
        var move = new MoveInstallation(old, database);
        return json
            ? await move.Run(new Shown(_ => { }), cancellationToken)
            : await AnsiConsole.Progress().Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
                .StartAsync(async progress =>
                {
                    var (copy, verify) = (progress.AddTask("copying"), progress.AddTask("comparing", autoStart: false));
                    var outcome = await move.Run(new Shown(at => Show(at.Verifies ? verify : copy, at)), cancellationToken);
                    foreach (var bar in new[] { copy, verify })
                    {
                        bar.Value(bar.MaxValue).StopTask();
                    }

                    return outcome;
                });
    }

    private static void Show(ProgressTask bar, MoveProgress at)
    {
        if (!bar.IsStarted)
        {
            bar.StartTask();
        }

        bar.MaxValue(Math.Max(1, at.Total)).Value(at.Rows);
        bar.Description = $"{(at.Verifies ? "comparing" : "copying")} {at.Table}";
    }

    // A directory that is made by opening it would be an empty installation.
    private static DataDirectory OpenExisting(string folder) =>
        File.Exists(Path.Combine(folder, "sparekey.db"))
            ? DataDirectory.Open(folder)
            : throw new DataDirectoryException($"{Path.GetFullPath(folder)} holds no installation.");

    private static string Without(string scheme, string? value, string option) =>
        value?.StartsWith(scheme, StringComparison.Ordinal) == true && value.Length > scheme.Length
            ? value[scheme.Length..]
            : throw new UsageException($"{option} begins with {scheme}");

    /// <summary>Shows at once: <see cref="Progress{T}"/> would do so later and out of order.</summary>
    private sealed class Shown(Action<MoveProgress> show) : IProgress<MoveProgress>
    {
        public void Report(MoveProgress value) => show(value);
    }
}
