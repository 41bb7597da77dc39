namespace Sparekey.Server.Pages;

/// <summary>Sends the browser on to a page of ours, so that a reload of it sends no form again (303).</summary>
/// <param name="address">The page's path.</param>
internal sealed class SeeOther(string address) : IResult
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status303SeeOther;
        httpContext.Response.Headers.Location = address;
        return Task.CompletedTask;
    }
}
