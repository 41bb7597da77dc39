using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>The packages that the vendor's programmes stand on, called as they call them.</summary>
public sealed class CryptlexClientTests(CryptlexFixture fixture) : IClassFixture<CryptlexFixture>, IAsyncLifetime
{
    private readonly CryptlexScene _scene = fixture.Scene;
    private NodeProgram _program = null!;

    public async ValueTask InitializeAsync() => _program = await NodeProgram.Start("cryptlex.js");

    public ValueTask DisposeAsync() => _program.DisposeAsync();

    [Fact]
    public async Task A_shop_makes_its_buyer_once_however_many_events_come_and_a_portal_resets_the_password_once()
    {
        var email = _scene.NewEmail();
        var ids = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Run("upsert", new { email, firstName = "Jane", company = "Acme" })));
        var id = ids.Select(i => i!.ToString()).Distinct(StringComparer.Ordinal).ShouldHaveSingleItem();
        (await Run("upsert", new { email, firstName = "Joan", lastName = "Doe" }))!.ToString().ShouldBe(id);
        (await Run("user", id))!["name"]!.ToString().ShouldBe("Joan Doe");

        var listed = (await Run("list", new JsonObject { ["email[eq]"] = email, ["role[eq]"] = "user" }))!;
        listed["users"]!.AsArray().ShouldHaveSingleItem()!["company"]!.ToString().ShouldBe("Acme");
        (listed["count"]!.ToString(), listed["page"]!.ToString(), listed["limit"]!.ToString()).ShouldBe(("1", "1", "100"));

        var token = (await Run("token", id))!.ToString();
        ((int)(await As(null, "reset", id, token, CryptlexScene.Password))!).ShouldBe(204);
        var again = await Should.ThrowAsync<NodeClientException>(() => As(null, "reset", id, token, CryptlexScene.Password));
        (again.Status, again.Said).ShouldBe((400, "The reset token is not valid."));
        (await _scene.Server.Post("/v1/sessions", new { identifier = email, password = CryptlexScene.Password })).Status.ShouldBe(201);
        ((int)(await As(null, "request", email))!).ShouldBe(202);
        ((int)(await Run("remove", id))!).ShouldBe(204);
    }

    [Fact]
    public async Task A_portal_is_told_why_it_gets_no_token()
    {
        var boss = await As(
            _scene.Server.AdminToken, "create", new { email = _scene.NewEmail(), firstName = "Jane", password = CryptlexScene.FirstPassword, role = "organization-admin" });
        var refused = await Should.ThrowAsync<NodeClientException>(() => Run("token", boss!["id"]!.ToString()));
        (refused.Status, refused.Body!["code"]!.ToString()).ShouldBe((403, "role_not_allowed"));
        (await Should.ThrowAsync<NodeClientException>(() => Run("token", "11111111-1111-4111-8111-111111111111"))).Status.ShouldBe(404);
        (await Should.ThrowAsync<NodeClientException>(() => As("spk_nothing", "token", boss!["id"]!.ToString()))).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A_team_adds_its_reason_to_every_call_of_its_client()
    {
        var user = await _scene.User();
        await _program.Call(new
        {
            @base = Base, token = _scene.Portal, headers = new Dictionary<string, string>(StringComparer.Ordinal) { ["Sparekey-Reason"] = "asked by telephone", ["Sparekey-Ticket"] = "HELP-7" },
            @do = "token", args = new[] { user },
        });
        var opened = (await _scene.Ledger(user)).Single(e => e["entry"]!["event"]!.ToString() == "recovery_opened");
        (opened["texts"]!["reason"]!["text"]!.ToString(), opened["texts"]!["ticket"]!["text"]!.ToString()).ShouldBe(("asked by telephone", "HELP-7"));
    }

    private string Base => _scene.Server.Origin.GetLeftPart(UriPartial.Authority);

    private Task<JsonNode?> Run(string what, params object[] args) => As(_scene.Portal, what, args);

    private Task<JsonNode?> As(string? token, string what, params object[] args) => _program.Call(new { @base = Base, token, @do = what, args });
}
