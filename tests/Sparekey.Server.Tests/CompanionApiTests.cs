using Sparekey.Engine.Delivery;
using Sparekey.Engine.Passbolt;

namespace Sparekey.Server.Tests;

/// <summary>The routes of the companion. What it does is tested where it is done; here nobody answers it.</summary>
public sealed class CompanionApiTests
{
    private const string Fingerprint = "AAAABBBBCCCCDDDDEEEEFFFFAAAABBBBCCCCDDDD";

    [Fact]
    public async Task Shows_looks_and_trusts()
    {
        var options = new CompanionOptions(new Uri("http://127.0.0.1:9/base/"), new Guid("1b6f6a2e-54f1-4c11-8c1d-0b4a5a1c7a10"), "/none", "/none");
        await using var server = await RunningServer.Start(egress: new EgressOptions { PrivateHosts = ["127.0.0.1"] }, companion: options);
        var shown = await server.Get("/v1/passbolt/companion", server.AdminToken);
        (shown.Status, shown["server"], shown["user_id"]).ShouldBe((200, "http://127.0.0.1:9/base", "1b6f6a2e-54f1-4c11-8c1d-0b4a5a1c7a10"));
        shown.Json!["server_key"].ShouldBeNull();
        var looked = await server.Post("/v1/passbolt/companion/look", null, server.AdminToken);
        (looked.Status, looked["fault"], looked.Json!["fault_since"] is null).ShouldBe((200, "unreachable", false), looked.Text);

        (await Trust("not a fingerprint", server.AdminToken)).Code.ShouldBe("invalid_request");
        (await Trust(Fingerprint, await server.Token("low", ["tenant:admin"], "operator"))).Code.ShouldBe("above_ceiling");
        (await Trust(Fingerprint, await server.Token("desk", ["escrow:manage"], "admin"))).Status.ShouldBe(403);
        (await server.Get("/v1/passbolt/companion", await server.Token("reader", ["recovery:read"], "admin"))).Status.ShouldBe(403);

        // Also before the server was ever reached: nobody else is believed to be it then.
        var trusted = await Trust("aaaa bbbb cccc dddd eeee  ffff aaaa bbbb cccc dddd", server.AdminToken);
        (trusted.Status, trusted["server_key"]).ShouldBe((200, Fingerprint), trusted.Text);

        Task<Answer> Trust(string fingerprint, string token) => server.Put("/v1/passbolt/companion/server-key", new { fingerprint }, token);
    }

    [Fact]
    public async Task Says_that_there_is_no_companion()
    {
        await using var server = await RunningServer.Start();
        (await server.Get("/v1/passbolt/companion", server.AdminToken)).Code.ShouldBe("companion_not_found");
        (await server.Post("/v1/passbolt/companion/look", null, server.AdminToken)).Code.ShouldBe("companion_not_found");
    }
}
