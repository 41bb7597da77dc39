using Sparekey.Core.Access;

namespace Sparekey.Server.Dialects.Cryptlex;

/// <summary>
/// Cryptlex's roles in the tenant's. Only its <c>user</c> is ever the lowest rank: reset tokens are made for that rank alone, so no other
/// name may come down to it.
/// </summary>
/// <param name="options">What the installation says of roles.</param>
internal sealed class RoleNames(CryptlexOptions options)
{
    /// <summary>The vendor's name of the lowest role.</summary>
    public const string User = "user";

    /// <summary>The vendor's names of the roles above it.</summary>
    public static readonly IReadOnlyList<string> Reserved = ["organization-admin", "reseller-admin", "admin", "super-admin"];

    /// <summary>The tenant's role that a vendor's stands for.</summary>
    /// <param name="name">The vendor's.</param>
    /// <param name="ranks">The tenant's roles.</param>
    /// <returns>The role; null where the tenant has one role only and this is not the vendor's lowest.</returns>
    public string? RoleOf(string name, RankOrder ranks)
    {
        if (name == User)
        {
            return ranks.Lowest;
        }

        var meant = options.Roles.GetValueOrDefault(name, name);
        return meant != ranks.Lowest && ranks.Knows(meant) ? meant
            : ranks.Highest != ranks.Lowest ? ranks.Highest
            : null;
    }

    /// <summary>The tenant's role that a name in a question stands for; null for a name that nobody gave a meaning.</summary>
    /// <param name="name">The name.</param>
    /// <param name="ranks">The tenant's roles.</param>
    public string? Known(string name, RankOrder ranks) =>
        name == User || ranks.Knows(name) || options.Roles.ContainsKey(name) || Reserved.Contains(name) ? RoleOf(name, ranks) : null;

    /// <summary>The vendor's name of a role.</summary>
    /// <param name="role">The tenant's role.</param>
    /// <param name="given">The name that the account was made with; null when it was not made here.</param>
    /// <param name="ranks">The tenant's roles.</param>
    public string NameOf(string role, string? given, RankOrder ranks) =>
        role == ranks.Lowest ? User
        : given is not null && given != User && RoleOf(given, ranks) == role ? given
        : options.Roles.FirstOrDefault(r => r.Value == role).Key ?? (role == User ? "admin" : role);
}
