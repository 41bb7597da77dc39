namespace Sparekey.Server.Dialects.Cryptlex;

/// <summary>Registers the doors for Cryptlex's clients.</summary>
internal static class CryptlexServices
{
    /// <summary>Registers what the doors need.</summary>
    /// <param name="services">The services.</param>
    /// <param name="options">Their settings.</param>
    public static IServiceCollection AddCryptlex(this IServiceCollection services, CryptlexOptions options) => services
        .AddSingleton(options)
        .AddSingleton<RoleNames>();
}
