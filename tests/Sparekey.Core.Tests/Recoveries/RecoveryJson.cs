using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>JSON as plain as it can be: names for enums, and a tenant by its name.</summary>
internal static class RecoveryJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower), new TenantIdConverter() },
    };

    private sealed class TenantIdConverter : JsonConverter<TenantId>
    {
        public override TenantId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            TenantId.Parse(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, TenantId value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }
}
