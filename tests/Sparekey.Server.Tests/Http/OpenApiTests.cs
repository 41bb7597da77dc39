using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing;
using Sparekey.Server.Http;

namespace Sparekey.Server.Tests.Http;

/// <summary>The description is complete enough to write a client from, and true.</summary>
public sealed class OpenApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    [Fact]
    public void Every_native_route_that_could_have_a_body_says_whether_it_has_one()
    {
        var silent = ((IEndpointRouteBuilder)fixture.Server.Server.App).DataSources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            .Where(r => r.RoutePattern.RawText!.StartsWith("/v1/", StringComparison.Ordinal))
            .Where(r => r.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Any(m => m is "POST" or "PUT" or "PATCH"))
            .Where(r => r.Metadata.GetOrderedMetadata<RequestBody>().Count != 1);
        silent.Select(r => r.DisplayName).ShouldBeEmpty();
    }

    [Fact]
    public async Task Bodies_are_described_as_they_are_read()
    {
        var body = (await Paths())["/v1/recoveries"]!["post"]!["requestBody"]!["content"]!["application/json"]!["schema"]!;
        body["required"]!.AsArray().Select(m => m!.ToString()).ShouldBe(["account", "means"]);
        body["additionalProperties"]!.GetValue<bool>().ShouldBeFalse();
        body["properties"]!["means"]!["enum"]!.AsArray().Select(m => m!.ToString()).ShouldContain("recovery_key");
        body["properties"]!["not_before"]!["format"]!.ToString().ShouldBe("date-time");
        body["properties"]!["application"]!["format"]!.ToString().ShouldBe("uuid");
        body["properties"]!["revoke"]!["items"]!["enum"].ShouldNotBeNull();
    }

    [Fact]
    public async Task Every_operation_says_who_may_call_it_and_answers_problems()
    {
        foreach (var (path, operations) in await Paths())
        {
            foreach (var (method, operation) in operations!.AsObject())
            {
                var access = operation!["x-access"]?.ToString();
                access.ShouldNotBeNullOrEmpty($"{method} {path}");
                operation["responses"]!["default"]!["content"]!["application/problem+json"].ShouldNotBeNull($"{method} {path}");
                var isOpen = access.StartsWith("public: ", StringComparison.Ordinal) || access == "closed";
                (operation["security"] is null).ShouldBe(isOpen, $"{method} {path}");
            }
        }
    }

    [Fact]
    public async Task Nothing_of_the_machines_operator_is_described() =>
        (await Paths()).ShouldAllBe(p => !p.Key.StartsWith("/local", StringComparison.Ordinal));

    [Fact]
    public async Task It_is_the_same_for_everybody_and_names_no_host()
    {
        var first = await fixture.Server.Get("/openapi/v1.json");
        first.Json!["servers"].ShouldBeNull();
        (await fixture.Server.Get("/openapi/v1.json")).Text.ShouldBe(first.Text);
    }

    private async Task<JsonObject> Paths()
    {
        var document = await fixture.Server.Get("/openapi/v1.json");
        document.Status.ShouldBe(200, document.Text);
        return document.Json!["paths"]!.AsObject();
    }
}
