using System.Collections.Immutable;
using Sparekey.Core.Accounts;

namespace Sparekey.Core.Access;

/// <summary>What a caller holds while acting: who they are, what they may do, on whom, until when.</summary>
/// <param name="Principal">Who acts.</param>
/// <param name="Permissions">What they may do.</param>
/// <param name="Ceiling">The highest role they may act on.</param>
/// <param name="ExpiresAt">When the authority ends; null for the local operator.</param>
public sealed record Grant(Principal Principal, PermissionSet Permissions, string Ceiling, DateTimeOffset? ExpiresAt)
{
    /// <summary>Which kinds of accounts they may act on; none named for all.</summary>
    public ImmutableArray<AccountKind> Kinds { get; init; } = [];

    /// <summary>Whether the caller may do a thing at all.</summary>
    /// <param name="permission">The permission.</param>
    public Refusal? Demand(Permission permission) =>
        Permissions.Contains(permission)
            ? null
            : new Refusal(RefusalCode.PermissionMissing, $"This needs the permission {permission.Name()}.");

    /// <summary>
    /// Whether the caller may act on an account, or change it from one role to another: nobody acts on themselves as an
    /// operator, and nobody above their ceiling before or after the change.
    /// </summary>
    /// <param name="account">The account.</param>
    /// <param name="kind">Its kind, now and after the change.</param>
    /// <param name="roleBefore">Its role now.</param>
    /// <param name="roleAfter">Its role after the change.</param>
    /// <param name="ranks">The tenant's roles.</param>
    /// <returns>
    /// Null, <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/> or <see cref="RefusalCode.PermissionMissing"/>.
    /// </returns>
    public Refusal? MayActOn(AccountId account, AccountKind kind, string roleBefore, string roleAfter, RankOrder ranks)
    {
        if (Principal.IsPersonOf(account))
        {
            return RefusalCode.OwnAccount;
        }

        return FaultOf(kind)
            ?? (ranks.Covers(Ceiling, roleBefore) && ranks.Covers(Ceiling, roleAfter) ? null : (Refusal?)RefusalCode.AboveCeiling);
    }

    /// <summary>Whether the caller may create an account of a kind and role.</summary>
    /// <param name="kind">The new account's kind.</param>
    /// <param name="role">The new account's role.</param>
    /// <param name="ranks">The tenant's roles.</param>
    public Refusal? MayCreate(AccountKind kind, string role, RankOrder ranks) =>
        FaultOf(kind) ?? (ranks.Covers(Ceiling, role) ? null : (Refusal?)RefusalCode.AboveCeiling);

    /// <summary>
    /// Whether the caller may make a token: it never exceeds its creator's permissions, ceiling or expiry.
    /// </summary>
    /// <param name="permissions">What the token may do.</param>
    /// <param name="ceiling">The token's ceiling.</param>
    /// <param name="expiresAt">When the token ends.</param>
    /// <param name="ranks">The tenant's roles.</param>
    /// <param name="kinds">Which kinds of accounts the token may act on; none named for all.</param>
    public Refusal? MayMint(
        PermissionSet permissions, string ceiling, DateTimeOffset expiresAt, RankOrder ranks, IReadOnlyCollection<AccountKind> kinds)
    {
        if (!ranks.Knows(ceiling))
        {
            return RefusalCode.UnknownRole;
        }

        var within = permissions.IsWithin(Permissions) && ranks.IsWithin(ceiling, Ceiling)
            && (ExpiresAt is null || expiresAt <= ExpiresAt)
            && (Kinds.IsDefaultOrEmpty || (kinds.Count > 0 && kinds.All(k => Kinds.Contains(k))));
        return within ? null : RefusalCode.StrongerThanCreator;
    }

    /// <summary>
    /// Whether the caller may give a programme a new owner, or act for the programmes of one. A token for a programme of
    /// somebody else would be a second person for separation of duties, so only the owner and the local operator may.
    /// </summary>
    /// <param name="owner">The owner's principal id.</param>
    public Refusal? MayActForOwner(string owner) =>
        Principal.Kind == PrincipalKind.LocalOperator || owner == (Principal.OwnerId ?? Principal.Id)
            ? null
            : new Refusal(RefusalCode.SeparationOfDuties, "Programmes and tokens are made for one's own, or by the local operator.");

    private Refusal? FaultOf(AccountKind kind) =>
        Kinds.IsDefaultOrEmpty || Kinds.Contains(kind)
            ? null
            : new Refusal(RefusalCode.PermissionMissing, $"This is not for accounts of the kind {WireName.Of(kind)}.");
}
