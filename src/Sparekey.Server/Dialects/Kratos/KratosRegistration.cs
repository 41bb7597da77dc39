namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Registers what Kratos's doors need.</summary>
internal static class KratosRegistration
{
    /// <summary>Registers it.</summary>
    /// <param name="services">The services.</param>
    /// <param name="options">The settings.</param>
    public static IServiceCollection AddKratos(this IServiceCollection services, KratosOptions options) => services
        .AddSingleton(options)
        .AddSingleton<OidcDiscovery>()
        .AddSingleton<OidcLinks>()
        .AddSingleton<ProfileMethod>()
        .AddSingleton<SettingsForm>()
        .AddSingleton<SettingsAnswers>()
        .AddSingleton<SettingsMethods>();
}
