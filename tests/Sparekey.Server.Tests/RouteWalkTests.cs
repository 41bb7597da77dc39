using Microsoft.AspNetCore.Routing;
using Sparekey.Core.Access;
using Sparekey.Server.Http;

namespace Sparekey.Server.Tests;

/// <summary>Walks the whole route table: every door says who may open it, and opens to nobody else.</summary>
public sealed class RouteWalkTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public void A7_Every_route_names_its_permission_or_says_why_it_is_public()
    {
        Routes().ShouldNotBeEmpty();
        foreach (var route in Routes())
        {
            var access = route.Metadata.GetOrderedMetadata<RouteAccess>();
            access.Count.ShouldBe(1, route.DisplayName);
            if (access[0] is RouteAccess.Public open)
            {
                open.Reason.Length.ShouldBeGreaterThan(10, route.DisplayName);
            }
        }
    }

    [Fact]
    public void A10_What_a_stranger_posts_is_answered_on_the_beat()
    {
        var strangers = Routes().Where(r => r.Metadata.GetMetadata<RouteAccess>() is RouteAccess.Public
            && r.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains("POST") == true).ToList();
        strangers.Count.ShouldBeGreaterThan(5);

        // Signing in hashes a password whatever the name, which takes far longer than all else. A redemption's token is 256 bits.
        strangers.Where(r => r.Metadata.GetMetadata<OnTheBeat>() is null).Select(r => r.RoutePattern.RawText)
            .ShouldBe(["/v1/sessions/", "/recover/password"], ignoreOrder: true);
    }

    [Fact]
    public async Task Without_a_token_every_guarded_route_answers_unauthenticated()
    {
        foreach (var (method, path, access) in Calls().Where(c => c.Access is RouteAccess.Requires or RouteAccess.Session or RouteAccess.Redemption))
        {
            var answer = await _server.Send(method, path, method is "GET" or "DELETE" ? null : "{}");
            if (access is RouteAccess.Redemption && method != "GET")
            {
                continue; // The body is read first; the use case checks the token before it does anything.
            }

            answer.Status.ShouldBe(401, $"{method} {path}: {answer.Text}");
            answer.Headers.WwwAuthenticate.ToString().ShouldBe("Bearer");
        }
    }

    [Fact]
    public async Task T1_With_every_permission_but_its_own_no_route_opens()
    {
        foreach (var permission in Enum.GetValues<Permission>())
        {
            var calls = Calls().Where(c => c.Access is RouteAccess.Requires r && r.Permission == permission).ToList();
            if (calls.Count == 0)
            {
                continue;
            }

            var others = Enum.GetValues<Permission>().Where(p => p != permission).Select(p => p.Name()).ToArray();
            var token = await _server.Token($"all-but-{permission}", others, "admin");
            foreach (var (method, path, _) in calls)
            {
                var answer = await _server.Send(method, path, method is "GET" or "DELETE" ? null : "{}", token);
                answer.Code.ShouldBe("permission_missing", $"{method} {path}");
            }
        }
    }

    [Fact]
    public async Task Nothing_of_the_machines_operator_is_reachable_from_the_network()
    {
        foreach (var (method, path, _) in Calls().Where(c => c.Access is RouteAccess.Local))
        {
            var answer = await _server.Send(method, path, method is "GET" or "DELETE" ? null : "{}", _server.AdminToken);
            answer.Code.ShouldBe("route_not_found", $"{method} {path}");
        }
    }

    [Fact]
    public async Task The_description_names_who_may_call_each_operation()
    {
        var document = await _server.Get("/openapi/v1.json");
        document.Status.ShouldBe(200, document.Text);
        foreach (var (path, operations) in document.Json!["paths"]!.AsObject())
        {
            foreach (var (method, operation) in operations!.AsObject())
            {
                operation!["x-access"]?.ToString().ShouldNotBeNullOrEmpty($"{method} {path}");
                operation["x-access"]!.ToString().ShouldNotBe("closed", $"{method} {path}");
            }
        }
    }

    private List<RouteEndpoint> Routes() =>
        [.. ((IEndpointRouteBuilder)_server.Server.App).DataSources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()];

    private IEnumerable<(string Method, string Path, RouteAccess Access)> Calls() =>
        from route in Routes()
        from method in route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]
        let path = string.Join('/', route.RoutePattern.PathSegments.Select(s => string.Concat(s.Parts.Select(PartOf))))
        select (method, "/" + path, route.Metadata.GetMetadata<RouteAccess>()!);

    private static string PartOf(Microsoft.AspNetCore.Routing.Patterns.RoutePatternPart part) => part switch
    {
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternSeparatorPart separator => separator.Content,
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart { Name: "version" } => "1",
        _ => "11111111-1111-4111-8111-111111111111",
    };
}
