using System.Text.Json;
using System.Text.RegularExpressions;

namespace Sparekey.Core.Schemas;

/// <summary>
/// A document of JSON Schema draft-07 (and 06): what a JSON value may be. References lead within the document only: nothing is ever fetched.
/// What a caller sends can make a check neither slow nor deep: expressions do not backtrack, and the work of one check is bounded.
/// </summary>
public sealed class JsonSchema
{
    /// <summary>The longest document, in UTF-16 code units.</summary>
    public const int MaxLength = 64 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    private static readonly HashSet<string> Dialects = new(StringComparer.Ordinal)
    {
        "http://json-schema.org/draft-07/schema", "https://json-schema.org/draft-07/schema", "http://json-schema.org/draft-06/schema",
        "https://json-schema.org/draft-06/schema", "http://json-schema.org/schema", "https://json-schema.org/schema",
    };

    private readonly Dictionary<string, JsonElement> _references = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Regex> _expressions = new(StringComparer.Ordinal);

    private JsonSchema(JsonElement document) => Document = document;

    /// <summary>The document.</summary>
    public JsonElement Document { get; }

    /// <summary>Reads a document.</summary>
    /// <param name="text">The document.</param>
    /// <returns>The schema, or <see cref="RefusalCode.InvalidRequest"/> with everything that is wrong with it and where.</returns>
    public static Result<JsonSchema> Parse(string text)
    {
        JsonElement root;
        try
        {
            root = text.Length <= MaxLength ? JsonDocument.Parse(text, Strict).RootElement : default;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            root = default;
        }

        if (root.ValueKind != JsonValueKind.Object || !IsText(root))
        {
            return Invalid([new FieldFault("", $"A JSON object of at most {MaxLength} characters, in which no name stands twice, nested 32 deep at most.")]);
        }

        var schema = new JsonSchema(root);
        var reader = new SchemaReader(root, schema._references, schema._expressions);
        if (root.TryGetProperty("$schema", out var dialect) && !Dialects.Contains(dialect.ToString().TrimEnd('#')))
        {
            reader.Faults.Add(new FieldFault("/$schema", "Draft-07 or 06 of JSON Schema: http://json-schema.org/draft-07/schema#."));
        }

        reader.Read(root, "");
        return reader.Faults.Count == 0 ? schema : Invalid(reader.Faults);
    }

    /// <summary>Checks a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="visit">Is told every part of the value and the schema that holds for it; null to tell nobody.</param>
    /// <returns>What is wrong, at most 20 faults; none when it fits.</returns>
    public IReadOnlyList<FieldFault> Check(JsonElement value, Action<JsonElement, JsonElement, string>? visit = null)
    {
        var check = new SchemaCheck(_references, _expressions);
        check.Run(Document, value, "");
        if (check.Faults.Count > 0)
        {
            return check.Faults;
        }

        foreach (var (schema, part, pointer) in check.Visits)
        {
            visit?.Invoke(schema, part, pointer);
        }

        return [];
    }

    // Half of a surrogate pair in an escape is JSON and no text.
    private static bool IsText(JsonElement element)
    {
        try
        {
            return element.ValueKind switch
            {
                JsonValueKind.Object => element.EnumerateObject().All(m => m.Name.Length >= 0 && IsText(m.Value)),
                JsonValueKind.Array => element.EnumerateArray().All(IsText),
                JsonValueKind.String => element.GetString() is not null,
                _ => true,
            };
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static Refusal Invalid(IReadOnlyList<FieldFault> faults) => new(RefusalCode.InvalidRequest) { Faults = [.. faults.Take(20)] };
}
