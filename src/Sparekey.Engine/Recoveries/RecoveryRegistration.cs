using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine.Accounts;

namespace Sparekey.Engine.Recoveries;

/// <summary>Registers recoveries.</summary>
internal static class RecoveryRegistration
{
    /// <summary>Registers the use cases of recoveries and what is behind them.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddRecoveries(this IServiceCollection services) => services
        .AddSingleton<RecoveryStore>()
        .AddSingleton<RecoverySecrets>()
        .AddSingleton<SecondPeople>()
        .AddSingleton<AccountFactsReader>()
        .AddSingleton<RecoverWithSavedCode>()
        .AddSingleton<RecoveryPages>()
        .AddSingleton<RepudiationTokens>()
        .AddSingleton<ConfirmationTokens>()
        .AddSingleton<AskForConfirmation>()
        .AddSingleton<SpentCodes>()
        .AddSingleton<ClientCodes>()
        .AddSingleton<TellWatchers>()
        .AddSingleton<RecoveryWriter>()
        .AddSingleton<RecoveryOpening>()
        .AddSingleton<SecretIssuer>()
        .AddSingleton<AskedRevocations>()
        .AddSingleton<ApprovalReader>()
        .AddSingleton<RecoveryAct>()
        .AddSingleton<RecoveryOfPerson>()
        .AddSingleton<RecoveryKeyCeremony>()
        .AddSingleton<RecoveryPreparation>()
        .AddSingleton<Redemptions>()
        .AddSingleton<RecoveryProof>()
        .AddSingleton<RecoveryCompletion>()
        .AddSingleton<IAccountDeletionStep, EndRecoveriesOfAccount>()
        .AddUseCase<OpenRecovery>()
        .AddUseCase<CollectRecovery>()
        .AddUseCase<IssueRecovery>()
        .AddUseCase<SignDecisions>()
        .AddUseCase<DecideOnRecovery>()
        .AddUseCase<ReadRecoveries>()
        .AddUseCase<ProveRecovery>()
        .AddUseCase<DescribeRecoveries>()
        .AddUseCase<OwnRecoveries>()
        .AddUseCase<ConfirmRecovery>()
        .AddUseCase<RequestRecovery>()
        .AddUseCase<RedeemSecret>()
        .AddUseCase<RedeemClientCode>()
        .AddUseCase<AuthorizeSecret>()
        .AddUseCase<InvalidateSecrets>()
        .AddUseCase<SetForcedKey>()
        .AddUseCase<ReadRedemption>()
        .AddUseCase<SetNewPassword>()
        .AddUseCase<SetPasswordWithToken>()
        .AddUseCase<SetNewPasskey>()
        .AddUseCase<RecoverWithKey>()
        .AddUseCase<RepudiateRecovery>()
        .AddUseCase<StopRecovery>()
        .AddUseCase<SweepRecoveries>();
}
