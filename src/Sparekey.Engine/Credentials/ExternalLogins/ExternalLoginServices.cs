using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine.Credentials.ExternalLogins;

/// <summary>Registers external logins.</summary>
internal static class ExternalLoginServices
{
    /// <summary>Registers them.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddExternalLogins(this IServiceCollection services) => services
        .AddSingleton<ExternalLoginStore>()
        .AddUseCase<OwnExternalLogins>()
        .AddUseCase<LinkExternalLogin>();
}
