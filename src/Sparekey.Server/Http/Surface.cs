namespace Sparekey.Server.Http;

/// <summary>Through which surface a route is reached, where it is not the native API. Calls are counted by it, and it decides nothing.</summary>
/// <param name="Name">A closed name: <c>kratos</c>, <c>pages</c>.</param>
internal sealed record Surface(string Name)
{
    /// <summary>A group for the doors of one surface.</summary>
    /// <param name="root">The root of all routes.</param>
    /// <param name="name">The surface's name.</param>
    public static RouteGroupBuilder Of(IEndpointRouteBuilder root, string name) => root.MapGroup("").WithMetadata(new Surface(name));
}
