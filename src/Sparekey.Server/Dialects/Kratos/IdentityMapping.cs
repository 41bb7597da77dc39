using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Schemas;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Schemas;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Identities as programmes write them, and what that means for accounts.</summary>
internal static class IdentityMapping
{
    /// <summary>An account to make.</summary>
    /// <param name="body">The identity.</param>
    /// <param name="schema">The schema that its traits keep to.</param>
    /// <returns>The account and where its addresses stand in the body; or the error to answer.</returns>
    public static (NewAccount? Wanted, IReadOnlyList<string> Places, KratosError? Error) ToAccount(IdentityBody body, NamedSchema schema)
    {
        var says = schema.Schema.Read(ObjectOr(body.Traits));
        if (says.Refusal is { } wrong)
        {
            return (null, [], Invalid(wrong));
        }

        if ((Unsupported(body) ?? StateError(body.State) ?? MetadataError(body)) is { } error)
        {
            return (null, [], error);
        }

        var (hash, hashError) = HashOf(body.Credentials?.Password?.Config);
        if (hashError is not null)
        {
            return (null, [], hashError);
        }

        var addresses = says.Value.Addresses.Select(a => (Kind: a.Kind!.Value, a.Value, a.Pointer))
            .Concat((body.RecoveryAddresses ?? []).Select((a, i) => (Kind: KindOf(a), a.Value, Pointer: string.Create(CultureInfo.InvariantCulture, $"/recovery_addresses/{i}"))))
            .DistinctBy(a => Identifier.Normalize(a.Value) ?? a.Value).ToList();
        var confirmed = (body.VerifiableAddresses ?? []).Where(a => a.Verified).Select(a => Identifier.Normalize(a.Value)).ToHashSet(StringComparer.Ordinal);
        return (
            new NewAccount
            {
                Schema = schema.Id,
                Username = says.Value.Username?.Value,
                Emails = [.. addresses.Where(a => a.Kind == AddressKind.Email).Select(a => a.Value.Trim())],
                Phones = [.. addresses.Where(a => a.Kind == AddressKind.Phone).Select(a => a.Value.Trim())],
                Confirmed = [.. addresses.Select(a => a.Value.Trim()).Where(a => confirmed.Contains(Identifier.Normalize(a)))],
                Status = body.State == Inactive ? AccountStatus.Disabled : AccountStatus.Active,
                Traits = ObjectOr(body.Traits).GetRawText(),
                MetadataPublic = TextOf(body.MetadataPublic),
                MetadataAdmin = TextOf(body.MetadataAdmin),
                ExternalIds = string.IsNullOrEmpty(body.ExternalId) ? [] : [new ExternalId(IdentityJson.Dialect, body.ExternalId)],
                Password = body.Credentials?.Password?.Config?.Password,
                PasswordHash = hash,
            },
            [.. addresses.OrderBy(a => a.Kind).Select(a => a.Pointer)], null);
    }

    /// <summary>What is different about an account when it becomes what is wanted.</summary>
    /// <param name="account">The account.</param>
    /// <param name="former">The schema that its traits keep to now.</param>
    /// <param name="body">The identity as a whole.</param>
    /// <param name="schema">The schema that its traits shall keep to.</param>
    /// <returns>The change, or the error to answer.</returns>
    public static (AccountChange? Change, KratosError? Error) ToChange(Account account, NamedSchema former, IdentityBody body, NamedSchema schema)
    {
        var says = schema.Schema.Read(ObjectOr(body.Traits));
        if (says.Refusal is { } wrong)
        {
            return (null, Invalid(wrong));
        }

        if ((StateError(body.State) ?? MetadataError(body) ?? (body.OrganizationId is null ? null : NoOrganizations)) is { } error)
        {
            return (null, error);
        }

        // What the former traits said and the new ones do not say any more goes; what somebody else added stays.
        var said = former.Schema.Read(JsonSerializer.SerializeToElement(IdentityJson.TraitsOf(account))) is { Refusal: null, Value: var known }
            ? known : new IdentityTraits(null, []);
        var (before, after) = (Forms(said), Forms(says.Value));
        var has = account.Addresses.Select(a => Identifier.Normalize(a.Value)).ToHashSet(StringComparer.Ordinal);
        var external = account.ExternalIds.FirstOrDefault(e => e.Dialect == IdentityJson.Dialect)?.Id;
        return (
            new AccountChange
            {
                Version = account.Version,
                Schema = schema.Id == former.Id ? null : schema.Id,
                Username = says.Value.Username?.Value == said.Username?.Value ? null : new Assigned<string?>(says.Value.Username?.Value),
                Status = body.State switch
                {
                    Active => AccountStatus.Active,
                    Inactive when account.Status == AccountStatus.Active => AccountStatus.Disabled, // A frozen one is inactive already.
                    _ => null,
                },
                Traits = ObjectOr(body.Traits).GetRawText(),
                MetadataPublic = TextOf(body.MetadataPublic) ?? "{}",
                MetadataAdmin = TextOf(body.MetadataAdmin) ?? "{}",
                ExternalIds = (external ?? "") == (body.ExternalId ?? "") ? null :
                [
                    .. account.ExternalIds.Where(e => e.Dialect != IdentityJson.Dialect),
                    .. string.IsNullOrEmpty(body.ExternalId) ? [] : new[] { new ExternalId(IdentityJson.Dialect, body.ExternalId) },
                ],
                AddAddresses =
                [
                    .. says.Value.Addresses
                        .Where(a => Identifier.Normalize(a.Value) is var form && !before.Contains(form) && !has.Contains(form))
                        .Select(a => new WantedAddress(a.Kind!.Value, a.Value, a.Pointer)),
                ],
                RemoveAddresses =
                [
                    .. account.Addresses
                        .Where(a => Identifier.Normalize(a.Value) is var form && before.Contains(form) && !after.Contains(form)).Select(a => a.Id),
                ],
            },
            null);
    }

