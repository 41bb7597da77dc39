using System.Text;

namespace Sparekey.Server.Tests.Http;

/// <summary>Pages of strangers cannot send where a session is opened; pages of the tenant's applications can.</summary>
public sealed class OriginTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Own = "https://portal.example.com";

    [Theory]
    [InlineData("https://attacker.example.org")]
    [InlineData("http://portal.example.com")]
    [InlineData("https://portal.example.com.attacker.example.org")]
    [InlineData("https://portal.example.com:8443")]
    [InlineData("https://portal.example.com/")]
    [InlineData("https://portal.example.com, https://attacker.example.org")]
    [InlineData("null")]
    [InlineData("*")]
    public async Task Refuses_an_origin_that_is_nearly_right(string origin)
    {
        await MakeApplication();
        var answer = await Send(origin);
        (answer.Status, answer.Code).ShouldBe((403, "origin_not_allowed"));
        answer.Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
    }

    [Fact]
    public async Task Takes_the_servers_own_the_applications_and_none()
    {
        await MakeApplication();
        foreach (var origin in new[] { fixture.Server.Origin.GetLeftPart(UriPartial.Authority), Own, null })
        {
            (await Send(origin)).Code.ShouldBe("invalid_request", origin);
        }
    }

    [Fact]
    public async Task Does_not_mind_where_nothing_is_opened()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/test/ran");
        request.Headers.Add("Origin", "https://attacker.example.org");
        (await fixture.Server.Send(request)).Status.ShouldBe(200);
    }

    private async Task MakeApplication()
    {
        var made = await fixture.Server.Post(
            "/v1/applications", new { name = "portal", origins = new[] { Own } }, fixture.Server.AdminToken, "\"portal\"");
        made.Status.ShouldBeOneOf(201, 409);
    }

    private async Task<Answer> Send(string? origin)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/redemptions");
        if (origin is not null)
        {
            request.Headers.TryAddWithoutValidation("Origin", origin);
        }

        request.Content = new StringContent("{}", Encoding.UTF8, "application/json");
        return await fixture.Server.Send(request);
    }
}
