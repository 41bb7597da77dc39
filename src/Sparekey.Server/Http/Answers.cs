using Sparekey.Core;

namespace Sparekey.Server.Http;

/// <summary>Turns what a use case answers into HTTP.</summary>
internal static class Answers
{
    /// <summary>A value as JSON, or the refusal as a problem.</summary>
    /// <param name="result">What the use case answered.</param>
    /// <param name="view">The value as it stands on the wire.</param>
    /// <param name="status">The status of success.</param>
    public static IResult ToAnswer<T>(this Result<T> result, Func<T, object> view, int status = StatusCodes.Status200OK) =>
        result.Refusal is { } refusal ? new Problem(refusal) : Json(view(result.Value), status);

    /// <summary>Nothing, or the refusal as a problem.</summary>
    /// <param name="refusal">The refusal.</param>
    /// <param name="status">The status of success.</param>
    public static IResult ToAnswer(this Refusal? refusal, int status = StatusCodes.Status204NoContent) =>
        refusal is null ? Results.StatusCode(status) : new Problem(refusal);

    /// <summary>A body.</summary>
    /// <param name="body">What stands on the wire.</param>
    /// <param name="status">The status.</param>
    public static IResult Json(object body, int status = StatusCodes.Status200OK) => Results.Json(body, WireJson.Options, statusCode: status);
}
