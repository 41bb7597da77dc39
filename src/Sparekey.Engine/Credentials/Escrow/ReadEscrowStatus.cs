using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>How escrow stands as a whole.</summary>
/// <param name="Policy">The policy in force.</param>
/// <param name="Coverage">How far the organisation has come.</param>
/// <param name="IsKeyHeld">Whether the server holds the organisation key.</param>
/// <param name="OpenPgpVersion">The version of the library; null where it is missing.</param>
public sealed record EscrowStatus(EscrowPolicy Policy, EscrowCoverage Coverage, bool IsKeyHeld, string? OpenPgpVersion)
{
    /// <summary>The rotation that goes on; null for none.</summary>
    public Rotation? Rotation { get; init; }

    /// <summary>The last drill of the key in force; null for none.</summary>
    public Drill? LastDrill { get; init; }
}

/// <summary>Reads how escrow stands, for whoever manages it.</summary>
public sealed class ReadEscrowStatus
{
    private readonly EscrowActs _acts;
    private readonly EscrowPolicyStore _policies;
    private readonly EnrolmentStore _enrolments;
    private readonly RotationStore _rotations;
    private readonly DrillStore _drills;
    private readonly HeldOrganisationKey _held;

    internal ReadEscrowStatus(
        EscrowActs acts, EscrowPolicyStore policies, EnrolmentStore enrolments, RotationStore rotations, DrillStore drills, HeldOrganisationKey held)
    {
        _acts = acts;
        _policies = policies;
        _enrolments = enrolments;
        _rotations = rotations;
        _drills = drills;
        _held = held;
    }

    /// <summary>Everything at a glance.</summary>
    /// <param name="caller">Who reads; holds <c>escrow:manage</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How it stands, or <see cref="RefusalCode.PermissionMissing"/>.</returns>
    public Task<Result<EscrowStatus>> Run(Caller caller, CancellationToken cancellationToken) => _acts.Read<EscrowStatus>(
        caller,
        async db =>
        {
            var policy = await _policies.Current(db, caller.Tenant);
            var undoable = await _policies.Undoable(db, caller.Tenant, _acts.Now);
            return new EscrowStatus(
                policy with { UndoUntil = policy.IsEnabled || undoable.Count == 0 ? null : undoable[0].Until },
                await _enrolments.Coverage(db, caller.Tenant), _held.IsHeld(caller.Tenant), OpenPgpLibrary.Version)
            {
                Rotation = await _rotations.Running(db, caller.Tenant),
                LastDrill = (await _drills.List(db, caller.Tenant, 20)).FirstOrDefault(d => d.Key == policy.Key?.Id),
            };
        },
        cancellationToken);

    /// <summary>Every organisation key there was, oldest first.</summary>
    /// <param name="caller">Who reads; holds <c>escrow:manage</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The keys, or <see cref="RefusalCode.PermissionMissing"/>.</returns>
    public Task<Result<ImmutableArray<EscrowKey>>> Keys(Caller caller, CancellationToken cancellationToken) => _acts.Read<ImmutableArray<EscrowKey>>(
        caller, async db => (ImmutableArray<EscrowKey>)[.. await _policies.Keys(db, caller.Tenant)], cancellationToken);
}
