using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Engine.Schemas;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>The fields of an account's traits, as its schema has them: every text, number and box, in the schema's order.</summary>
internal static class TraitNodes
{
    private const string Prefix = "traits";
    private const int Deepest = 8;

    /// <summary>The fields.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="traits">The traits as they are.</param>
    public static IEnumerable<UiNode> Of(NamedSchema schema, JsonObject traits) =>
        Fields(schema).Select(f => UiNode.Of(
            "profile",
            new UiInput(f.Name, TypeOf(f.Schema))
            {
                Value = ValueOf(traits, f.Name),
                Required = f.IsRequired ? true : null,
                Autocomplete = TypeOf(f.Schema) == "email" ? "email" : null,
            },
            UiLabel.Generated(Text(f.Schema, "title") ?? f.Name[(Prefix.Length + 1)..])));

    /// <summary>Traits of a form, in which every value is a text, as their schema means them. A text that is empty is left out.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="sent">What was sent.</param>
    public static JsonObject FromForm(NamedSchema schema, JsonObject sent)
    {
        var traits = sent.DeepClone().AsObject();
        foreach (var (name, field, _) in Fields(schema))
        {
            var path = name.Split('.')[1..];
            JsonNode? at = traits;
            foreach (var part in path[..^1])
            {
                at = (at as JsonObject)?[part];
            }

            if (at is JsonObject holder && holder[path[^1]] is JsonValue value && value.TryGetValue<string>(out var text))
            {
                if (text.Length == 0)
                {
                    holder.Remove(path[^1]);
                }
                else
                {
                    holder[path[^1]] = Typed(field, text);
                }
            }
        }

        return traits;
    }

    private static JsonNode Typed(JsonElement field, string text) => Text(field, "type") switch
    {
        "boolean" => text is "true" or "on" ? true : text == "false" ? false : text,
        "number" or "integer" when decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => text,
    };

    private static IEnumerable<(string Name, JsonElement Schema, bool IsRequired)> Fields(NamedSchema schema) =>
        Fields(schema.Schema.Document.GetProperty("properties").GetProperty(Prefix), Prefix, 0);

    private static IEnumerable<(string Name, JsonElement Schema, bool IsRequired)> Fields(JsonElement schema, string at, int depth)
    {
        if (depth >= Deepest || !schema.TryGetProperty("properties", out var members) || members.ValueKind != JsonValueKind.Object)
        {
            yield break;
        }

        var required = schema.TryGetProperty("required", out var names) && names.ValueKind == JsonValueKind.Array
            ? names.EnumerateArray().Where(n => n.ValueKind == JsonValueKind.String).Select(n => n.GetString()!).ToHashSet(StringComparer.Ordinal) : [];

        // A name with a dot has no place in a form.
        foreach (var member in members.EnumerateObject().Where(m => m.Value.ValueKind == JsonValueKind.Object && !m.Name.Contains('.', StringComparison.Ordinal)))
        {
            var name = $"{at}.{member.Name}";
            switch (Text(member.Value, "type"))
            {
                case "string" or "number" or "integer" or "boolean":
                    yield return (name, member.Value, required.Contains(member.Name));
                    break;
                case "object":
                    foreach (var field in Fields(member.Value, name, depth + 1))
                    {
                        yield return field;
                    }

                    break;
                default:
                    break;
            }
        }
    }

    private static string TypeOf(JsonElement field) => (Text(field, "type"), Text(field, "format")) switch
    {
        ("boolean", _) => "checkbox",
        ("number" or "integer", _) => "number",
        (_, "email") => "email",
        (_, "tel") => "tel",
        (_, "date") => "date",
        (_, "uri") => "url",
        _ => "text",
    };

    private static JsonNode? ValueOf(JsonObject traits, string name)
    {
        JsonNode? at = traits;
        foreach (var part in name.Split('.')[1..])
        {
            at = (at as JsonObject)?[part];
        }

        return at is JsonValue ? at.DeepClone() : null;
    }

    private static string? Text(JsonElement schema, string name) =>
        schema.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
