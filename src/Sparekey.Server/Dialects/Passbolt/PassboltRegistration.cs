namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>Registers what Passbolt's doors need.</summary>
internal static class PassboltRegistration
{
    /// <summary>Registers it.</summary>
    /// <param name="services">The services.</param>
    /// <param name="options">The settings.</param>
    public static IServiceCollection AddPassbolt(this IServiceCollection services, PassboltOptions options) => services
        .AddSingleton(options)
        .AddSingleton<PassboltGate>();
}
