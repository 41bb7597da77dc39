using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>
/// Answers by itself what is ready and whose organisation key the server holds. Several processes may do so: the recovery is completed by a
/// guarded write that one of them wins. What cannot be answered is tried again, more and more rarely, and the ledger says once why.
/// </summary>
public sealed partial class AnswerReadyEscrows : BackgroundService
{
    private const int AtOnce = 20;
    private const int MostRemembered = 1000;
    private const string Failed = "failed";

    private static readonly string Closed = WireName.Of(RefusalCode.RecoveryClosed);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    private readonly Acts _acts;
    private readonly EscrowRequestStore _requests;
    private readonly CompleteEscrow _complete;
    private readonly IReadOnlyList<IEscrowKeySource> _sources;
    private readonly EscrowKeyOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<AnswerReadyEscrows> _log;
    private readonly Dictionary<EscrowRequestId, Failure> _failures = [];

    internal AnswerReadyEscrows(
        Acts acts, EscrowRequestStore requests, CompleteEscrow complete, IEnumerable<IEscrowKeySource> sources, EscrowKeyOptions options,
        TimeProvider time, ILogger<AnswerReadyEscrows> log)
    {
        _acts = acts;
        _requests = requests;
        _complete = complete;
        _sources = [.. sources];
        _options = options;
        _time = time;
        _log = log;
    }

    /// <summary>One round over all tenants.</summary>
    /// <param name="cancellationToken">Stops between two answers.</param>
    /// <returns>How many were answered.</returns>
    public async Task<int> RunOnce(CancellationToken cancellationToken)
    {
        if (!OpenPgpLibrary.IsAvailable)
        {
            return 0;
        }

        var answered = 0;
        foreach (var name in await _acts.Read(db => db.List<string>("SELECT id FROM tenants ORDER BY id"), cancellationToken))
        {
            var tenant = TenantId.Parse(name);
            foreach (var source in _sources.Where(s => s.IsHeld(tenant)))
            {
                foreach (var request in await Due(tenant, source.Origin, cancellationToken))
                {
                    answered += await Answer(tenant, request, cancellationToken) ? 1 : 0;
                }
            }
        }

        return answered;
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.Run("Answering of escrow requests", RunOnce, _options.Every, _time, _log, stoppingToken);

    // Past what failed lately: however many those are, they keep nobody else waiting.
    private async Task<IReadOnlyList<StoredEscrowRequest>> Due(TenantId tenant, EscrowOrigin origin, CancellationToken cancellationToken)
    {
        var due = new List<StoredEscrowRequest>();
        IReadOnlyList<StoredEscrowRequest> page;
        EscrowRequest? after = null;
        do
        {
            var last = after;
            page = await _acts.Read(db => _requests.Ready(db, tenant, origin, last, AtOnce), cancellationToken);
            due.AddRange(page.Where(MayTry));
            after = page.Count == AtOnce ? page[^1].Request : null;
        }
        while (after is not null && due.Count < AtOnce);
        return due;
    }

    // A clock that is set back does not make it wait for longer than ever.
    private bool MayTry(StoredEscrowRequest request) => !_failures.TryGetValue(request.Id, out var failed) || failed.Until <= _acts.Now
        || failed.Until - _acts.Now > LongestPause;

    private async Task<bool> Answer(TenantId tenant, StoredEscrowRequest request, CancellationToken cancellationToken)
    {
        var completed = await Complete(tenant, request, cancellationToken);
        if (completed is not { } refused)
        {
            _failures.Remove(request.Id);
            return true;
        }

        // Somebody else answered it meanwhile, or it was cancelled.
        if (refused.Rule == Closed)
        {
            _failures.Remove(request.Id);
            return false;
        }

        var (rule, detail) = refused;
        var former = _failures.GetValueOrDefault(request.Id);
        var pause = former is null ? TimeSpan.FromSeconds(5) : former.Pause * 2;
        pause = pause < LongestPause ? pause : LongestPause;
        if (_failures.Count > MostRemembered)
        {
            _failures.Clear();
        }

        _failures[request.Id] = new Failure(rule, pause, _acts.Now + pause);
        if (former?.Rule != rule)
        {
            LogRefused(_log, request.Request.Recovery, rule, detail);
            await _acts.Write(tenant, act => Record(act, request, rule), cancellationToken);
        }

        return false;
    }

    // Why it was not answered; null where it was. A fault with one request is no reason to leave the others waiting.
    [SuppressMessage("Design", "CA1031", Justification = "It is logged, and the request is tried again.")]
    private async Task<(string Rule, string? Detail)?> Complete(TenantId tenant, StoredEscrowRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return (await _complete.ByItself(tenant, request, cancellationToken)).Refusal is { } refusal
                ? (refusal.Faults is [{ Rule: { } known }, ..] ? known : WireName.Of(refusal.Code), refusal.Detail)
                : null;
        }
        catch (Exception e) when (e is not StorageUnavailableException && !cancellationToken.IsCancellationRequested)
        {
            LogFailed(_log, e, request.Request.Recovery);
            return (Failed, null);
        }
    }

    private static async Task<bool> Record(Act act, StoredEscrowRequest request, string rule)
    {
        await act.Record(new LedgerEntry(LedgerEvent.EscrowAnswerRefused, Principal.System, request.Request.Account, request.Request.Recovery)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal) { ["request"] = request.Id.ToString(), ["rule"] = rule },
        });
        return true;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The escrow request of recovery {Recovery} cannot be answered: {Rule}. {Detail}")]
    private static partial void LogRefused(ILogger logger, RecoveryId recovery, string rule, string? detail);

    [LoggerMessage(Level = LogLevel.Error, Message = "Answering the escrow request of recovery {Recovery} failed")]
    private static partial void LogFailed(ILogger logger, Exception exception, RecoveryId recovery);

    private sealed record Failure(string Rule, TimeSpan Pause, DateTimeOffset Until);
}
