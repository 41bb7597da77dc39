using Microsoft.AspNetCore.Connections.Features;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Sessions;

namespace Sparekey.Server.Http;

/// <summary>What the middleware found out about a request before its endpoint runs.</summary>
internal static class RequestFeatures
{
    /// <summary>Marks connections that came in through the socket in the data directory.</summary>
    public const string LocalConnection = "sparekey.local";

    private const string CorrelationItem = "sparekey.correlation";

    /// <summary>The id of the request.</summary>
    /// <param name="context">The request.</param>
    public static string CorrelationId(this HttpContext context) =>
        context.Items[CorrelationItem] as string ?? context.TraceIdentifier;

    /// <summary>Notes the id of the request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="id">The id.</param>
    public static void SetCorrelationId(this HttpContext context, string id) => context.Items[CorrelationItem] = id;

    /// <summary>Where the request comes from.</summary>
    /// <param name="context">The request.</param>
    public static Visitor Visitor(this HttpContext context) =>
        context.Features.Get<Visitor>() ?? throw new InvalidOperationException("The access middleware did not run.");

    /// <summary>Who calls, on a route that requires a permission.</summary>
    /// <param name="context">The request.</param>
    public static Caller Caller(this HttpContext context) =>
        context.Features.Get<Caller>() ?? throw new InvalidOperationException("This route requires no permission.");

    /// <summary>Who calls, on a route that requires a session.</summary>
    /// <param name="context">The request.</param>
    public static SessionCaller SessionCaller(this HttpContext context) =>
        context.Features.Get<SessionCaller>() ?? throw new InvalidOperationException("This route requires no session.");

    /// <summary>The bearer token of the request; empty when there is none.</summary>
    /// <param name="context">The request.</param>
    public static SecretText BearerToken(this HttpContext context)
    {
        const string scheme = "Bearer ";
        var header = context.Request.Headers.Authorization.ToString();
        return new SecretText(header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? header[scheme.Length..].Trim() : "");
    }

    /// <summary>Whether the request came in through the socket that only the machine's operator can open.</summary>
    /// <param name="context">The request.</param>
    public static bool IsLocal(this HttpContext context) =>
        context.Features.Get<IConnectionItemsFeature>()?.Items.ContainsKey(LocalConnection) is true;

    /// <summary>Where the request came from, as text for throttling and the ledger.</summary>
    /// <param name="context">The request.</param>
    public static string Source(this HttpContext context) =>
        context.IsLocal() ? "local" : context.Connection.RemoteIpAddress?.AsSource() ?? "unknown";

    // One person, one key: an IPv4 address in IPv6 clothes, and every address of one IPv6 network, count as one.
    private static string AsSource(this System.Net.IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4().ToString();
        }

        if (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6)
        {
            return address.ToString();
        }

        var bytes = address.GetAddressBytes();
        Array.Clear(bytes, 8, 8);
        return $"{new System.Net.IPAddress(bytes)}/64";
    }

    /// <summary>A typed id from the route; null when it is none.</summary>
    /// <param name="context">The request.</param>
    /// <param name="name">The route value's name.</param>
    public static TId? RouteId<TId>(this HttpContext context, string name)
        where TId : struct, IId<TId> =>
        Ids.TryParse<TId>(context.Request.RouteValues[name] as string, out var id) ? id : null;
}
