using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>Somebody who decides on others' recoveries, with a passkey of theirs.</summary>
internal sealed class Approver : IDisposable
{
    private const string RpId = "localhost";

    private readonly RunningServer _server;
    private readonly PageOfBrowser _page;
    private readonly SoftwareAuthenticator _authenticator = new(RpId) { Counter = 1 };
    private string _handle = "";

    private Approver(RunningServer server, string account) =>
        (_server, Account, _page) = (server, account, new PageOfBrowser(OriginOf(server)));

    public string Account { get; }

    public string Session { get; private set; } = "";

    /// <summary>Lets passkeys be used on the server's pages at localhost.</summary>
    public static async Task AllowPasskeys(RunningServer server)
    {
        var application = (await server.Get("/v1/applications", server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        (await server.Send("PATCH", $"/v1/applications/{application}", new { origins = new[] { OriginOf(server) }, rp_id = RpId }, server.AdminToken))
            .Status.ShouldBe(200);
    }

    public static async Task<Approver> Make(RunningServer server, string email, params string[] permissions)
    {
        var approver = new Approver(server, await server.Account(email, role: "operator"));
        if (permissions.Length > 0)
        {
            (await server.Put($"/v1/operators/{approver.Account}", new { permissions }, server.AdminToken)).Status.ShouldBe(200);
        }

        await approver.SignIn();
        var options = await server.Send("POST", "/v1/sessions/current/passkeys/options", null, approver.Session);
        options.Status.ShouldBe(200, options.Text);
        approver._handle = options.Json!["public_key"]!["user"]!["id"]!.ToString();
        var made = approver._page.Made(approver._authenticator, options.Json!);
        (await server.Post("/v1/sessions/current/passkeys", new { credential = made }, approver.Session)).Status.ShouldBe(201);
        return approver;
    }

    /// <summary>Signs in anew.</summary>
    public async Task SignIn() => Session = await TestSessions.SignIn(
        _server.Services, Ids.Parse<AccountId>(Account), AssuranceLevels.Possession, AssuranceLevels.UserVerified);

    /// <summary>What the person's browser proves to options.</summary>
    public JsonObject Proves(Answer options) => _page.Proved(_authenticator, options.Json!, _handle);

    /// <summary>Asks for what is to be signed, and signs it.</summary>
    public async Task<JsonObject> Sign(string path, object decision, string? token = null)
    {
        var options = await _server.Post($"{path}/options", decision, token ?? Session);
        options.Status.ShouldBe(200, options.Text);
        return Proves(options);
    }

    public void Dispose() => _authenticator.Dispose();

    private static string OriginOf(RunningServer server) => $"http://localhost:{server.Origin.Port}";
}
