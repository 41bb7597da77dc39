using System.Collections.Immutable;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Applications;

/// <summary>What people of a tenant sign in to. Links and ceremonies are built from it, never from a request's own host.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name, for people.</param>
/// <param name="RpId">The relying-party id of its passkeys, a domain name; null when it has none.</param>
/// <param name="Origins">The origins it runs on, for example <c>https://app.example.com</c>.</param>
/// <param name="LinkHosts">The hosts that links begin with, as host or host:port; the first is used.</param>
public sealed record Application(
    ApplicationId Id, string Name, string? RpId, IReadOnlyList<Uri> Origins, IReadOnlyList<string> LinkHosts)
{
    /// <summary>Where a person may be sent back to: complete URLs, compared as a whole.</summary>
    public IReadOnlyList<Uri> ReturnUrls { get; init; } = [];

    /// <summary>What it is called in other products' protocols, by dialect.</summary>
    public ImmutableArray<ExternalId> ClientIds { get; init; } = [];

    /// <summary>
    /// What it shares with other applications in another product: a namespace, an organisation. Null when it stands alone.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>How its pages look.</summary>
    public Branding Branding { get; init; } = Branding.None;

    /// <summary>Whether it is the one that is meant when a request names none.</summary>
    public bool IsDefault { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Rises by one with every change.</summary>
    public int Version { get; init; } = 1;
}
