using Microsoft.AspNetCore.Http;
using Sparekey.Server.Dialects.Kratos;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Which kind of answer a client gets. Browsers' integrations depend on every one of these.</summary>
public sealed class KratosNegotiationTests
{
    private static readonly string[] Plain = ["text/html", "application/json"];

    public static TheoryData<string?, bool> Accepts { get; } = new()
    {
        { null, true },
        { "", true },
        { "*/*", true },
        { "text/html", true },
        { "application/json", false },
        { "application/json, text/plain, */*", false },
        { "text/html, application/json", true },
        { "application/json, text/html", true },
        { "application/json;q=0.9, text/html;q=0.8", false },
        { "application/json;q=0.8, text/html;q=0.9", true },
        { "text/html;q=0, application/json;q=0.1", false },
        { "text/*", true },
        { "application/*", false },
        { "text/*;q=0.5, application/*;q=0.6", false },
        { "image/png", true },
        { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true },
    };

    [Theory]
    [MemberData(nameof(Accepts))]
    public void The_accept_header_alone_chooses_between_page_and_JSON(string? accept, bool page) =>
        Negotiation.WantsPage(Request(accept, null)).ShouldBe(page);

    [Theory]
    [InlineData(null, null, false)]
    [InlineData("*/*", null, false)]
    [InlineData("application/json", null, true)]
    [InlineData("application/json, text/plain, */*", null, true)]
    [InlineData("text/html, application/json", null, false)]
    [InlineData("text/plain, application/json;q=0.9", null, true)]
    [InlineData("text/*, application/json", null, true)]
    [InlineData("text/*, application/json;q=0.9", null, false)]
    [InlineData("application/*", null, true)]
    [InlineData("*/*", "application/json", true)]
    [InlineData("text/html", "application/json", true)]
    [InlineData("*/*", "application/json; charset=utf-8", false)]
    [InlineData("*/*", "Application/JSON", false)]
    [InlineData("*/*", "application/x-www-form-urlencoded", false)]
    public void A_call_is_JSON_by_what_it_takes_or_exactly_by_what_it_sends(string? accept, string? contentType, bool json) =>
        Negotiation.IsJson(Request(accept, contentType)).ShouldBe(json);

    [Fact]
    public void Several_header_lines_count_as_one() =>
        Negotiation.Winner(["image/png", "application/json;q=0.5"], Plain, "text/html").ShouldBe("application/json");

    [Theory]
    [InlineData("text/html;q=")]
    [InlineData("text/html;q=9")]
    [InlineData(";;;,,,;q=1")]
    [InlineData("application/json;q=1.x")]
    [InlineData("\u0000, application/json")]
    public void What_cannot_be_read_falls_back_to_a_page(string accept) =>
        Negotiation.Winner([accept], Plain, "text/html").ShouldBe("text/html");

    private static HttpRequest Request(string? accept, string? contentType)
    {
        var request = new DefaultHttpContext().Request;
        if (accept is not null)
        {
            request.Headers.Accept = accept;
        }

        request.ContentType = contentType;
        return request;
    }
}
