using Sparekey.Core.Access;

namespace Sparekey.Core.Tests.Access;

public sealed class AssuranceLevelTests
{
    [Theory]
    [InlineData(true, true, true, AssuranceLevel.Aal2)]
    [InlineData(true, true, false, AssuranceLevel.Aal2)]
    [InlineData(true, false, false, AssuranceLevel.Aal2)]
    [InlineData(true, false, true, AssuranceLevel.Aal3)]
    [InlineData(false, false, true, AssuranceLevel.Aal1)]
    [InlineData(false, true, true, AssuranceLevel.Aal1)]
    public void N21_A_passkey_that_can_be_synced_is_never_at_the_highest_level(bool verified, bool canBeSynced, bool attested, AssuranceLevel level) =>
        AssuranceLevels.Of(AssuranceLevels.OfPasskey(verified, canBeSynced, attested)).ShouldBe(level);

    [Theory]
    [InlineData("pwd")]
    [InlineData("otp")]
    [InlineData("delegated")]
    [InlineData("pop")]
    public void One_factor_is_the_lowest_level(string method) => AssuranceLevels.Of([method]).ShouldBe(AssuranceLevel.Aal1);
}
