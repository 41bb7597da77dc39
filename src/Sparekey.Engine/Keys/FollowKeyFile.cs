using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Sparekey.Engine.Keys;

/// <summary>
/// Takes up what changes in the key file while the process runs, and tells the other processes which keys this one holds. A file that says
/// something impossible changes nothing: the ring stays as it is, and the log says so until the file is right.
/// </summary>
/// <param name="file">The key file.</param>
/// <param name="keys">The ring in use.</param>
/// <param name="processes">Where it is told.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
public sealed partial class FollowKeyFile(
    KeyRingFile file, KeyRing keys, LiveProcesses processes, TimeProvider time, ILogger<FollowKeyFile> log) : BackgroundService
{
    /// <summary>How long a change takes to be noticed, at most.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>Tells who is there before anything is served, and reads the file once more after it: a key added meanwhile is not missed.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="KeyRingException">The key in force is not in the file.</exception>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await processes.Report(cancellationToken);
        file.Reload(keys);
        await processes.Report(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await processes.Leave(cancellationToken);
        }
        catch (Storage.StorageUnavailableException e)
        {
            Rounds.LogStorage(log, e, "Key file"); // It counts as alive for a while.
        }
    }

    /// <summary>One look at the file.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task RunOnce(CancellationToken cancellationToken)
    {
        try
        {
            file.Reload(keys);
        }
        catch (KeyRingException e)
        {
            LogFile(log, e);
        }

        await processes.Report(cancellationToken);
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.Run("Key file", RunOnce, Pause, time, log, stoppingToken);

    [LoggerMessage(Level = LogLevel.Error, Message = "The key file cannot be taken up; the keys stay as they are")]
    private static partial void LogFile(ILogger logger, Exception exception);
}
