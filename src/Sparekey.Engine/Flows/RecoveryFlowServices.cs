using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine.Flows;

/// <summary>Registers recovery flows.</summary>
internal static class RecoveryFlowServices
{
    /// <summary>Registers them.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddRecoveryFlows(this IServiceCollection services) => services
        .AddSingleton<RecoveryFlowStore>()
        .AddSingleton<FlowThrottle>()
        .AddSingleton<SessionOfRecovery>()
        .AddSingleton<FlowSecrets>()
        .AddUseCase<RecoveryFlows>()
        .AddUseCase<FlowErrors>()
        .AddUseCase<SendInFlow>()
        .AddUseCase<RedeemInFlow>()
        .AddUseCase<OrderFlow>();
}
