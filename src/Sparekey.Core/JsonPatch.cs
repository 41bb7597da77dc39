using System.Globalization;
using System.Text.Json.Nodes;

namespace Sparekey.Core;

/// <summary>One step of a patch (RFC 6902 §4).</summary>
/// <param name="Operation"><c>add</c>, <c>remove</c>, <c>replace</c>, <c>move</c>, <c>copy</c> or <c>test</c>.</param>
/// <param name="Path">Where (RFC 6901).</param>
/// <param name="Value">The value, for <c>add</c>, <c>replace</c> and <c>test</c>.</param>
/// <param name="From">From where, for <c>move</c> and <c>copy</c>.</param>
public sealed record PatchStep(string Operation, string Path, JsonNode? Value = null, string? From = null);

/// <summary>Changes a JSON document as a patch says (RFC 6902): all of its steps, or none.</summary>
public static class JsonPatch
{
    /// <summary>The most steps.</summary>
    public const int MaxSteps = 100;

    // A patch that copies a thing into itself doubles it with every step.
    private const int MostNodes = 20_000;

    /// <summary>Applies a patch.</summary>
    /// <param name="document">The document; it is not changed.</param>
    /// <param name="steps">The steps.</param>
    /// <returns>The document afterwards, or <see cref="RefusalCode.InvalidRequest"/> with what is wrong with which step.</returns>
    public static Result<JsonObject> Apply(JsonObject document, IReadOnlyList<PatchStep> steps)
    {
        if (steps.Count > MaxSteps)
        {
            return Wrong("", string.Create(CultureInfo.InvariantCulture, $"A patch has at most {MaxSteps} steps."));
        }

        var root = (JsonNode?)document.DeepClone();
        foreach (var (index, step) in steps.Index())
        {
            var fault = Split(step.Path) is { } path ? Run(ref root, step, path) : "This is no path.";
            if (fault is not null || CountOf(root) > MostNodes)
            {
                return Wrong(string.Create(CultureInfo.InvariantCulture, $"/{index}"), fault ?? "This makes the document too large.");
            }
        }

        return root is JsonObject whole ? whole : Wrong("", "What is left is no object.");
    }

    /// <summary>The first name of a path; empty for the whole document.</summary>
    /// <param name="path">The path.</param>
    public static string FirstOf(string path) => Split(path) is [var first, ..] ? first : "";

    private static string? Run(ref JsonNode? root, PatchStep step, string[] path)
    {
        switch (step.Operation)
        {
            case "test":
                return Find(root, path, out var tested) && JsonNode.DeepEquals(tested, step.Value) ? null : "The value is another one.";
            case "add":
                return Add(ref root, path, step.Value?.DeepClone());
            case "remove":
                return Remove(ref root, path, out _);
            case "replace":
                return !Find(root, path, out _) ? Missing
                    : path.Length == 0 ? Add(ref root, path, step.Value?.DeepClone())
                    : Replace(root, path, step.Value?.DeepClone());
            case "copy" or "move":
                if (step.From is null || Split(step.From) is not { } from)
                {
                    return "The path from where is missing.";
                }

                if (!Find(root, from, out var found))
                {
                    return Missing;
                }

                // A thing cannot become a part of itself (§4.4).
                if (step.Operation == "move" && path.Length > from.Length && path.AsSpan(0, from.Length).SequenceEqual(from))
                {
                    return "A value cannot be moved into itself.";
                }

                var moved = found?.DeepClone();
                return (step.Operation == "move" ? Remove(ref root, from, out _) : null) ?? Add(ref root, path, moved);
            default:
                return "One of: add, remove, replace, move, copy, test.";
        }
    }

    private const string Missing = "There is nothing at this path.";

    private static string? Add(ref JsonNode? root, string[] path, JsonNode? value)
    {
        if (path.Length == 0)
        {
            root = value;
            return null;
        }

        if (!Find(root, path[..^1], out var parent))
        {
            return Missing;
        }

        switch (parent)
        {
            case JsonObject members:
                members[path[^1]] = value;
                return null;
            case JsonArray items when path[^1] == "-" || (IndexOf(path[^1]) is { } index && index <= items.Count):
                items.Insert(IndexOf(path[^1]) ?? items.Count, value);
                return null;
            default:
                return Missing;
        }
    }

    private static string? Replace(JsonNode? root, string[] path, JsonNode? value)
    {
        Find(root, path[..^1], out var parent);
        if (parent is JsonObject members)
        {
            members[path[^1]] = value;
        }
        else
        {
            parent!.AsArray()[IndexOf(path[^1])!.Value] = value;
        }

        return null;
    }

    private static string? Remove(ref JsonNode? root, string[] path, out JsonNode? removed)
    {
        if (!Find(root, path, out removed))
        {
            return Missing;
        }

        if (path.Length == 0)
        {
            root = null;
            return null;
        }

        Find(root, path[..^1], out var parent);
        if (parent is JsonObject members)
        {
            members.Remove(path[^1]);
        }
        else
        {
            parent!.AsArray().RemoveAt(IndexOf(path[^1])!.Value);
        }

        return null;
    }

    private static bool Find(JsonNode? root, string[] path, out JsonNode? found)
    {
        found = root;
        foreach (var name in path)
        {
            switch (found)
            {
                case JsonObject members when members.TryGetPropertyValue(name, out var member):
                    found = member;
                    break;
                case JsonArray items when IndexOf(name) is { } index && index < items.Count:
                    found = items[index];
                    break;
                default:
                    found = null;
                    return false;
            }
        }

        return true;
    }

    // Digits without zeros in front (RFC 6901 §4).
    private static int? IndexOf(string name) =>
        name.Length is >= 1 and <= 9 && name.All(char.IsAsciiDigit) && (name.Length == 1 || name[0] != '0')
            ? int.Parse(name, CultureInfo.InvariantCulture)
            : null;

    private static string[]? Split(string path)
    {
        if (path.Length == 0)
        {
            return [];
        }

        var names = path.Split('/');
        return names[0].Length == 0 && names.Length <= 64 && Array.TrueForAll(names, IsEscaped)
            ? [.. names.Skip(1).Select(n => n.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))]
            : null;
    }

    private static bool IsEscaped(string name)
    {
        for (var at = name.IndexOf('~', StringComparison.Ordinal); at >= 0; at = name.IndexOf('~', at + 1))
        {
            if (at + 1 >= name.Length || name[at + 1] is not ('0' or '1'))
            {
                return false;
            }
        }

        return true;
    }

    private static int CountOf(JsonNode? node) => node switch
    {
        JsonObject members => 1 + members.Sum(m => CountOf(m.Value)),
        JsonArray items => 1 + items.Sum(CountOf),
        _ => 1,
    };

    private static Refusal Wrong(string at, string sentence) =>
        new(RefusalCode.InvalidRequest) { Faults = [new FieldFault(at, sentence)] };
}
