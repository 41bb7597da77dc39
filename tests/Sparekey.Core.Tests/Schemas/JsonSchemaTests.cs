using System.Diagnostics;
using System.Text.Json;
using Sparekey.Core.Schemas;

namespace Sparekey.Core.Tests.Schemas;

/// <summary>JSON Schema draft-07, keyword by keyword: what fits and what does not.</summary>
public sealed class JsonSchemaTests
{
    [Theory]
    [InlineData("""{"type":"string"}""", "\"a\"", "1", "null", "[]")]
    [InlineData("""{"type":["string","null"]}""", "null", "1", "{}")]
    [InlineData("""{"type":"integer"}""", "1.0", "1.5", "\"1\"")]
    [InlineData("""{"type":"number"}""", "1e400", "true")]
    [InlineData("""{"type":"boolean"}""", "false", "0")]
    [InlineData("""{"enum":[1,"a",{"b":[null]}]}""", """{"b":[null]}""", "\"b\"", """{"b":[]}""")]
    [InlineData("""{"const":1}""", "1.0", "2")]
    [InlineData("""{"multipleOf":0.01}""", "0.07", "0.075")]
    [InlineData("""{"maximum":3,"minimum":-1}""", "3", "3.1", "-2", "1e400")]
    [InlineData("""{"exclusiveMaximum":3,"exclusiveMinimum":1}""", "2", "3", "1")]
    [InlineData("""{"maxLength":2,"minLength":2}""", "\"\\uD83D\\uDE00a\"", "\"a\"", "\"abc\"")]
    [InlineData("""{"pattern":"^a+$"}""", "\"aa\"", "\"ab\"", "\"a\\n\"")]
    [InlineData("""{"pattern":"b"}""", "\"abc\"", "\"ac\"")]
    [InlineData("""{"pattern":"^\\d{3}$"}""", "\"123\"", "\"12a\"", "\"\u0663\u0663\u0663\"")]
    [InlineData("""{"pattern":"^[\\w.$]+$"}""", "\"a_1.$\"", "\"ä\"")]
    [InlineData("""{"items":{"type":"string"},"maxItems":2,"minItems":1}""", "[\"a\"]", "[1]", "[]", "[\"a\",\"b\",\"c\"]")]
    [InlineData("""{"items":[{"type":"string"}],"additionalItems":{"type":"number"}}""", "[\"a\",1,2]", "[1]", "[\"a\",\"b\"]")]
    [InlineData("""{"items":[{}],"additionalItems":false}""", "[1]", "[1,2]")]
    [InlineData("""{"uniqueItems":true}""", "[1,2,\"1\"]", "[1,1.0]", """[{"a":1,"b":2},{"b":2,"a":1}]""")]
    [InlineData("""{"contains":{"const":1}}""", "[0,1]", "[0]", "[]")]
    [InlineData("""{"maxProperties":1,"minProperties":1}""", """{"a":1}""", "{}", """{"a":1,"b":2}""")]
    [InlineData("""{"required":["a"]}""", """{"a":null}""", "{}")]
    [InlineData("""{"properties":{"a":{"type":"string"}},"additionalProperties":false}""", """{"a":"x"}""", """{"a":1}""", """{"b":1}""")]
    [InlineData("""{"patternProperties":{"^x-":{"type":"number"}},"additionalProperties":{"type":"string"}}""", """{"x-a":1,"b":"c"}""", """{"x-a":"1"}""", """{"b":1}""")]
    [InlineData("""{"propertyNames":{"maxLength":1}}""", """{"a":1}""", """{"ab":1}""")]
    [InlineData("""{"dependencies":{"a":["b"],"c":{"required":["d"]}}}""", """{"a":1,"b":2}""", """{"a":1}""", """{"c":1}""")]
    [InlineData("""{"allOf":[{"minimum":1},{"maximum":2}]}""", "1", "0", "3")]
    [InlineData("""{"anyOf":[{"type":"string"},{"minimum":2}]}""", "\"a\"", "1")]
    [InlineData("""{"oneOf":[{"multipleOf":2},{"multipleOf":3}]}""", "4", "6", "5")]
    [InlineData("""{"not":{"type":"string"}}""", "1", "\"a\"")]
    [InlineData("""{"if":{"properties":{"a":{"const":1}},"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}""", """{"a":1,"b":1}""", """{"a":1}""", """{"a":2}""")]
    [InlineData("""{"$ref":"#/definitions/a","type":"number","definitions":{"a":{"type":"string"}}}""", "\"a\"", "1")]
    [InlineData("""{"$id":"https://x.example/s","properties":{"n":{"$ref":"https://x.example/s#"},"v":{"type":"number"}},"additionalProperties":false}""", """{"n":{"n":{"v":1}}}""", """{"n":{"n":{"v":"1"}}}""", """{"n":{"w":1}}""")]
    [InlineData("""{"$ref":"#/a~1b","a/b":{"type":"null"}}""", "null", "1")]
    [InlineData("""{"properties":{"a":false}}""", "{}", """{"a":1}""")]
    [InlineData("""{"format":"email"}""", "\"a@example.com\"", "\"a\"", "\"a@b\"")]
    [InlineData("""{"format":"date"}""", "\"2026-02-28\"", "\"2026-02-30\"", "\"2026-2-1\"")]
    [InlineData("""{"format":"date-time"}""", "\"2026-02-28T10:00:00.5Z\"", "\"2026-02-28 10:00:00Z\"", "\"2026-02-28T10:00:00\"", "\"2026-02-28T25:00:00Z\"")]
    [InlineData("""{"format":"time"}""", "\"10:00:00+02:00\"", "\"10:00\"", "\"10:00:00\"")]
    [InlineData("""{"format":"uuid"}""", "\"e01b5f2f-6afc-4194-8578-4cebcf69a4d5\"", "\"e01b5f2f\"")]
    [InlineData("""{"format":"ipv4"}""", "\"127.0.0.1\"", "\"127.0.0.01\"", "\"256.0.0.1\"", "\"1.2.3\"")]
    [InlineData("""{"format":"ipv6"}""", "\"::1\"", "\"[::1]\"", "\"1.2.3.4\"", "\"g::\"")]
    [InlineData("""{"format":"hostname"}""", "\"a-1.example\"", "\"-a\"", "\"a..b\"")]
    [InlineData("""{"format":"uri"}""", "\"https://a.example/b\"", "\"/b\"", "\"a b:c\"")]
    [InlineData("""{"format":"tel"}""", "\"+41791234567\"", "\"0791234567\"")]
    [InlineData("""{"format":"no-validate"}""", "\"anything\"")]
    [InlineData("""{"x":1,"title":2}""", "null")]
    public void A_value_fits_or_not(string schema, string fits, params string[] others)
    {
        var read = JsonSchema.Parse(schema).Value;

        read.Check(JsonDocument.Parse(fits).RootElement).ShouldBeEmpty();
        foreach (var other in others)
        {
            read.Check(JsonDocument.Parse(other).RootElement).ShouldNotBeEmpty(other);
        }
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("not json")]
    [InlineData("""{"type":"text"}""")]
    [InlineData("""{"type":[]}""")]
    [InlineData("""{"enum":{}}""")]
    [InlineData("""{"multipleOf":0}""")]
    [InlineData("""{"maximum":"1"}""")]
    [InlineData("""{"maxLength":-1}""")]
    [InlineData("""{"maxLength":1.5}""")]
    [InlineData("""{"required":"a"}""")]
    [InlineData("""{"required":[1]}""")]
    [InlineData("""{"properties":[]}""")]
    [InlineData("""{"properties":{"a":1}}""")]
    [InlineData("""{"allOf":[]}""")]
    [InlineData("""{"items":"a"}""")]
    [InlineData("""{"pattern":"("}""")]
    [InlineData("""{"pattern":"(?=a)"}""")]
    [InlineData("""{"pattern":"(a)\\1"}""")]
    [InlineData("""{"patternProperties":{"[":{}}}""")]
    [InlineData("""{"$ref":"https://elsewhere.example/schema"}""")]
    [InlineData("""{"$ref":"#/definitions/none"}""")]
    [InlineData("""{"$ref":""}""")]
    [InlineData("""{"$ref":1}""")]
    [InlineData("""{"$ref":"#/definitions/a","definitions":{"a":1}}""")]
    [InlineData("""{"$schema":"http://json-schema.org/draft-04/schema#"}""")]
    [InlineData("""{"$schema":"https://json-schema.org/draft/2020-12/schema"}""")]
    [InlineData("""{"type":"string","type":"number"}""")]
    [InlineData("""{"dependencies":{"a":1}}""")]
    [InlineData("""{"format":1}""")]
    [InlineData("""{"title":"\uDFFF"}""")]
    [InlineData("""{"\uD800":1}""")]
    public void Refuses_a_document_that_is_no_schema_of_these_drafts(string schema) =>
        JsonSchema.Parse(schema).Refusal!.Faults.ShouldNotBeEmpty();

