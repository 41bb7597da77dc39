using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Sparekey.Core.Schemas;

/// <summary>One check of a value against a schema. The schema was read: its keywords have their forms.</summary>
/// <param name="references">What references lead to.</param>
/// <param name="expressions">Its expressions.</param>
internal sealed class SchemaCheck(IReadOnlyDictionary<string, JsonElement> references, IReadOnlyDictionary<string, Regex> expressions)
{
    private const int MostFaults = 20;
    private const int MostSteps = 100_000;
    private const int Deepest = 100;

    private int _steps;
    private int _depth;

    /// <summary>What is wrong so far.</summary>
    public List<FieldFault> Faults { get; private set; } = [];

    /// <summary>Every part of the value with a schema that holds for it.</summary>
    public List<(JsonElement Schema, JsonElement Part, string Pointer)> Visits { get; } = [];

    /// <summary>Checks a value.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="value">The value.</param>
    /// <param name="at">Where the value stands.</param>
    public void Run(JsonElement schema, JsonElement value, string at)
    {
        if (++_steps > MostSteps || _depth >= Deepest)
        {
            Fail(at, "This takes too long to check.");
            return;
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            if (schema.ValueKind == JsonValueKind.False)
            {
                Fail(at, "Nothing is allowed here.");
            }

            return;
        }

        _depth++;
        if (schema.TryGetProperty("$ref", out var reference))
        {
            // Beside a reference nothing counts (draft-07, §8.3).
            Run(references[reference.GetString()!], value, at);
        }
        else
        {
            Visits.Add((schema, value, at));
            CheckAny(schema, value, at);
            CheckKind(schema, value, at);
            CheckBranches(schema, value, at);
        }

        _depth--;
    }

    private void CheckAny(JsonElement schema, JsonElement value, string at)
    {
        if (schema.TryGetProperty("type", out var type))
        {
            var types = type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(t => t.GetString()!).ToList() : [type.GetString()!];
            if (!types.Exists(t => Is(value, t)))
            {
                Fail(at, $"This is of type {string.Join(" or ", types)}.");
            }
        }

        if (schema.TryGetProperty("enum", out var allowed) && !allowed.EnumerateArray().Any(a => JsonElement.DeepEquals(a, value)))
        {
            Fail(at, "This is none of the allowed values.");
        }

        if (schema.TryGetProperty("const", out var only) && !JsonElement.DeepEquals(only, value))
        {
            Fail(at, "This is not the allowed value.");
        }
    }

