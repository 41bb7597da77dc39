using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>The settings flow through Ory's own clients, unmodified.</summary>
public sealed class KratosSettingsClientTests(KratosSettingsServer on) : IClassFixture<KratosSettingsServer>
{
    private const string Password = "a password that the person chose";

    [Fact]
    public async Task Every_client_sets_a_password_and_reads_what_came_of_it()
    {
        await using var node = await NodeProgram.Start("kratos.js");
        foreach (var client in new[] { "client", "kratos", "fetch" })
        {
            var person = await on.Recovered();
            var xSessionToken = person.Session;
            var flow = await Call("createNativeSettingsFlow", new { xSessionToken });
            var id = flow["body"]!["id"]!.ToString();
            (await Refused("updateSettingsFlow", new { flow = id, xSessionToken, updateSettingsFlowBody = new { method = "password", password = "short" } })).Status.ShouldBe(400);
            var saved = await Call("updateSettingsFlow", new { flow = id, xSessionToken, updateSettingsFlowBody = new { method = "password", password = Password } });
            ((int)saved["status"]!, saved["body"]!["state"]!.ToString()).ShouldBe((200, "success"), client);
            (await Call("getSettingsFlow", new { id, xSessionToken }))["body"]!["ui"]!["messages"]![0]!["id"]!.GetValue<int>().ShouldBe(1050001);
            (await person.SignsIn(Password)).ShouldBeTrue(client);

            var refused = await Refused("createNativeSettingsFlow", new { xSessionToken = "ory_st_nobody" });
            (refused.Status, refused.Body!["body"]!["error"]!["id"]!.ToString()).ShouldBe((401, "session_inactive"), client);

            async Task<JsonNode> Call(string method, object args) =>
                (await node.Call(new { client, api = "FrontendApi", method, args = new[] { args }, @base = on.Server.Origin.AbsoluteUri.TrimEnd('/') }))!;

            Task<NodeClientException> Refused(string method, object args) => Should.ThrowAsync<NodeClientException>(() => Call(method, args));
        }
    }
}
