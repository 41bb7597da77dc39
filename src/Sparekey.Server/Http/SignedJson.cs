using System.Text;
using System.Text.Json;
using Sparekey.Core;

namespace Sparekey.Server.Http;

/// <summary>
/// Reads JSON that somebody signed and sent beside the signature. What counts is what was signed; what was sent must say the same, in
/// whatever order its members stand, because proxies write JSON anew.
/// </summary>
internal static class SignedJson
{
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 16, AllowDuplicateProperties = false };
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads it.</summary>
    /// <param name="signed">The bytes that were signed.</param>
    /// <param name="sent">What was sent.</param>
    /// <param name="read">Reads the value.</param>
    /// <returns>The value; or <see cref="RefusalCode.SignedCredentialsDiffer"/>, or what <paramref name="read"/> refuses.</returns>
    public static Result<T> Read<T>(byte[] signed, JsonElement sent, Func<JsonElement, Result<T>> read)
    {
        try
        {
            using var document = JsonDocument.Parse(Utf8.GetString(signed), Strict);
            return JsonElement.DeepEquals(document.RootElement, sent) ? read(document.RootElement) : RefusalCode.SignedCredentialsDiffer;
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            // No UTF-8, no JSON, a member twice, too deep, half a surrogate pair.
            return RefusalCode.SignedCredentialsDiffer;
        }
    }
}
