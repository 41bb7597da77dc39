using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine.Reminders;

/// <summary>Registers what reminds people.</summary>
internal static class ReminderRegistration
{
    /// <summary>Registers it.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddReminders(this IServiceCollection services) => services
        .AddSingleton<Leases>()
        .AddSingleton<ReminderStore>()
        .AddSingleton<RemindOfRecovery>()
        .AddUseCase<RemindOfExpiry>();
}
