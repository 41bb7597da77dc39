using System.Text.Json;
using Sparekey.Core.Accounts;
using Sparekey.Core.Schemas;

namespace Sparekey.Core.Tests.Schemas;

/// <summary>What traits say about an account, by what a schema says about traits.</summary>
public sealed class IdentitySchemaTests
{
    [Fact]
    public void By_default_an_email_is_an_identifier_and_an_address_and_all_else_is_data()
    {
        var read = IdentitySchema.Default.Read(Json("""{"email":"Jane@example.com","name":{"first":"Jane"},"username":"jane"}""")).Value;

        read.Username.ShouldBeNull();
        read.Addresses.ShouldHaveSingleItem().ShouldBe(new TraitValue("Jane@example.com", "/traits/email", AddressKind.Email)
        {
            IsIdentifier = true, IsForRecovery = true, IsToBeConfirmed = true,
        });
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"email":""}""", "")]
    [InlineData("""{"email":"nobody"}""", "")]
    [InlineData("""{"email":["a@example.com"]}""", "")]
    public void By_default_no_email_is_fine_and_a_wrong_one_is_not(string traits, string? wrong = null) =>
        (IdentitySchema.Default.Read(Json(traits)).Refusal is null).ShouldBe(wrong is null);

    [Fact]
    public void Reads_every_place_that_says_something_and_each_address_once()
    {
        var schema = IdentitySchema.Parse(
            """
            {"type":"object","properties":{"traits":{"type":"object","properties":{
              "handle":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
              "email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"code":{"identifier":true,"via":"email"}}}},
              "emails":{"type":"array","items":{"type":"string","ory.sh/kratos":{"recovery":{"via":"email"}}}},
              "phone":{"type":"string","ory.sh/kratos":{"verification":{"via":"sms"},"recovery":{"via":"sms"}}},
              "backup":{"type":"string","ory.sh/kratos":{"verification":{"via":"email"}}},
              "plain":{"type":"string"}
            }}}}
            """).Value;

        var read = schema.Read(Json(
            """
            {"handle":"jane","email":"jane@example.com","emails":["JANE@example.com","second@example.com"],"phone":"+41 79 123 45 67",
             "backup":"backup@example.com","plain":"plain@example.com"}
            """)).Value;

        read.Username!.Value.ShouldBe("jane");
        read.Addresses.Select(a => (a.Value, a.Kind, a.IsIdentifier, a.IsForRecovery)).ShouldBe(
        [
            ("jane@example.com", AddressKind.Email, true, true), ("second@example.com", AddressKind.Email, false, true),
            ("+41 79 123 45 67", AddressKind.Phone, false, true),
        ]);
    }

    [Fact]
    public void What_stands_in_a_branch_that_does_not_hold_says_nothing()
    {
        var schema = IdentitySchema.Parse(
            """
            {"properties":{"traits":{"anyOf":[
              {"properties":{"kind":{"const":"a"},"mail":{"ory.sh/kratos":{"recovery":{"via":"email"}}}}},
              {"properties":{"kind":{"const":"b"}}}
            ],"not":{"properties":{"kind":{"const":"c"},"mail":{"ory.sh/kratos":{"recovery":{"via":"email"}}}}}}}}
            """).Value;

        schema.Read(Json("""{"kind":"a","mail":"a@example.com"}""")).Value.Addresses.ShouldHaveSingleItem();
        schema.Read(Json("""{"kind":"b","mail":"a@example.com"}""")).Value.Addresses.ShouldBeEmpty();
    }

    [Fact]
    public void Two_names_that_are_no_addresses_are_refused()
    {
        var schema = IdentitySchema.Parse(
            """
            {"properties":{"traits":{"properties":{
              "a":{"ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
              "b":{"ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}}}}}}
            """).Value;

        schema.Read(Json("""{"a":"one","b":"two"}""")).Refusal!.Faults[0].Pointer.ShouldBe("/traits/b");
        schema.Read(Json("""{"a":"one","b":"ONE"}""")).Value.Username!.Value.ShouldBe("one");
    }

    [Fact]
    public void A_name_that_is_no_text_is_refused()
    {
        var schema = IdentitySchema.Parse("""{"properties":{"traits":{"properties":{"a":{"ory.sh/kratos":{"recovery":{"via":"email"}}}}}}}""").Value;

        schema.Read(Json("""{"a":["a@example.com"]}""")).Refusal!.Faults[0].Pointer.ShouldBe("/traits/a");
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"properties":{}}""")]
    [InlineData("""{"properties":{"traits":true}}""")]
    [InlineData("""{"properties":{"traits":{"type":"nothing"}}}""")]
    public void A_schema_describes_traits(string document) => IdentitySchema.Parse(document).Refusal.ShouldNotBeNull();

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
