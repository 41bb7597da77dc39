using System.Net.Sockets;
using System.Text;

namespace Sparekey.Server.Tests.Http;

/// <summary>Whatever goes wrong behind the edge, one clear problem comes out of it, and nothing else.</summary>
public sealed class EdgeTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private RunningServer Server => fixture.Server;

    [Theory]
    [InlineData("/test/bug", 500, "internal_error")]
    [InlineData("/test/cancelled", 500, "internal_error")]
    [InlineData("/test/outage", 503, "storage_unavailable")]
    [InlineData("/test/bound?number=x", 400, "invalid_request")]
    [InlineData("/test/bound", 400, "invalid_request")]
    [InlineData("/test/nowhere", 404, "route_not_found")]
    public async Task A24_A_failure_is_a_problem_and_tells_nothing_else(string path, int status, string code)
    {
        var answer = await Server.Get(path);
        (answer.Status, answer.Code).ShouldBe((status, code), answer.Text);
        answer.Json!["status"]!.GetValue<int>().ShouldBe(status);
        answer["type"].ShouldBe($"{Server.Origin}problems/{code}");
        answer["correlation_id"].ShouldBe(answer.Headers.GetValues("X-Request-Id").Single());
        answer.Text.ShouldNotContain(ServerFixture.InException);
        answer.Text.ShouldNotContain("Exception");
        answer.Headers.CacheControl!.NoStore.ShouldBeTrue();
        answer.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        answer.Headers.Contains("Set-Cookie").ShouldBeFalse();
    }

    [Theory]
    [InlineData("/v1/accounts?email=a%00b%40example.com")]
    [InlineData("/v1/ledger?account=%00")]
    [InlineData("/admin/identities?credentials_identifier=a%00b")]
    [InlineData("/admin/identities/a%EF%BF%BEb")]
    public async Task A_text_that_an_engine_does_not_store_is_no_failure_of_the_server(string path) =>
        (await Server.Get(path, Server.AdminToken)).Status.ShouldBeInRange(200, 404);

    [Fact]
    public async Task The_page_takes_a_name_with_a_character_that_no_engine_stores_as_any_other_that_is_unknown()
    {
        using var form = new FormUrlEncodedContent([new("identifier", "a\0b@example.com"), new("code", "1234\0")]);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/recover/redeem") { Content = form };
        (await Server.Send(request)).Status.ShouldBeInRange(200, 403);
    }

    [Fact]
    public async Task The_type_of_a_problem_leads_to_its_page()
    {
        var problem = await Server.Get("/test/bug");
        var page = await Server.Get(new Uri(problem["type"]).AbsolutePath);
        page.Status.ShouldBe(200);
        page.Text.ShouldContain("code `internal_error`");
        (await Server.Get("/problems/README")).Code.ShouldBe("problem_not_found");
        (await Server.Get("/problems/..%2Finternal_error")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task A_bug_is_logged_with_its_place_and_without_its_message()
    {
        await Server.Get("/test/bug");
        var lines = Server.LogLines.ToList();
        lines.ShouldContain(l => l.Contains("/test/bug", StringComparison.Ordinal) && l.Contains("System.FormatException", StringComparison.Ordinal)
            && l.Contains(nameof(ServerFixture), StringComparison.Ordinal));
        lines.ShouldNotContain(l => l.Contains(ServerFixture.InException, StringComparison.Ordinal) && !l.StartsWith("Storage", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_outage_says_when_to_come_back() =>
        (await Server.Get("/test/outage")).Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(5));

    [Fact]
    public async Task Half_an_answer_does_not_look_like_a_whole_one() =>
        await Should.ThrowAsync<HttpRequestException>(() => Server.Get("/test/half"));

    [Theory]
    [InlineData("/test/undeclared")]
    [InlineData("/test/twice")]
    public async Task A24_A_door_without_exactly_one_declaration_stays_closed_to_everybody(string path)
    {
        foreach (var token in new[] { null, Server.AdminToken })
        {
            (await Server.Get(path, token)).Code.ShouldBe("internal_error");
        }

        ServerFixture.UndeclaredRuns.ShouldBe(0);
        Server.LogLines.ShouldContain(l => l.Contains(path, StringComparison.Ordinal) && l.Contains("stays closed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task HEAD_is_GET_without_a_body_and_nothing_more()
    {
        var head = await Server.Send("HEAD", "/test/ran", null);
        (head.Status, head.Text).ShouldBe((200, ""));
        (await Server.Send("HEAD", "/healthz", null)).Status.ShouldBe(200);
        (await Server.Send("HEAD", "/test/body", null)).Status.ShouldBe(405);
        (await Server.Send("HEAD", "/v1/recoveries", null)).Status.ShouldBe(401);
        (await Server.Send("HEAD", "/test/nowhere", null)).Status.ShouldBe(404);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    [InlineData("TRACE")]
    [InlineData("BREW")]
    public async Task A_wrong_method_is_a_problem_that_names_the_right_one(string method)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "/test/ran");
        request.Headers.Add("X-HTTP-Method-Override", "GET");
        var answer = await Server.Send(request);
        (answer.Status, answer.Code).ShouldBe((405, "method_not_allowed"));
    }

    [Fact]
    public async Task The_answer_to_a_wrong_method_names_the_right_one() =>
        (await Raw("POST /test/ran HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")).ShouldContain("\r\nAllow: GET\r\n");

    [Theory]
    [InlineData("fine-1_2.3", true)]
    [InlineData("no space", false)]
    [InlineData("quote\"", false)]
    [InlineData("<script>", false)]
    [InlineData("", false)]
    public async Task A23_A_request_id_is_taken_over_only_when_it_can_do_no_harm(string id, bool taken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/test/nowhere");
        request.Headers.TryAddWithoutValidation("X-Request-Id", id);
        var answered = (await Server.Send(request)).Headers.GetValues("X-Request-Id").Single();
        (answered == id).ShouldBe(taken);
        answered.ShouldMatch("^[A-Za-z0-9._-]{1,64}$");
    }

    [Theory]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public async Task A_request_id_has_at_most_64_characters(int length, bool taken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/test/nowhere");
        var id = new string('a', length);
        request.Headers.Add("X-Request-Id", id);
        ((await Server.Send(request)).Headers.GetValues("X-Request-Id").Single() == id).ShouldBe(taken);
    }

    [Fact]
    public async Task Nothing_of_the_machines_operator_shows_by_its_methods_either()
    {
        foreach (var method in new[] { "GET", "POST", "PUT", "DELETE" })
        {
            (await Server.Send(method, "/local/keys", null, Server.AdminToken)).Code.ShouldBe("route_not_found", method);
        }
    }

    [Fact]
    public async Task Garbage_on_the_wire_does_not_end_the_server()
    {
        foreach (var garbage in new[]
                 {
                     "\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /test/ran HTTP/1.1\r\n\r\n",
                     "POST /test/body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
                     "POST /test/body HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n\r\n",
                     $"GET /{new string('a', 100_000)} HTTP/1.1\r\nHost: a\r\n\r\n",
                     $"GET /test/ran HTTP/1.1\r\nHost: a\r\nX: {new string('a', 100_000)}\r\n\r\n",
                 })
        {
            (await Raw(garbage)).ShouldMatch("^HTTP/1.1 (4[0-9][0-9]|505) ", garbage[..Math.Min(60, garbage.Length)]);
        }

        (await Server.Get("/healthz")).Status.ShouldBe(200);
    }

    // Sends bytes that a client library would not, and waits for the server to hang up: who hangs up first gets no answer.
    private async Task<string> Raw(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", Server.Origin.Port);
        await using var stream = client.GetStream();
        var answer = new StringBuilder();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
            using var reader = new StreamReader(stream, Encoding.Latin1);
            answer.Append(await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(30)));
        }
        catch (IOException)
        {
            // The server hung up before it heard everything.
        }

        return answer.ToString();
    }
}
