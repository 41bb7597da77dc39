using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Passbolt;

/// <summary>Registers the companion.</summary>
internal static class PassboltRegistration
{
    /// <summary>Registers it. Without settings nobody is known on another server, and nothing runs.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">Its settings; null for none.</param>
    public static IServiceCollection AddPassboltCompanion(this IServiceCollection services, CompanionOptions? options)
    {
        services
            .AddSingleton<CompanionStore>()
            .AddSingleton(new CompanionKeys(options))
            .AddSingleton<IEscrowKeySource>(s => s.GetRequiredService<CompanionKeys>())
            .AddSingleton<IAccountDeletionStep, ForgetPerson>()
            .AddSingleton(s => new CompanionServer(
                s.GetRequiredService<Acts>(), s.GetRequiredService<CompanionStore>(), options, s.GetService<PassboltClient>(),
                s.GetRequiredService<CompanionKeys>()))
            .AddSingleton<ICompanionServer>(s => s.GetRequiredService<CompanionServer>())
            .AddSingleton(s => new ManageCompanion(
                s.GetRequiredService<Acts>(), s.GetRequiredService<CompanionStore>(), s.GetRequiredService<TenantActs>(), options,
                s.GetService<PassboltCompanion>(), s.GetService<PassboltClient>()));
        return options is null ? services : services
            .AddSingleton(options)
            .AddSingleton(s => new PassboltHttp(s.GetRequiredService<Egress>(), options))
            .AddSingleton<PassboltSignIn>()
            .AddSingleton<PassboltClient>()
            .AddSingleton<PullPeople>()
            .AddUseCase<PassboltCompanion>();
    }
}
