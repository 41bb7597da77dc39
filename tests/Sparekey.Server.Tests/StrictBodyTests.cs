using System.Net.Http.Headers;
using System.Text;

namespace Sparekey.Server.Tests;

/// <summary>Bodies that are not what a route asks for: a clear 4xx every time, never a 500, and nothing of the parser's own words.</summary>
public sealed class StrictBodyTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    public static TheoryData<string, string, string> Bodies() => new()
    {
        { "empty", "", "invalid_json" },
        { "text", "hello", "invalid_json" },
        { "truncated", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"li", "invalid_json" },
        { "trailing data", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"link\"} {}", "invalid_json" },
        { "trailing comma", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"link\",}", "invalid_json" },
        { "comment", "{/* */\"account\":{\"email\":\"a@example.com\"},\"means\":\"link\"}", "invalid_json" },
        { "duplicate name", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"link\",\"means\":\"code\"}", "invalid_json" },
        { "duplicate name below", "{\"account\":{\"email\":\"a@example.com\",\"email\":\"b@example.com\"},\"means\":\"link\"}", "invalid_json" },
        { "deep nesting", new string('[', 100) + new string(']', 100), "invalid_json" },
        { "unpaired surrogate", "{\"account\":{\"email\":\"\\ud800\"},\"means\":\"link\"}", "invalid_json" },
        { "array", "[]", "invalid_request" },
        { "null", "null", "invalid_request" },
        { "number", "7", "invalid_request" },
        { "unknown member", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"link\",\"extra\":1}", "invalid_request" },
        { "unknown member below", "{\"account\":{\"email\":\"a@example.com\",\"x\":1},\"means\":\"link\"}", "invalid_request" },
        { "missing member", "{\"account\":{\"email\":\"a@example.com\"}}", "invalid_request" },
        { "null member", "{\"account\":null,\"means\":\"link\"}", "invalid_request" },
        { "wrong type", "{\"account\":{\"email\":5},\"means\":\"link\"}", "invalid_request" },
        { "number for a name", "{\"account\":{\"email\":\"a@example.com\"},\"means\":0}", "invalid_request" },
        { "name in other letters", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"LINK\"}", "invalid_request" },
        { "other case of a member", "{\"Account\":{\"email\":\"a@example.com\"},\"means\":\"link\"}", "invalid_request" },
        { "two names", "{\"account\":{\"email\":\"a@example.com\",\"username\":\"a\"},\"means\":\"link\"}", "invalid_request" },
        { "no name", "{\"account\":{},\"means\":\"link\"}", "invalid_request" },
        { "nul", "{\"account\":{\"email\":\"a\\u0000@example.com\"},\"means\":\"link\"}", "invalid_request" },
        { "escape sequence", "{\"account\":{\"email\":\"\\u001b[2J\"},\"means\":\"link\"}", "invalid_request" },
        { "bad time", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"link\",\"not_before\":\"tomorrow\"}", "invalid_request" },
        { "bad duration", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"link\",\"expires_in\":\"-1h\"}", "invalid_request" },
        { "huge duration", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"link\",\"expires_in\":\"999999999d\"}", "invalid_request" },
        { "too many digits", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"code\",\"digits\":11}", "invalid_request" },
        { "format without code", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"link\",\"code_format\":\"long\"}", "invalid_request" },
        { "bad id", "{\"account\":{\"id\":\"7\"},\"means\":\"link\"}", "invalid_request" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task A_body_that_is_not_what_is_asked_for_gets_a_clear_refusal(string what, string body, string code)
    {
        var answer = await _server.Post("/v1/recoveries", body, _server.AdminToken);
        answer.Code.ShouldBe(code, $"{what}: {answer.Text}");
        answer.Status.ShouldBe(400);
        answer.Text.ShouldNotContain("LineNumber");
        answer.Text.ShouldNotContain("Exception");
        answer.Text.ShouldNotContain("System.");
    }

    [Fact]
    public async Task A_fault_says_where_it_is()
    {
        var answer = await _server.Post(
            "/v1/recoveries", "{\"account\":{\"email\":\"a@example.com\"},\"means\":\"link\",\"reason\":{\"code\":5}}", _server.AdminToken);
        answer.Json!["errors"]![0]!["pointer"]!.ToString().ShouldBe("/reason/code");
    }

    [Fact]
    public async Task Bytes_that_are_not_utf_8_are_refused()
    {
        var answer = await SendBytes([.. "{\"account\":{\"email\":\""u8, 0xC3, 0x28, .. "\"},\"means\":\"link\"}"u8], "application/json");
        answer.Code.ShouldBe("invalid_json");
    }

    [Fact]
    public async Task A_body_of_another_media_type_is_refused()
    {
        (await SendBytes("{}"u8.ToArray(), "text/plain")).Code.ShouldBe("unsupported_media_type");
        (await SendBytes("a=b"u8.ToArray(), "application/x-www-form-urlencoded")).Code.ShouldBe("unsupported_media_type");
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused_whether_it_says_so_or_not()
    {
        var body = Encoding.ASCII.GetBytes($"{{\"account\":{{\"email\":\"{new string('a', 70_000)}\"}},\"means\":\"link\"}}");
        (await SendBytes(body, "application/json")).Status.ShouldBe(413);
        (await SendBytes(body, "application/json", chunked: true)).Status.ShouldBe(413);
    }

    [Fact]
    public async Task Unknown_routes_and_methods_are_problems_too()
    {
        (await _server.Get("/v1/nothing", _server.AdminToken)).Code.ShouldBe("route_not_found");
        (await _server.Send("DELETE", "/v1/recoveries", null, _server.AdminToken)).Code.ShouldBe("method_not_allowed");
        (await _server.Get("/v1/recoveries/no-id", _server.AdminToken)).Code.ShouldBe("recovery_not_found");
    }

    [Fact]
    public async Task Answers_are_never_stored_or_sniffed_and_name_their_request()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/policy");
        request.Headers.Add("X-Request-Id", "my-own_id.1");
        var answer = await _server.Send(request);
        answer.Headers.CacheControl!.NoStore.ShouldBeTrue();
        answer.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        answer.Headers.GetValues("Referrer-Policy").ShouldBe(["no-referrer"]);
        answer.Headers.GetValues("X-Request-Id").ShouldBe(["my-own_id.1"]);
        answer["correlation_id"].ShouldBe("my-own_id.1");
        answer.Headers.Contains("Server").ShouldBeFalse();
        answer.Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
    }

    [Fact]
    public async Task A_foreign_origin_is_refused_where_a_page_could_send()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/redemptions");
        request.Headers.Add("Origin", "https://attacker.example.org");
        request.Content = new StringContent("{}", Encoding.UTF8, "application/json");
        (await _server.Send(request)).Code.ShouldBe("origin_not_allowed");
    }

    private async Task<Answer> SendBytes(byte[] body, string mediaType, bool chunked = false)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/recoveries");
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {_server.AdminToken}");
        request.Headers.TransferEncodingChunked = chunked;
        request.Content = chunked ? new StreamContent(new MemoryStream(body)) : new ByteArrayContent(body);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        return await _server.Send(request);
    }
}
