using System.Text.Json;
using Sparekey.Core.Accounts;

namespace Sparekey.Core.Schemas;

/// <summary>What the traits of an account say about how it is called and reached, by its schema.</summary>
/// <param name="Username">The user name; null for none.</param>
/// <param name="Addresses">Addresses, in the order in which they stand; each once.</param>
public sealed record IdentityTraits(TraitValue? Username, IReadOnlyList<TraitValue> Addresses);

/// <summary>A trait that is more than data.</summary>
/// <param name="Value">Its value.</param>
/// <param name="Pointer">Where it stands, from <c>/traits</c> on (RFC 6901).</param>
/// <param name="Kind">What kind of address it is; null for a user name.</param>
public sealed record TraitValue(string Value, string Pointer, AddressKind? Kind)
{
    /// <summary>Whether people sign in with it.</summary>
    public bool IsIdentifier { get; init; }

    /// <summary>Whether it is meant for recoveries.</summary>
    public bool IsForRecovery { get; init; }

    /// <summary>Whether it is to be confirmed.</summary>
    public bool IsToBeConfirmed { get; init; }
}

/// <summary>
/// A schema of traits: a document of JSON Schema for an object with the member <c>traits</c>, in which <c>ory.sh/kratos</c> says of a trait
/// that it is an identifier or an address.
/// </summary>
public sealed class IdentitySchema
{
    /// <summary>The name of the schema that counts when none is named.</summary>
    public const string DefaultId = "default";

    private const string Extension = "ory.sh/kratos";

    private readonly JsonSchema _schema;

    private IdentitySchema(JsonSchema schema, string text) => (_schema, Text) = (schema, text);

    /// <summary>The schema that counts when a team has none of its own: any traits, of which <c>email</c> is an identifier and an address.</summary>
    public static IdentitySchema Default { get; } = Parse(
        """
        {
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
                  "title": "E-Mail",
                  "ory.sh/kratos": {
                    "credentials": { "password": { "identifier": true } },
                    "verification": { "via": "email" },
                    "recovery": { "via": "email" }
                  }
                }
              }
            }
          }
        }
        """).Value;

    /// <summary>The document as it was given.</summary>
    public string Text { get; }

    /// <summary>The document.</summary>
    public JsonElement Document => _schema.Document;

    /// <summary>Reads a document.</summary>
    /// <param name="text">The document.</param>
    /// <returns>The schema, or <see cref="RefusalCode.InvalidRequest"/> with everything that is wrong with it and where.</returns>
    public static Result<IdentitySchema> Parse(string text)
    {
        var schema = JsonSchema.Parse(text);
        if (schema.Refusal is { } refusal)
        {
            return refusal;
        }

        return schema.Value.Document.TryGetProperty("properties", out var members) && members.TryGetProperty("traits", out var traits)
            && traits.ValueKind == JsonValueKind.Object
            ? new IdentitySchema(schema.Value, text)
            : new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/properties/traits", "The schema of the traits stands here.")] };
    }

    /// <summary>Checks traits and reads what they say about the account.</summary>
    /// <param name="traits">The traits, an object.</param>
    /// <returns>What they say, or <see cref="RefusalCode.InvalidRequest"/> with everything that is wrong.</returns>
    public Result<IdentityTraits> Read(JsonElement traits)
    {
        var (found, faults) = (new List<TraitValue>(), new List<FieldFault>());
        var value = JsonSerializer.SerializeToElement(new Dictionary<string, JsonElement>(StringComparer.Ordinal) { ["traits"] = traits });
        faults.AddRange(_schema.Check(value, (schema, part, pointer) => Note(schema, part, pointer, found, faults)));
        var values = found.GroupBy(t => (t.Kind, Identifier.Normalize(t.Value) ?? t.Value)).Select(Merge).ToList();
        var names = values.Where(v => v.Kind is null).ToList();
        if (names.Count > 1)
        {
            faults.Add(new FieldFault(names[1].Pointer, "An account has one identifier at most that is neither an e-mail address nor a telephone number."));
        }

        return faults.Count == 0
            ? new IdentityTraits(names.FirstOrDefault(), [.. values.Where(v => v.Kind is not null)])
            : new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
    }

    private static void Note(JsonElement schema, JsonElement part, string pointer, List<TraitValue> found, List<FieldFault> faults)
    {
        if (!schema.TryGetProperty(Extension, out var says) || says.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        var (recovery, verification) = (Via(says, "recovery"), Via(says, "verification"));
        var isIdentifier = says.TryGetProperty("credentials", out var credentials) && credentials.ValueKind == JsonValueKind.Object
            && credentials.EnumerateObject().Any(c =>
                c.Value.ValueKind == JsonValueKind.Object && c.Value.TryGetProperty("identifier", out var flag) && flag.ValueKind == JsonValueKind.True);

        // An address that is only to be confirmed is neither a name nor a way back: it stays data.
        if (!isIdentifier && recovery is null)
        {
            return;
        }

        if (part.ValueKind != JsonValueKind.String)
        {
            faults.Add(new FieldFault(pointer, "This is a text."));
            return;
        }

        var text = part.GetString()!.Trim();
        if (text.Length > 0)
        {
            found.Add(new TraitValue(text, pointer, recovery ?? verification ?? KindOf(text))
            {
                IsIdentifier = isIdentifier,
                IsForRecovery = recovery is not null,
                IsToBeConfirmed = verification is not null,
            });
        }
    }

    private static TraitValue Merge(IEnumerable<TraitValue> same)
    {
        var all = same.ToList();
        return all[0] with
        {
            IsIdentifier = all.Exists(t => t.IsIdentifier),
            IsForRecovery = all.Exists(t => t.IsForRecovery),
            IsToBeConfirmed = all.Exists(t => t.IsToBeConfirmed),
        };
    }

    private static AddressKind? Via(JsonElement says, string member) =>
        !says.TryGetProperty(member, out var how) || how.ValueKind != JsonValueKind.Object || !how.TryGetProperty("via", out var via)
            || via.ValueKind != JsonValueKind.String
            ? null
            : via.GetString() switch
            {
                "email" => AddressKind.Email,
                "sms" => AddressKind.Phone,
                _ => null,
            };

    private static AddressKind? KindOf(string text) =>
        text.Contains('@', StringComparison.Ordinal) ? AddressKind.Email : Identifier.IsPhone(text) ? AddressKind.Phone : null;
}
