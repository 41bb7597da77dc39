using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Storage;
using Sparekey.Server.Http;

namespace Sparekey.Server.Tests;

/// <summary>One whole server for the tests of a class, with doors that only tests have: each does one thing that real ones may.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    public const string InException = "a message that must stay inside";

    internal RunningServer Server { get; private set; } = null!;

    /// <summary>How often an endpoint ran that must never run.</summary>
    internal static int UndeclaredRuns;

    public async ValueTask InitializeAsync() => Server = await RunningServer.Start(moreDoors: Map);

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    internal static void Map(IEndpointRouteBuilder root)
    {
        const string why = "A door of the tests, with nothing behind it.";
        var test = root.MapGroup("/test");
        test.MapPost("/body", async context =>
        {
            var body = await StrictBody.Read<TestBody>(context, 2048);
            await (body.Refusal is { } refusal ? new Problem(refusal) : Answers.Json(body.Value)).ExecuteAsync(context);
        }).Public(why);
        test.MapGet("/bug", (HttpContext context) =>
        {
            context.Response.Headers.SetCookie = "half=done";
            Throw(new InvalidOperationException(InException, new FormatException(InException)));
        }).Public(why);
        test.MapGet("/cancelled", () => Throw(new OperationCanceledException(InException))).Public(why);
        test.MapGet("/outage", () => Throw(new StorageUnavailableException(InException))).Public(why);
        test.MapGet("/bound", (int number) => number).Public(why);
        test.MapGet("/half", async (HttpContext context) =>
        {
            await context.Response.WriteAsync("the first half");
            await context.Response.Body.FlushAsync();
            Throw(new InvalidOperationException(InException));
        }).Public(why);
        test.MapGet("/ran", (HttpContext context) => context.Request.Method).Public(why);
        test.MapGet("/source", (HttpContext context) => context.Visitor().Source).Public(why);
        test.MapGet("/undeclared", () => Interlocked.Increment(ref UndeclaredRuns));
        test.MapGet("/twice", () => Interlocked.Increment(ref UndeclaredRuns)).Public(why).Public(why);
    }

    private static void Throw(Exception exception) => throw exception;
}

/// <summary>A body with one member of every sort.</summary>
internal sealed record TestBody(
    string Name,
    Means? Means = null,
    int? Number = null,
    bool? Flag = null,
    RecoveryId? Recovery = null,
    DateTimeOffset? At = null,
    SecretText? Secret = null,
    IReadOnlyList<string>? Names = null,
    IReadOnlyDictionary<string, string>? Labels = null,
    TestPart? Part = null,
    JsonElement? Any = null,
    [property: FreeText] string? Note = null);

/// <summary>A part of a body.</summary>
internal sealed record TestPart(string First, string? Second = null);
