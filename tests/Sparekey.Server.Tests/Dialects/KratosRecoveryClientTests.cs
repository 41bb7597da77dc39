using System.Text.Json.Nodes;
using Sparekey.Testing;
using static Sparekey.Server.Tests.Dialects.KratosRecoveryScene;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Ory's own clients, unmodified, through a whole recovery.</summary>
public sealed class KratosRecoveryClientTests(KratosRecoveryScene scene) : IClassFixture<KratosRecoveryScene>, IAsyncLifetime
{
    private NodeProgram _node = null!;

    public async ValueTask InitializeAsync() => _node = await NodeProgram.Start("kratos.js");

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    public static TheoryData<string> Clients => ["client", "kratos", "fetch"];

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task An_operators_code_opens_a_session_for_a_programme(string client)
    {
        var (id, _) = await scene.Person();
        var made = await Identity(client, "createRecoveryCodeForIdentity", new { createRecoveryCodeForIdentityBody = Body(id, ("expires_in", "12h"), ("flow_type", "api")) });
        made["status"]!.GetValue<int>().ShouldBe(201);
        var (link, code) = (made["body"]!["recovery_link"]!.ToString(), made["body"]!["recovery_code"]!.ToString());
        var flow = QueryOf(link)["flow"];

        var read = await Frontend(client, "getRecoveryFlow", new { id = flow });
        read["body"]!["type"]!.ToString().ShouldBe("api");
        var wrong = await Frontend(client, "updateRecoveryFlow", new { flow, updateRecoveryFlowBody = new { method = "code", code = Other(code) } });
        wrong["body"]!["ui"]!["messages"]![0]!["id"]!.GetValue<long>().ShouldBe(4060006);
        var done = await Frontend(client, "updateRecoveryFlow", new { flow, updateRecoveryFlowBody = new { method = "code", code } });
        done["status"]!.GetValue<int>().ShouldBe(200);
        done["body"]!["state"]!.ToString().ShouldBe("passed_challenge");
        var token = done["body"]!["continue_with"]![0]!["ory_session_token"]!.ToString();
        var me = await Frontend(client, "toSession", new { xSessionToken = token });
        me["body"]!["identity"]!["id"]!.ToString().ShouldBe(id);
        me["body"]!["authentication_methods"]![0]!["method"]!.ToString().ShouldBe("code_recovery");

        var replay = await Refused(() => Frontend(client, "updateRecoveryFlow", new { flow, updateRecoveryFlowBody = new { method = "code", code } }));
        replay.Status.ShouldBe(400);
        replay.Body!["body"]!["error"]!["details"]!["continue_with"]![0]!["action"]!.ToString().ShouldBe("show_recovery_ui");
        (await Refused(() => Frontend(client, "toSession", new { xSessionToken = "ory_st_" + new string('a', 32) }))).Status.ShouldBe(401);
    }

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task An_operators_link_opens_a_session_in_a_browser(string client)
    {
        var (id, _) = await scene.Person();
        var made = await Identity(client, "createRecoveryLinkForIdentity", new { createRecoveryLinkForIdentityBody = Body(id) });
        made["status"]!.GetValue<int>().ShouldBe(200);
        var query = QueryOf(made["body"]!["recovery_link"]!.ToString());

        var opened = await Frontend(
            client, "updateRecoveryFlow", new { flow = query["flow"], token = query["token"], updateRecoveryFlowBody = new { method = "link" } }, redirects: false, refusal: true);
        opened["status"]!.GetValue<int>().ShouldBe(303);
        opened["headers"]!["location"]!.ToString().ShouldContain("/self-service/settings/page?flow=");
        opened["headers"]!.ToJsonString().ShouldContain("ory_kratos_session="); // The last one that is set: fetch shows no other.
    }

