using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine.PersonalCodes;

/// <summary>Registers personal codes.</summary>
internal static class PersonalCodeServices
{
    /// <summary>Registers codes that sign in and codes that add a device.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddPersonalCodes(this IServiceCollection services) => services
        .AddSingleton<AccountCodes>()
        .AddUseCase<IssueSignInCode>()
        .AddUseCase<IssueOwnCode>()
        .AddUseCase<SignInWithCode>()
        .AddUseCase<ManageCodes>()
        .AddUseCase<AddDevice>();
}
