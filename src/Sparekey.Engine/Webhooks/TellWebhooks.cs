using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Ledger;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Telemetry;

namespace Sparekey.Engine.Webhooks;

/// <summary>
/// Tells endpoints what the ledger says. Deliveries are made from the ledger, each entry once for each endpoint, and then sent: claimed
/// in one act, sent outside of any, settled in another. So an event is told at least once: if the process dies after the endpoint took
/// it and before the last act, it is told again once the claim has run out, under the same <c>webhook-id</c>, by which a receiver can
/// tell. Each endpoint has a lane of its own: one that is slow or down keeps no other waiting.
/// </summary>
public sealed partial class TellWebhooks : BackgroundService
{
    private const string Work = "Webhooks";
    private const int EntriesAtOnce = 200;
    private const int CallsAtOnce = 4;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // Longer than the egress takes for the slowest call, with its acts.
    private static readonly TimeSpan ClaimFor = TimeSpan.FromMinutes(2);

    private readonly Acts _acts;
    private readonly WebhookStore _store;
    private readonly DeliveryStore _deliveries;
    private readonly LedgerFeed _ledger;
    private readonly WebhookSecrets _secrets;
    private readonly LedgerSequencer _sequencer;
    private readonly Egress _egress;
    private readonly TimeProvider _time;
    private readonly ILogger<TellWebhooks> _log;
    private readonly ConcurrentDictionary<(TenantId, WebhookId), Task> _lanes = new();
    private readonly Lock _gate = new();

    internal TellWebhooks(
        Acts acts, WebhookStore store, DeliveryStore deliveries, LedgerFeed ledger, WebhookSecrets secrets, LedgerSequencer sequencer,
        Egress egress, TimeProvider time, ILogger<TellWebhooks> log)
    {
        _acts = acts;
        _store = store;
        _deliveries = deliveries;
        _ledger = ledger;
        _secrets = secrets;
        _sequencer = sequencer;
        _egress = egress;
        _time = time;
        _log = log;
    }

    /// <summary>Makes deliveries of everything that happened and tells everything that is due; waits until all lanes are empty.</summary>
    /// <param name="cancellationToken">Stops before the next call; those on their way are seen to their end.</param>
    public async Task RunOnce(CancellationToken cancellationToken)
    {
        // Twice: a lane that ran already may have looked before what the first round made was there.
        for (var round = 0; round < 2; round++)
        {
            await Start(cancellationToken);
            await Task.WhenAll(_lanes.Values);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Rounds.Run(Work, Start, Pause, _time, _log, stoppingToken);
        await Task.WhenAll(_lanes.Values).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task Start(CancellationToken cancellationToken)
    {
        foreach (var tenant in (await _acts.Read(db => db.List<string>("SELECT DISTINCT tenant_id FROM webhooks ORDER BY tenant_id"), cancellationToken))
            .Select(TenantId.Parse))
        {
            await _sequencer.Run(tenant, cancellationToken);
            foreach (var webhook in await _acts.Read(db => _store.List(db, tenant), cancellationToken))
            {
                await MakeDeliveries(tenant, webhook, cancellationToken);
                if (webhook.State == WebhookState.Active
                    && await _acts.Read(db => _deliveries.AnyDue(db, tenant, webhook.Id, _acts.Now), cancellationToken))
                {
                    StartLane(tenant, webhook.Id, cancellationToken);
                }
            }
        }
    }

    // If the process dies within, the endpoint's position stands where its deliveries do: none is missing and none is made twice.
    private async Task MakeDeliveries(TenantId tenant, Webhook webhook, CancellationToken cancellationToken)
    {
        var entries = await _acts.Read(db => _ledger.EntriesAfter(db, tenant, webhook.Position, EntriesAtOnce), cancellationToken);
        while (entries.Count > 0)
        {
            var last = entries[^1].Position;
            var batch = entries;
            var moved = await _acts.Write(
                tenant,
                async act =>
                {
                    if (await _store.Advance(act, webhook, last) == 0)
                    {
                        return false;
                    }

                    foreach (var (position, body) in batch)
                    {
                        foreach (var (type, message, text) in WebhookEvents.Of(body, position).Where(e => WebhookEvents.IsWanted(webhook.Events, e.Type)))
                        {
                            await _deliveries.Add(act, webhook.Id, position, type, message, text);
                        }
                    }

                    return true;
                },
                cancellationToken);
            if (!moved)
            {
                return;
            }

            webhook = webhook with { Position = last };
            entries = await _acts.Read(db => _ledger.EntriesAfter(db, tenant, last, EntriesAtOnce), cancellationToken);
        }
    }

    private void StartLane(TenantId tenant, WebhookId webhook, CancellationToken cancellationToken)
    {
        var lane = (tenant, webhook);
        lock (_gate)
        {
            if (!_lanes.TryGetValue(lane, out var running) || running.IsCompleted)
            {
                _lanes[lane] = Task.Run(() => Empty(tenant, webhook, cancellationToken), CancellationToken.None);
            }
        }
    }

    private async Task Empty(TenantId tenant, WebhookId id, CancellationToken cancellationToken)
    {
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                var claimed = await _acts.Write(tenant, act => Claim(act, id), cancellationToken);
                if (claimed is not { Deliveries.Count: > 0 })
                {
                    return;
                }

                await Task.WhenAll(claimed.Deliveries.Select(d => Tell(tenant, claimed, d, cancellationToken)));
            }
        }
        catch (StorageUnavailableException e)
        {
            Rounds.LogStorage(_log, e, Work);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogBug(_log, e, id);
        }
    }

