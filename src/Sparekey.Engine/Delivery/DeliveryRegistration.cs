using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine.Delivery.MailTexts;

namespace Sparekey.Engine.Delivery;

/// <summary>Registers the delivery of messages.</summary>
internal static class DeliveryRegistration
{
    /// <summary>Registers the outbox and what empties it.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddDelivery(this IServiceCollection services) => services
        .AddSingleton(provider => new Egress(provider.GetRequiredService<EngineOptions>().Egress))
        .AddSingleton<Outbox>()
        .AddSingleton<OutboxQueue>()
        .AddSingleton<MessageAddressing>()
        .AddSingleton<MailTemplates>()
        .AddSingleton<MailTextStore>()
        .AddSingleton<TenantMailTexts>()
        .AddSingleton<MailComposer>()
        .AddUseCase<ManageMailTexts>()
        .AddSingleton<PhoneComposer>()
        .AddUseCase<ManageMessages>()
        .AddSingleton<Accounts.IAccountDeletionStep, ForgetDeadLetters>()
        .AddUseCase<DeliverMessages>();
}
