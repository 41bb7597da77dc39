using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Server.Http;

namespace Sparekey.Server.Tests.Http;

/// <summary>Why somebody calls, from headers.</summary>
public sealed class ReasonHeadersTests
{
    [Fact]
    public void No_header_is_no_reason()
    {
        ReasonHeaders.Read(new DefaultHttpContext()).Value.ShouldBeNull();
        Read((ReasonHeaders.Text, ""), (ReasonHeaders.Ticket, "")).Value.ShouldBeNull();
    }

    [Fact]
    public void Reads_sentence_ticket_and_code() =>
        Read((ReasonHeaders.Text, "lost the phone"), (ReasonHeaders.Ticket, "HELP-42"), (ReasonHeaders.Code, "lost_phone")).Value
            .ShouldBe(new Reason("lost_phone", "lost the phone", "HELP-42"));

    [Theory]
    [InlineData("UTF-8''Ger%C3%A4t%20verloren", "Gerät verloren")]
    [InlineData("utf-8''a%2Bb+c", "a+b+c")]
    [InlineData("50% off", "50% off")]
    public void Reads_what_RFC_8187_writes_and_leaves_the_rest_as_it_is(string sent, string meant) =>
        Read((ReasonHeaders.Text, sent)).Value!.Text.ShouldBe(meant);

    [Theory]
    [InlineData("UTF-8''%C3")]
    [InlineData("UTF-8''%C3%2")]
    [InlineData("UTF-8''%zz")]
    [InlineData("UTF-8''%")]
    [InlineData("UTF-8''ä")]
    [InlineData("UTF-8''a%00b")]
    [InlineData("UTF-8''a%0Ab")]
    [InlineData("UTF-8''%20")]
    [InlineData("UTF-8''")]
    [InlineData("  ")]
    public void Refuses_what_cannot_be_read_or_says_nothing(string sent)
    {
        var refusal = Read((ReasonHeaders.Text, sent)).Refusal!;
        refusal.Code.ShouldBe(RefusalCode.InvalidRequest);
        refusal.Detail!.ShouldStartWith("The header Sparekey-Reason: ");
    }

    [Fact]
    public void Refuses_what_is_too_long_and_names_the_header()
    {
        Read((ReasonHeaders.Text, new string('x', 1000))).Refusal.ShouldBeNull();
        Read((ReasonHeaders.Text, new string('x', 1001))).Refusal!.Detail!.ShouldContain("Sparekey-Reason:");
        Read((ReasonHeaders.Ticket, new string('x', 64))).Refusal.ShouldBeNull();
        Read((ReasonHeaders.Ticket, new string('x', 65))).Refusal!.Detail!.ShouldContain("Sparekey-Ticket:");
        Read((ReasonHeaders.Code, new string('x', 65))).Refusal!.Detail!.ShouldContain("Sparekey-Reason-Code:");
    }

    [Fact]
    public void Refuses_a_header_that_is_sent_twice() =>
        Read((ReasonHeaders.Ticket, new StringValues(["HELP-1", "HELP-2"]))).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);

    private static Result<Reason?> Read(params (string Name, StringValues Value)[] headers)
    {
        var context = new DefaultHttpContext();
        foreach (var (name, value) in headers)
        {
            context.Request.Headers[name] = value;
        }

        return ReasonHeaders.Read(context);
    }
}
