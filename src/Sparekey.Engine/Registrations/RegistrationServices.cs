using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine.Registrations;

/// <summary>Registers registrations.</summary>
internal static class RegistrationServices
{
    /// <summary>Registers the use cases of people who make their own accounts.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddRegistrations(this IServiceCollection services) => services
        .AddSingleton<NewPerson>()
        .AddUseCase<RegisterWithPasskey>()
        .AddUseCase<RegisterWithPassword>();
}
