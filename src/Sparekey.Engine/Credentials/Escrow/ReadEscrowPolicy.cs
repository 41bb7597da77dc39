using Sparekey.Engine.Access;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>Reads the policy of escrow. It is shown to everybody whom it concerns, so it asks for no permission.</summary>
public sealed class ReadEscrowPolicy
{
    private readonly Acts _acts;
    private readonly EscrowPolicyStore _policies;

    internal ReadEscrowPolicy(Acts acts, EscrowPolicyStore policies) => (_acts, _policies) = (acts, policies);

    /// <summary>The policy in force, with its key.</summary>
    /// <param name="visitor">Who reads.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<EscrowPolicy> Run(Visitor visitor, CancellationToken cancellationToken) => _acts.Read(
        async db =>
        {
            var policy = await _policies.Current(db, visitor.Tenant);
            var undoable = await _policies.Undoable(db, visitor.Tenant, _acts.Now);
            return policy with { UndoUntil = policy.IsEnabled || undoable.Count == 0 ? null : undoable[0].Until };
        },
        cancellationToken);
}
