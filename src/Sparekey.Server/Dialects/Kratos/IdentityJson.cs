using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;
using Sparekey.Core.Accounts;
using Sparekey.Core.Schemas;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Schemas;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Accounts as identities. Members that may be null are null, all others are left out.</summary>
internal static class IdentityJson
{
    /// <summary>The dialect's name among the ids of accounts elsewhere.</summary>
    public const string Dialect = "kratos";

    /// <summary>The identity as its person may see it: without credentials and without what is only for operators.</summary>
    /// <param name="context">The call.</param>
    /// <param name="account">The account.</param>
    public static async Task<JsonObject> Of(HttpContext context, Account account) =>
        Of(context.Kratos(), account, await SchemaOf(context, account), null);

    /// <summary>The identity as programmes see it.</summary>
    /// <param name="context">The call.</param>
    /// <param name="account">The account.</param>
    /// <param name="credentials">Its credentials.</param>
    public static async Task<JsonObject> Full(HttpContext context, Account account, IReadOnlyList<Credential> credentials) =>
        Of(context.Kratos(), account, await SchemaOf(context, account), credentials);

    /// <summary>The schema that an account keeps to.</summary>
    /// <param name="context">The call.</param>
    /// <param name="account">The account.</param>
    public static async Task<NamedSchema> SchemaOf(HttpContext context, Account account)
    {
        var schemas = context.RequestServices.GetRequiredService<IdentitySchemas>();
        return await schemas.Find(context.Visitor().Tenant, account.Schema, context.RequestAborted)
            ?? new NamedSchema(IdentitySchema.DefaultId, IdentitySchema.Default);
    }

    /// <summary>The URL of a schema.</summary>
    /// <param name="call">The call.</param>
    /// <param name="id">Its name.</param>
    public static string SchemaUrl(KratosCall call, string id) => call.At("/schemas/" + WebEncoders.Base64UrlEncode(Encoding.UTF8.GetBytes(id)));

    /// <summary>The traits of an account. One that was made elsewhere has its address among them, where its schema has a place for it.</summary>
    /// <param name="account">The account.</param>
    public static JsonObject TraitsOf(Account account)
    {
        var traits = JsonNode.Parse(account.Traits)!.AsObject();
        if (account.Schema is null && !traits.ContainsKey("email") && account.Addresses.FirstOrDefault(a => a.Kind == AddressKind.Email) is { } email)
        {
            traits["email"] = email.Value;
        }

        return traits;
    }

    private static JsonObject Of(KratosCall call, Account account, NamedSchema schema, IReadOnlyList<Credential>? credentials)
    {
        var traits = TraitsOf(account);
        var says = schema.Schema.Read(JsonSerializer.SerializeToElement(traits));
        var places = says.Refusal is null ? says.Value.Addresses : [];
        var identity = new JsonObject { ["id"] = account.Id.ToString() };
        if (credentials is not null)
        {
            identity["credentials"] = Credentials(account, credentials);
        }

        identity["schema_id"] = schema.Id;
        identity["schema_url"] = SchemaUrl(call, schema.Id);
        identity["state"] = account.Status == AccountStatus.Active ? "active" : "inactive";
        identity["state_changed_at"] = KratosJson.Time(account.StatusSince);
        identity["traits"] = traits;
        Add(identity, "verifiable_addresses", account.Addresses.Where(a => PlaceOf(a, places) is { IsToBeConfirmed: true }).Select(Verifiable));
        Add(identity, "recovery_addresses", account.Addresses.Where(a => PlaceOf(a, places) is null or { IsForRecovery: true }).Select(a => Common(a)));
        identity["metadata_public"] = Metadata(account.MetadataPublic);
        if (credentials is not null)
        {
            identity["metadata_admin"] = Metadata(account.MetadataAdmin);
        }

        identity["created_at"] = KratosJson.Time(account.CreatedAt);
        identity["updated_at"] = KratosJson.Time(account.UpdatedAt);
        if (account.ExternalIds.FirstOrDefault(e => e.Dialect == Dialect) is { } external)
        {
            identity["external_id"] = external.Id;
        }

        identity["organization_id"] = null;
        return identity;
    }

    private static TraitValue? PlaceOf(Address address, IReadOnlyList<TraitValue> places) =>
        places.FirstOrDefault(p => Identifier.Normalize(p.Value) == Identifier.Normalize(address.Value));

    private static JsonObject Credentials(Account account, IReadOnlyList<Credential> credentials)
    {
        var all = new JsonObject();
        foreach (var kind in credentials.Where(c => c.State == CredentialState.Active).GroupBy(c => TypeOf(c.Kind)))
        {
            if (kind.Key is { } type)
            {
                all[type] = new JsonObject
                {
                    ["type"] = type,
                    ["identifiers"] = new JsonArray([.. IdentifiersOf(account, kind).Select(i => (JsonNode)i)]),
                    ["version"] = 1,
                    ["created_at"] = KratosJson.Time(kind.Min(c => c.CreatedAt)),
                    ["updated_at"] = KratosJson.Time(kind.Max(c => c.CreatedAt)),
                };
            }
        }

        return all;
    }

    /// <summary>What a kind of credential is called; null where Kratos has none of the kind.</summary>
    /// <param name="kind">The kind.</param>
    public static string? TypeOf(CredentialKind kind) => kind switch
    {
        CredentialKind.Password => "password",
        CredentialKind.Passkey => "passkey",
        CredentialKind.RecoveryCodes => "lookup_secret",
        CredentialKind.ExternalLogin => "oidc",
        CredentialKind.Key or CredentialKind.RecoveryKey or CredentialKind.Escrow => null,
    };

    private static IEnumerable<string> IdentifiersOf(Account account, IGrouping<string?, Credential> credentials) => credentials.Key switch
    {
        "password" => account.Addresses.Where(a => a.IsUsable).Select(ValueOf).Concat(account.Username is { } name ? [name] : []),
        "oidc" => credentials.Select(c => c.ExternalId).OfType<string>(),
        _ => [account.Id.ToString()],
    };

    private static JsonObject Verifiable(Address address)
    {
        var json = Common(address);
        json["verified"] = address.ConfirmedAt is not null;
        json["status"] = address.ConfirmedAt is not null ? "completed" : address.GivenAtCreation ? "pending" : "sent";
        if (address.ConfirmedAt is { } confirmed)
        {
            json["verified_at"] = KratosJson.Time(confirmed);
        }

        return json;
    }

    private static JsonObject Common(Address address) => new()
    {
        ["id"] = address.Id.ToString(),
        ["value"] = ValueOf(address),
        ["via"] = address.Kind == AddressKind.Email ? "email" : "sms",
        ["created_at"] = KratosJson.Time(address.Since),
        ["updated_at"] = KratosJson.Time(address.ConfirmedAt ?? address.Since),
    };

    private static string ValueOf(Address address) => Identifier.Normalize(address.Value) ?? address.Value;

    private static void Add(JsonObject identity, string member, IEnumerable<JsonObject> items)
    {
        var list = new JsonArray([.. items]);
        if (list.Count > 0)
        {
            identity[member] = list;
        }
    }

    // Nothing is null there and an empty object here.
    private static JsonNode? Metadata(string text) => text == "{}" ? null : JsonNode.Parse(text);
}
