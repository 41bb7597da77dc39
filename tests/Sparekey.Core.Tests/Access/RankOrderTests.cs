using System.Collections.Immutable;
using Sparekey.Core.Access;

namespace Sparekey.Core.Tests.Access;

public sealed class RankOrderTests
{
    private static readonly RankOrder Ranks = new(["user", "operator", "admin"]);

    // Who holds the ceiling at the left may act on the roles that follow it.
    [Theory]
    [InlineData("user", "user")]
    [InlineData("operator", "user operator")]
    [InlineData("admin", "user operator admin")]
    [InlineData("unlisted", "")]
    [InlineData("", "")]
    [InlineData("Admin", "")]
    public void A_ceiling_covers_its_own_role_and_those_below(string ceiling, string covered)
    {
        foreach (var role in new[] { "user", "operator", "admin", "unlisted", "", "User", "admin " })
        {
            Ranks.Covers(ceiling, role).ShouldBe(covered.Split(' ').Contains(role, StringComparer.Ordinal) && role.Length > 0, role);
        }
    }

    [Theory]
    [InlineData("user", "admin", true)]
    [InlineData("admin", "admin", true)]
    [InlineData("admin", "operator", false)]
    [InlineData("user", "unlisted", false)]
    [InlineData("unlisted", "user", true)]
    public void A_ceiling_is_within_another(string ceiling, string limit, bool within) => Ranks.IsWithin(ceiling, limit).ShouldBe(within);

    [Theory]
    [InlineData("admin", "user", true)]
    [InlineData("user", "user", false)]
    [InlineData("user", "admin", false)]
    [InlineData("unlisted", "admin", true)]
    [InlineData("unlisted", "unlisted", false)]
    [InlineData("admin", "unlisted", false)]
    public void An_unlisted_role_ranks_above_every_listed_one(string role, string other, bool above) => Ranks.IsAbove(role, other).ShouldBe(above);

    [Fact]
    public void Has_at_least_one_role_and_none_twice()
    {
        Should.Throw<ArgumentException>(() => new RankOrder([]));
        Should.Throw<ArgumentException>(() => new RankOrder(default));
        Should.Throw<ArgumentException>(() => new RankOrder(["a", "b", "a"]));
        new RankOrder(["only"]).Lowest.ShouldBe(new RankOrder(["only"]).Highest);
    }
}
