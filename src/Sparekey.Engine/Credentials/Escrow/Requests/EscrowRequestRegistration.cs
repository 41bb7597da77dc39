using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Registers requests for escrowed keys.</summary>
internal static class EscrowRequestRegistration
{
    /// <summary>Registers them.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="keys">Whose organisation keys the server holds.</param>
    /// <param name="mails">Which notices operators do not get.</param>
    public static IServiceCollection AddEscrowRequests(
        this IServiceCollection services, EscrowKeyOptions keys, EscrowMailOptions mails) => services
        .AddSingleton(keys)
        .AddSingleton(mails)
        .AddSingleton<EscrowTokens>()
        .AddSingleton<EscrowRequestStore>()
        .AddSingleton<ISealed>(provider => provider.GetRequiredService<EscrowRequestStore>())
        .AddSingleton<EscrowAnswerStore>()
        .AddSingleton<ISealed>(provider => provider.GetRequiredService<EscrowAnswerStore>())
        .AddSingleton<EscrowLinks>()
        .AddSingleton<EscrowNotices>()
        .AddSingleton<EscrowHolders>()
        .AddSingleton<InEscrow>()
        .AddSingleton<HeldEscrowAnswers>()
        .AddSingleton<FollowRecovery>()
        .AddSingleton<EscrowOpening>()
        .AddSingleton<WrappedSecrets>()
        .AddSingleton<EscrowTasks>()
        .AddSingleton<CompanionRequests>()
        .AddSingleton<EndEscrowRequests>()
        .AddSingleton<IEscrowPolicyStep>(provider => provider.GetRequiredService<EndEscrowRequests>())
        .AddSingleton<IEscrowEndStep>(provider => provider.GetRequiredService<EndEscrowRequests>())
        .AddSingleton<IAccountDeletionStep>(provider => provider.GetRequiredService<EndEscrowRequests>())
        .AddSingleton<IEscrowPolicyStep, TellOfEscrowPolicy>()
        .AddSingleton<IEscrowKeySource, OrganisationKeyHolder>()
        .AddUseCase<SendEscrowToken>()
        .AddUseCase<StartEscrow>()
        .AddUseCase<OpenEscrowRequest>()
        .AddUseCase<ReadEscrowRequests>()
        .AddUseCase<ReadEscrowAnswer>()
        .AddUseCase<AnswerEscrowRequest>()
        .AddUseCase<FinishEscrow>()
        .AddUseCase<CompleteEscrow>()
        .AddUseCase<AnswerReadyEscrows>();
}
