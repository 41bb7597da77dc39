using Sparekey.Core;
using Sparekey.Engine.Access;

namespace Sparekey.Server.Http;

/// <summary>
/// Keeps the record of refusals that an auditor looks for: a known caller who tried what they may not goes into the ledger, a
/// stranger's try is counted.
/// </summary>
/// <param name="refusals">The ledger's side.</param>
/// <param name="events">The counts.</param>
internal sealed class RefusalRecorder(RecordRefusal refusals, SecurityEvents events) : IEndpointFilter
{
    /// <summary>Runs the endpoint and looks at its answer.</summary>
    /// <param name="context">The call.</param>
    /// <param name="next">The endpoint.</param>
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var answer = await next(context);
        if (answer is Problem problem)
        {
            await Record(context.HttpContext, problem.Code);
        }

        return answer;
    }

    private async Task Record(HttpContext context, RefusalCode code)
    {
        if (context.Features.Get<Caller>() is not { } caller)
        {
            events.Count(context.Visitor().Tenant, code);
        }
        else if (code is RefusalCode.AboveCeiling or RefusalCode.OwnAccount or RefusalCode.RoleNotAllowed or RefusalCode.StrongerThanCreator
                 or RefusalCode.SeparationOfDuties or RefusalCode.RecentlyRecovered or RefusalCode.PolicyRefuses
                 or RefusalCode.RecoveriesStopped)
        {
            var route = $"{context.Request.Method} {(context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText}";
            await refusals.Run(caller, code, route);
        }
    }
}
