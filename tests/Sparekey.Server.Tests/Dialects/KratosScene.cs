using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>One server and one program with Ory's clients for a whole class; every test has people of its own.</summary>
public sealed class KratosFixture : IAsyncLifetime
{
    private int _people;

    internal RunningServer Server { get; private set; } = null!;

    internal NodeProgram Node { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var node = NodeProgram.Start("kratos.js");
        Server = await RunningServer.Start();
        Node = await node;
    }

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        await Server.DisposeAsync();
    }

    /// <summary>An address that nobody else has.</summary>
    public string NewPerson() => $"person-{Interlocked.Increment(ref _people)}@example.com";

    /// <summary>A call of <c>IdentityApi</c> in one of the three packages.</summary>
    internal async Task<JsonNode> Identity(string client, string method, object? argument = null, string? token = null) => (await Node.Call(new
    {
        client, api = "IdentityApi", method, args = argument is null ? Array.Empty<object>() : [argument], @base = Server.Origin.GetLeftPart(UriPartial.Authority),
        token = token ?? Server.AdminToken,
    }))!;

    /// <summary>Makes an identity as a programme without a client of Ory's does.</summary>
    internal async Task<JsonNode> Made(object body)
    {
        var made = await Server.Post("/admin/identities", body, Server.AdminToken);
        made.Status.ShouldBe(201, made.Text);
        return made.Json!;
    }
}
