using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Identities through Ory's own clients, unmodified. The status counts: generated clients read the body of one status alone.</summary>
public sealed class KratosIdentityClientTests(KratosFixture fixture) : IClassFixture<KratosFixture>
{
    [Theory]
    [InlineData("client")]
    [InlineData("kratos")]
    [InlineData("fetch")]
    public async Task A_programme_makes_reads_changes_and_deletes_an_identity(string client)
    {
        var email = fixture.NewPerson();

        var made = await fixture.Identity(client, "createIdentity", new
        {
            createIdentityBody = new
            {
                schema_id = "default", traits = new { email, name = new { first = "Jane" } }, state = "active",
                credentials = new { password = new { config = new { password = "a long enough password" } } },
                metadata_public = new { plan = "free" }, metadata_admin = new { score = 1 }, external_id = $"crm-{email}",
            },
        });
        var identity = made["body"]!;
        var id = identity["id"]!.ToString();
        made["status"]!.GetValue<int>().ShouldBe(201);
        made["headers"]!["location"]!.ToString().ShouldBe($"{fixture.Server.Origin.GetLeftPart(UriPartial.Authority)}/admin/identities/{id}");
        CheckForm(identity);
        identity["traits"]!["name"]!["first"]!.ToString().ShouldBe("Jane");
        identity["credentials"]!["password"]!["identifiers"]![0]!.ToString().ShouldBe(email);
        identity["recovery_addresses"]![0]!["value"]!.ToString().ShouldBe(email);
        identity["verifiable_addresses"]![0]!["status"]!.ToString().ShouldBe("pending");

        (await fixture.Identity(client, "getIdentity", new { id, includeCredential = new[] { "password" } }))["body"]!.ToJsonString().ShouldBe(identity.ToJsonString());
        (await fixture.Identity(client, "getIdentityByExternalID", new { externalID = $"crm-{email}" }))["body"]!["id"]!.ToString().ShouldBe(id);
        (await fixture.Identity(client, "listIdentities", new { credentialsIdentifier = email }))["body"]!.AsArray().ShouldHaveSingleItem()!["id"]!.ToString().ShouldBe(id);
        (await fixture.Identity(client, "listIdentities", new { ids = new[] { id, Guid.Empty.ToString() } }))["body"]!.AsArray().ShouldHaveSingleItem();

        var patched = await fixture.Identity(client, "patchIdentity", new
        {
            id, jsonPatch = new object[] { new { op = "replace", path = "/state", value = "inactive" }, new { op = "add", path = "/traits/name/last", value = "Doe" } },
        });
        (patched["status"]!.GetValue<int>(), patched["body"]!["state"]!.ToString()).ShouldBe((200, "inactive"));
        patched["body"]!["traits"]!["name"]!["last"]!.ToString().ShouldBe("Doe");

        var replaced = await fixture.Identity(client, "updateIdentity", new
        {
            id, updateIdentityBody = new { schema_id = "default", traits = new { email }, state = "active" },
        });
        replaced["status"]!.GetValue<int>().ShouldBe(200);
        replaced["body"]!["traits"]!.ToJsonString().ShouldBe($"{{\"email\":\"{email}\"}}");
        replaced["body"]!["metadata_public"].ShouldBeNull();
        CheckForm(replaced["body"]!);

        (await fixture.Identity(client, "deleteIdentity", new { id }))["status"]!.GetValue<int>().ShouldBe(204);
        var gone = await Should.ThrowAsync<NodeClientException>(() => fixture.Identity(client, "getIdentity", new { id }));
        gone.Status.ShouldBe(404);
        gone.Body!["body"]!["error"]!["message"]!.ToString().ShouldBe("Unable to locate the resource");
    }

    [Theory]
    [InlineData("client")]
    [InlineData("kratos")]
    [InlineData("fetch")]
    public async Task A_programme_reads_schemas_and_ends_sessions(string client)
    {
        var email = fixture.NewPerson();
        var id = (await fixture.Made(new { traits = new { email }, credentials = new { password = new { config = new { password = "a long enough password" } } } }))["id"]!.ToString();
        await fixture.Server.Post("/v1/sessions", new { identifier = email, password = "a long enough password" });

        var sessions = (await fixture.Identity(client, "listIdentitySessions", new { id }))["body"]!.AsArray();
        var session = sessions.ShouldHaveSingleItem()!;
        session["active"]!.GetValue<bool>().ShouldBeTrue();
        session["identity"]!["id"]!.ToString().ShouldBe(id);
        session["identity"]!.AsObject().ContainsKey("metadata_admin").ShouldBeFalse();
        session["authentication_methods"]![0]!["method"]!.ToString().ShouldBe("password");
        (await fixture.Identity(client, "getSession", new { id = session["id"]!.ToString() }))["body"]!["id"]!.ToString().ShouldBe(session["id"]!.ToString());
        (await fixture.Identity(client, "listSessions"))["body"]!.AsArray().Select(s => s!["id"]!.ToString()).ShouldContain(session["id"]!.ToString());
        (await fixture.Identity(client, "disableSession", new { id = session["id"]!.ToString() }))["status"]!.GetValue<int>().ShouldBe(204);
        (await fixture.Identity(client, "listIdentitySessions", new { id }))["body"]!.AsArray().ShouldBeEmpty();

        await fixture.Server.Post("/v1/sessions", new { identifier = email, password = "a long enough password" });
        (await fixture.Identity(client, "deleteIdentitySessions", new { id }))["status"]!.GetValue<int>().ShouldBe(204);
        (await fixture.Identity(client, "listIdentitySessions", new { id }))["body"]!.AsArray().ShouldBeEmpty();

        (await fixture.Identity(client, "getIdentitySchema", new { id = "default" }))["body"]!["properties"]!["traits"].ShouldNotBeNull();
        (await fixture.Identity(client, "listIdentitySchemas"))["body"]!.AsArray().Select(s => s!["id"]!.ToString()).ShouldContain("default");
    }

    [Theory]
    [InlineData("client")]
    [InlineData("kratos")]
    [InlineData("fetch")]
    public async Task A_programme_without_a_token_learns_nothing(string client)
    {
        var refused = await Should.ThrowAsync<NodeClientException>(() => fixture.Identity(client, "listIdentities", token: "none"));

        refused.Status.ShouldBe(401);
        refused.Body!["body"]!.ToJsonString().ShouldBe("""{"error":{"code":401,"status":"Unauthorized","message":"The request could not be authorized"}}""");
    }

    // The members that the specification calls required, and no null where it does not allow one (contract 1.6).
    private static void CheckForm(JsonNode identity)
    {
        var members = identity.AsObject();
        foreach (var name in new[] { "id", "schema_id", "schema_url", "traits", "state", "state_changed_at", "created_at", "updated_at" })
        {
            members[name].ShouldNotBeNull(name);
        }

        members.Where(m => m.Value is null).Select(m => m.Key).Except(["metadata_public", "metadata_admin", "organization_id"]).ShouldBeEmpty();
        foreach (var address in members["recovery_addresses"]!.AsArray().Concat(members["verifiable_addresses"]?.AsArray() ?? []))
        {
            address!.AsObject().ShouldAllBe(m => m.Value != null);
            address["via"]!.ToString().ShouldBe("email");
        }
    }
}
