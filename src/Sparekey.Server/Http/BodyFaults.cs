using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Sparekey.Core;

namespace Sparekey.Server.Http;

/// <summary>The member is free text of a person: lines may end and tabs may stand in it. Everywhere else they are refused.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class FreeTextAttribute : Attribute;

/// <summary>A value is not what its type asks for. The sentence is ours and may be shown.</summary>
/// <param name="detail">What is asked for.</param>
internal sealed class WireFaultException(string detail) : JsonException
{
    /// <summary>What is asked for.</summary>
    public string Detail => detail;
}

/// <summary>
/// Says everything that is wrong with a body, and where, in our own words: the serializer stops at the first fault and names
/// types of the program. Also finds what the serializer lets pass: control characters, and nothing where a list has a member.
/// </summary>
internal static class BodyFaults
{
    private const int Most = 20;
    private const int LongestPointer = 256;

    /// <summary>Whether a body needs a closer look although its types may fit. Cheap, since every body is asked.</summary>
    /// <param name="element">The body.</param>
    /// <exception cref="InvalidOperationException">A text has half of a surrogate pair.</exception>
    public static bool IsSuspicious(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => AnyMember(element),
        JsonValueKind.Array => AnyItem(element),
        JsonValueKind.String => HasControl(element.GetString()!),
        _ => false,
    };

    /// <summary>What is wrong with a body, at most 20 faults.</summary>
    /// <typeparam name="T">What is asked for.</typeparam>
    /// <param name="body">The body.</param>
    /// <param name="takesMore">Whether members that nobody asked for are passed over.</param>
    public static IReadOnlyList<FieldFault> Find<T>(JsonElement body, bool takesMore = false)
    {
        var faults = new Faults(takesMore);
        Walk(body, WireJson.Options.GetTypeInfo(typeof(T)), "", isFreeText: false, faults);
        return faults;
    }

    private static bool AnyMember(JsonElement element)
    {
        var found = false;
        foreach (var member in element.EnumerateObject())
        {
            // All are looked at: half a surrogate pair must be found wherever it stands.
            found |= HasControl(member.Name) | IsSuspicious(member.Value);
        }

        return found;
    }

    private static bool AnyItem(JsonElement element)
    {
        var found = false;
        foreach (var item in element.EnumerateArray())
        {
            found |= item.ValueKind == JsonValueKind.Null | IsSuspicious(item);
        }

        return found;
    }

    private static void Walk(JsonElement element, JsonTypeInfo type, string pointer, bool isFreeText, Faults faults)
    {
        switch (type.Kind, element.ValueKind)
        {
            case (JsonTypeInfoKind.Object, JsonValueKind.Object):
                WalkMembers(element, type, pointer, faults);
                break;
            case (JsonTypeInfoKind.Enumerable, JsonValueKind.Array):
                var items = WireJson.Options.GetTypeInfo(type.ElementType!);
                var index = 0;
                foreach (var item in element.EnumerateArray())
                {
                    WalkValue(item, items, $"{pointer}/{index++}", mayBeNull: false, isFreeText, faults);
                }

                break;
            case (JsonTypeInfoKind.Dictionary, JsonValueKind.Object):
                var values = WireJson.Options.GetTypeInfo(type.ElementType!);
                foreach (var member in element.EnumerateObject())
                {
                    if (HasControl(member.Name))
                    {
                        Add(faults, pointer, "A name has no control characters.");
                    }

                    WalkValue(member.Value, values, Below(pointer, member.Name), mayBeNull: true, isFreeText, faults);
                }

                break;
            case (JsonTypeInfoKind.Object, _):
                Add(faults, pointer, "This is a JSON object.");
                break;
            case (JsonTypeInfoKind.Enumerable, _):
                Add(faults, pointer, "This is a list.");
                break;
            case (JsonTypeInfoKind.Dictionary, _):
                Add(faults, pointer, "This is a JSON object.");
                break;
            default:
                CheckLeaf(element, type, pointer, isFreeText, faults);
                break;
        }
    }

