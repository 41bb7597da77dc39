using System.Collections.Immutable;

namespace Sparekey.Core.Access;

/// <summary>
/// The roles of a tenant from lowest to highest. A role that is not listed ranks above all as a target and below all as a
/// ceiling: a name nobody ordered must protect its holder and empower nobody.
/// </summary>
public sealed class RankOrder
{
    /// <summary>Roles of a tenant that has not set its own.</summary>
    public static RankOrder Default { get; } = new(["user", "operator", "admin"]);

    /// <summary>Orders roles.</summary>
    /// <param name="roles">At least one role, lowest first, each once.</param>
    /// <exception cref="ArgumentException">No role, or one twice.</exception>
    public RankOrder(ImmutableArray<string> roles)
    {
        if (roles.IsDefaultOrEmpty || roles.Distinct(StringComparer.Ordinal).Count() != roles.Length)
        {
            throw new ArgumentException("Roles are a list of at least one, each named once.", nameof(roles));
        }

        Roles = roles;
    }

    /// <summary>The roles, lowest first.</summary>
    public ImmutableArray<string> Roles { get; }

    /// <summary>The lowest role: what a token may act on unless more was granted.</summary>
    public string Lowest => Roles[0];

    /// <summary>The highest listed role.</summary>
    public string Highest => Roles[^1];

    /// <summary>Whether a role is listed.</summary>
    /// <param name="role">The role.</param>
    public bool Knows(string role) => Roles.Contains(role, StringComparer.Ordinal);

    /// <summary>Whether who holds a ceiling may act on an account of a role.</summary>
    /// <param name="ceiling">The ceiling.</param>
    /// <param name="role">The account's role.</param>
    public bool Covers(string ceiling, string role) => CeilingOf(ceiling) >= RankOf(role);

    /// <summary>Whether a ceiling is no higher than another.</summary>
    /// <param name="ceiling">The ceiling in question.</param>
    /// <param name="limit">The limit.</param>
    public bool IsWithin(string ceiling, string limit) => CeilingOf(ceiling) <= CeilingOf(limit);

    /// <summary>
    /// Whether the account of an operator may have a role. Who recovers that account gets all that the operator may do, so they must need
    /// as much: the role is no lower than the operator's ceiling, and not the lowest one, of which policy asks least.
    /// </summary>
    /// <param name="role">The account's role.</param>
    /// <param name="ceiling">The highest role that the operator may act on.</param>
    public bool MayOperate(string role, string ceiling) =>
        Roles.Length == 1 || (RankOf(role) > 0 && RankOf(role) >= CeilingOf(ceiling));

    /// <summary>Whether a role ranks above another.</summary>
    /// <param name="role">The role in question.</param>
    /// <param name="other">The role it is compared with.</param>
    public bool IsAbove(string role, string other) => RankOf(role) > RankOf(other);

    private int RankOf(string role) => Roles.IndexOf(role, StringComparer.Ordinal) is >= 0 and var rank ? rank : Roles.Length;

    private int CeilingOf(string role) => Roles.IndexOf(role, StringComparer.Ordinal);
}
