namespace Sparekey.Server.Tests.Dialects;

/// <summary>What every route of Kratos's has: its mounts, its errors, its headers.</summary>
public sealed class KratosSmokeTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private readonly RunningServer _server = fixture.Server;

    [Theory]
    [InlineData("/health/alive", "{\"status\":\"ok\"}\n")]
    [InlineData("/health/ready", "{\"status\":\"ok\"}\n")]
    [InlineData("/api/kratos/health/ready", "{\"status\":\"ok\"}\n")]
    [InlineData("/api/kratos/public/health/alive", "{\"status\":\"ok\"}\n")]
    public async Task Says_that_it_lives(string path, string body)
    {
        var answer = await _server.Get(path);

        answer.Status.ShouldBe(200);
        answer.Text.ShouldBe(body);
        answer.Headers.CacheControl!.ToString().ShouldBe("no-store, must-revalidate, no-cache, private");
    }

    [Fact]
    public async Task Says_its_version() => (await _server.Get("/version"))["version"].ShouldMatch("^[0-9]");

    [Theory]
    [InlineData("GET", "/admin/nothing")]
    [InlineData("GET", "/self-service/nothing")]
    [InlineData("PUT", "/schemas/a/b/c")]
    [InlineData("TRACE", "/health/alive")]
    [InlineData("GET", "/api/kratos/nothing")]
    [InlineData("GET", "/api/kratos/public/admin/nothing")]
    public async Task Errors_have_Kratoss_form(string method, string path)
    {
        var answer = await _server.Send(method, path, null);

        answer.Status.ShouldBe(404);
        answer.Text.ShouldBe("{\"error\":{\"code\":404,\"status\":\"Not Found\",\"message\":\"The requested resource could not be found\"}}\n");
        answer.Headers.GetValues("Ory-Error-Id").ShouldBe([""]);
    }

    [Fact]
    public async Task Errors_repeat_the_id_of_the_request_when_it_is_safe()
    {
        (await With("good-1"))!["request"]!.ToString().ShouldBe("good-1");
        (await With("<script>"))!["request"].ShouldBeNull();

        async Task<System.Text.Json.Nodes.JsonNode?> With(string id)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/admin/nothing");
            request.Headers.TryAddWithoutValidation("X-Request-ID", id);
            return (await _server.Send(request)).Json!["error"];
        }
    }

    [Theory]
    [InlineData("POST", "/recovery/code?a=b%26c", "/admin/recovery/code?a=b%26c")]
    [InlineData("POST", "/recovery/link", "/admin/recovery/link")]
    [InlineData("GET", "/identities", "/admin/identities")]
    [InlineData("PATCH", "/identities/one?x=1", "/admin/identities/one?x=1")]
    [InlineData("GET", "/api/kratos/public/identities/one", "/api/kratos/admin/identities/one")]
    [InlineData("POST", "/api/kratos/public/recovery/code", "/api/kratos/admin/recovery/code")]
    [InlineData("GET", "/api/kratos/admin/self-service/recovery/browser?return_to=x", "/api/kratos/public/self-service/recovery/browser?return_to=x")]
    [InlineData("GET", "/admin/self-service/recovery/api", "/self-service/recovery/api")]
    public async Task Sends_on_what_belongs_to_the_other_side(string method, string path, string to)
    {
        var answer = await _server.Send(method, path, null);

        answer.Status.ShouldBe(307);
        answer.Headers.Location!.OriginalString.ShouldBe(_server.Origin.GetLeftPart(UriPartial.Authority) + to);
    }

    [Theory]
    [InlineData("/recovery/other")]
    [InlineData("/recovery/code/more")]
    public async Task Sends_nothing_else_on(string path) => (await _server.Post(path, null)).Status.ShouldBe(404);
}
