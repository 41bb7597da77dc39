using System.CommandLine;

namespace Sparekey.Server.Cli;

/// <summary><c>messages</c>: what has not left.</summary>
internal static class MessageCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var state = new Option<string?>("--state") { Description = "waiting or dead; both when absent." };
        var id = new Argument<string>("id") { Description = "The message's id." };
        root.Add(new Command("messages", "Messages that have not left: mail, text messages, calls, Slack.")
        {
            common.Command("list", "Lists them, newest first.", async (parsed, client, json, token) => Output.Many(
                await client.Call(
                    HttpMethod.Get,
                    $"/v1/messages?limit=500{(parsed.GetValue(state) is { } wanted ? $"&state={Uri.EscapeDataString(wanted)}" : "")}", null, token),
                "messages", ["id", "route", "kind", "state", "account", "attempts", "why", "code", "created_at", "due_at", "can_retry"], json),
                state),
            common.Command("retry", "Sends a dead message again.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Post, $"/v1/messages/{Uri.EscapeDataString(parsed.GetValue(id)!)}/retry", null, token), json), id),
        });
    }
}