    private static void WalkMembers(JsonElement element, JsonTypeInfo type, string pointer, Faults faults)
    {
        var present = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in element.EnumerateObject())
        {
            present.Add(member.Name);
            var property = type.Properties.FirstOrDefault(p => p.Name.Equals(member.Name, StringComparison.Ordinal));
            if (property is null)
            {
                if (!faults.TakesMore)
                {
                    Add(faults, Below(pointer, member.Name), "There is no such member.");
                }

                continue;
            }

            WalkValue(
                member.Value, WireJson.Options.GetTypeInfo(property.PropertyType), Below(pointer, member.Name), MayBeNull(property),
                property.AttributeProvider?.IsDefined(typeof(FreeTextAttribute), inherit: false) is true, faults);
        }

        foreach (var missing in type.Properties.Where(p => IsRequired(p) && !present.Contains(p.Name)))
        {
            Add(faults, Below(pointer, missing.Name), "This member is missing.");
        }
    }

    private static void WalkValue(
        JsonElement element, JsonTypeInfo type, string pointer, bool mayBeNull, bool isFreeText, Faults faults)
    {
        if (element.ValueKind != JsonValueKind.Null)
        {
            Walk(element, type, pointer, isFreeText, faults);
        }
        else if (!mayBeNull && !IsAnyJson(type))
        {
            Add(faults, pointer, "This is not null.");
        }
    }

    private static void CheckLeaf(JsonElement element, JsonTypeInfo type, string pointer, bool isFreeText, Faults faults)
    {
        if (IsAnyJson(type))
        {
            CheckAnyJson(element, pointer, faults);
            return;
        }

        if (element.ValueKind == JsonValueKind.String && HasControl(element.GetString()!, isFreeText))
        {
            Add(faults, pointer, "Control characters are not accepted.");
            return;
        }

        try
        {
            element.Deserialize(type);
        }
        catch (WireFaultException e)
        {
            Add(faults, pointer, e.Detail);
        }
        catch (JsonException)
        {
            Add(faults, pointer, Asked(Nullable.GetUnderlyingType(type.Type) ?? type.Type));
        }
    }

    // JSON that is kept as it is: any shape, and text of any number of lines.
    private static void CheckAnyJson(JsonElement element, string pointer, Faults faults)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    if (HasControl(member.Name))
                    {
                        Add(faults, pointer, "A name has no control characters.");
                    }

                    CheckAnyJson(member.Value, Below(pointer, member.Name), faults);
                }

                break;
            case JsonValueKind.Array:
                var index = 0;
                foreach (var item in element.EnumerateArray())
                {
                    CheckAnyJson(item, $"{pointer}/{index++}", faults);
                }

                break;
            case JsonValueKind.String when HasControl(element.GetString()!, isFreeText: true):
                Add(faults, pointer, "Control characters are not accepted.");
                break;
            default:
                break;
        }
    }

    private static bool IsAnyJson(JsonTypeInfo type) => (Nullable.GetUnderlyingType(type.Type) ?? type.Type) == typeof(JsonElement);

    private static string Asked(Type type) =>
        type == typeof(string) || type == typeof(Core.Secrets.SecretText) ? "This is a text."
        : type == typeof(bool) ? "This is true or false."
        : type.IsPrimitive ? "This is a number, or too large for one here."
        : "This is of the wrong type.";

    private static bool IsRequired(JsonPropertyInfo property) =>
        property.IsRequired || property.AssociatedParameter is { HasDefaultValue: false, IsMemberInitializer: false };

    private static bool MayBeNull(JsonPropertyInfo property) =>
        property.PropertyType.IsValueType
            ? Nullable.GetUnderlyingType(property.PropertyType) is not null
            : property.AssociatedParameter?.IsNullable ?? property.IsSetNullable;

    private static bool HasControl(string text, bool isFreeText = false)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c) && !(isFreeText && c is ('\n' or '\r' or '\t')))
            {
                return true;
            }
        }

        return false;
    }

    private static void Add(List<FieldFault> faults, string pointer, string detail)
    {
        if (faults.Count < Most)
        {
            faults.Add(new FieldFault(pointer, detail));
        }
    }

    // RFC 6901. What a caller names too long is not sent back in full.
    private static string Below(string pointer, string name) =>
        pointer.Length + name.Length > LongestPointer
            ? pointer
            : $"{pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    private sealed class Faults(bool takesMore) : List<FieldFault>
    {
        public bool TakesMore => takesMore;
    }
}
