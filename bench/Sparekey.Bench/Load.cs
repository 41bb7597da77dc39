using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Sparekey.Bench;

/// <summary>What is asked of a server again and again.</summary>
internal abstract class Operation
{
    /// <summary>What it is called.</summary>
    public abstract string Name { get; }

    /// <summary>The status of its success.</summary>
    public abstract int Status { get; }

    /// <summary>Makes what so many requests use up; nothing where they use nothing up.</summary>
    /// <param name="count">How many.</param>
    public virtual Task Stock(int count) => Task.CompletedTask;

    /// <summary>The next request; null when what they use up is used up.</summary>
    /// <param name="client">Which client sends it.</param>
    public abstract byte[]? Next(int client);

    /// <summary>Keeps what later operations need of an answer.</summary>
    /// <param name="answer">The answer.</param>
    public virtual void Keep(Answer answer)
    {
    }
}

/// <summary>What a run measured.</summary>
/// <param name="Count">How many requests were answered.</param>
/// <param name="Seconds">In which time.</param>
/// <param name="P50">The median, in milliseconds.</param>
/// <param name="P99">The 99th percentile, in milliseconds.</param>
/// <param name="ServerCpu">Processor time of the server for one request, in microseconds.</param>
/// <param name="DatabaseCpu">The same of the database; zero where there is none beside the server.</param>
internal sealed record Run(int Count, double Seconds, double P50, double P99, double ServerCpu, double DatabaseCpu)
{
    /// <summary>Requests a second.</summary>
    public double Rate => Count / Seconds;
}

/// <summary>Sends requests over connections of its own, and measures them.</summary>
/// <param name="port">The server's port.</param>
/// <param name="cpu">Processor time that server and database used so far.</param>
internal sealed partial class Load(int port, Func<(TimeSpan Server, TimeSpan Database)> cpu)
{
    /// <summary>Every client sends its next request as soon as the former was answered.</summary>
    /// <param name="operation">What is sent.</param>
    /// <param name="clients">How many clients.</param>
    /// <param name="length">How long.</param>
    public async Task<Run> Closed(Operation operation, int clients, TimeSpan length)
    {
        var connections = await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Connection.Open(port)));
        var (stop, began, before) = (0, Stopwatch.GetTimestamp(), cpu());
        var all = await Task.WhenAll(connections.Select((connection, client) => Task.Run(async () =>
        {
            var times = new List<long>(4096);
            while (Volatile.Read(ref stop) == 0 && operation.Next(client) is { } request)
            {
                var sent = Stopwatch.GetTimestamp();
                Check(operation, await connection.Send(request));
                times.Add(Stopwatch.GetTimestamp() - sent);
                if (Stopwatch.GetElapsedTime(began) >= length)
                {
                    Volatile.Write(ref stop, 1);
                }
            }

            // Where the requests are used up nobody else goes on alone.
            Volatile.Write(ref stop, 1);
            connection.Dispose();
            return times;
        })));
        return Result(all.SelectMany(t => t), Stopwatch.GetElapsedTime(began), before);
    }

    /// <summary>
    /// Requests come at times that do not depend on answers, and are late from then on: who waits for a free connection waits too.
    /// </summary>
    /// <param name="operation">What is sent.</param>
    /// <param name="connections">Over how many connections.</param>
    /// <param name="rate">How many a second.</param>
    /// <param name="length">How long.</param>
    public async Task<Run> Open(Operation operation, int connections, double rate, TimeSpan length)
    {
        var due = Channel.CreateUnbounded<long>(new UnboundedChannelOptions { SingleWriter = true });
        var opened = await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Connection.Open(port)));
        var times = new ConcurrentBag<long>();
        var (began, before) = (Stopwatch.GetTimestamp(), cpu());
        var workers = opened.Select((connection, client) => Task.Run(async () =>
        {
            await foreach (var at in due.Reader.ReadAllAsync())
            {
                if (operation.Next(client) is not { } request)
                {
                    return;
                }

                Check(operation, await connection.Send(request));
                times.Add(Stopwatch.GetTimestamp() - at);
            }
        })).ToArray();
        var clock = new Thread(() =>
        {
            var total = (long)(rate * length.TotalSeconds);
            for (long i = 0; i < total;)
            {
                for (var now = Stopwatch.GetTimestamp(); i < total && began + (long)(i / rate * Stopwatch.Frequency) <= now; i++)
                {
                    due.Writer.TryWrite(began + (long)(i / rate * Stopwatch.Frequency));
                }

                // Shorter than timers of the runtime, whose millisecond would be in every time that is measured.
                _ = Sleep(100);
            }

            due.Writer.Complete();
        }) { IsBackground = true, Name = "arrivals" };
        clock.Start();
        await Task.WhenAll(workers);
        var run = Result(times, Stopwatch.GetElapsedTime(began), before);
        foreach (var connection in opened)
        {
            connection.Dispose();
        }

        return run;
    }

    private Run Result(IEnumerable<long> ticks, TimeSpan took, (TimeSpan Server, TimeSpan Database) before)
    {
        var after = cpu();
        var sorted = ticks.Select(t => t * 1000.0 / Stopwatch.Frequency).Order().ToArray();
        return sorted.Length == 0
            ? throw new InvalidOperationException("Nothing was answered.")
            : new Run(
                sorted.Length, took.TotalSeconds, At(0.5), At(0.99),
                (after.Server - before.Server).TotalMicroseconds / sorted.Length,
                (after.Database - before.Database).TotalMicroseconds / sorted.Length);

        double At(double q) => sorted[Math.Clamp((int)Math.Ceiling(q * sorted.Length) - 1, 0, sorted.Length - 1)];
    }

    private static void Check(Operation operation, Answer answer)
    {
        if (answer.Status != operation.Status)
        {
            throw new InvalidOperationException($"{operation.Name}: {answer.Status} instead of {operation.Status}: {answer.Text}");
        }

        operation.Keep(answer);
    }

    [LibraryImport("libc", EntryPoint = "usleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Sleep(uint microseconds);
}
