using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Engine.Invitations;

namespace Sparekey.Engine.Sessions;

/// <summary>Registers credentials and sessions.</summary>
internal static class SessionRegistration
{
    /// <summary>Registers credentials, passwords and sessions.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddSessions(this IServiceCollection services)
    {
        services.AddSingleton<CredentialStore>();
        services.AddSingleton<PasswordStore>();
        services.AddSingleton<PasskeyStore>();
        services.AddSingleton<KeyStore>();
        services.AddSingleton<RecoveryCodeStore>();
        services.AddSingleton<SpentRecoveryCodes>();
        services.AddUseCase<MakeRecoveryCodes>();
        services.AddUseCase<ReadRecoveryCodes>();
        services.AddSingleton<CredentialBinding>();
        services.AddSingleton<SignInCredentials>();
        services.AddSingleton<DecoyCredentials>();
        services.AddUseCase<KeyPickupCodes>();
        services.AddUseCase<SignInByName>();
        services.AddUseCase<DelegateSession>();
        services.AddUseCase<SignActions>();
        services.AddUseCase<AddCredential>();
        services.AddUseCase<SuspendCredential>();
        services.AddUseCase<DescribeCredentials>();
        services.AddUseCase<InviteAccount>();
        services.AddUseCase<AcceptInvitation>();
        services.AddSingleton<SessionStore>();
        services.AddSingleton<SessionAliases>();
        services.AddUseCase<SessionAuthentication>();
        services.AddUseCase<OperatorAuthentication>();
        services.AddUseCase<SignIn>();
        services.AddUseCase<SignInWithPasskey>();
        services.AddUseCase<ChangePassword>();
        services.AddUseCase<SetOwnPassword>();
        services.AddUseCase<EndSession>();
        services.AddUseCase<EndOtherSessions>();
        services.AddUseCase<OwnSessions>();
        services.AddUseCase<SessionsOfAccount>();
        services.AddUseCase<ListCredentials>();
        services.AddUseCase<RevokeCredential>();
        services.AddUseCase<RevokeOwnCredential>();
        services.AddUseCase<RenameCredential>();
        services.AddUseCase<AddPasskey>();
        services.AddUseCase<CredentialNamesOf>();
        services.AddUseCase<SignInWithSignedNonce>();
        return services;
    }
}
