using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine.Webhooks;

/// <summary>Registers what tells endpoints what happens.</summary>
internal static class WebhookRegistration
{
    /// <summary>Registers it.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddWebhooks(this IServiceCollection services) => services
        .AddSingleton<WebhookStore>()
        .AddSingleton<DeliveryStore>()
        .AddSingleton<WebhookSecrets>()
        .AddUseCase<ManageWebhooks>()
        .AddUseCase<TellWebhooks>();
}
