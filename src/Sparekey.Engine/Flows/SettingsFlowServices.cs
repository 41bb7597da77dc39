using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine.Flows;

/// <summary>Registers settings flows.</summary>
internal static class SettingsFlowServices
{
    /// <summary>Registers them.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddSettingsFlows(this IServiceCollection services) => services
        .AddSingleton<SettingsFlowStore>()
        .AddUseCase<SettingsFlows>();
}
