using Sparekey.Core;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Reads JSON bodies, and says what is wrong with them in Kratos's form.</summary>
internal static class KratosBody
{
    /// <summary>The largest body that describes an identity, in bytes.</summary>
    public const int IdentityLimit = 512 * 1024;

    /// <summary>Reads the body.</summary>
    /// <typeparam name="T">What the route asks for.</typeparam>
    /// <param name="context">The request.</param>
    /// <param name="takesMore">Whether members that the route does not ask for are passed over.</param>
    /// <param name="limit">The largest body, in bytes.</param>
    /// <returns>The body, or the error to answer: 400 for every fault, as clients expect, 413 for one that is too large.</returns>
    public static async Task<(T? Body, KratosError? Error)> Read<T>(HttpContext context, bool takesMore, int limit = StrictBody.DefaultLimit)
        where T : class
    {
        var read = await StrictBody.Read<T>(context, limit, takesMore);
        return read.Refusal is not { } refused ? (read.Value, null) : (null, ErrorOf(refused));
    }

    /// <summary>The error of a body that could not be read.</summary>
    /// <param name="refused">Why.</param>
    public static KratosError ErrorOf(Refusal refused) => refused.Code switch
    {
        RefusalCode.UnsupportedMediaType => KratosError.Undecodable("the Content-Type of the body is not application/json."),
        RefusalCode.InvalidRequest when refused.Faults is [var fault, ..] =>
            KratosError.Undecodable(fault.Pointer.Length == 0 ? fault.Detail : $"{fault.Pointer}: {fault.Detail}"),
        _ => KratosErrors.Of(refused),
    };
}
