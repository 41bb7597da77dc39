using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine.Access;

/// <summary>Registers access.</summary>
internal static class AccessRegistration
{
    /// <summary>Registers tokens, allowances, throttling, idempotency and the record of refusals.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddAccess(this IServiceCollection services) => services
        .AddSingleton<TenantActs>()
        .AddSingleton<OperatorStore>()
        .AddSingleton<OperatorGrants>()
        .AddSingleton<AccessTokenStore>()
        .AddSingleton<Velocity>()
        .AddSingleton<VelocityLimits>()
        .AddSingleton<Throttle>()
        .AddSingleton<Idempotency>()
        .AddSingleton<SecurityEvents>()
        .AddSingleton<RecordRefusal>()
        .AddUseCase<Authentication>()
        .AddUseCase<ManageServiceAccounts>()
        .AddUseCase<ManageTokens>()
        .AddUseCase<ManageOperators>()
        .AddUseCase<Bootstrap>();
}
