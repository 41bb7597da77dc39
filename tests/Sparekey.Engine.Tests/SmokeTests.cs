namespace Sparekey.Engine.Tests;

public sealed class SmokeTests
{
    [Fact]
    public void Runs() => (1 + 1).ShouldBe(2);
}
