using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine.Accounts;

namespace Sparekey.Engine.Incidents;

/// <summary>Registers what follows from "this was not me".</summary>
internal static class IncidentRegistration
{
    /// <summary>Registers it.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddIncidents(this IServiceCollection services) => services
        .AddSingleton<IncidentStore>()
        .AddSingleton<ReportIncident>()
        .AddSingleton<FreezeStore>()
        .AddSingleton<IAccountDeletionStep, ForgetIncidentsOfAccount>()
        .AddUseCase<ManageIncidents>()
        .AddUseCase<FreezeAccount>()
        .AddUseCase<LiftFreeze>();
}
