using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Server.Hosting;

namespace Sparekey.Server.Cli;

/// <summary><c>kratos</c>: what clients of Ory Kratos's API need.</summary>
internal static class KratosCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var id = new Option<string>("--id") { Description = "Its name.", DefaultValueFactory = _ => "default" };
        var file = new Option<string>("--file") { Description = "The file with the document.", Required = true };
        root.Add(new Command("kratos", "What clients of Ory Kratos's API need.")
        {
            new Command("schema", "Schemas of identities' traits.")
            {
                common.Command("set", "Sets a schema: makes it, or replaces the one of that name.", async (parsed, client, json, token) => Output.One(
                    await client.Call(
                        HttpMethod.Put, $"/v1/identity-schemas/{Uri.EscapeDataString(parsed.GetValue(id)!)}",
                        new { document = Read(await File.ReadAllTextAsync(parsed.GetValue(file)!, token)) }, token),
                    json), id, file),
                common.Command("list", "Lists the schemas.", async (_, client, json, token) => Output.Many(
                    await client.Call(HttpMethod.Get, "/v1/identity-schemas", null, token), "identity_schemas", ["id"], json)),
            },
        });
    }

    private static JsonNode? Read(string document)
    {
        try
        {
            return JsonNode.Parse(document);
        }
        catch (JsonException e)
        {
            throw new SettingsException($"--file: not JSON: line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}.");
        }
    }
}
