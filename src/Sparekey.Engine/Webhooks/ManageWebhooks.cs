using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Ledger;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Webhooks;

/// <summary>
/// Makes, reads, changes, tries and deletes the endpoints that are told what happens. Whoever makes one hears of every account, so the
/// caller's ceiling must be the highest role.
/// </summary>
public sealed class ManageWebhooks
{
    /// <summary>How many endpoints a tenant has at most.</summary>
    public const int MostWebhooks = 20;

    /// <summary>How long the former secret signs beside the new one.</summary>
    public static readonly TimeSpan SecretsOverlap = TimeSpan.FromHours(24);

    private readonly Acts _acts;
    private readonly WebhookStore _store;
    private readonly DeliveryStore _deliveries;
    private readonly LedgerFeed _ledger;
    private readonly WebhookSecrets _secrets;
    private readonly LedgerSequencer _sequencer;
    private readonly TenantActs _tenant;
    private readonly Egress _egress;

    internal ManageWebhooks(
        Acts acts, WebhookStore store, DeliveryStore deliveries, LedgerFeed ledger, WebhookSecrets secrets, LedgerSequencer sequencer,
        TenantActs tenant, Egress egress)
    {
        _acts = acts;
        _store = store;
        _deliveries = deliveries;
        _ledger = ledger;
        _secrets = secrets;
        _sequencer = sequencer;
        _tenant = tenant;
        _egress = egress;
    }

    /// <summary>Makes an endpoint. It is told what happens from now on.</summary>
    /// <param name="caller">Who makes it; holds <c>tenant:admin</c> and the highest role as ceiling.</param>
    /// <param name="wanted">What it shall be.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The endpoint and its secret, which is never shown again; or <see cref="RefusalCode.InvalidRequest"/> with every fault,
    /// <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Result<NewWebhook>> Create(Caller caller, WebhookSettings wanted, CancellationToken cancellationToken)
    {
        // What happened before stays untold, whether it has its position yet or not.
        await _sequencer.Run(caller.Tenant, cancellationToken);
        return await _tenant.Write(caller, act => Create(act, caller, wanted), cancellationToken);
    }

    /// <summary>All endpoints of the tenant, oldest first.</summary>
    /// <param name="caller">Who reads; holds <c>tenant:admin</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Webhook>> List(Caller caller, CancellationToken cancellationToken) =>
        _acts.Read(db => _store.List(db, caller.Tenant), cancellationToken);

    /// <summary>One endpoint.</summary>
    /// <param name="caller">Who reads; holds <c>tenant:admin</c>.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The endpoint, or <see cref="RefusalCode.WebhookNotFound"/>.</returns>
    public async Task<Result<Webhook>> Read(Caller caller, WebhookId id, CancellationToken cancellationToken) =>
        await _acts.Read(db => _store.Find(db, caller.Tenant, id), cancellationToken) is { } found ? found : RefusalCode.WebhookNotFound;

    /// <summary>Changes an endpoint. Made active again, it is told what happened meanwhile.</summary>
    /// <param name="caller">Who changes it.</param>
    /// <param name="id">Which.</param>
    /// <param name="wanted">What shall be different.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The endpoint afterwards; or <see cref="RefusalCode.WebhookNotFound"/>, <see cref="RefusalCode.VersionConflict"/>,
    /// <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<Webhook>> Change(Caller caller, WebhookId id, WebhookSettings wanted, CancellationToken cancellationToken) =>
        _tenant.Write(caller, act => Change(act, caller, id, wanted), cancellationToken);

    /// <summary>Gives an endpoint another secret; the former signs beside it for a day.</summary>
    /// <param name="caller">Who does it.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The endpoint and its new secret; or <see cref="RefusalCode.WebhookNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public Task<Result<NewWebhook>> RotateSecret(Caller caller, WebhookId id, CancellationToken cancellationToken) =>
        _tenant.Write<NewWebhook>(
            caller,
            async act =>
            {
                if (await _store.Find(act.Db, act.Tenant, id) is null)
                {
                    return RefusalCode.WebhookNotFound;
                }

                var secret = WebhookSecrets.Make();
                await _store.Rotate(act, id, _secrets.Seal(act.Tenant, id, secret), act.Now + SecretsOverlap);
                await Record(act, LedgerEvent.WebhookSecretRotated, caller, id);
                return new NewWebhook((await _store.Find(act.Db, act.Tenant, id))!, WebhookSecrets.Write(secret));
            },
            cancellationToken);

    /// <summary>Deletes an endpoint and the record of what it was told.</summary>
    /// <param name="caller">Who deletes it.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null; or <see cref="RefusalCode.WebhookNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public async Task<Refusal?> Delete(Caller caller, WebhookId id, CancellationToken cancellationToken) =>
        (await _tenant.Write<Webhook>(
            caller,
            async act =>
            {
                if (await _store.Find(act.Db, act.Tenant, id) is not { } webhook)
                {
                    return RefusalCode.WebhookNotFound;
                }

                await _store.Delete(act, id);
                await Record(act, LedgerEvent.WebhookDeleted, caller, id);
                return webhook;
            },
            cancellationToken)).Refusal;

    /// <summary>Sends an endpoint an event that means nothing, to try it out.</summary>
    /// <param name="caller">Who does it.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null; or <see cref="RefusalCode.WebhookNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public async Task<Refusal?> Try(Caller caller, WebhookId id, CancellationToken cancellationToken) =>
        (await _tenant.Write<Webhook>(
            caller,
            async act =>
            {
                if (await _store.Find(act.Db, act.Tenant, id) is not { } webhook)
                {
                    return RefusalCode.WebhookNotFound;
                }

                var body = WebhookEvents.BodyOf(
                    WebhookEvents.Test, act.Now, new JsonObject { ["tenant"] = act.Tenant.ToString(), ["webhook"] = id.ToString() });

                // No entry of the ledger has this position, and no second test of the same millisecond is needed.
                await _deliveries.Add(act, id, -act.NowMs, WebhookEvents.Test, $"msg_{NewId.Make<EntryId>()}", body);
                return webhook;
            },
            cancellationToken)).Refusal;