    [Fact]
    public void Refuses_a_document_that_is_too_long() =>
        JsonSchema.Parse("{\"title\":\"" + new string('a', JsonSchema.MaxLength) + "\"}").Refusal.ShouldNotBeNull();

    [Fact]
    public void A_reference_to_itself_ends()
    {
        var endless = JsonSchema.Parse("""{"$ref":"#"}""").Value;

        endless.Check(JsonDocument.Parse("1").RootElement).ShouldNotBeEmpty();
    }

    [Fact]
    public void A_schema_that_doubles_the_work_at_every_level_ends()
    {
        var definitions = string.Join(",", Enumerable.Range(0, 60).Select(i =>
            $"\"d{i}\":{{\"anyOf\":[{{\"$ref\":\"#/definitions/d{i + 1}\"}},{{\"$ref\":\"#/definitions/d{i + 1}\"}}]}}"));
        var schema = JsonSchema.Parse("{\"$ref\":\"#/definitions/d0\",\"definitions\":{" + definitions + ",\"d60\":{}}}").Value;
        var watch = Stopwatch.StartNew();

        schema.Check(JsonDocument.Parse("1").RootElement).ShouldNotBeEmpty();

        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void An_expression_that_backtracks_elsewhere_takes_no_longer()
    {
        var schema = JsonSchema.Parse("""{"pattern":"^(a+)+$"}""").Value;
        var value = JsonSerializer.SerializeToElement(new string('a', 50_000) + "b");
        var watch = Stopwatch.StartNew();

        schema.Check(value).ShouldNotBeEmpty();

        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void A_large_list_that_must_be_unique_ends()
    {
        var schema = JsonSchema.Parse("""{"uniqueItems":true}""").Value;
        var value = JsonSerializer.SerializeToElement(Enumerable.Range(0, 100_000));
        var watch = Stopwatch.StartNew();

        schema.Check(value).ShouldNotBeEmpty();

        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Says_what_is_wrong_and_where()
    {
        var schema = JsonSchema.Parse("""{"properties":{"a/b":{"items":{"type":"string"}}},"required":["c"]}""").Value;

        schema.Check(JsonDocument.Parse("""{"a/b":["x",1]}""").RootElement).Select(f => f.Pointer).ShouldBe(["/c", "/a~1b/1"], ignoreOrder: true);
    }
}
