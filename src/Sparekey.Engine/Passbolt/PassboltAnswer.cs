using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sparekey.Engine.Passbolt;

/// <summary>What came of a call to a Passbolt server.</summary>
internal enum PassboltFault
{
    /// <summary>It is done.</summary>
    None,

    /// <summary>Nobody answered.</summary>
    Unreachable,

    /// <summary>The answer did not come in time.</summary>
    TimedOut,

    /// <summary>The answer is larger than any that is meant.</summary>
    TooLarge,

    /// <summary>The answer is not one of a Passbolt server.</summary>
    Garbage,

    /// <summary>Something is wrong there (500 and above).</summary>
    Failing,

    /// <summary>It is asked too often (429).</summary>
    Busy,

    /// <summary>Nobody is signed in, or the session ended (401).</summary>
    NotSignedIn,

    /// <summary>The companion's user may not do it (403).</summary>
    Forbidden,

    /// <summary>A second factor is due.</summary>
    SecondFactor,

    /// <summary>There is no such thing (404).</summary>
    NotFound,

    /// <summary>It refuses what was sent (400).</summary>
    Refused,

    /// <summary>The server's key is not the one that was seen first.</summary>
    ServerKeyChanged,

    /// <summary>The server did not prove that it holds its key, or the user's key is refused.</summary>
    SignInFailed,

    /// <summary>A key, passphrase or one-time secret of the companion cannot be used.</summary>
    OwnKey,
}

/// <summary>An answer of a Passbolt server.</summary>
/// <param name="Fault">What went wrong.</param>
/// <param name="Body">The envelope's body; null where there is none.</param>
internal sealed record PassboltAnswer(PassboltFault Fault, JsonNode? Body = null)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Whether it is done.</summary>
    public bool Ok => Fault == PassboltFault.None;

    /// <summary>When to ask again, where the server says so.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The headers of signing in, by their names in lower case.</summary>
    public ImmutableDictionary<string, string> Headers { get; init; } = [];

    /// <summary>How many things there are in all, where the answer is a page of them.</summary>
    public int? Count { get; init; }

    /// <summary>How many bytes it had.</summary>
    public int Size { get; init; }

    /// <summary>What is wrong with a file of the companion's own, for the operator; null for all else.</summary>
    public string? Why { get; init; }

    /// <summary>Whether the same is to be expected of every other call now: nobody answers, or nobody is let in.</summary>
    public bool ConcernsAll => Fault is PassboltFault.Unreachable or PassboltFault.TimedOut or PassboltFault.Busy or PassboltFault.NotSignedIn
        or PassboltFault.SecondFactor or PassboltFault.ServerKeyChanged or PassboltFault.SignInFailed or PassboltFault.OwnKey;

    /// <summary>Reads JSON of another server whole, so that nothing in it can go wrong later: half a character is found here.</summary>
    /// <param name="json">The JSON.</param>
    /// <returns>The object; null for what is none.</returns>
    public static JsonObject? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            var node = JsonNode.Parse(json, documentOptions: Strict) as JsonObject;
            Walk(node);
            return node;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>A text of the body; null when it has none there.</summary>
    /// <param name="path">Where it stands.</param>
    public string? Text(params ReadOnlySpan<string> path) => TextAt(Body, path);

    /// <summary>The things that the body lists; none when it is no list.</summary>
    public IEnumerable<JsonObject> List() => Body is JsonArray list ? list.OfType<JsonObject>() : [];

    /// <summary>A text in a thing; null when it has none there.</summary>
    /// <param name="node">The thing.</param>
    /// <param name="path">Where it stands.</param>
    public static string? TextAt(JsonNode? node, params ReadOnlySpan<string> path) =>
        At(node, path) is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>Whether a member of a thing is true.</summary>
    /// <param name="node">The thing.</param>
    /// <param name="path">Where it stands.</param>
    public static bool IsTrueAt(JsonNode? node, params ReadOnlySpan<string> path) =>
        At(node, path) is JsonValue value && value.TryGetValue<bool>(out var flag) && flag;

    /// <summary>What stands somewhere in a thing; null for nothing.</summary>
    /// <param name="node">The thing.</param>
    /// <param name="path">Where it stands.</param>
    public static JsonNode? At(JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            node = (node as JsonObject)?[name];
        }

        return node;
    }

    private static void Walk(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject thing:
                foreach (var member in thing)
                {
                    Walk(member.Value);
                }

                break;
            case JsonArray list:
                foreach (var one in list)
                {
                    Walk(one);
                }

                break;
            case JsonValue value:
                value.TryGetValue<string>(out _);
                break;
        }
    }

    /// <summary>Shows what went wrong, and nothing of the body.</summary>
    public override string ToString() => $"[passbolt {Fault}]";
}
