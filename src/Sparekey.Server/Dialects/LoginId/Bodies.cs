using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>Reads bodies: as strict as everywhere, but for members that a client sends beyond those that are asked for.</summary>
internal static class Bodies
{
    /// <summary>Reads a body.</summary>
    /// <typeparam name="T">What is asked for.</typeparam>
    /// <param name="context">The request.</param>
    /// <returns>The body, or the error to answer.</returns>
    public static async Task<(T? Body, IResult? Error)> Read<T>(HttpContext context)
        where T : class
    {
        var read = await StrictBody.Read<T>(context, takesMore: true);
        return read.Refusal is { } refusal
            ? (null, context.Request.ContentLength is null or 0 && !context.Request.HasJsonContentType() ? new LoginIdError(400, "missing_body", "Missing body") : new Problem(refusal))
            : (read.Value, null);
    }
}
