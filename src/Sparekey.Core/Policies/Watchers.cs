using System.Collections.Immutable;

namespace Sparekey.Core.Policies;

/// <summary>Who is told of a recovery beside the person whose account it is. It adds up: no rule takes away what another asks for.</summary>
/// <param name="Groups">The people of these groups.</param>
/// <param name="Addresses">These e-mail addresses.</param>
public sealed record Watchers(ImmutableArray<string> Groups, ImmutableArray<string> Addresses)
{
    /// <summary>Nobody.</summary>
    public static Watchers None { get; } = new([], []);

    /// <summary>All of both; null for nobody.</summary>
    /// <param name="one">The one.</param>
    /// <param name="other">The other.</param>
    public static Watchers? Union(Watchers? one, Watchers? other)
    {
        if (one is null || other is null)
        {
            return one ?? other;
        }

        return new Watchers(
            [.. one.Groups.Union(other.Groups, StringComparer.Ordinal).Order(StringComparer.Ordinal)],
            [.. one.Addresses.Union(other.Addresses, StringComparer.OrdinalIgnoreCase).Order(StringComparer.Ordinal)]);
    }
}
