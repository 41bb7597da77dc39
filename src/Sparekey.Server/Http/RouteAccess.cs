using Sparekey.Core.Access;
using Sparekey.Engine.Sessions;

namespace Sparekey.Server.Http;

/// <summary>
/// Who may call a route. Every route carries exactly one; a route without one is refused by the middleware, so that a
/// forgotten line closes a door and never opens one.
/// </summary>
internal abstract record RouteAccess
{
    private RouteAccess()
    {
    }

    /// <summary>A caller with an access token that holds a permission.</summary>
    /// <param name="Permission">The permission.</param>
    public sealed record Requires(Permission Permission) : RouteAccess;

    /// <summary>Anybody.</summary>
    /// <param name="Reason">Why nobody need prove anything here.</param>
    public sealed record Public(string Reason) : RouteAccess;

    /// <summary>The operator of the server's own machine, through the socket in the data directory.</summary>
    public sealed record Local : RouteAccess;

    /// <summary>A person with a session.</summary>
    /// <param name="Allowed">What the route does, where a session restricted to that may do it; null where none may.</param>
    public sealed record Session(SessionRestriction? Allowed) : RouteAccess;

    /// <summary>
    /// Whoever proves themselves as another product's clients do: a filter of the dialect checks it before it does anything, and notes
    /// the caller.
    /// </summary>
    /// <param name="Proof">What they prove themselves with.</param>
    public sealed record Dialect(string Proof) : RouteAccess;

    /// <summary>Whoever redeemed a secret; the use case checks the token itself, before and within its act.</summary>
    public sealed record Redemption : RouteAccess;
}

/// <summary>The route does not accept a foreign origin: it opens a session or carries what a page sends.</summary>
internal sealed record CheckedOrigin;

/// <summary>Declares who may call a route.</summary>
internal static class RouteAccessDeclarations
{
    /// <summary>Needs an access token with a permission.</summary>
    /// <param name="route">The route.</param>
    /// <param name="permission">The permission.</param>
    public static T RequirePermission<T>(this T route, Permission permission)
        where T : IEndpointConventionBuilder => route.WithMetadata(new RouteAccess.Requires(permission));

    /// <summary>Needs the socket in the data directory; to everybody else the route does not exist.</summary>
    /// <param name="route">The route.</param>
    public static T RequireLocalOperator<T>(this T route)
        where T : IEndpointConventionBuilder => route.WithMetadata(new RouteAccess.Local());

    /// <summary>Needs a session.</summary>
    /// <param name="route">The route.</param>
    /// <param name="allowed">What the route does, where a session restricted to that may do it; null where none may.</param>
    public static T RequireSession<T>(this T route, SessionRestriction? allowed = null)
        where T : IEndpointConventionBuilder => route.WithMetadata(new RouteAccess.Session(allowed));

    /// <summary>Needs a redemption.</summary>
    /// <param name="route">The route.</param>
    public static T RequireRedemption<T>(this T route)
        where T : IEndpointConventionBuilder => route.WithMetadata(new RouteAccess.Redemption());

    /// <summary>Needs the proof that another product's clients give.</summary>
    /// <param name="route">The route.</param>
    /// <param name="proof">What they prove themselves with.</param>
    public static T RequireDialectProof<T>(this T route, string proof)
        where T : IEndpointConventionBuilder => route.WithMetadata(new RouteAccess.Dialect(proof));

    /// <summary>Needs nothing.</summary>
    /// <param name="route">The route.</param>
    /// <param name="reason">Why nobody need prove anything here.</param>
    public static T Public<T>(this T route, string reason)
        where T : IEndpointConventionBuilder => route.WithMetadata(new RouteAccess.Public(reason));

    /// <summary>Refuses a foreign origin.</summary>
    /// <param name="route">The route.</param>
    public static T CheckOrigin<T>(this T route)
        where T : IEndpointConventionBuilder => route.WithMetadata(new CheckedOrigin());
}
