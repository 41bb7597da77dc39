using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Sparekey.Testing;

/// <summary>A text message or a call that somebody was asked to make.</summary>
/// <param name="Headers">The headers of the request.</param>
/// <param name="Raw">Its body as it came.</param>
public sealed record PhoneCall(IReadOnlyDictionary<string, string> Headers, string Raw)
{
    /// <summary>Its body.</summary>
    public JsonObject Body => JsonNode.Parse(Raw)!.AsObject();

    /// <summary>A member of its body.</summary>
    public string this[string member] => Body[member]!.ToString();
}

/// <summary>Stands in for whoever sends text messages and makes calls.</summary>
public sealed class PhoneStandIn : IAsyncDisposable
{
    private readonly WebApplication _app;

    private PhoneStandIn()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _app = builder.Build();
        _app.Urls.Add("http://127.0.0.1:0");
        _app.Run(Answer);
    }

    /// <summary>Where it takes them.</summary>
    public Uri Url => new(_app.Urls.Single() + "/send");

    /// <summary>What it answers; 0 for nothing at all.</summary>
    public int Status { get; set; } = 202;

    /// <summary>Its <c>Retry-After</c>.</summary>
    public string? RetryAfter { get; set; }

    /// <summary>Everything that came.</summary>
    public ConcurrentQueue<PhoneCall> Calls { get; } = new();

    /// <summary>Starts one.</summary>
    public static async Task<PhoneStandIn> Start()
    {
        var phone = new PhoneStandIn();
        await phone._app.StartAsync();
        return phone;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task Answer(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var headers = context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        Calls.Enqueue(new PhoneCall(headers, await reader.ReadToEndAsync()));
        if (Status == 0)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = Status;
        context.Response.Headers.Location = "/elsewhere";
        if (RetryAfter is not null)
        {
            context.Response.Headers.RetryAfter = RetryAfter;
        }

        await context.Response.WriteAsync("what?");
    }
}