    private sealed record Claimed(Webhook Webhook, SealedSecrets Secrets, IReadOnlyList<WebhookDelivery> Deliveries);

    private async Task<Claimed?> Claim(Act act, WebhookId id) =>
        await _store.Find(act.Db, act.Tenant, id) is { State: WebhookState.Active } webhook
        && await _store.Secrets(act.Db, act.Tenant, id) is { } secrets
            ? new Claimed(webhook, secrets, await _deliveries.Claim(act, id, act.Now + ClaimFor, CallsAtOnce))
            : null;

    private async Task Tell(TenantId tenant, Claimed claimed, WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            await _acts.Write(tenant, act => _deliveries.Release(act, delivery), CancellationToken.None);
            return;
        }

        using var span = Measures.Delivery("deliver webhook");
        span?.SetTag("sparekey.webhook", claimed.Webhook.Id.ToString()).SetTag("sparekey.attempt", delivery.Attempts + 1);
        var (status, fault, asked) = await Call(tenant, claimed, delivery);
        Measures.Delivered(span, "webhook", fault ?? (status is >= 200 and < 300 ? "sent" : "failed"), status);

        // If the process dies before this act, the event is told again: see the class.
        await _acts.Write(tenant, act => Settle(act, delivery with { Status = status, Fault = fault }, asked), CancellationToken.None);
    }

    private async Task<(int? Status, string? Fault, TimeSpan? Asked)> Call(TenantId tenant, Claimed claimed, WebhookDelivery delivery)
    {
        try
        {
            var now = _acts.Now;
            using var request = new HttpRequestMessage(HttpMethod.Post, claimed.Webhook.Url)
            {
                Content = new StringContent(delivery.Body, Encoding.UTF8, "application/json"),
            };
            request.Headers.UserAgent.ParseAdd("Sparekey");
            _secrets.Sign(request, tenant, claimed.Webhook.Id, claimed.Secrets.At(now), delivery.MessageId, now, delivery.Body);
            using var response = await _egress.Client.SendAsync(request, CancellationToken.None);
            return ((int)response.StatusCode, null, StandardWebhooks.RetryAfter(response, now));
        }
        catch (HttpRequestException)
        {
            return (null, "unreachable", null);
        }
        catch (OperationCanceledException)
        {
            return (null, "timed_out", null);
        }
        catch (SealBrokenException)
        {
            return (null, "secret_lost", null);
        }
    }

    private async Task<bool> Settle(Act act, WebhookDelivery tried, TimeSpan? asked)
    {
        var attempts = tried.Attempts + 1;
        var taken = tried.Status is >= 200 and < 300;
        var next = taken ? null : WebhookRetries.Next(attempts, asked, act.Now);
        var settled = await _deliveries.Settle(act, tried with
        {
            Attempts = attempts,
            State = taken ? DeliveryState.Delivered : next is null ? DeliveryState.Dead : DeliveryState.Waiting,
            DueAt = next,
        });
        if (settled == 1 && tried.Status == (int)HttpStatusCode.Gone
            && await _store.Find(act.Db, act.Tenant, tried.Webhook) is { State: WebhookState.Active } webhook)
        {
            await _store.Update(act, webhook with { State = WebhookState.Gone, Version = webhook.Version + 1 });
            await act.Record(new LedgerEntry(LedgerEvent.WebhookGone, Principal.System)
            {
                Facts = new Dictionary<string, object?>(StringComparer.Ordinal) { ["webhook"] = webhook.Id.ToString() },
            });
        }

        return taken;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The webhook {Webhook} could not be told")]
    private static partial void LogBug(ILogger logger, Exception exception, WebhookId webhook);
}
