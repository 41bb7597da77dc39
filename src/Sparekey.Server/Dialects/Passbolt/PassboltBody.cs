using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>Reads bodies: JSON, of which clients send more than is asked for. A member of another type than is asked for is not there.</summary>
internal static class PassboltBody
{
    /// <summary>The largest body of a route that says nothing else: two messages and a key.</summary>
    public const int Limit = 3 * 1024 * 1024;

    /// <summary>The largest body that sets a policy: a message for every private key in escrow.</summary>
    public const int PolicyLimit = 64 * 1024 * 1024;

    private const int SignInLimit = 256 * 1024;

    /// <summary>Reads the body.</summary>
    /// <param name="context">The request.</param>
    /// <param name="limit">The largest body, in bytes.</param>
    public static async Task<Result<JsonElement>> Read(HttpContext context, int limit = Limit)
    {
        var read = await StrictBody.ReadJson(context, limit);
        return read.Refusal is { } refusal ? refusal : read.Value.Json;
    }

    /// <summary>A member that is text; null where it is not.</summary>
    /// <param name="from">The object.</param>
    /// <param name="name">The member.</param>
    public static string? Text(this JsonElement from, string name) =>
        from.Member(name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>A member that is an object; an element without a value where it is not.</summary>
    /// <param name="from">The object.</param>
    /// <param name="name">The member.</param>
    public static JsonElement Object(this JsonElement from, string name) =>
        from.Member(name) is { ValueKind: JsonValueKind.Object } value ? value : default;

    /// <summary>A member that is a list; null where it is not.</summary>
    /// <param name="from">The object.</param>
    /// <param name="name">The member.</param>
    public static IReadOnlyList<JsonElement>? List(this JsonElement from, string name) =>
        from.Member(name) is { ValueKind: JsonValueKind.Array } value ? [.. value.EnumerateArray()] : null;

    /// <summary>A member; an element without a value where there is none.</summary>
    /// <param name="from">The object.</param>
    /// <param name="name">The member.</param>
    public static JsonElement Member(this JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) ? value : default;

    /// <summary>The token that a body carries, under its name or its deprecated one.</summary>
    /// <param name="body">The body.</param>
    public static string? Token(this JsonElement body) =>
        body.Object("authentication_token").Text("token") ?? body.Object("authenticationtoken").Text("token");

    /// <summary>Reads what GPGAuth sends: a form, or JSON, with or without the level <c>data</c>.</summary>
    /// <param name="context">The request.</param>
    public static async Task<Result<GpgAuth>> ReadSignIn(HttpContext context)
    {
        if (!context.Request.HasFormContentType)
        {
            var read = await Read(context, SignInLimit);
            if (read.Refusal is { } refusal)
            {
                return refusal;
            }

            var outer = read.Value.Object("data") is { ValueKind: JsonValueKind.Object } data ? data : read.Value;
            var auth = outer.Object("gpg_auth");
            return new GpgAuth(auth.Text("keyid"), Secret(auth.Text("user_token_result")), auth.Text("server_verify_token"));
        }

        if (context.Request.ContentLength > SignInLimit)
        {
            return RefusalCode.BodyTooLarge;
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = SignInLimit;
        }

        try
        {
            var form = await context.Request.ReadFormAsync(
                new FormOptions { BufferBody = false, MultipartBodyLengthLimit = SignInLimit, ValueLengthLimit = SignInLimit, ValueCountLimit = 16 }, context.RequestAborted);
            string? Field(string name) => form[$"data[gpg_auth][{name}]"].ToString() is { Length: > 0 } inner ? inner
                : form[$"gpg_auth[{name}]"].ToString() is { Length: > 0 } bare ? bare
                : null;
            return new GpgAuth(Field("keyid"), Secret(Field("user_token_result")), Field("server_verify_token"));
        }
        catch (Exception e) when (e is InvalidDataException or IOException or DecoderFallbackException or NotSupportedException)
        {
            return RefusalCode.InvalidRequest;
        }
    }

    private static SecretText? Secret(string? text) => text is null ? null : new SecretText(text);
}

/// <summary>What a client sends to sign in.</summary>
/// <param name="KeyId">The fingerprint of its key.</param>
/// <param name="Token">The nonce that it decrypted.</param>
/// <param name="ServerToken">A nonce that it encrypted to the server.</param>
internal sealed record GpgAuth(string? KeyId, SecretText? Token, string? ServerToken);
