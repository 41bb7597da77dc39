using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Schemas;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Applications;
using Sparekey.Server.Dialects.Kratos;
using Sparekey.Server.Http;
using Sparekey.Testing.Fuzzing;

namespace Sparekey.Server.Tests.Fuzzing;

/// <summary>What reads the texts and documents of Kratos's clients: spans, URLs, hashes, schemas, patches.</summary>
internal static class KratosTargets
{
    private static readonly KratosCall Call = new(
        new Application(default, "A", null, [], []),
        new KratosOptions { AllowedReturnUrls = [ReturnUrlPattern.Parse("https://app.example.com/in/")!, ReturnUrlPattern.Parse("https://*.example.org/")!] },
        "https://id.example.com", "https://id.example.com");

    private static readonly JsonElement Value = JsonDocument.Parse("""{"traits":{"email":"a@example.com","n":[1,2,{"b":null}],"s":"abc"}}""").RootElement;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FuzzTarget> All() =>
    [
        OfText("GoDuration.TryParse", ["1h30m", "-1.5h", "500ms", "0", "2540400h10m10.5s"], ReadSpan),
        OfText("ReturnUrl.Check", ["https://app.example.com/in/side", "https://a.b.example.org/?x=1#y", "https://id.example.com/self-service/x"], ReadUrl),
        OfText("Pbkdf2Hash.ToIdentity", ["$pbkdf2-sha256$i=100000,l=32$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"], ReadHash),
        OfText("Negotiation.Winner", ["application/json;q=0.9, text/*;q=0.8, */*", "text/html"], ReadAccept),
        EngineTargets.OfBytes("JsonSchema.Parse", [Encoding.UTF8.GetBytes(Schema)], (b, d) => JsonMutator.Mutate(b, d), ReadSchema),
        EngineTargets.OfBytes("JsonPatch.Apply", [Encoding.UTF8.GetBytes(Patch)], (b, d) => JsonMutator.Mutate(b, d), ReadPatch),
    ];

    private const string Schema =
        """
        {"$id":"https://a.example/s","type":"object","definitions":{"t":{"type":"string","pattern":"^[a-z]{1,3}$","maxLength":9}},"properties":{"traits":{
          "required":["email"],"properties":{"email":{"format":"email","ory.sh/kratos":{"recovery":{"via":"email"}}},"s":{"$ref":"#/definitions/t"},
          "n":{"items":[{"type":"integer","minimum":0},{}],"additionalItems":{"anyOf":[{"type":"object"},{"type":"null"}]},"uniqueItems":true}},
          "if":{"required":["s"]},"then":{"minProperties":2},"else":{"not":{}},"dependencies":{"s":["n"]},"patternProperties":{"^x-":false}}}}
        """;

    private const string Patch =
        """
        [{"op":"test","path":"/traits/s","value":"abc"},{"op":"add","path":"/traits/n/-","value":{"c":[1]}},{"op":"copy","from":"/traits/n/2","path":"/traits/c"},
         {"op":"move","from":"/traits/s","path":"/traits/t"},{"op":"replace","path":"/traits/n/0","value":7},{"op":"remove","path":"/traits/n/1"}]
        """;

    private static FuzzTarget OfText(string name, string[] sound, Func<string, FuzzOutcome> read) => EngineTargets.OfBytes(
        name, [.. sound.Select(Encoding.UTF8.GetBytes)], ByteMutator.Mutate, bytes => read(Encoding.UTF8.GetString(bytes)));

    // What is written of a span is read as the same span.
    private static FuzzOutcome ReadSpan(string text) =>
        !GoDuration.TryParse(text, out var span) ? FuzzOutcome.Refused
        : GoDuration.TryParse(span.ToString(), out var again) && again == span ? FuzzOutcome.Taken
        : FuzzOutcome.WronglyTaken;

    // A browser is sent to one of three hosts, whatever was asked for.
    private static FuzzOutcome ReadUrl(string text)
    {
        var (url, error) = ReturnUrl.Check(Call, text);
        return error is not null || url is null ? FuzzOutcome.Refused
            : url.StartsWith("https://app.example.com/in/", StringComparison.Ordinal) || url.StartsWith("https://id.example.com/self-service", StringComparison.Ordinal)
                || new Uri(url).Host.EndsWith(".example.org", StringComparison.Ordinal) ? FuzzOutcome.Taken
            : FuzzOutcome.WronglyTaken;
    }

    private static FuzzOutcome ReadHash(string text) => EngineTargets.Said(Pbkdf2Hash.ToIdentity(new SecretText(text)) is not null);

    private static FuzzOutcome ReadAccept(string text) =>
        EngineTargets.Said(Negotiation.Winner([text], ["text/html", "application/json"], "text/html") == "application/json");

    private static FuzzOutcome ReadSchema(byte[] bytes)
    {
        var read = JsonSchema.Parse(Encoding.UTF8.GetString(bytes));
        if (read.Refusal is null)
        {
            read.Value.Check(Value);
        }

        return EngineTargets.Said(read.Refusal is null);
    }

    private static FuzzOutcome ReadPatch(byte[] bytes)
    {
        List<PatchStep> steps;
        try
        {
            BodyFaults.IsSuspicious(JsonDocument.Parse(bytes).RootElement); // Throws, and refuses in the server, where half a character stands.
            steps = [.. JsonNode.Parse(bytes, null, new JsonDocumentOptions { AllowDuplicateProperties = false })!.AsArray().Select(s => new PatchStep(TextOf(s!["op"]), TextOf(s["path"]), s["value"]?.DeepClone(), TextOf(s["from"])))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException or NullReferenceException)
        {
            return FuzzOutcome.Refused; // No list of steps.
        }

        return EngineTargets.Said(JsonPatch.Apply(JsonObject.Create(Value)!, steps).Refusal is null);
    }

    private static string TextOf(JsonNode? node) => node?.ToString() ?? "";
}
