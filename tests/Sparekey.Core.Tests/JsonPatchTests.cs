using System.Text.Json.Nodes;

namespace Sparekey.Core.Tests;

/// <summary>Patches of JSON documents (RFC 6902; most cases are those of its Appendix A).</summary>
public sealed class JsonPatchTests
{
    [Theory]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/baz","value":"qux"}]""", """{"foo":"bar","baz":"qux"}""")]
    [InlineData("""{"foo":["bar","baz"]}""", """[{"op":"add","path":"/foo/1","value":"qux"}]""", """{"foo":["bar","qux","baz"]}""")]
    [InlineData("""{"foo":["bar"]}""", """[{"op":"add","path":"/foo/-","value":["abc"]}]""", """{"foo":["bar",["abc"]]}""")]
    [InlineData("""{"foo":["bar"]}""", """[{"op":"add","path":"/foo/1","value":null}]""", """{"foo":["bar",null]}""")]
    [InlineData("""{"baz":"qux","foo":"bar"}""", """[{"op":"remove","path":"/baz"}]""", """{"foo":"bar"}""")]
    [InlineData("""{"foo":["bar","qux","baz"]}""", """[{"op":"remove","path":"/foo/1"}]""", """{"foo":["bar","baz"]}""")]
    [InlineData("""{"baz":"qux","foo":"bar"}""", """[{"op":"replace","path":"/baz","value":"boo"}]""", """{"baz":"boo","foo":"bar"}""")]
    [InlineData("""{"foo":["a","b"]}""", """[{"op":"replace","path":"/foo/0","value":"c"}]""", """{"foo":["c","b"]}""")]
    [InlineData("""{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}""", """[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]""", """{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}""")]
    [InlineData("""{"foo":["all","grass","cows","eat"]}""", """[{"op":"move","from":"/foo/1","path":"/foo/3"}]""", """{"foo":["all","cows","eat","grass"]}""")]
    [InlineData("""{"a":{"b":1}}""", """[{"op":"copy","from":"/a","path":"/a/c"}]""", """{"a":{"b":1,"c":{"b":1}}}""")]
    [InlineData("""{"baz":"qux","foo":["a",2,"c"]}""", """[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]""", """{"baz":"qux","foo":["a",2,"c"]}""")]
    [InlineData("""{"/":9,"~1":10}""", """[{"op":"test","path":"/~01","value":10},{"op":"remove","path":"/~1"}]""", """{"~1":10}""")]
    [InlineData("""{"":1}""", """[{"op":"replace","path":"/","value":2}]""", """{"":2}""")]
    [InlineData("""{"a":null}""", """[{"op":"test","path":"/a","value":null},{"op":"replace","path":"/a","value":1}]""", """{"a":1}""")]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"","value":{"b":2}}]""", """{"b":2}""")]
    [InlineData("""{"a":1}""", """[]""", """{"a":1}""")]
    public void Applies(string document, string patch, string afterwards)
    {
        var before = JsonNode.Parse(document)!.AsObject();

        JsonNode.DeepEquals(JsonPatch.Apply(before, Steps(patch)).Value, JsonNode.Parse(afterwards)).ShouldBeTrue();

        before.ToJsonString().ShouldBe(JsonNode.Parse(document)!.ToJsonString());
    }

    [Theory]
    [InlineData("""[{"op":"test","path":"/baz","value":"bar"}]""")]
    [InlineData("""[{"op":"add","path":"/nope/bat","value":"qux"}]""")]
    [InlineData("""[{"op":"remove","path":"/nope"}]""")]
    [InlineData("""[{"op":"replace","path":"/nope","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/list/3","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/list/01","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/list/-1","value":1}]""")]
    [InlineData("""[{"op":"remove","path":"/list/-"}]""")]
    [InlineData("""[{"op":"remove","path":"/list/99999999999"}]""")]
    [InlineData("""[{"op":"add","path":"/baz/deeper","value":1}]""")]
    [InlineData("""[{"op":"move","from":"/list","path":"/list/0"}]""")]
    [InlineData("""[{"op":"move","path":"/x"}]""")]
    [InlineData("""[{"op":"copy","from":"/nope","path":"/x"}]""")]
    [InlineData("""[{"op":"spam","path":"/baz"}]""")]
    [InlineData("""[{"op":"ADD","path":"/baz","value":1}]""")]
    [InlineData("""[{"op":"remove","path":"baz"}]""")]
    [InlineData("""[{"op":"remove","path":"/ba~2z"}]""")]
    [InlineData("""[{"op":"remove","path":"/baz~"}]""")]
    [InlineData("""[{"op":"remove","path":""}]""")]
    [InlineData("""[{"op":"replace","path":"","value":[]}]""")]
    public void Refuses_what_does_not_work(string patch) =>
        JsonPatch.Apply(JsonNode.Parse("""{"baz":"qux","list":[1,2]}""")!.AsObject(), Steps(patch)).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);

    [Fact]
    public void Applies_all_steps_or_none()
    {
        var document = JsonNode.Parse("""{"a":1}""")!.AsObject();

        JsonPatch.Apply(document, Steps("""[{"op":"replace","path":"/a","value":2},{"op":"remove","path":"/b"}]""")).Refusal.ShouldNotBeNull();

        document["a"]!.GetValue<int>().ShouldBe(1);
    }

    [Fact]
    public void A_patch_that_doubles_itself_is_stopped()
    {
        var document = JsonNode.Parse("""{"a":[1]}""")!.AsObject();
        var steps = Enumerable.Repeat(new PatchStep("copy", "/a/-", null, "/a"), JsonPatch.MaxSteps).ToList();

        JsonPatch.Apply(document, steps).Refusal!.Faults[0].Detail.ShouldContain("too large");
    }

    [Fact]
    public void A_patch_has_a_bounded_number_of_steps() =>
        JsonPatch.Apply([], [.. Enumerable.Repeat(new PatchStep("add", "/a"), JsonPatch.MaxSteps + 1)]).Refusal.ShouldNotBeNull();

    private static List<PatchStep> Steps(string patch) =>
    [
        .. JsonNode.Parse(patch)!.AsArray().Select(s => new PatchStep(
            s!["op"]!.GetValue<string>(), s["path"]!.GetValue<string>(), s["value"], s["from"]?.GetValue<string>())),
    ];
}
