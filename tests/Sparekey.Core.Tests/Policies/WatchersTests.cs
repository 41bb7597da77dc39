using Sparekey.Core.Policies;

namespace Sparekey.Core.Tests.Policies;

/// <summary>Whom a policy names to be told of recoveries.</summary>
public sealed class WatchersTests
{
    [Fact]
    public void What_rules_ask_for_adds_up_and_nothing_is_told_twice()
    {
        var one = new Watchers(["b", "a"], ["desk@example.com"]);
        var other = new Watchers(["b", "c"], ["DESK@example.com", "boss@example.com"]);
        var both = Watchers.Union(one, other).ShouldNotBeNull();
        both.Groups.ShouldBe(["a", "b", "c"]);
        both.Addresses.ShouldBe(["boss@example.com", "desk@example.com"]);
        Watchers.Union(null, one).ShouldBe(one);
        Watchers.Union(one, null).ShouldBe(one);
        Watchers.Union(null, null).ShouldBeNull();
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("a b", null)]
    [InlineData(null, "")]
    [InlineData(null, "nobody")]
    [InlineData(null, "a@example.com\r\nBcc: victim@example.com")]
    [InlineData(null, "a@example.com, b@example.com")]
    [InlineData("security", "nobody")]
    public void Names_of_nobody_are_refused(string? group, string? address)
    {
        var notify = new NotifyDocument(group is null ? null : group.Length == 0 ? [] : [group], address is null ? null : address.Length == 0 ? [] : [address]);
        var read = Policy.From(new PolicyDocument(["user"], null, [new RuleDocument("r", null, new DemandDocument(Notify: notify))]));
        read.Refusal!.Code.ShouldBe(RefusalCode.PolicyInvalid);
        read.Refusal.Faults.ShouldContain(f => f.Pointer.StartsWith("/rules/0/require/notify", StringComparison.Ordinal));
    }
}
