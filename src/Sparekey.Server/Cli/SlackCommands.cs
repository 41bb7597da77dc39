using System.CommandLine;

namespace Sparekey.Server.Cli;

/// <summary><c>slack</c>: the app by which people are asked.</summary>
internal static class SlackCommands
{
    private const string TokenVariable = "SPAREKEY_SLACK__BOT_TOKEN";
    private const string SecretVariable = "SPAREKEY_SLACK__SIGNING_SECRET";

    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var url = new Option<string?>("--base-url") { Description = "Where Slack's Web API is; Slack's own when absent." };
        var channel = new Option<string?>("--channel") { Description = "The channel in which approvers are asked, by its id." };
        var group = new Option<string?>("--approver-group") { Description = "The group whose operators are asked one by one." };
        var inChat = new Option<bool?>("--approve-in-chat") { Description = "Whether a button in the chat approves, without a passkey." };
        root.Add(new Command("slack", "The app by which people are asked in Slack.")
        {
            common.Command("show", "Shows it.", async (_, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Get, "/v1/slack", null, token), json)),
            common.Command(
                "set", $"Makes or changes it. Its secrets come from the environment: {TokenVariable}, {SecretVariable}.",
                async (parsed, client, json, token) => Output.One(
                    await client.Call(
                        HttpMethod.Put, "/v1/slack",
                        new
                        {
                            base_url = parsed.GetValue(url),
                            bot_token = Environment.GetEnvironmentVariable(TokenVariable),
                            signing_secret = Environment.GetEnvironmentVariable(SecretVariable),
                            channel = parsed.GetValue(channel),
                            approver_group = parsed.GetValue(group),
                            approve_in_chat = parsed.GetValue(inChat),
                        },
                        token),
                    json),
                url, channel, group, inChat),
            common.Command("test", "Asks Slack whether it takes the token.", async (_, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Post, "/v1/slack/test", null, token), json)),
            common.Command("remove", "Ends it.", async (_, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Delete, "/v1/slack", null, token), json)),
        });
    }
}
