using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Sparekey.Core;

namespace Sparekey.Server.Http;

/// <summary>
/// JSON as it stands on the wire: snake_case members, closed sets and ids as text, times as RFC 3339 in UTC with milliseconds.
/// What is read must be exactly what is asked for.
/// </summary>
internal static class WireJson
{
    /// <summary>The options of every body that is read or written.</summary>
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        MaxDepth = 16,
        // Quotes and angle brackets are escaped by the strict media type and nosniff, not by making mail addresses unreadable.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new WireNames(), new IdTexts(), new Rfc3339() },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    /// <summary>The same for bodies in which more may stand than is asked for.</summary>
    public static JsonSerializerOptions TakingMore { get; } = new(Options) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip };

    /// <summary>Gives the framework's own serializer, which describes bodies, the same options.</summary>
    /// <param name="options">The framework's options.</param>
    public static void CopyTo(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = Options.PropertyNamingPolicy;
        options.DefaultIgnoreCondition = Options.DefaultIgnoreCondition;
        options.UnmappedMemberHandling = Options.UnmappedMemberHandling;
        options.NumberHandling = Options.NumberHandling;
        options.RespectNullableAnnotations = Options.RespectNullableAnnotations;
        options.RespectRequiredConstructorParameters = Options.RespectRequiredConstructorParameters;
        options.TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { ForgetImpossibleDefaults } };
        foreach (var converter in Options.Converters)
        {
            options.Converters.Add(converter);
        }
    }

    // Whoever describes a type writes the defaults of its parameters, and fails where a structure's is "default": the framework
    // reports that as null. Such a type is described by its members alone.
    private static void ForgetImpossibleDefaults(JsonTypeInfo type)
    {
        if (!type.Properties.Any(p => p.AssociatedParameter is { HasDefaultValue: true, DefaultValue: null } && p.PropertyType.IsValueType
            && Nullable.GetUnderlyingType(p.PropertyType) is null))
        {
            return;
        }

        foreach (var property in type.Properties)
        {
            property.IsRequired = property.AssociatedParameter is { HasDefaultValue: false };
        }

        type.CreateObject = () => throw new NotSupportedException("This type is only described here.");
    }

    /// <summary>The names of a closed set as they stand on the wire.</summary>
    /// <param name="set">The set, an enum.</param>
    public static IReadOnlyList<string> NamesOf(Type set) =>
        [.. Enum.GetValuesAsUnderlyingType(set).Cast<object>()
            .Select(v => JsonSerializer.SerializeToElement(Enum.ToObject(set, v), set, Options).GetString()!)];

    /// <summary>A time as it stands on the wire.</summary>
    /// <param name="time">The time.</param>
    public static string Time(DateTimeOffset time) => WireTime.Of(time);

    private sealed class WireNames : JsonConverterFactory
    {
        public override bool CanConvert(Type typeToConvert) => typeToConvert.IsEnum;

        public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
            (JsonConverter)Activator.CreateInstance(typeof(WireNameOf<>).MakeGenericType(typeToConvert))!;
    }

    private sealed class WireNameOf<TEnum> : JsonConverter<TEnum>
        where TEnum : struct, Enum
    {
        public override TEnum Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && WireName.TryParse<TEnum>(reader.GetString(), out var value)
                ? value
                : throw new WireFaultException($"This is one of: {string.Join(", ", WireName.All<TEnum>())}.");

        public override void Write(Utf8JsonWriter writer, TEnum value, JsonSerializerOptions options) =>
            writer.WriteStringValue(WireName.Of(value));
    }

    private sealed class IdTexts : JsonConverterFactory
    {
        public override bool CanConvert(Type typeToConvert) => typeToConvert.IsValueType && typeToConvert.GetInterfaces().Any(
            i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IId<>));

        public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
            (JsonConverter)Activator.CreateInstance(typeof(IdText<>).MakeGenericType(typeToConvert))!;
    }

    private sealed class IdText<TId> : JsonConverter<TId>
        where TId : struct, IId<TId>
    {
        public override TId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && Ids.TryParse<TId>(reader.GetString(), out var id)
                ? id
                : throw new WireFaultException("This is an id: a UUID in lower case with hyphens.");

        public override void Write(Utf8JsonWriter writer, TId value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }

    private sealed class Rfc3339 : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && NamesItsOffset(reader.GetString()!) && reader.TryGetDateTimeOffset(out var time)
                ? DateTimeOffset.FromUnixTimeMilliseconds(time.ToUnixTimeMilliseconds())
                : throw new WireFaultException("This is a time as in RFC 3339, for example 2026-11-21T08:00:00Z.");

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Time(value));

        // The parser takes a date alone, and a time without an offset as one of the server's own time zone.
        private static bool NamesItsOffset(string text) =>
            text.Length >= 20 && text[10] == 'T' && text[16] == ':' && (text[^1] == 'Z' || text[^6] is '+' or '-');
    }
}