    /// <summary>What an endpoint was told and is to be told, newest first.</summary>
    /// <param name="caller">Who reads; holds <c>tenant:admin</c>.</param>
    /// <param name="id">Which.</param>
    /// <param name="state">How they stand; null for all.</param>
    /// <param name="after">After which one: when it was made, and its id.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The deliveries, or <see cref="RefusalCode.WebhookNotFound"/>.</returns>
    public Task<Result<ImmutableArray<WebhookDelivery>>> Deliveries(
        Caller caller, WebhookId id, DeliveryState? state, PagePosition? after, int limit, CancellationToken cancellationToken) =>
        _acts.Read<Result<ImmutableArray<WebhookDelivery>>>(
            async db => await _store.Find(db, caller.Tenant, id) is null
                ? RefusalCode.WebhookNotFound
                : (ImmutableArray<WebhookDelivery>)[.. await _deliveries.List(db, caller.Tenant, id, state, after, limit)],
            cancellationToken);

    /// <summary>Has an event told once more, under the same message id.</summary>
    /// <param name="caller">Who does it.</param>
    /// <param name="id">Which endpoint.</param>
    /// <param name="delivery">Which delivery.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The delivery, which waits again; or <see cref="RefusalCode.DeliveryNotFound"/>, <see cref="RefusalCode.WrongState"/> while it waits,
    /// <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<WebhookDelivery>> Replay(Caller caller, WebhookId id, DeliveryId delivery, CancellationToken cancellationToken) =>
        _tenant.Write<WebhookDelivery>(
            caller,
            async act => await _deliveries.Find(act.Db, act.Tenant, id, delivery) is null ? RefusalCode.DeliveryNotFound
                : await _deliveries.Replay(act, delivery) == 0 ? new Refusal(RefusalCode.WrongState, "It is still being sent.")
                : (await _deliveries.Find(act.Db, act.Tenant, id, delivery))!,
            cancellationToken);

    private async Task<Result<NewWebhook>> Create(Act act, Caller caller, WebhookSettings wanted)
    {
        if ((await _store.List(act.Db, act.Tenant)).Count >= MostWebhooks)
        {
            return new Refusal(RefusalCode.InvalidRequest, $"A tenant has at most {MostWebhooks} webhooks.");
        }

        var blank = new Webhook(NewId.Make<WebhookId>(), new Uri("about:blank"), [], WebhookState.Active, act.Now, 1)
        {
            Position = await _ledger.LastPosition(act.Db, act.Tenant),
        };
        var made = Apply(blank, wanted with { Url = wanted.Url ?? "" });
        if (made.Refusal is { } invalid)
        {
            return invalid;
        }

        var secret = WebhookSecrets.Make();
        await _store.Insert(act, made.Value, caller.Principal.Id, _secrets.Seal(act.Tenant, made.Value.Id, secret));
        await Record(act, LedgerEvent.WebhookCreated, caller, made.Value.Id);
        return new NewWebhook(made.Value, WebhookSecrets.Write(secret));
    }

    private async Task<Result<Webhook>> Change(Act act, Caller caller, WebhookId id, WebhookSettings wanted)
    {
        if (await _store.Find(act.Db, act.Tenant, id) is not { } before)
        {
            return RefusalCode.WebhookNotFound;
        }

        if (wanted.Version is { } seen && seen != before.Version)
        {
            return new Refusal(RefusalCode.VersionConflict, $"The webhook is at version {before.Version}.");
        }

        var changed = Apply(before, wanted);
        if (changed.Refusal is not null)
        {
            return changed;
        }

        var next = changed.Value with { Version = before.Version + 1 };
        await _store.Update(act, next);
        await Record(act, LedgerEvent.WebhookChanged, caller, id);
        return next;
    }

    private Result<Webhook> Apply(Webhook webhook, WebhookSettings wanted)
    {
        var faults = new List<FieldFault>();
        Uri? url = null;
        if (wanted.Url is { } text
            && !(text.Length <= 2000 && Uri.TryCreate(text, UriKind.Absolute, out url) && url.UserInfo.Length == 0 && url.Fragment.Length == 0
                && _egress.MayCall(url)))
        {
            faults.Add(new FieldFault("/url", "An https address of at most 2000 characters on the public internet, without user name and fragment."));
        }

        if (wanted.Events is { } events && !(events.Count <= 50 && events.All(WebhookEvents.IsFilter)))
        {
            faults.Add(new FieldFault("/events", "At most 50 types of events, or groups of them: recovery.issued, credential.*."));
        }

        return faults.Count > 0
            ? new Refusal(RefusalCode.InvalidRequest) { Faults = faults }
            : webhook with
            {
                Url = url ?? webhook.Url,
                Events = wanted.Events is null ? webhook.Events : [.. wanted.Events.Distinct(StringComparer.Ordinal)],
                State = wanted.Active switch { true => WebhookState.Active, false => WebhookState.Paused, null => webhook.State },
            };
    }

    private static Task Record(Act act, LedgerEvent happened, Caller caller, WebhookId webhook) =>
        act.Record(new LedgerEntry(happened, caller.Principal)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["webhook"] = webhook.ToString(),
                ["correlation_id"] = caller.CorrelationId,
            },
        });
}
