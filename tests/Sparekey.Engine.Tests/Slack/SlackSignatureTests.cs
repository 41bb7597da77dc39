using System.Globalization;
using System.Text;
using Sparekey.Engine.Slack;

namespace Sparekey.Engine.Tests.Slack;

public sealed class SlackSignatureTests
{
    private const string Secret = "8f742231b10e8888abcd99yyyzzz85a5";
    private const string Timestamp = "1531420618";
    private const string Signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    private const string Body =
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
        + "&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
        + "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    private static readonly DateTimeOffset Then = DateTimeOffset.FromUnixTimeSeconds(1531420618);

    [Fact]
    public void Slacks_own_example_is_genuine_for_five_minutes_either_way()
    {
        foreach (var seconds in new[] { -300, 0, 300 })
        {
            Check(now: Then.AddSeconds(seconds)).ShouldBeTrue();
        }

        Check(now: Then.AddSeconds(301)).ShouldBeFalse();
        Check(now: Then.AddSeconds(-301)).ShouldBeFalse();
    }

    [Fact]
    public void No_other_signature_is_genuine()
    {
        Check(secret: Secret + "x").ShouldBeFalse();
        Check(secret: "").ShouldBeFalse();
        Check(body: Body + " ").ShouldBeFalse();
        Check(body: Body[..^1]).ShouldBeFalse();
        Check(body: "").ShouldBeFalse();
        foreach (var signature in new[] { null, "", "v0=", Signature[3..], Signature.ToUpperInvariant(), "v1=" + Signature[3..], Signature + "0", Signature[..^1], "é" })
        {
            Check(signature: signature).ShouldBeFalse(signature);
        }

        foreach (var timestamp in new[] { null, "", "0", "1531420617", "01531420618", " 1531420618", "1531420618 ", "1531420618.0", "-1531420618", long.MaxValue.ToString(CultureInfo.InvariantCulture) })
        {
            Check(timestamp: timestamp).ShouldBeFalse(timestamp);

            // Not even where whoever has the secret signed it so.
            var signed = SlackSignature.Of(Secret, timestamp ?? "", Encoding.UTF8.GetBytes(Body));
            SlackSignature.IsGenuine(Secret, timestamp, signed, Encoding.UTF8.GetBytes(Body), Then).ShouldBe(timestamp is "1531420617" or "01531420618", timestamp);
        }
    }

    private static bool Check(
        string secret = Secret, string? timestamp = Timestamp, string? signature = Signature, string body = Body, DateTimeOffset? now = null) =>
        SlackSignature.IsGenuine(secret, timestamp, signature, Encoding.UTF8.GetBytes(body), now ?? Then);
}
