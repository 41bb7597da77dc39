namespace Sparekey.Server.Tests.Dialects;

/// <summary>Schemas of traits: set by the operator, served to everybody, kept to by every identity.</summary>
public sealed class KratosSchemaTests(KratosFixture fixture) : IClassFixture<KratosFixture>
{
    // The one in the vendor's guide to recovery, with the comma that is missing there before "additionalProperties".
    private const string Guide =
        """
        {
          "$id": "https://schemas.ory.sh/presets/kratos/quickstart/email-password/identity.schema.json",
          "$schema": "http://json-schema.org/draft-07/schema#",
          "title": "Person",
          "type": "object",
          "properties": {
            "traits": {
              "type": "object",
              "properties": {
                "email": {
                  "type": "string",
                  "format": "email",
                  "ory.sh/kratos": {
                    "credentials": { "password": { "identifier": true } },
                    "recovery": { "via": "email" }
                  }
                }
              },
              "additionalProperties": false
            }
          }
        }
        """;

    private readonly RunningServer _server = fixture.Server;

    [Fact]
    public async Task The_schema_of_the_guide_is_set_by_a_command_and_kept_to()
    {
        var file = Path.Combine(_server.Folder, "guide.json");
        await File.WriteAllTextAsync(file, Guide);
        (await ServerProcess.RunToEnd("kratos", "schema", "set", "--id", "person", "--file", file, "--data", _server.Folder)).ExitCode.ShouldBe(0);

        var email = fixture.NewPerson();
        var made = await fixture.Made(new { schema_id = "person", traits = new { email } });
        made["recovery_addresses"]![0]!["value"]!.ToString().ShouldBe(email);
        made.AsObject().ContainsKey("verifiable_addresses").ShouldBeFalse();
        var refused = await _server.Post("/admin/identities", new { schema_id = "person", traits = new { email = fixture.NewPerson(), name = "Jane" } }, _server.AdminToken);
        (refused.Status, refused.Json!["error"]!["reason"]!.ToString()).ShouldBe((400, "I[#/traits/name] There is no such member."));

        var url = made["schema_url"]!.ToString();
        url.ShouldBe($"{_server.Origin.GetLeftPart(UriPartial.Authority)}/schemas/cGVyc29u");
        foreach (var path in new[] { new Uri(url).AbsolutePath, "/schemas/person", "/api/kratos/public/schemas/person" })
        {
            var served = await _server.Get(path);
            served.Status.ShouldBe(200);
            served.Json!["$id"]!.ToString().ShouldStartWith("https://schemas.ory.sh/");
        }
    }

    [Fact]
    public async Task A_file_with_the_guides_missing_comma_is_refused_with_its_place()
    {
        var file = Path.Combine(_server.Folder, "broken.json");
        await File.WriteAllTextAsync(file, Guide.Replace("      },\n      \"additional", "      }\n      \"additional", StringComparison.Ordinal));

        var (exitCode, _, errors) = await ServerProcess.RunToEnd("kratos", "schema", "set", "--file", file, "--data", _server.Folder);

        exitCode.ShouldNotBe(0);
        errors.ShouldContain("line 19");

        (await _server.Get("/schemas/default")).Json!["title"]!.ToString().ShouldBe("Person");
    }

    [Fact]
    public async Task A_name_and_a_number_are_taken_from_where_the_schema_says()
    {
        (await _server.Put("/v1/identity-schemas/staff", new
        {
            document = System.Text.Json.JsonDocument.Parse(
                """
                {"properties":{"traits":{"type":"object","required":["handle"],"properties":{
                  "handle":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
                  "phone":{"type":"string","ory.sh/kratos":{"recovery":{"via":"sms"},"verification":{"via":"sms"}}}}}}}
                """),
        }, _server.AdminToken)).Status.ShouldBe(200);

        var made = await fixture.Made(new { schema_id = "staff", traits = new { handle = "kratos-jane", phone = "+41 79 555 01 01" } });
        made["recovery_addresses"]!.AsArray().ShouldHaveSingleItem()!["via"]!.ToString().ShouldBe("sms");
        var account = await _server.Get($"/v1/accounts/{made["id"]}", _server.AdminToken);
        account["username"].ShouldBe("kratos-jane");

        var renamed = await _server.Send(
            "PATCH", $"/admin/identities/{made["id"]}", new object[] { new { op = "replace", path = "/traits/handle", value = "kratos-jane-2" } }, _server.AdminToken);
        renamed.Status.ShouldBe(200, renamed.Text);
        (await _server.Get($"/v1/accounts/{made["id"]}", _server.AdminToken))["username"].ShouldBe("kratos-jane-2");
        (await _server.Send("PATCH", $"/admin/identities/{made["id"]}", new object[] { new { op = "remove", path = "/traits/handle" } }, _server.AdminToken))
            .Status.ShouldBe(400);
        var wrongPhone = await _server.Post("/admin/identities", new { schema_id = "staff", traits = new { handle = "kratos-joe", phone = "1" } }, _server.AdminToken);
        wrongPhone.Json!["error"]!["reason"]!.ToString().ShouldContain("traits/phone");
    }

    [Theory]
    [InlineData("/schemas/none")]
    [InlineData("/schemas/____")]
    [InlineData("/schemas/..%2Fdefault")]
    public async Task A_schema_that_is_not_there_is_not_found(string path) => (await _server.Get(path)).Status.ShouldBe(404);

    [Fact]
    public async Task Only_who_stands_highest_sets_a_schema()
    {
        var document = new { properties = new { traits = new { type = "object" } } };
        var low = await _server.Token("schemas-low", ["tenant:admin"], ceiling: "operator");
        (await _server.Put("/v1/identity-schemas/mine", new { document }, low)).Code.ShouldBe("above_ceiling");
        (await _server.Put("/v1/identity-schemas/mine", new { document }, await _server.Token("schemas-no", ["account:write"]))).Code.ShouldBe("permission_missing");
        (await _server.Put("/v1/identity-schemas/mine", new { document = new { properties = new { traits = new { pattern = "(?=a)" } } } }, _server.AdminToken)).Status.ShouldBe(400);
        (await _server.Get("/schemas/mine")).Status.ShouldBe(404);
    }
}
