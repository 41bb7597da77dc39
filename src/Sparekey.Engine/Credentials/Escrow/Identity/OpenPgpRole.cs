using Sparekey.Core.Access;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>What somebody is to clients of the product whose protocol this is: three bundles of permissions.</summary>
public enum OpenPgpRole
{
    /// <summary>Acts for themselves alone.</summary>
    User,

    /// <summary>Sees requests and answers them, and nothing else.</summary>
    Reviewer,

    /// <summary>Besides, sets the organisation's policy and rotates its key.</summary>
    Admin,
}

/// <summary>What the roles may do.</summary>
public static class OpenPgpRoles
{
    private static readonly PermissionSet OfReviewers = PermissionSet.Of(Permission.AccountRead, Permission.RecoveryRead, Permission.RecoveryApprove);

    private static readonly PermissionSet OfAdmins = PermissionSet.Of(
        Permission.AccountRead, Permission.RecoveryRead, Permission.RecoveryApprove, Permission.RecoveryCancel, Permission.EscrowManage,
        Permission.PolicyRead, Permission.LedgerRead);

    /// <summary>What a role may do.</summary>
    /// <param name="role">The role.</param>
    public static PermissionSet PermissionsOf(OpenPgpRole role) => role switch
    {
        OpenPgpRole.Admin => OfAdmins,
        OpenPgpRole.Reviewer => OfReviewers,
        OpenPgpRole.User => PermissionSet.Of(),
    };

    /// <summary>What an operator was granted of what their role may do.</summary>
    /// <param name="granted">The operator.</param>
    internal static PermissionSet WithinRole(Operator granted) => PermissionSet.Of(
        Enum.GetValues<Permission>().Where(p => granted.Permissions.Contains(p) && PermissionsOf(Of(granted)).Contains(p)));

    /// <summary>The role of an operator: whoever may manage escrow is an administrator, whoever sees or answers requests a reviewer.</summary>
    /// <param name="found">The operator; null for none.</param>
    public static OpenPgpRole Of(Operator? found) =>
        found is null ? OpenPgpRole.User
        : found.Permissions.Contains(Permission.EscrowManage) ? OpenPgpRole.Admin
        : found.Permissions.Contains(Permission.RecoveryRead) || found.Permissions.Contains(Permission.RecoveryApprove) ? OpenPgpRole.Reviewer
        : OpenPgpRole.User;
}
