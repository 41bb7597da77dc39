using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Sparekey.Core.Schemas;

/// <summary>Reads a document once: every keyword has the form that it must have, every expression and every reference is found.</summary>
/// <param name="root">The document.</param>
/// <param name="references">Takes what references lead to.</param>
/// <param name="expressions">Takes expressions.</param>
internal sealed class SchemaReader(JsonElement root, Dictionary<string, JsonElement> references, Dictionary<string, Regex> expressions)
{
    private static readonly HashSet<string> Types =
        new(StringComparer.Ordinal) { "null", "boolean", "object", "array", "number", "string", "integer" };

    private readonly HashSet<string> _reading = new(StringComparer.Ordinal);

    /// <summary>What is wrong.</summary>
    public List<FieldFault> Faults { get; } = [];

    /// <summary>Reads a schema.</summary>
    /// <param name="schema">The schema: an object, or true or false.</param>
    /// <param name="at">Where it stands.</param>
    public void Read(JsonElement schema, string at)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return;
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            Faults.Add(new FieldFault(at, "A schema: an object, true or false."));
            return;
        }

        foreach (var keyword in schema.EnumerateObject())
        {
            ReadKeyword(keyword.Name, keyword.Value, $"{at}/{Escape(keyword.Name)}");
        }
    }

    /// <summary>A name as it stands in a pointer (RFC 6901 §3).</summary>
    /// <param name="name">The name.</param>
    public static string Escape(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    private void ReadKeyword(string name, JsonElement value, string at)
    {
        switch (name)
        {
            case "$ref":
                ReadReference(value, at);
                break;
            case "type":
                Expect(
                    value.ValueKind == JsonValueKind.String ? Types.Contains(value.GetString()!)
                        : IsList(value, 1) && value.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String && Types.Contains(t.GetString()!)),
                    at, "A type of JSON Schema, or a list of them.");
                break;
            case "enum":
                Expect(IsList(value, 1), at, "A list of values.");
                break;
            case "multipleOf":
                Expect(value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var step) && step > 0, at, "A number above 0.");
                break;
            case "maximum" or "minimum" or "exclusiveMaximum" or "exclusiveMinimum":
                Expect(value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out _), at, "A number.");
                break;
            case "maxLength" or "minLength" or "maxItems" or "minItems" or "maxProperties" or "minProperties":
                Expect(value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count >= 0, at, "A whole number from 0.");
                break;
            case "uniqueItems":
                Expect(value.ValueKind is JsonValueKind.True or JsonValueKind.False, at, "true or false.");
                break;
            case "pattern":
                ReadExpression(value.ValueKind == JsonValueKind.String ? value.GetString() : null, at);
                break;
            case "format":
                Expect(value.ValueKind == JsonValueKind.String, at, "A text.");
                break;
            case "required":
                Expect(IsNames(value), at, "A list of names.");
                break;
            case "items" when value.ValueKind == JsonValueKind.Array:
            case "allOf" or "anyOf" or "oneOf":
                ReadList(value, at, name == "items" ? 0 : 1);
                break;
            case "items" or "additionalItems" or "contains" or "additionalProperties" or "propertyNames" or "if" or "then" or "else" or "not":
                Read(value, at);
                break;
            case "properties" or "definitions" or "$defs" or "patternProperties":
                ReadMembers(value, at, isExpressions: name == "patternProperties");
                break;
            case "dependencies":
                ReadDependencies(value, at);
                break;
            default:
                break; // What is not known says nothing about values.
        }
    }

    private void ReadList(JsonElement value, string at, int least)
    {
        if (!IsList(value, least))
        {
            Faults.Add(new FieldFault(at, "A list of schemas."));
            return;
        }

        foreach (var (index, schema) in value.EnumerateArray().Index())
        {
            Read(schema, string.Create(CultureInfo.InvariantCulture, $"{at}/{index}"));
        }
    }

    private void ReadMembers(JsonElement value, string at, bool isExpressions)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            Faults.Add(new FieldFault(at, "An object of schemas."));
            return;
        }

        foreach (var member in value.EnumerateObject())
        {
            if (isExpressions)
            {
                ReadExpression(member.Name, $"{at}/{Escape(member.Name)}");
            }

            Read(member.Value, $"{at}/{Escape(member.Name)}");
        }
    }

    private void ReadDependencies(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            Faults.Add(new FieldFault(at, "An object of schemas and lists of names."));
            return;
        }

        foreach (var member in value.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.Array)
            {
                Expect(IsNames(member.Value), $"{at}/{Escape(member.Name)}", "A list of names.");
            }
            else
            {
                Read(member.Value, $"{at}/{Escape(member.Name)}");
            }
        }
    }

    private void ReadExpression(string? text, string at)
    {
        if (text is null || text.Length > 1024)
        {
            Faults.Add(new FieldFault(at, "A regular expression of at most 1024 characters."));
            return;
        }

        try
        {
            // Without backtracking the time grows with the text alone, whoever wrote the expression.
            expressions[text] = new Regex(EcmaExpression.Translate(text), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (NotSupportedException)
        {
            Faults.Add(new FieldFault(at, "A regular expression without look-around and back-references."));
        }
        catch (ArgumentException)
        {
            Faults.Add(new FieldFault(at, "This is no regular expression."));
        }
    }

    private void ReadReference(JsonElement value, string at)
    {
        var reference = value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
        if (Find(reference) is not { } target)
        {
            Faults.Add(new FieldFault(at, "A reference within the document, like #/definitions/name."));
            return;
        }

        references[reference] = target;

        // What it leads to may stand where nothing else reads it as a schema.
        if (_reading.Add(reference))
        {
            Read(target, at);
        }
    }

    private JsonElement? Find(string reference)
    {
        var own = root.TryGetProperty("$id", out var id) && id.ValueKind == JsonValueKind.String ? id.GetString()!.TrimEnd('#') : null;
        var fragment = own is { Length: > 0 } && reference.StartsWith(own, StringComparison.Ordinal) ? reference[own.Length..] : reference;
        if (fragment is "" or "#")
        {
            return reference.Length == 0 ? null : root;
        }

        if (!fragment.StartsWith("#/", StringComparison.Ordinal))
        {
            return null;
        }

        var found = root;
        foreach (var step in Uri.UnescapeDataString(fragment[2..]).Split('/'))
        {
            var name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (found.ValueKind == JsonValueKind.Object && found.TryGetProperty(name, out var member))
            {
                found = member;
            }
            else if (found.ValueKind == JsonValueKind.Array && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                && index < found.GetArrayLength())
            {
                found = found[index];
            }
            else
            {
                return null;
            }
        }

        return found;
    }

    private void Expect(bool isTrue, string at, string asked)
    {
        if (!isTrue)
        {
            Faults.Add(new FieldFault(at, asked));
        }
    }

    private static bool IsList(JsonElement value, int least) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() >= least;

    private static bool IsNames(JsonElement value) => IsList(value, 0) && value.EnumerateArray().All(n => n.ValueKind == JsonValueKind.String);
}
