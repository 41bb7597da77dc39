using System.Text.Json.Nodes;
using Sparekey.Engine.Applications;
using Sparekey.Server.Dialects.Kratos;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>The small formats: spans of time, times, URLs, escapes.</summary>
public sealed class KratosFormatTests
{
    [Theory]
    [InlineData("1h", 3_600_000_000_000)]
    [InlineData("1h30m", 5_400_000_000_000)]
    [InlineData("1.5h", 5_400_000_000_000)]
    [InlineData("500ms", 500_000_000)]
    [InlineData(".5s", 500_000_000)]
    [InlineData("1.s", 1_000_000_000)]
    [InlineData("0", 0)]
    [InlineData("-0", 0)]
    [InlineData("-1h", -3_600_000_000_000)]
    [InlineData("+2m", 120_000_000_000)]
    [InlineData("3\u00B5s", 3_000)]
    [InlineData("3\u03BCs", 3_000)]
    [InlineData("1m1m", 120_000_000_000)]
    [InlineData("1ns", 1)]
    [InlineData("2540400h10m10.000000000s", 9_145_440_610_000_000_000)]
    public void Reads_spans_as_Go_does(string text, long nanoseconds)
    {
        GoDuration.TryParse(text, out var span).ShouldBeTrue();
        span.Nanoseconds.ShouldBe(nanoseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1d")]
    [InlineData("3600")]
    [InlineData("1 h")]
    [InlineData(" 1h")]
    [InlineData("h")]
    [InlineData(".s")]
    [InlineData("-")]
    [InlineData("--1h")]
    [InlineData("1h-1m")]
    [InlineData("1..5h")]
    [InlineData("1e3s")]
    [InlineData("1H")]
    [InlineData("9223372036854775808ns")]
    [InlineData("99999999999999999999999999h")]
    [InlineData("3000000h")]
    public void Refuses_what_Go_refuses(string text) => GoDuration.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void Refuses_an_endless_span() => GoDuration.TryParse(string.Concat(Enumerable.Repeat("1ns", 100_000)), out _).ShouldBeFalse();

    [Theory]
    [InlineData("-1h", "-1h0m0s")]
    [InlineData("0", "0s")]
    [InlineData("90m", "1h30m0s")]
    [InlineData("61s", "1m1s")]
    [InlineData("1.5s", "1.5s")]
    [InlineData("500ms", "500ms")]
    [InlineData("1500us", "1.5ms")]
    [InlineData("-3us", "-3µs")]
    [InlineData("7ns", "7ns")]
    public void Writes_spans_as_Go_does(string text, string written)
    {
        GoDuration.TryParse(text, out var span).ShouldBeTrue();
        span.ToString().ShouldBe(written);
    }

    [Fact]
    public void Times_have_no_zeros_at_the_end()
    {
        KratosJson.Time(new DateTimeOffset(2026, 7, 29, 12, 0, 0, TimeSpan.FromHours(2))).ShouldBe("2026-07-29T10:00:00Z");
        KratosJson.Time(new DateTimeOffset(2026, 7, 29, 10, 0, 0, 120, TimeSpan.Zero)).ShouldBe("2026-07-29T10:00:00.12Z");
    }

    [Fact]
    public void Bodies_escape_what_HTML_reads_and_end_their_line()
    {
        var body = new JsonObject { ["a"] = "<b>&\\<\"" };

        KratosJson.Text(body).ShouldBe("{\"a\":\"\\u003cb\\u003e\\u0026\\\\\\u003c\\\"\"}\n");
        KratosJson.Text(body, isPlain: true).ShouldBe("{\"a\":\"<b>&\\\\<\\\"\"}\n");
        JsonNode.Parse(KratosJson.Text(body))!["a"]!.GetValue<string>().ShouldBe("<b>&\\<\"");
    }

    [Theory]
    [InlineData("https://app.example.com/welcome")]
    [InlineData("https://app.example.com/")]
    [InlineData("https://deep.er.example.org/in/here")]
    [InlineData("https://id.example.com/self-service/settings/browser")]
    [InlineData("/settings")]
    [InlineData("https://one.example.net/exactly?this=1")]
    public void Browsers_are_sent_where_it_is_allowed(string url)
    {
        var (allowed, error) = ReturnUrl.Check(Call(), url);

        error.ShouldBeNull();
        allowed.ShouldBe(url[0] == '/' ? "https://app.example.com/settings" : url);
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/")]
    [InlineData("/\\evil.example/")]
    [InlineData("\\\\evil.example/")]
    [InlineData("https://app.example.com.evil.example/")]
    [InlineData("https://app.example.com@evil.example/")]
    [InlineData("https://user:pw@app.example.com/")]
    [InlineData("http://app.example.com/")]
    [InlineData("https://app.example.com:8443/")]
    [InlineData("https://example.org/in")]
    [InlineData("https://evilexample.org/in")]
    [InlineData("https://deep.example.org/out")]
    [InlineData("https://deep.example.org/in/../out")]
    [InlineData("https://id.example.com/other")]
    [InlineData("https://id.example.com/self-service/../other")]
    [InlineData("https://one.example.net/exactly?this=2")]
    [InlineData("javascript:alert(1)")]
    [InlineData("data:text/html,x")]
    [InlineData("https:app.example.org")]
    [InlineData("settings")]
    [InlineData("https://")]
    [InlineData("https://ap.\uFFFD\u05DE.example.com/")]
    public void Browsers_are_sent_nowhere_else(string url)
    {
        var (allowed, error) = ReturnUrl.Check(Call(), url);

        allowed.ShouldBeNull();
        error!.Status.ShouldBe(400);
        error.Id.ShouldBe("self_service_flow_return_to_forbidden");
        error.Reason!.ShouldContain(url);
    }

    [Fact]
    public void A_query_is_added_to_the_one_that_is_there_in_order_of_names() =>
        KratosCall.With("https://app.example.com/x?b=2&b2=ü", ("token", "t&t"), ("flow", "f"), ("none", null))
            .ShouldBe("https://app.example.com/x?b=2&b2=%C3%BC&flow=f&token=t%26t");

    private static KratosCall Call()
    {
        var application = new Application(default, "A", null, [], []) { ReturnUrls = [new Uri("https://one.example.net/exactly?this=1")] };
        var options = new KratosOptions
        {
            DefaultReturnUrl = new Uri("https://app.example.com/home"),
            AllowedReturnUrls = [ReturnUrlPattern.Parse("https://app.example.com/")!, ReturnUrlPattern.Parse("https://*.example.org/in")!],
        };
        return new KratosCall(application, options, "https://id.example.com", "https://id.example.com");
    }
}
