using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Server.Http;
using Spectre.Console;

namespace Sparekey.Server.Cli;

/// <summary>Writes answers: tables for people, one JSON document for machines.</summary>
internal static class Output
{
    /// <summary>Writes one thing.</summary>
    /// <param name="thing">The thing as the API shows it.</param>
    /// <param name="json">Whether a machine reads it.</param>
    public static void One(JsonNode? thing, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(thing?.ToJsonString(WireJson.Options) ?? "{}");
            return;
        }

        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("name", "value");
        foreach (var (name, value) in thing as JsonObject ?? [])
        {
            table.AddRow(new Text(name), new Text(Plain(value)));
        }

        AnsiConsole.Write(table);
    }

    /// <summary>Writes a list.</summary>
    /// <param name="answer">The answer that holds it.</param>
    /// <param name="member">The member that is the list.</param>
    /// <param name="columns">What a person sees of each.</param>
    /// <param name="json">Whether a machine reads it.</param>
    public static void Many(JsonNode? answer, string member, string[] columns, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(answer?.ToJsonString(WireJson.Options) ?? "{}");
            return;
        }

        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in columns)
        {
            table.AddColumn(column.Replace('_', ' '));
        }

        foreach (var row in answer?[member] as JsonArray ?? [])
        {
            table.AddRow([.. columns.Select(c => new Text(Plain(row?[c])))]);
        }

        AnsiConsole.Write(table);
    }

    private static string Plain(JsonNode? value) => value switch
    {
        null => "",
        JsonValue scalar => scalar.GetValueKind() == JsonValueKind.String ? scalar.GetValue<string>() : scalar.ToJsonString(),
        JsonArray { Count: 0 } => "",
        JsonArray list when list.All(v => v is JsonValue) => string.Join(", ", list.Select(Plain)),
        _ => value.ToJsonString(WireJson.Options),
    };
}
