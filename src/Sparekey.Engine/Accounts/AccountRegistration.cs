using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Schemas;
using Sparekey.Engine.Tenants;

namespace Sparekey.Engine.Accounts;

/// <summary>Registers accounts, applications and tenants.</summary>
internal static class AccountRegistration
{
    /// <summary>Registers accounts, applications and tenants.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddAccounts(this IServiceCollection services) => services
        .AddSingleton<AccountStore>()
        .AddSingleton<ApplicationStore>()
        .AddSingleton<TenantStore>()
        .AddSingleton<TenantHosts>()
        .AddSingleton<AccountAct>()
        .AddSingleton<AddressConfirmation>()
        .AddSingleton<AddressChanges>()
        .AddUseCase<IdentitySchemas>()
        .AddUseCase<CreateAccount>()
        .AddUseCase<FindMember>()
        .AddUseCase<ImportAccounts>()
        .AddUseCase<ReadAccounts>()
        .AddUseCase<ReadOwnAccount>()
        .AddUseCase<SearchAccounts>()
        .AddUseCase<ApplicationOfPage>()
        .AddUseCase<ApplicationOfClient>()
        .AddUseCase<ApplicationOfHost>()
        .AddUseCase<ChangeAccount>()
        .AddUseCase<ChangeOwnProfile>()
        .AddUseCase<DeleteAccount>()
        .AddUseCase<AddAddress>()
        .AddUseCase<RemoveAddress>()
        .AddUseCase<ConfirmAddress>()
        .AddUseCase<ApplicationOrigins>()
        .AddUseCase<ReadBranding>()
        .AddUseCase<FindApplication>()
        .AddUseCase<EnsureDefaultApplication>()
        .AddUseCase<ManageApplications>()
        .AddUseCase<ManageTenants>()
        .AddUseCase<TenantOfHost>();
}
