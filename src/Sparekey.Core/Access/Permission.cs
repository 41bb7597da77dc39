using System.Collections.Frozen;
using System.Numerics;

namespace Sparekey.Core.Access;

/// <summary>What a token may do. One vocabulary; every dialect maps its vendor's names to it.</summary>
public enum Permission
{
    RecoveryRequest,
    RecoveryIssue,
    RecoveryRead,
    RecoveryConfirm,
    RecoveryEvidence,
    RecoveryApprove,
    RecoveryCancel,
    RecoveryComplete,
    AccountRead,
    AccountWrite,
    CredentialAdd,
    CredentialForce,
    CredentialRevoke,
    SessionDelegate,
    PolicyRead,
    PolicyWrite,
    LedgerRead,
    TokenWrite,
    EscrowManage,
    TenantAdmin,
}

/// <summary>The names of permissions on the wire: <c>recovery:request</c>, <c>account:write</c> and so on.</summary>
public static class Permissions
{
    private static readonly FrozenDictionary<Permission, string> Names =
        Enum.GetValues<Permission>().ToFrozenDictionary(p => p, p => WireName.Of(p).Replace('_', ':'));

    private static readonly FrozenDictionary<string, Permission> ByName =
        Names.ToFrozenDictionary(p => p.Value, p => p.Key, StringComparer.Ordinal);

    /// <summary>The wire name of a permission.</summary>
    /// <param name="permission">The permission.</param>
    public static string Name(this Permission permission) => Names[permission];

    /// <summary>Reads a wire name.</summary>
    /// <param name="text">The name.</param>
    /// <param name="permission">The permission.</param>
    public static bool TryParse(string? text, out Permission permission)
    {
        permission = default;
        return text is not null && ByName.TryGetValue(text, out permission);
    }
}

/// <summary>A set of permissions.</summary>
public readonly record struct PermissionSet
{
    private readonly ulong _bits;

    private PermissionSet(ulong bits) => _bits = bits;

    /// <summary>Every permission there is.</summary>
    public static PermissionSet All { get; } = Of(Enum.GetValues<Permission>());

    /// <summary>How many permissions are in the set.</summary>
    public int Count => BitOperations.PopCount(_bits);

    /// <summary>A set of these permissions.</summary>
    /// <param name="permissions">The permissions.</param>
    public static PermissionSet Of(params IEnumerable<Permission> permissions) =>
        new(permissions.Aggregate(0UL, (bits, p) => bits | Bit(p)));

    /// <summary>Whether a permission is in the set.</summary>
    /// <param name="permission">The permission.</param>
    public bool Contains(Permission permission) => (_bits & Bit(permission)) != 0;

    /// <summary>Whether every permission of this set is also in another.</summary>
    /// <param name="other">The other set.</param>
    public bool IsWithin(PermissionSet other) => (_bits & ~other._bits) == 0;

    /// <summary>The wire names, in the order of the vocabulary.</summary>
    public IReadOnlyList<string> Names()
    {
        var set = this;
        return Enum.GetValues<Permission>().Where(p => set.Contains(p)).Select(p => p.Name()).ToList();
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(' ', Names());

    private static ulong Bit(Permission permission) => 1UL << (int)permission;
}
