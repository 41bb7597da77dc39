using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core.Secrets;
using Sparekey.Server.Dialects.Kratos;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>ID tokens: a good one, then one thing changed.</summary>
public sealed class OidcClaimsTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly OidcProvider Provider = new("acme", "https://acme.example", "client", new SecretText("secret"));

    [Fact]
    public void Takes_a_good_one()
    {
        Read(Good()).ShouldBe(new OidcClaims("ada", "ada@example.org"));
        Read(Good(c => c["aud"] = new JsonArray("client"))).ShouldNotBeNull();
        Read(Good(c => (c["aud"], c["azp"]) = (new JsonArray("client", "api"), "client"))).ShouldNotBeNull();
        Read(Good(c => c["exp"] = Now.ToUnixTimeSeconds() - 59)).ShouldNotBeNull();
        Read(Good(c => c.Remove("email"))).ShouldBe(new OidcClaims("ada", null));
    }

    public static TheoryData<string, string?> Changes() => new()
    {
        { "iss", "\"https://evil.example\"" }, { "iss", "\"https://acme.example/\"" }, { "iss", null }, { "iss", "5" },
        { "aud", "\"other\"" }, { "aud", "[\"other\"]" }, { "aud", "[]" }, { "aud", null }, { "aud", "[\"client\",\"other\"]" }, { "aud", "{\"client\":1}" },
        { "azp", "\"other\"" },
        { "exp", "1795247940" }, { "exp", null }, { "exp", "\"9999999999\"" }, { "exp", "0" }, { "exp", "-1e400" },
        { "nonce", "\"other\"" }, { "nonce", null }, { "nonce", "\"\"" },
        { "sub", "\"\"" }, { "sub", null }, { "sub", "5" }, { "sub", $"\"{new string('s', 256)}\"" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void Refuses_one_that_is_not_for_us_now(string claim, string? value) =>
        Read(Good(c =>
        {
            c.Remove(claim);
            if (value is not null)
            {
                c[claim] = JsonNode.Parse(value);
            }
        })).ShouldBeNull($"{claim} {value}");

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("a.b")]
    [InlineData("a.!!!.c")]
    [InlineData("a.b.c.d")]
    [InlineData("e30.W10.c")]
    [InlineData("e30.bnVsbA.c")]
    public void Refuses_what_is_none(string token) => Read(token).ShouldBeNull();

    [Fact]
    public void Refuses_an_answer_without_one()
    {
        foreach (var answer in new[] { "{}", "[]", "null", "{\"id_token\":5}", "\"text\"" })
        {
            OidcClaims.Read(JsonDocument.Parse(answer).RootElement, Provider, "nonce", Now).ShouldBeNull();
        }
    }

    private static OidcClaims? Read(string token) =>
        OidcClaims.Read(JsonSerializer.SerializeToElement(new { id_token = token }), Provider, "nonce", Now);

    private static string Good(Action<JsonObject>? change = null)
    {
        var claims = new JsonObject
        {
            ["iss"] = "https://acme.example", ["aud"] = "client", ["sub"] = "ada", ["nonce"] = "nonce", ["email"] = "ada@example.org",
            ["exp"] = Now.ToUnixTimeSeconds() + 60,
        };
        change?.Invoke(claims);
        return $"e30.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims.ToJsonString()))}.signature";
    }
}
