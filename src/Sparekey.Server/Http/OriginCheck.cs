using Sparekey.Core;
using Sparekey.Engine;
using Sparekey.Engine.Applications;

namespace Sparekey.Server.Http;

/// <summary>Whether a page that is neither ours nor an application's sent a request.</summary>
/// <param name="origins">Knows where pages of applications come from.</param>
/// <param name="options">The server's origin.</param>
internal sealed class OriginCheck(ApplicationOrigins origins, EngineOptions options)
{
    // Browsers send it with every POST; who sends none is no page. Our own pages send no referrer, and a browser then writes
    // "null" for the origin of a form: it says in a header that no page can set that the form is ours (Sec-Fetch-Site).

    /// <summary>Whether the request bears the origin of a stranger's page.</summary>
    /// <param name="context">The request.</param>
    /// <param name="tenant">The tenant it reached.</param>
    public async Task<bool> IsForeign(HttpContext context, TenantId tenant)
    {
        var origin = context.Request.Headers.Origin.ToString();
        return origin.Length > 0
            && !(origin == "null" && context.Request.Headers["Sec-Fetch-Site"] == "same-origin")
            && !string.Equals(origin, options.Origin.GetLeftPart(UriPartial.Authority), StringComparison.OrdinalIgnoreCase)
            && !await origins.Contain(tenant, origin, context.RequestAborted);
    }
}