    [Theory]
    [MemberData(nameof(Clients))]
    public async Task A_programme_recovers_by_itself_and_the_sixth_try_is_refused(string client)
    {
        var (id, email) = await scene.Person();
        var flow = (await Frontend(client, "createNativeRecoveryFlow", new { }))["body"]!["id"]!.ToString();
        var sent = await Frontend(client, "updateRecoveryFlow", new { flow, updateRecoveryFlowBody = new { method = "code", email } });
        sent["body"]!["state"]!.ToString().ShouldBe("sent_email");
        var code = await scene.MailedCode(email);
        for (var i = 0; i < 5; i++)
        {
            (await Frontend(client, "updateRecoveryFlow", new { flow, updateRecoveryFlowBody = new { method = "code", code = Other(code) } }))["status"]!.GetValue<int>().ShouldBe(200);
        }

        var sixth = await Refused(() => Frontend(client, "updateRecoveryFlow", new { flow, updateRecoveryFlowBody = new { method = "code", code } }));
        sixth.Status.ShouldBe(400);
        var next = sixth.Body!["body"]!["error"]!["details"]!["continue_with"]![0]!["flow"]!["id"]!.ToString();
        (await Frontend(client, "updateRecoveryFlow", new { flow = next, updateRecoveryFlowBody = new { method = "code", email } }))["status"]!.GetValue<int>().ShouldBe(200);
        code = await scene.MailedCode(email, 2);
        var done = await Frontend(client, "updateRecoveryFlow", new { flow = next, updateRecoveryFlowBody = new { method = "code", code } });
        var token = done["body"]!["continue_with"]![0]!["ory_session_token"]!.ToString();
        (await Frontend(client, "toSession", new { xSessionToken = token }))["body"]!["identity"]!["id"]!.ToString().ShouldBe(id);

        scene.Server.Time.Advance(TimeSpan.FromMinutes(90));
        var late = await Refused(() => Frontend(client, "getRecoveryFlow", new { id = flow }));
        late.Status.ShouldBe(410);
        late.Body!["body"]!["error"]!["id"]!.ToString().ShouldBe("self_service_flow_expired");
    }

    [Fact]
    public async Task A_browser_flow_through_fetch_is_a_redirect_and_through_axios_a_flow()
    {
        var json = await Frontend("client", "createBrowserRecoveryFlow", new { });
        json["status"]!.GetValue<int>().ShouldBe(200);
        json["body"]!["type"]!.ToString().ShouldBe("browser");
        var cookie = json["headers"]!["set-cookie"]![0]!.ToString().Split(';')[0];
        (await Frontend("client", "getRecoveryFlow", new { id = json["body"]!["id"]!.ToString(), cookie }))["status"]!.GetValue<int>().ShouldBe(200);
        (await Refused(() => Frontend("client", "getRecoveryFlow", new { id = json["body"]!["id"]!.ToString() }))).Status.ShouldBe(403);

        var page = await Frontend("fetch", "createBrowserRecoveryFlow", new { }, redirects: false, refusal: true);
        page["status"]!.GetValue<int>().ShouldBe(303);
        page["headers"]!["location"]!.ToString().ShouldContain("/self-service/recovery/page?flow=");
    }

    private static JsonObject Body(string id, params (string Name, string Value)[] more)
    {
        var body = new JsonObject();
        foreach (var (name, value) in more.Prepend(("identity_id", id)))
        {
            body[name] = value;
        }

        return body;
    }

    private Task<JsonNode> Identity(string client, string method, object args) => Call(client, "IdentityApi", method, args, scene.Server.AdminToken, redirects: true);

    private async Task<JsonNode> Frontend(string client, string method, object args, bool redirects = true, bool refusal = false)
    {
        try
        {
            return await Call(client, "FrontendApi", method, args, null, redirects);
        }
        catch (NodeClientException e) when (refusal)
        {
            return new JsonObject { ["status"] = e.Status, ["body"] = e.Body?["body"]?.DeepClone(), ["headers"] = e.Body?["headers"]?.DeepClone() };
        }
    }

    private async Task<JsonNode> Call(string client, string api, string method, object args, string? token, bool redirects) =>
        (await _node.Call(new { client, api, method, args = new[] { args }, @base = scene.Server.Origin.AbsoluteUri.TrimEnd('/'), token, redirects }))!;

    private static async Task<NodeClientException> Refused(Func<Task<JsonNode>> call) => await Should.ThrowAsync<NodeClientException>(call);
}
