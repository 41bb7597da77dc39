using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;

namespace Sparekey.Server.Tests.Http;

/// <summary>A valid body, one thing changed: refused, with where and in our own words.</summary>
public sealed class BodyTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Json = "application/json";

    public static TheoryData<string, string, string> Faults() => new()
    {
        { """{"name":"a","more":1}""", "/more", "There is no such member." },
        { """{"name":"a","a/b~c":1}""", "/a~1b~0c", "There is no such member." },
        { """{"name":"a","NAME":"a"}""", "/NAME", "There is no such member." },
        { "{}", "/name", "This member is missing." },
        { """{"name":null}""", "/name", "This is not null." },
        { """{"name":5}""", "/name", "This is a text." },
        { """{"name":["a"]}""", "/name", "This is a text." },
        { """{"name":"a","secret":5}""", "/secret", "This is a text." },
        { """{"name":"a","flag":"true"}""", "/flag", "This is true or false." },
        { """{"name":"a","number":"1"}""", "/number", "This is a number" },
        { """{"name":"a","number":1.5}""", "/number", "This is a number" },
        { """{"name":"a","number":99999999999}""", "/number", "This is a number" },
        { """{"name":"a","number":1e400}""", "/number", "This is a number" },
        { """{"name":"a","means":"Link"}""", "/means", "This is one of: link" },
        { """{"name":"a","means":0}""", "/means", "This is one of: link" },
        { """{"name":"a","means":"0"}""", "/means", "This is one of: link" },
        { """{"name":"a","recovery":"7"}""", "/recovery", "This is an id" },
        { """{"name":"a","recovery":"AAAAAAAA-1111-4111-8111-111111111111"}""", "/recovery", "This is an id" },
        { """{"name":"a","at":"2026-11-21"}""", "/at", "This is a time" },
        { """{"name":"a","at":"2026-11-21T08:00:00"}""", "/at", "This is a time" },
        { """{"name":"a","at":"2026-13-21T08:00:00Z"}""", "/at", "This is a time" },
        { """{"name":"a","at":1}""", "/at", "This is a time" },
        { """{"name":"a","names":"b"}""", "/names", "This is a list." },
        { """{"name":"a","names":["b",null]}""", "/names/1", "This is not null." },
        { """{"name":"a","names":["b",7]}""", "/names/1", "This is a text." },
        { """{"name":"a","names":["b","c\nd"]}""", "/names/1", "Control characters" },
        { """{"name":"a","labels":["b"]}""", "/labels", "This is a JSON object." },
        { """{"name":"a","labels":{"b\u0000":"c"}}""", "/labels", "A name has no control characters." },
        { """{"name":"a","part":"b"}""", "/part", "This is a JSON object." },
        { """{"name":"a","part":{}}""", "/part/first", "This member is missing." },
        { """{"name":"a","part":{"first":"b","third":"c"}}""", "/part/third", "There is no such member." },
        { """{"name":"a\u0000"}""", "/name", "Control characters" },
        { """{"name":"a\u001b[2J"}""", "/name", "Control characters" },
        { """{"name":"a\r\nb"}""", "/name", "Control characters" },
        { """{"name":"a\u0085"}""", "/name", "Control characters" },
        { """{"name":"a","note":"b\u0000"}""", "/note", "Control characters" },
        { """{"name":"a","any":{"b":[{"c":"\u0007"}]}}""", "/any/b/0/c", "Control characters" },
        { "[]", "", "This is a JSON object." },
        { "\"text\"", "", "This is a JSON object." },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Says_what_is_wrong_and_where(string body, string pointer, string detail)
    {
        var answer = await Send(Encoding.UTF8.GetBytes(body));
        (answer.Status, answer.Code).ShouldBe((400, "invalid_request"), answer.Text);
        var fault = answer.Json!["errors"]!.AsArray().ShouldHaveSingleItem()!;
        fault["pointer"]!.ToString().ShouldBe(pointer);
        fault["detail"]!.ToString().ShouldStartWith(detail);
    }

    public static TheoryData<string, byte[]> NotJson() => new()
    {
        { "nothing", [] },
        { "blanks", "   "u8.ToArray() },
        { "a byte-order mark", [0xEF, 0xBB, 0xBF, .. """{"name":"a"}"""u8] },
        { "UTF-16", Encoding.Unicode.GetBytes("""{"name":"a"}""") },
        { "an overlong encoding", [.. """{"name":"""u8, (byte)'"', 0xC0, 0x80, .. "\"}"u8] },
        { "a surrogate in UTF-8", [.. "{\"name\":\""u8, 0xED, 0xA0, 0x80, .. "\"}"u8] },
        { "half a pair in a value", """{"name":"\ud800"}"""u8.ToArray() },
        { "half a pair in a name", """{"name":"a","\udc00":1}"""u8.ToArray() },
        { "half a pair after a control character", """{"name":"\u0000","note":"\ud800"}"""u8.ToArray() },
        { "the same name twice", """{"name":"a","name":"b"}"""u8.ToArray() },
        { "the same name, once escaped", """{"name":"a","n\u0061me":"b"}"""u8.ToArray() },
        { "the same name twice in free JSON", """{"name":"a","any":{"b":1,"b":2}}"""u8.ToArray() },
        { "two documents", """{"name":"a"}{}"""u8.ToArray() },
        { "a trailing NUL", [.. """{"name":"a"}"""u8, 0] },
        { "a trailing comma", """{"name":"a",}"""u8.ToArray() },
        { "a comment", """{"name":"a"}//"""u8.ToArray() },
        { "not a number", """{"name":"a","number":NaN}"""u8.ToArray() },
        { "single quotes", "{'name':'a'}"u8.ToArray() },
        { "a raw line end in a text", "{\"name\":\"a\nb\"}"u8.ToArray() },
        { "too deep", Encoding.ASCII.GetBytes($$"""{"name":"a","any":{{new string('[', 16)}}{{new string(']', 16)}}}""") },
        { "a bomb of brackets", Encoding.ASCII.GetBytes(new string('[', 2000)) },
    };

    [Theory]
    [MemberData(nameof(NotJson))]
    public async Task What_is_not_json_is_not_read(string what, byte[] body)
    {
        var answer = await Send(body);
        (answer.Status, answer.Code).ShouldBe((400, "invalid_json"), $"{what}: {answer.Text}");
        answer.Text.ShouldNotContain("BytePosition");
    }

    [Fact]
    public async Task Takes_everything_that_is_as_it_should_be()
    {
        var answer = await Send(Encoding.UTF8.GetBytes(
            """
            {"name":"Ärzte 😀","means":"link","number":-7,"flag":false,"recovery":"aaaaaaaa-1111-4111-8111-111111111111",
             "at":"2026-11-21T09:00:00.1239+01:00","names":["b",""],"labels":{"c":"d"},"part":{"first":"e","second":null},
             "any":{"lines":"a\nb","nothing":[null]},"note":"one\r\n\ttwo"}
            """));
        answer.Status.ShouldBe(200, answer.Text);
        answer["at"].ShouldBe("2026-11-21T08:00:00.123Z");
        answer["means"].ShouldBe("link");
        answer["recovery"].ShouldBe("aaaaaaaa-1111-4111-8111-111111111111");
        answer["note"].ShouldBe("one\r\n\ttwo");
        answer["name"].ShouldBe("Ärzte 😀");
        answer.Json!["any"]!["lines"]!.ToString().ShouldBe("a\nb");
    }

    [Fact]
    public async Task Names_all_faults_at_once_but_not_without_end()
    {
        var several = await Send("""{"number":"x","part":{"x":1},"means":"y"}"""u8.ToArray());
        several.Json!["errors"]!.AsArray().Select(e => e!["pointer"]!.ToString())
            .ShouldBe(["/name", "/number", "/part/x", "/part/first", "/means"], ignoreOrder: true);

        var many = new JsonObject { ["name"] = "a" };
        for (var i = 0; i < 100; i++)
        {
            many[$"x{i}"] = i;
        }

        (await Send(Encoding.UTF8.GetBytes(many.ToJsonString()))).Json!["errors"]!.AsArray().Count.ShouldBe(20);
    }

    [Fact]
    public async Task Does_not_send_a_huge_name_back()
    {
        var name = new string('x', 1500);
        var answer = await Send(Encoding.UTF8.GetBytes($$"""{"name":"a","{{name}}":1}"""));
        answer.Code.ShouldBe("invalid_request");
        answer.Text.ShouldNotContain(name);
    }

    [Theory]
    [InlineData(2048, 200)]
    [InlineData(2049, 413)]
    [InlineData(200_000, 413)]
    public async Task The_limit_counts_to_the_byte_whether_the_length_is_told_or_not(int size, int status)
    {
        var body = Encoding.ASCII.GetBytes("""{"name":"a"}""".PadRight(size));
        foreach (var chunked in new[] { false, true })
        {
            var answer = await Send(body, chunked: chunked);
            answer.Status.ShouldBe(status, $"chunked: {chunked}");
            if (status == 413)
            {
                answer.Code.ShouldBe("body_too_large");
            }
        }
    }

    [Theory]
    [InlineData("application/json", 200)]
    [InlineData("application/json; charset=utf-8", 200)]
    [InlineData("APPLICATION/JSON; charset=\"UTF-8\"", 200)]
    [InlineData("application/json; charset=utf-16", 415)]
    [InlineData("application/json; charset=iso-8859-1", 415)]
    [InlineData("application/merge-patch+json", 415)]
    [InlineData("application/jsonp", 415)]
    [InlineData("text/json", 415)]
    [InlineData("text/plain", 415)]
    [InlineData("multipart/form-data; boundary=x", 415)]
    [InlineData("application/json, text/plain", 415)]
    [InlineData("nonsense", 415)]
    [InlineData("", 415)]
    [InlineData(null, 415)]
    public async Task One_media_type_is_read(string? type, int status)
    {
        var answer = await Send("""{"name":"a"}"""u8.ToArray(), type);
        answer.Status.ShouldBe(status, answer.Text);
        if (status == 415)
        {
            answer.Code.ShouldBe("unsupported_media_type");
        }
    }

    [Fact]
    public async Task A_compressed_body_is_not_unfolded()
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write("""{"name":"a"}"""u8);
        }

        (await Send(packed.ToArray(), encoding: "gzip")).Code.ShouldBe("unsupported_media_type");
    }

    private async Task<Answer> Send(byte[] body, string? type = Json, bool chunked = false, string? encoding = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/test/body");
        request.Headers.TransferEncodingChunked = chunked;

        // What the server refused before it read it all ends the connection, and the next call must not begin on that.
        request.Headers.ConnectionClose = true;
        request.Content = chunked ? new StreamContent(new MemoryStream(body)) : new ByteArrayContent(body);
        if (type is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        if (encoding is not null)
        {
            request.Content.Headers.ContentEncoding.Add(encoding);
        }

        return await fixture.Server.Send(request);
    }
}
