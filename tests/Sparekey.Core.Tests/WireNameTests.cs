using System.Reflection;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;

namespace Sparekey.Core.Tests;

public sealed class WireNameTests
{
    public static TheoryData<Type> Sets { get; } = [.. typeof(WireName).Assembly.GetTypes().Where(t => t.IsEnum)];

    [Theory]
    [MemberData(nameof(Sets))]
    public void Every_member_of_every_set_has_its_own_name_and_reads_back(Type set) =>
        GetType().GetMethod(nameof(RoundTrip), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(set).Invoke(null, null);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("RecoveryOpened")]
    [InlineData("Recovery_opened")]
    [InlineData("recovery_opened ")]
    [InlineData("recovery-opened")]
    [InlineData("0")]
    public void Refuses_what_is_no_name(string? text) => WireName.TryParse<LedgerEvent>(text, out _).ShouldBeFalse();

    [Fact]
    public void A_value_outside_the_set_has_no_name() => Should.Throw<KeyNotFoundException>(() => WireName.Of((LedgerEvent)10_000));

    [Fact]
    public void Every_permission_is_a_thing_and_a_verb()
    {
        PermissionSet.All.Names().ShouldAllBe(n => n.Split(':', StringSplitOptions.None).Length == 2 && n.All(c => c == ':' || char.IsAsciiLetterLower(c)));
        PermissionSet.All.Names().ShouldBeUnique();
        PermissionSet.All.Count.ShouldBe(Enum.GetValues<Permission>().Length);
        foreach (var permission in Enum.GetValues<Permission>())
        {
            Permissions.TryParse(permission.Name(), out var read).ShouldBeTrue();
            read.ShouldBe(permission);
            ((int)permission).ShouldBeLessThan(64);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("recovery_request")]
    [InlineData("Recovery:Request")]
    [InlineData("recovery:*")]
    [InlineData("")]
    public void Refuses_what_is_no_permission(string? text) => Permissions.TryParse(text, out _).ShouldBeFalse();

    private static void RoundTrip<TEnum>()
        where TEnum : struct, Enum
    {
        WireName.All<TEnum>().ShouldBeUnique();
        WireName.All<TEnum>().ShouldAllBe(n => n.Split('_', StringSplitOptions.None).All(w => w.Length > 0 && w.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c))));
        Enum.GetValues<TEnum>().ShouldBeUnique();
        foreach (var value in Enum.GetValues<TEnum>())
        {
            WireName.TryParse<TEnum>(WireName.Of(value), out var read).ShouldBeTrue();
            read.ShouldBe(value);
            WireName.Parse<TEnum>(WireName.Of(value)).ShouldBe(value);
        }
    }
}
