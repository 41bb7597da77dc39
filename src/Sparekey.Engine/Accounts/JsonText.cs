using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sparekey.Core;

namespace Sparekey.Engine.Accounts;

/// <summary>JSON objects that teams keep with their accounts: data, never interpreted, and bounded.</summary>
internal static class JsonText
{
    /// <summary>The most bytes of UTF-8 without white space.</summary>
    public const int MaxBytes = 16 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 12, AllowDuplicateProperties = false };

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads an object and writes it without white space.</summary>
    /// <param name="text">The object; null for an empty one.</param>
    /// <param name="pointer">Where it stands.</param>
    /// <param name="faults">Takes what is wrong.</param>
    public static string Compact(string? text, string pointer, List<FieldFault> faults)
    {
        if (text is null)
        {
            return "{}";
        }

        if (text.Length <= MaxBytes * 4 && Read(text) is { } compact && Encoding.UTF8.GetByteCount(compact) <= MaxBytes)
        {
            return compact;
        }

        faults.Add(new FieldFault(
            pointer, $"A JSON object of at most {MaxBytes} bytes, without control characters or a name that stands twice, nested 12 deep at most."));
        return "{}";
    }

    private static string? Read(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, Strict);
            return document.RootElement.ValueKind == JsonValueKind.Object && IsClean(document.RootElement)
                ? JsonSerializer.Serialize(document.RootElement, Plain)
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null; // Not JSON, or half a surrogate pair.
        }
    }

    private static bool IsClean(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().All(p => IsClean(p.Name) && IsClean(p.Value)),
        JsonValueKind.Array => element.EnumerateArray().All(IsClean),
        JsonValueKind.String => IsClean(element.GetString()!),
        _ => true,
    };

    private static bool IsClean(string text) => !text.Any(c => char.IsControl(c) && c is not ('\n' or '\r' or '\t'));
}
