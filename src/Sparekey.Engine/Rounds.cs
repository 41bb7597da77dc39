using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Telemetry;

namespace Sparekey.Engine;

/// <summary>
/// Work that is done again and again while the process lives. No fault ends it: a round that fails is logged, and the next one,
/// after the same pause, finds the same work.
/// </summary>
internal static partial class Rounds
{
    /// <summary>Runs rounds until the process stops; the one that is on its way may end by being cancelled.</summary>
    /// <param name="work">What the log calls it: <c>Housekeeping</c>.</param>
    /// <param name="round">One round.</param>
    /// <param name="pause">How long to wait after a round, whether it failed or not.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The log of whose work it is.</param>
    /// <param name="stoppingToken">The process stops.</param>
    public static async Task Run(
        string work, Func<CancellationToken, Task> round, TimeSpan pause, TimeProvider time, ILogger log, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            // What a round logs, and what it starts, is found together by its id, like what a request logs.
            using var scope = log.BeginScope(
                new Dictionary<string, object>(StringComparer.Ordinal) { ["correlation_id"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12)) });
            var (begun, outcome) = (time.GetTimestamp(), "failed");
            try
            {
                await round(stoppingToken);
                outcome = "done";
            }
            catch (StorageUnavailableException e)
            {
                outcome = "no_storage";
                LogStorage(log, e, work);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogBug(log, e, work);
            }

            Measures.RoundDuration.Record(
                time.GetElapsedTime(begun).TotalSeconds, new("work", work), new KeyValuePair<string, object?>("outcome", outcome));
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Says that storage cannot serve now.</summary>
    /// <param name="logger">The log.</param>
    /// <param name="exception">What storage says.</param>
    /// <param name="work">What waits for it.</param>
    [LoggerMessage(Level = LogLevel.Warning, Message = "{Work} waits for storage")]
    public static partial void LogStorage(ILogger logger, Exception exception, string work);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Work} failed")]
    private static partial void LogBug(ILogger logger, Exception exception, string work);
}
