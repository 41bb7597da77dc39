using Sparekey.Core;
using Sparekey.Core.Access;

namespace Sparekey.Engine.Access;

/// <summary>Where a call comes from, known or not.</summary>
/// <param name="Tenant">The tenant it reached.</param>
/// <param name="Source">The address it came from; personal, so the ledger holds only a commitment.</param>
/// <param name="CorrelationId">The id of the request, also in the logs and in the answer.</param>
public record Visitor(TenantId Tenant, string Source, string CorrelationId)
{
    /// <summary>
    /// The host it was sent to, perhaps with a port; whatever the caller wrote. It chooses among configured applications, and no link
    /// is built from it.
    /// </summary>
    public string Host { get; init; } = "";

    /// <summary>Through which surface it came, a closed name: <c>native</c>, <c>pages</c>, <c>kratos</c>. It decides nothing; calls are counted by it.</summary>
    public string Surface { get; init; } = "native";
}

/// <summary>A caller who proved who they are.</summary>
/// <param name="Tenant">The tenant it reached and belongs to.</param>
/// <param name="Source">The address it came from.</param>
/// <param name="CorrelationId">The id of the request.</param>
/// <param name="Grant">Who it is and what it may do.</param>
/// <param name="Token">The token that proved it; null for the local operator.</param>
public sealed record Caller(TenantId Tenant, string Source, string CorrelationId, Grant Grant, TokenId? Token = null)
    : Visitor(Tenant, Source, CorrelationId)
{
    /// <summary>How many calls that change something its token may make in a minute; 0 for no limit.</summary>
    public int PerMinute { get; init; }

    /// <summary>The key that its token may prove itself with besides; null for none.</summary>
    public ProgrammeKey? Key { get; init; }

    /// <summary>The application that its token acts for; null for none in particular.</summary>
    public ApplicationId? Application { get; init; }

    /// <summary>Who it is.</summary>
    public Principal Principal => Grant.Principal;
}
