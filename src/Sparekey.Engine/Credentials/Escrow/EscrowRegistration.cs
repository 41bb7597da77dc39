using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>Registers escrow.</summary>
internal static class EscrowRegistration
{
    /// <summary>Registers it.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">What is a matter of choice.</param>
    public static IServiceCollection AddEscrow(this IServiceCollection services, EscrowOptions options) => services
        .AddSingleton(options)
        .AddSingleton<EscrowStore>()
        .AddSingleton<ISealed>(provider => provider.GetRequiredService<EscrowStore>())
        .AddSingleton<EscrowPolicyStore>()
        .AddSingleton<EnrolmentStore>()
        .AddSingleton<PersonKeyStore>()
        .AddSingleton<RotationStore>()
        .AddSingleton<DrillStore>()
        .AddSingleton<EscrowActs>()
        .AddSingleton<EscrowChecks>()
        .AddSingleton<EscrowPolicyMoves>()
        .AddSingleton<RotationSteps>()
        .AddSingleton<HeldOrganisationKey>()
        .AddSingleton<EscrowEnrolling>()
        .AddSingleton<IAccountDeletionStep, ForgetEscrowOfAccount>()
        .AddUseCase<ReadEscrowPolicy>()
        .AddUseCase<ChangeEscrowPolicy>()
        .AddUseCase<EnrolInEscrow>()
        .AddUseCase<ReadEnrolments>()
        .AddUseCase<ReadEscrowPasswords>()
        .AddUseCase<PersonKeys>()
        .AddUseCase<RotateEscrow>()
        .AddUseCase<ContinueRotations>()
        .AddUseCase<DrillEscrow>()
        .AddUseCase<ReadEscrowStatus>()
        .AddUseCase<SweepEscrow>();
}
