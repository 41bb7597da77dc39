using System.Buffers;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Passbolt;

/// <summary>What a call carries of a session.</summary>
/// <param name="AccessToken">The bearer's token; null where cookies say who calls.</param>
/// <param name="Cookies">The cookies.</param>
internal sealed record PassboltBearer(string? AccessToken, CookieJar Cookies)
{
    /// <summary>Shows nothing.</summary>
    public override string ToString() => "[bearer]";
}

/// <summary>
/// Calls a Passbolt server and reads its envelope. What it says beside that is not passed on, logged or stored: a server may quote what
/// it was sent.
/// </summary>
/// <param name="egress">The way out.</param>
/// <param name="options">Which server.</param>
internal sealed class PassboltHttp(Egress egress, CompanionOptions options)
{
    /// <summary>How large an answer may be: some thousand people with their keys.</summary>
    public const int LargestAnswer = 16 * 1024 * 1024;

    private const string SecondFactorPath = "/mfa/verify/error.json";

    private static readonly string[] Noted =
        ["x-gpgauth-version", "x-gpgauth-authenticated", "x-gpgauth-progress", "x-gpgauth-user-auth-token", "x-gpgauth-verify-response", "x-gpgauth-error"];

    /// <summary>How long a server may ask to be left in peace.</summary>
    public static readonly TimeSpan MostPatient = TimeSpan.FromHours(1);

    /// <summary>How long one call may take, its answer included.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Calls.</summary>
    /// <param name="method">GET or POST.</param>
    /// <param name="path">The path, with <c>.json</c> and perhaps a query.</param>
    /// <param name="body">What is sent; null for nothing.</param>
    /// <param name="bearer">Who calls. Its cookies take what the server sets.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<PassboltAnswer> Send(
        HttpMethod method, string path, JsonObject? body, PassboltBearer bearer, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, new Uri((options.Address?.AbsoluteUri.TrimEnd('/') ?? options.Domain) + path));
        request.Headers.UserAgent.ParseAdd("Sparekey");
        request.Headers.Accept.ParseAdd("application/json");
        if (body is not null)
        {
            request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body));
            request.Content.Headers.ContentType = new("application/json");
        }

        bearer.Cookies.Write(request);
        if (bearer.AccessToken is { } token)
        {
            request.Headers.Authorization = new("Bearer", token);
        }
        else if (method != HttpMethod.Get && bearer.Cookies["csrfToken"] is { } csrf)
        {
            request.Headers.TryAddWithoutValidation("X-CSRF-Token", csrf);
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            using var response = await egress.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            bearer.Cookies.Read(response);
            var bytes = await Body(response, patience.Token);
            var answer = bytes is null ? new PassboltAnswer(PassboltFault.TooLarge) : Read(response, bytes);
            return answer with
            {
                RetryAfter = WaitOf(response),
                Headers = Noted.Where(n => response.Headers.Contains(n))
                    .Aggregate(answer.Headers, (all, n) => all.SetItem(n, string.Join(',', response.Headers.GetValues(n)))),
            };
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return new PassboltAnswer(PassboltFault.Unreachable);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new PassboltAnswer(PassboltFault.TimedOut);
        }
    }

    private static async Task<byte[]?> Body(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var (chunk, body) = (ArrayPool<byte>.Shared.Rent(64 * 1024), new ArrayBufferWriter<byte>());
        try
        {
            for (int read; (read = await stream.ReadAsync(chunk, cancellationToken)) > 0;)
            {
                if (body.WrittenCount + read > LargestAnswer)
                {
                    return null;
                }

                body.Write(chunk.AsSpan(0, read));
            }

            return body.WrittenSpan.ToArray();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk, clearArray: true);
        }
    }

    private static PassboltAnswer Read(HttpResponseMessage response, byte[] bytes)
    {
        // What fails, or asks for a second factor, need not say so in JSON.
        var envelope = PassboltAnswer.Parse(bytes);
        var (header, body) = (envelope?["header"] as JsonObject, envelope?["body"]);
        var success = PassboltAnswer.TextAt(header, "status") == "success";
        var fault = response.StatusCode switch
        {
            HttpStatusCode.OK when success => PassboltFault.None,
            >= HttpStatusCode.MultipleChoices and < HttpStatusCode.BadRequest =>
                IsSecondFactor(response.Headers.Location?.OriginalString) ? PassboltFault.SecondFactor : PassboltFault.Garbage,
            HttpStatusCode.TooManyRequests => PassboltFault.Busy,
            >= HttpStatusCode.InternalServerError => PassboltFault.Failing,
            HttpStatusCode.Unauthorized => PassboltFault.NotSignedIn,
            HttpStatusCode.Forbidden => IsSecondFactor(PassboltAnswer.TextAt(header, "url")) ? PassboltFault.SecondFactor : PassboltFault.Forbidden,
            HttpStatusCode.PaymentRequired => PassboltFault.Forbidden,
            HttpStatusCode.NotFound => PassboltFault.NotFound,
            HttpStatusCode.BadRequest when header is not null => PassboltFault.Refused,
            _ => PassboltFault.Garbage,
        };
        return new PassboltAnswer(fault, body) { Count = CountOf(header), Size = bytes.Length };
    }

    private static bool IsSecondFactor(string? url) =>
        url?.Split('?')[0].EndsWith(SecondFactorPath, StringComparison.Ordinal) == true;

    private static int? CountOf(JsonObject? header) =>
        PassboltAnswer.At(header, "pagination", "count") is JsonValue value && value.TryGetValue<int>(out var count) && count >= 0 ? count : null;

    // A time is meant by the clock of who says it, which stands beside it.
    private static TimeSpan? WaitOf(HttpResponseMessage response) =>
        (response.Headers.RetryAfter?.Delta ?? response.Headers.RetryAfter?.Date - response.Headers.Date) is { } wait && wait > TimeSpan.Zero
            ? (wait < MostPatient ? wait : MostPatient)
            : null;
}
