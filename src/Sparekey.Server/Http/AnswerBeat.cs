namespace Sparekey.Server.Http;

/// <summary>
/// Answers to strangers leave on a beat that is counted from their request. What Sparekey does for a name that it knows takes longer
/// than for one that it does not, by a millisecond or so, and that would tell which names it knows (ASVS 6.3.8).
/// </summary>
/// <param name="every">The beat; zero answers at once.</param>
internal sealed class AnswerBeat(TimeSpan every)
{
    /// <summary>Longer than any of these acts takes on an idle machine, and too short for a person to notice.</summary>
    public static readonly TimeSpan Usual = TimeSpan.FromMilliseconds(50);

    /// <summary>Runs a handler, and holds its answer back until the next beat.</summary>
    /// <param name="context">The request.</param>
    /// <param name="next">The handler.</param>
    public async ValueTask<object?> Hold(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        if (every == TimeSpan.Zero)
        {
            return await next(context);
        }

        // The beat begins before the work, so that nothing of the work's own length is in it. It is the time of the caller's own
        // clock, whatever time it is here.
        using var beat = new PeriodicTimer(every);
        var work = next(context).AsTask();
        do
        {
            await beat.WaitForNextTickAsync(CancellationToken.None);
        }
        while (!work.IsCompleted);

        return await work;
    }
}

/// <summary>The route answers on the beat.</summary>
internal sealed record OnTheBeat;

/// <summary>Puts routes on the beat.</summary>
internal static class AnswerBeatRoutes
{
    /// <summary>Answers of this route leave on the beat.</summary>
    /// <param name="route">The route.</param>
    public static RouteHandlerBuilder AnswerOnTheBeat(this RouteHandlerBuilder route) => route.WithMetadata(new OnTheBeat()).AddEndpointFilter(
        (context, next) => context.HttpContext.RequestServices.GetRequiredService<AnswerBeat>().Hold(context, next));
}