    private void CheckKind(JsonElement schema, JsonElement value, string at)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Number:
                CheckNumber(schema, value, at);
                break;
            case JsonValueKind.String:
                CheckText(schema, value.GetString()!, at);
                break;
            case JsonValueKind.Array:
                CheckItems(schema, value, at);
                break;
            case JsonValueKind.Object:
                CheckMembers(schema, value, at);
                break;
            default:
                break;
        }
    }

    private void CheckNumber(JsonElement schema, JsonElement value, string at)
    {
        if (!value.TryGetDecimal(out var number))
        {
            // A number beyond all that a schema can name: it is compared by its sign.
            number = value.GetRawText().StartsWith('-') ? decimal.MinValue : decimal.MaxValue;
        }

        Bound("maximum", most => number <= most, "at most");
        Bound("minimum", least => number >= least, "at least");
        Bound("exclusiveMaximum", most => number < most, "less than");
        Bound("exclusiveMinimum", least => number > least, "more than");
        Bound("multipleOf", step => decimal.Remainder(number, step) == 0, "a multiple of");

        void Bound(string keyword, Func<decimal, bool> fits, string words)
        {
            if (schema.TryGetProperty(keyword, out var bound) && !fits(bound.GetDecimal()))
            {
                Fail(at, $"This is {words} {bound.GetRawText()}.");
            }
        }
    }

    private void CheckText(JsonElement schema, string text, string at)
    {
        // A character is a code point (RFC 8259 §7).
        var length = text.Length - text.Count(char.IsLowSurrogate);
        if (schema.TryGetProperty("maxLength", out var most) && length > most.GetInt32())
        {
            Fail(at, string.Create(CultureInfo.InvariantCulture, $"This has at most {most.GetInt32()} characters."));
        }

        if (schema.TryGetProperty("minLength", out var least) && length < least.GetInt32())
        {
            Fail(at, string.Create(CultureInfo.InvariantCulture, $"This has at least {least.GetInt32()} characters."));
        }

        if (schema.TryGetProperty("pattern", out var pattern) && !expressions[pattern.GetString()!].IsMatch(text))
        {
            Fail(at, "This does not have the form that is asked for.");
        }

        if (schema.TryGetProperty("format", out var format) && !TextFormat.Fits(format.GetString()!, text))
        {
            Fail(at, $"This has the format {format.GetString()}.");
        }
    }

    private void CheckItems(JsonElement schema, JsonElement value, string at)
    {
        var count = value.GetArrayLength();
        Count(schema, "maxItems", "minItems", count, at, "items");
        if (schema.TryGetProperty("items", out var items))
        {
            var tuple = items.ValueKind == JsonValueKind.Array ? items.GetArrayLength() : -1;
            foreach (var (index, item) in value.EnumerateArray().Index())
            {
                var pointer = string.Create(CultureInfo.InvariantCulture, $"{at}/{index}");
                if (tuple < 0 || index < tuple)
                {
                    Run(tuple < 0 ? items : items[index], item, pointer);
                }
                else if (schema.TryGetProperty("additionalItems", out var more))
                {
                    Run(more, item, pointer);
                }
            }
        }

        if (schema.TryGetProperty("contains", out var wanted) && !value.EnumerateArray().Any(i => Fits(wanted, i, at)))
        {
            Fail(at, "An item that is asked for is missing.");
        }

        if (schema.TryGetProperty("uniqueItems", out var unique) && unique.ValueKind == JsonValueKind.True && HasTwins(value))
        {
            Fail(at, "An item stands here twice.");
        }
    }

    private bool HasTwins(JsonElement value)
    {
        var items = value.EnumerateArray().ToList();
        _steps += items.Count * items.Count / 2;
        return _steps > MostSteps || items.Index().Any(i => items.Take(i.Index).Any(former => JsonElement.DeepEquals(former, i.Item)));
    }

    private void CheckMembers(JsonElement schema, JsonElement value, string at)
    {
        Count(schema, "maxProperties", "minProperties", value.EnumerateObject().Count(), at, "members");
        if (schema.TryGetProperty("required", out var required))
        {
            foreach (var name in required.EnumerateArray().Select(n => n.GetString()!).Where(n => !value.TryGetProperty(n, out _)))
            {
                Fail(Below(at, name), "This member is missing.");
            }
        }

        schema.TryGetProperty("properties", out var properties);
        schema.TryGetProperty("patternProperties", out var patterns);
        foreach (var member in value.EnumerateObject())
        {
            CheckMember(schema, properties, patterns, member, Below(at, member.Name));
        }

        if (schema.TryGetProperty("dependencies", out var dependencies))
        {
            foreach (var dependency in dependencies.EnumerateObject().Where(d => value.TryGetProperty(d.Name, out _)))
            {
                CheckDependency(dependency.Value, value, at);
            }
        }
    }

    private void CheckMember(JsonElement schema, JsonElement properties, JsonElement patterns, JsonProperty member, string at)
    {
        if (schema.TryGetProperty("propertyNames", out var names) && !Fits(names, JsonSerializer.SerializeToElement(member.Name), at))
        {
            Fail(at, "A member of this name is not allowed.");
        }

        var isKnown = false;
        if (properties.ValueKind == JsonValueKind.Object && properties.TryGetProperty(member.Name, out var own))
        {
            isKnown = true;
            Run(own, member.Value, at);
        }

        if (patterns.ValueKind == JsonValueKind.Object)
        {
            foreach (var pattern in patterns.EnumerateObject().Where(p => expressions[p.Name].IsMatch(member.Name)))
            {
                isKnown = true;
                Run(pattern.Value, member.Value, at);
            }
        }

        if (!isKnown && schema.TryGetProperty("additionalProperties", out var more))
        {
            if (more.ValueKind == JsonValueKind.False)
            {
                Fail(at, "There is no such member.");
            }
            else
            {
                Run(more, member.Value, at);
            }
        }
    }

    private void CheckDependency(JsonElement dependency, JsonElement value, string at)
    {
        if (dependency.ValueKind != JsonValueKind.Array)
        {
            Run(dependency, value, at);
            return;
        }

        foreach (var name in dependency.EnumerateArray().Select(n => n.GetString()!).Where(n => !value.TryGetProperty(n, out _)))
        {
            Fail(Below(at, name), "This member is missing.");
        }
    }

    private void CheckBranches(JsonElement schema, JsonElement value, string at)
    {
        if (schema.TryGetProperty("allOf", out var all))
        {
            foreach (var branch in all.EnumerateArray())
            {
                Run(branch, value, at);
            }
        }

        // Every branch is run: what holds in one of them is told as well.
        if (schema.TryGetProperty("anyOf", out var any) && !any.EnumerateArray().Select(b => Fits(b, value, at)).ToList().Contains(true))
        {
            Fail(at, "This fits none of the alternatives.");
        }

        if (schema.TryGetProperty("oneOf", out var one) && one.EnumerateArray().Count(b => Fits(b, value, at)) != 1)
        {
            Fail(at, "This fits none of the alternatives, or more than one.");
        }

        if (schema.TryGetProperty("not", out var not) && Fits(not, value, at, isTold: false))
        {
            Fail(at, "This is not allowed.");
        }

        if (schema.TryGetProperty("if", out var condition)
            && schema.TryGetProperty(Fits(condition, value, at) ? "then" : "else", out var consequence))
        {
            Run(consequence, value, at);
        }
    }

    // Tries a branch. Its faults are not those of the value, and what it told holds only where it fits.
    private bool Fits(JsonElement schema, JsonElement value, string at, bool isTold = true)
    {
        var (faults, visits) = (Faults, Visits.Count);
        Faults = [];
        Run(schema, value, at);
        var fits = Faults.Count == 0;
        Faults = faults;
        if (!fits || !isTold)
        {
            Visits.RemoveRange(visits, Visits.Count - visits);
        }

        // A check that gave up gave up as a whole.
        if (_steps > MostSteps)
        {
            Fail(at, "This takes too long to check.");
        }

        return fits;
    }

    private void Count(JsonElement schema, string most, string least, int count, string at, string what)
    {
        if (schema.TryGetProperty(most, out var upper) && count > upper.GetInt32())
        {
            Fail(at, string.Create(CultureInfo.InvariantCulture, $"This has at most {upper.GetInt32()} {what}."));
        }

        if (schema.TryGetProperty(least, out var lower) && count < lower.GetInt32())
        {
            Fail(at, string.Create(CultureInfo.InvariantCulture, $"This has at least {lower.GetInt32()} {what}."));
        }
    }

    private void Fail(string at, string sentence)
    {
        if (Faults.Count < MostFaults)
        {
            Faults.Add(new FieldFault(at, sentence));
        }
    }

    // What a caller names too long is not sent back in full.
    private static string Below(string at, string name) => at.Length + name.Length > 256 ? at : $"{at}/{SchemaReader.Escape(name)}";

    private static bool Is(JsonElement value, string type) => type switch
    {
        "null" => value.ValueKind == JsonValueKind.Null,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "number" => value.ValueKind == JsonValueKind.Number,
        _ => value.ValueKind == JsonValueKind.Number && (!value.TryGetDecimal(out var number) || decimal.IsInteger(number)),
    };
}
