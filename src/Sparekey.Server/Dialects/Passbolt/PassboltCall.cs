using Sparekey.Core.Access;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Sessions;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>A call of a client.</summary>
/// <param name="Server">What the tenant is to it.</param>
/// <param name="Who">Who calls; null for a guest.</param>
internal sealed record PassboltCall(OpenPgpServer Server, OpenPgpCaller? Who)
{
    /// <summary>Who calls, on a route that guests do not reach.</summary>
    public OpenPgpCaller Person => Who ?? throw new InvalidOperationException("This route lets guests in.");

    /// <summary>Their session.</summary>
    public SessionCaller Session => Person.Person;

    /// <summary>What they may do to others, on a route that asks for a permission.</summary>
    public Caller Operator => Person.Operator ?? throw new InvalidOperationException("This route asks for no permission.");

    /// <summary>Whether they may do a thing to others.</summary>
    /// <param name="permission">The permission.</param>
    public bool May(Permission permission) => Who?.Operator?.Grant.Permissions.Contains(permission) is true;
}

/// <summary>Who may use a route of the dialect.</summary>
/// <param name="Door">Guests, people, or both.</param>
/// <param name="Needs">What it takes besides; null for nothing.</param>
internal sealed record PassboltDoor(DoorFor Door, Permission? Needs = null);

/// <summary>Whom a route lets in.</summary>
internal enum DoorFor
{
    /// <summary>Guests and people.</summary>
    Anybody,

    /// <summary>Nobody who is signed in.</summary>
    Guests,

    /// <summary>Whoever is signed in.</summary>
    People,
}

/// <summary>The route's body is its own authority, so that it needs no token against forgery.</summary>
internal sealed record WithoutCsrf;

/// <summary>What the gate found out.</summary>
internal static class PassboltCalls
{
    /// <summary>The call.</summary>
    /// <param name="context">The request.</param>
    public static PassboltCall Passbolt(this HttpContext context) =>
        context.Features.Get<PassboltCall>() ?? throw new InvalidOperationException("This route is none of Passbolt's.");
}
