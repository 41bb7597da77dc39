using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>Registers tenants' own OpenPGP keys, and signing in with people's.</summary>
internal static class EscrowIdentityRegistration
{
    /// <summary>Registers them.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddEscrowIdentity(this IServiceCollection services) => services
        .AddSingleton<OpenPgpServerStore>()
        .AddSingleton<ISealed>(provider => provider.GetRequiredService<OpenPgpServerStore>())
        .AddSingleton<IForbiddenOrganisationKeys, ServerKeyIsForbidden>()
        .AddSingleton<OpenPgpPeople>()
        .AddSingleton<OpenPgpPeopleStore>()
        .AddSingleton<OpenPgpSessions>()
        .AddSingleton<SetUpInvitations>()
        .AddSingleton<SignInAttacks>()
        .AddUseCase<ReadOpenPgpServer>()
        .AddUseCase<SetUpOpenPgpServer>()
        .AddUseCase<SignInWithOpenPgp>()
        .AddUseCase<SignInWithChallenge>()
        .AddUseCase<RefreshOpenPgpSession>()
        .AddUseCase<OpenPgpAuthentication>()
        .AddUseCase<ImportOpenPgpPerson>()
        .AddUseCase<CompleteSetUp>()
        .AddUseCase<ReadOpenPgpPeople>();
}
