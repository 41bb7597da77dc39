using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sparekey.Core.Secrets;

/// <summary>
/// A secret in clear on its way through the program. It shows itself only where <see cref="Reveal"/> is written: a log line, an
/// exception, a debugger's view or a serializer that meets it gets nothing.
/// </summary>
/// <param name="text">The secret.</param>
[JsonConverter(typeof(NeverWritten))]
public sealed class SecretText(string text)
{
    /// <summary>The secret in clear. Every use of it is a place to look at twice.</summary>
    public string Reveal() => text;

    /// <summary>Shows nothing.</summary>
    public override string ToString() => "[secret]";

    private sealed class NeverWritten : JsonConverter<SecretText>
    {
        public override SecretText Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(reader.GetString() ?? throw new JsonException());

        public override void Write(Utf8JsonWriter writer, SecretText value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }
}
