using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Applications;

/// <summary>What the ledger says of applications. Where links lead is configuration and no personal text: it stays readable.</summary>
internal static class ApplicationLedger
{
    /// <summary>Something happened to an application.</summary>
    /// <param name="happened">What.</param>
    /// <param name="by">Who did it.</param>
    /// <param name="application">The application afterwards.</param>
    /// <param name="caller">From where; null for Sparekey itself.</param>
    public static LedgerEntry Entry(LedgerEvent happened, Principal by, Application application, Caller? caller) => new(happened, by)
    {
        Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["application"] = application.Id.ToString(),
            ["version"] = application.Version,
            ["rp_id"] = application.RpId,
            ["origins"] = application.Origins.Select(o => o.GetLeftPart(UriPartial.Authority)).ToList(),
            ["link_hosts"] = application.LinkHosts.ToList(),
            ["correlation_id"] = caller?.CorrelationId,
        },
        Texts = caller is null
            ? new Dictionary<string, string>(StringComparer.Ordinal)
            : new Dictionary<string, string>(StringComparer.Ordinal) { ["source"] = caller.Source },
    };
}
