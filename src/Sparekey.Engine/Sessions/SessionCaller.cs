using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Sessions;

/// <summary>A person who proved a session of theirs.</summary>
/// <param name="Tenant">The tenant it reached and belongs to.</param>
/// <param name="Source">The address it came from.</param>
/// <param name="CorrelationId">The id of the request.</param>
/// <param name="Session">The session.</param>
public sealed record SessionCaller(TenantId Tenant, string Source, string CorrelationId, Session Session)
    : Visitor(Tenant, Source, CorrelationId)
{
    /// <summary>Who it is.</summary>
    public Principal Principal => Principal.Of(Session.Account);

    /// <summary>How long after its session was opened a person may add and remove credentials; a protocol may have a time of its own.</summary>
    public TimeSpan PrivilegedFor { get; init; } = Session.PrivilegedTime;

    /// <summary>How long the session of a recovery lasts in all once the person set a credential in it.</summary>
    public TimeSpan LastsFor { get; init; } = Session.LongestLifetime;

    /// <summary>Whether the person may add and remove credentials.</summary>
    /// <param name="now">The time.</param>
    public bool IsPrivileged(DateTimeOffset now) => now < Session.CreatedAt + PrivilegedFor;
}
