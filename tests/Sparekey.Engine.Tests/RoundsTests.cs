using Microsoft.Extensions.Logging;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests;

public sealed class RoundsTests
{
    [Fact]
    public async Task A_round_that_fails_is_logged_in_the_words_of_the_documents_and_the_next_one_comes()
    {
        using var stop = new CancellationTokenSource();
        var log = new Lines();
        var rounds = 0;
        await Rounds.Run("Housekeeping", Round, TimeSpan.Zero, new FakeTimeProvider(), log, stop.Token);
        rounds.ShouldBe(3);
        log.Written.ShouldBe([(LogLevel.Warning, "Housekeeping waits for storage"), (LogLevel.Error, "Housekeeping failed")]);

        Task Round(CancellationToken stopping) => ++rounds switch
        {
            1 => throw new StorageUnavailableException("The disk is full.", new IOException()),
            2 => throw new InvalidOperationException("A fault of ours."),
            _ => stop.CancelAsync(),
        };
    }

    [Fact]
    public async Task What_a_round_logs_is_found_together_and_apart_from_the_next()
    {
        using var stop = new CancellationTokenSource();
        var log = new Lines();
        var rounds = 0;
        await Rounds.Run(
            "Housekeeping", _ => ++rounds == 2 ? stop.CancelAsync() : Task.CompletedTask, TimeSpan.Zero, new FakeTimeProvider(), log, stop.Token);
        log.Scopes.Select(s => (string)s["correlation_id"]).ShouldAllBe(id => id.Length == 24);
        log.Scopes.Select(s => s["correlation_id"]).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public async Task A_round_that_the_end_cancels_is_no_fault()
    {
        using var stop = new CancellationTokenSource();
        var log = new Lines();
        await Should.ThrowAsync<OperationCanceledException>(
            Rounds.Run("Mail", Round, TimeSpan.Zero, new FakeTimeProvider(), log, stop.Token));
        log.Written.ShouldBeEmpty();

        async Task Round(CancellationToken stopping)
        {
            await stop.CancelAsync();
            stopping.ThrowIfCancellationRequested();
        }
    }

    private sealed class Lines : ILogger
    {
        public List<(LogLevel Level, string Text)> Written { get; } = [];

        public List<Dictionary<string, object>> Scopes { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            Scopes.Add((Dictionary<string, object>)(object)state);
            return null;
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Add((logLevel, formatter(state, exception)));
    }
}
