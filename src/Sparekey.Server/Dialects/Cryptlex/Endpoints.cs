using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Cryptlex;

/// <summary>The doors for Cryptlex's clients, at the vendor's own paths. Every refusal has the vendor's form.</summary>
internal static class Endpoints
{
    /// <summary>Maps the routes.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        if (!root.ServiceProvider.GetRequiredService<CryptlexOptions>().Enabled)
        {
            return;
        }

        var group = root.MapGroup("/v3").AddEndpointFilter<RefusalRecorder>().ExcludeFromDescription();
        group.WithMetadata(new ProblemForDialect(Errors.Write));
        UserEndpoints.Map(group);
        PasswordEndpoints.Map(group);

        // Whatever else is asked for below is answered in the vendor's form too.
        group.Map("/{**rest}", () => (IResult)new Problem(Core.RefusalCode.RouteNotFound)).Public("There is nothing here.");
    }
}
