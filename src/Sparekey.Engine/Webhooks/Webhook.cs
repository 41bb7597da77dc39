using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Secrets;

namespace Sparekey.Engine.Webhooks;

/// <summary>Whether an endpoint is told.</summary>
public enum WebhookState
{
    /// <summary>It is told.</summary>
    Active,

    /// <summary>Somebody switched it off. What happens meanwhile waits for it.</summary>
    Paused,

    /// <summary>It answered 410: it wants nothing more. What happens meanwhile waits until somebody makes it active again.</summary>
    Gone,
}

/// <summary>Somebody's endpoint that is told what happens.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Url">Where it is called.</param>
/// <param name="Events">Of which events it is told: types, or <c>recovery.*</c>; none for all.</param>
/// <param name="State">Whether it is told.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Version">Rises by one with every change.</param>
public sealed record Webhook(
    WebhookId Id, Uri Url, ImmutableArray<string> Events, WebhookState State, DateTimeOffset CreatedAt, int Version)
{
    /// <summary>How far in the ledger deliveries were made for it.</summary>
    internal long Position { get; init; }

    /// <summary>Until when the former secret signs beside the present one; null when there is none.</summary>
    public DateTimeOffset? FormerSecretUntil { get; init; }
}

/// <summary>An endpoint and the secret that its receiver verifies with, shown once.</summary>
/// <param name="Webhook">The endpoint.</param>
/// <param name="Secret">The secret, <c>whsec_…</c> (Standard Webhooks).</param>
public sealed record NewWebhook(Webhook Webhook, SecretText Secret);

/// <summary>What an endpoint shall be; what is null stays.</summary>
public sealed record WebhookSettings
{
    /// <summary>Where it is called.</summary>
    public string? Url { get; init; }

    /// <summary>Of which events it is told; empty for all.</summary>
    public IReadOnlyList<string>? Events { get; init; }

    /// <summary>Whether it is told.</summary>
    public bool? Active { get; init; }

    /// <summary>The version that the writer saw.</summary>
    public int? Version { get; init; }
}

/// <summary>How a delivery stands.</summary>
public enum DeliveryState
{
    /// <summary>It is still to be told, or to be told again.</summary>
    Waiting,

    /// <summary>The endpoint took it.</summary>
    Delivered,

    /// <summary>It was tried long enough. Somebody can have it sent again.</summary>
    Dead,
}

/// <summary>One event for one endpoint.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Webhook">The endpoint.</param>
/// <param name="MessageId">The <c>webhook-id</c>: the same whenever the event is told, so that a receiver can tell that it knows it.</param>
/// <param name="Event">The type of the event.</param>
/// <param name="State">How it stands.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Attempts">How often it was tried.</param>
public sealed record WebhookDelivery(
    DeliveryId Id, WebhookId Webhook, string MessageId, string Event, DeliveryState State, DateTimeOffset CreatedAt, int Attempts)
{
    /// <summary>When it is tried next; null when it is over.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>When it was tried last.</summary>
    public DateTimeOffset? TriedAt { get; init; }

    /// <summary>What the endpoint answered last.</summary>
    public int? Status { get; init; }

    /// <summary>Why there was no answer.</summary>
    public string? Fault { get; init; }

    /// <summary>What is told, as it is sent.</summary>
    public string Body { get; init; } = "";

    /// <summary>By which claim it is held.</summary>
    internal string Claim { get; init; } = "";
}
