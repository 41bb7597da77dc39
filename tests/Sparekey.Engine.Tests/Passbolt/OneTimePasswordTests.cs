using System.Text;
using Sparekey.Engine.Passbolt;

namespace Sparekey.Engine.Tests.Passbolt;

public sealed class OneTimePasswordTests
{
    // RFC 6238, appendix B, the last six of its eight digits.
    [Theory]
    [InlineData(59, "287082")]
    [InlineData(1111111109, "081804")]
    [InlineData(1111111111, "050471")]
    [InlineData(1234567890, "005924")]
    [InlineData(2000000000, "279037")]
    [InlineData(20000000000, "353130")]
    public void Gives_the_passwords_of_the_standard(long seconds, string password)
    {
        var step = OneTimePassword.StepOf(DateTimeOffset.FromUnixTimeSeconds(seconds));
        OneTimePassword.At("12345678901234567890"u8, step).ShouldBe(password);
    }

    [Theory]
    [InlineData("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    [InlineData("gezd gnbv gy3t qojq gezd gnbv gy3t qojq")]
    [InlineData("GEZDGNBV-GY3TQOJQ-GEZDGNBV-GY3TQOJQ====\r\n")]
    public void Reads_secrets_as_people_copy_them(string text)
    {
        var secret = new byte[256];
        OneTimePassword.TryRead(Encoding.ASCII.GetBytes(text), secret, out var length).ShouldBeTrue();
        Encoding.ASCII.GetString(secret, 0, length).ShouldBe("12345678901234567890");
    }

    [Theory]
    [InlineData("")]
    [InlineData("GEZDGNBV")]
    [InlineData("GEZDGNBVGY3TQOJQ1EZDGNBVGY3TQOJQ")]
    [InlineData("GEZDGNBVGY3TQOJQ!EZDGNBVGY3TQOJQ")]
    [InlineData("\u00e9EZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    public void Refuses_what_is_no_secret_or_too_short(string text) =>
        OneTimePassword.TryRead(Encoding.Latin1.GetBytes(text), new byte[256], out _).ShouldBeFalse();
}
