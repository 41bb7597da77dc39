using System.CommandLine;
using System.Runtime.InteropServices;
using Sparekey.Server.Hosting;

namespace Sparekey.Server.Cli;

/// <summary><c>serve</c>: the server, until it is told to stop.</summary>
internal static class ServeCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="common">The options every command has.</param>
    public static Command Make(CommonOptions common)
    {
        var urls = new Option<string>("--urls")
        {
            Description = "Where to listen, separated by semicolons.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SPAREKEY_URLS") ?? "http://127.0.0.1:4800",
        };
        var command = new Command("serve", "Starts the server; makes the data directory, or the tables, when they are missing.") { urls };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var addresses = parsed.GetValue(urls)!.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            await using var server = await SparekeyServer.Start(
                common.Options(parsed, addresses), cancellationToken);
            await Console.Out.WriteLineAsync($"Sparekey listens on {string.Join(", ", addresses)}");
            if (File.Exists(server.Installation.Files.BootstrapTokenFile))
            {
                await Console.Out.WriteLineAsync($"The first access token is in {server.Installation.Files.BootstrapTokenFile}");
            }

            await UntilTold(server, cancellationToken);
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task UntilTold(SparekeyServer server, CancellationToken cancellationToken)
    {
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        await using var cancelled = cancellationToken.Register(() => told.TrySetResult());
        await using var stopping = server.App.Lifetime.ApplicationStopping.Register(() => told.TrySetResult());
        await told.Task;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            told.TrySetResult();
        }
    }
}
