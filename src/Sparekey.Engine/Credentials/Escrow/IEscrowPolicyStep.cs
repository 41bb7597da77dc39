using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Access;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>Something that follows from a change of the policy of escrow, in the same act, after the change itself.</summary>
internal interface IEscrowPolicyStep
{
    /// <summary>Does it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who changed the policy, and from where.</param>
    /// <param name="by">Who changed it.</param>
    /// <param name="move">What happened.</param>
    /// <param name="before">The policy before.</param>
    /// <param name="after">The policy now.</param>
    Task Run(Act act, Visitor caller, Principal by, EscrowMove move, EscrowPolicy before, EscrowPolicy after);
}

/// <summary>Something that follows when a person's escrow ends (withdrawn, removed, renewed), in the same act, before it is gone.</summary>
internal interface IEscrowEndStep
{
    /// <summary>Does it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">From where.</param>
    /// <param name="by">Who ended it.</param>
    /// <param name="account">Whose escrow.</param>
    Task Run(Act act, Visitor caller, Principal by, AccountId account);
}

/// <summary>Knows keys that no organisation key may be.</summary>
internal interface IForbiddenOrganisationKeys
{
    /// <summary>Whether a key may not be an organisation key.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="fingerprint">The key's fingerprint.</param>
    /// <returns>Why not; null where it may.</returns>
    Task<EscrowFault?> FaultOf(DbSession db, TenantId tenant, string fingerprint);
}
