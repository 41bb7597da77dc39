using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine.Policies;

/// <summary>Registers policy.</summary>
internal static class PolicyRegistration
{
    /// <summary>Registers the use cases of policy and what is behind them.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddPolicies(this IServiceCollection services) => services
        .AddSingleton<PolicyStore>()
        .AddSingleton<PolicyChangeStore>()
        .AddUseCase<ChangePolicy>()
        .AddUseCase<DecideOnPolicy>()
        .AddUseCase<EvaluatePolicy>()
        .AddUseCase<StopRecoveries>();
}
