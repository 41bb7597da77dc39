using Sparekey.Core.Access;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>Tells administrators what happened to the policy of escrow.</summary>
/// <param name="notices">Writes to them.</param>
internal sealed class TellOfEscrowPolicy(EscrowNotices notices) : IEscrowPolicyStep
{
    /// <inheritdoc/>
    public Task Run(Act act, Visitor caller, Principal by, EscrowMove move, EscrowPolicy before, EscrowPolicy after) => notices.PolicyChanged(
        act,
        move switch
        {
            EscrowMove.Enabled or EscrowMove.Undone => EscrowPolicyNews.Enabled,
            EscrowMove.Changed or EscrowMove.Rotated => EscrowPolicyNews.Updated,
            EscrowMove.Disabled => EscrowPolicyNews.Disabled,
        },
        by);
}
