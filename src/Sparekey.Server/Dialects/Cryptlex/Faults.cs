using Sparekey.Core;

namespace Sparekey.Server.Dialects.Cryptlex;

/// <summary>What is wrong with a call.</summary>
internal static class Faults
{
    /// <summary>A member that is none of what it may be.</summary>
    /// <param name="pointer">Which.</param>
    /// <param name="detail">What it may be.</param>
    public static Refusal At(string pointer, string detail) => new(RefusalCode.InvalidRequest) { Faults = [new FieldFault(pointer, detail)] };

    /// <summary>A member that is missing.</summary>
    /// <param name="pointer">Which.</param>
    public static Refusal Missing(string pointer) => At(pointer, "This member is missing.");
}

/// <summary>Ids of users in paths.</summary>
internal static class Ids
{
    /// <summary>The user of a path; null where it is no UUID. Capital letters are read, as the vendor's ids may have any.</summary>
    /// <param name="context">The request.</param>
    public static AccountId? OfRoute(HttpContext context) =>
        Core.Ids.TryParse<AccountId>((context.Request.RouteValues["id"] as string)?.ToLowerInvariant(), out var id) ? id : null;
}