    /// <summary>An identity as it can be patched.</summary>
    /// <param name="identity">The identity as programmes see it.</param>
    public static JsonObject ToPatch(JsonObject identity)
    {
        var document = identity.DeepClone().AsObject();
        document.Remove("credentials");
        return document;
    }

    /// <summary>What a patched identity says; null where it is none any more.</summary>
    /// <param name="patched">The document afterwards.</param>
    public static IdentityBody? FromPatch(JsonObject patched) =>
        Text(patched, "schema_id", out var schema) && Text(patched, "state", out var state) && Text(patched, "external_id", out var external)
            && patched["traits"] is JsonObject traits
            ? new IdentityBody(
                schema, Element(traits), MetadataPublic: Element(patched["metadata_public"]), MetadataAdmin: Element(patched["metadata_admin"]),
                State: state ?? "", ExternalId: external)
            : null;

    private const string Active = "active";
    private const string Inactive = "inactive";

    private static readonly KratosError NoOrganizations = new(400, "Organizations are not available.");

    private static bool Text(JsonObject document, string member, out string? text)
    {
        text = document[member] is JsonValue value && value.TryGetValue(out string? found) ? found : null;
        return document[member] is null || text is not null;
    }

    private static JsonElement Element(JsonNode? node) => JsonSerializer.SerializeToElement(node);

    private static KratosError Invalid(Refusal refusal) =>
        new(400, string.Join(" ", refusal.Faults.Select(f => $"I[#{f.Pointer}] {f.Detail}")));

    // One of their clients sends every address with everything that it knows of it; what it says of it counts for nothing here.
    private static KratosError? Unsupported(IdentityBody body) =>
        body.OrganizationId is not null ? NoOrganizations
        : body.Credentials is { HasOthers: true } ? new KratosError(400, "Only a password can be imported with an identity. Everything else the person sets up.")
        : body.Credentials?.Password?.Config is { UsePasswordMigrationHook: true } ? new KratosError(400, "There is no password migration hook.")
        : (body.RecoveryAddresses ?? []).Concat(body.VerifiableAddresses ?? []).Any(a => a.Via is not ("email" or "sms"))
            ? new KratosError(400, "The via of an address is email or sms.")
        : null;

    private static KratosError? StateError(string? state) => state is null or Active or Inactive
        ? null
        : new KratosError(400, $"The supplied state ('{state}') was not valid. Valid states are ('active', 'inactive').");

    private static KratosError? MetadataError(IdentityBody body) =>
        IsObjectOrNothing(body.MetadataPublic) && IsObjectOrNothing(body.MetadataAdmin) ? null : new KratosError(400, "Metadata is a JSON object.");

    private static bool IsObjectOrNothing(JsonElement json) => json.ValueKind is JsonValueKind.Object or JsonValueKind.Null or JsonValueKind.Undefined;

    private static JsonElement ObjectOr(JsonElement traits) =>
        traits.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? Element(new JsonObject()) : traits;

    private static string? TextOf(JsonElement json) => json.ValueKind == JsonValueKind.Object ? json.GetRawText() : null;

    private static AddressKind KindOf(AddressBody address) => address.Via == "sms" ? AddressKind.Phone : AddressKind.Email;

    private static HashSet<string?> Forms(IdentityTraits says) => says.Addresses.Select(a => Identifier.Normalize(a.Value)).ToHashSet(StringComparer.Ordinal);

    private static (SecretText? Hash, KratosError? Error) HashOf(PasswordConfig? config) =>
        config?.HashedPassword is not { } given || given.Reveal().Length == 0 ? (null, null)
        : Pbkdf2Hash.ToIdentity(given) is { } hash ? (hash, null)
        : (null, new KratosError(400, "Of password hashes only those of PBKDF2 with SHA-256 or SHA-512 can be taken over."));
}
