using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Cryptlex;

/// <summary>
/// Accounts as Cryptlex's clients know users. A person's name and company are traits; what only this product knows stands in the
/// account's admin metadata under <c>cryptlex</c>. All else in either is left as it is.
/// </summary>
internal static class Mapping
{
    private const string Own = "cryptlex";

    /// <summary>A user.</summary>
    /// <param name="account">The account.</param>
    /// <param name="roles">The vendor's names of roles.</param>
    /// <param name="ranks">The tenant's roles.</param>
    public static UserView View(Account account, RoleNames roles, RankOrder ranks)
    {
        var (traits, own) = (Object(account.Traits), Object(account.MetadataAdmin)[Own] as JsonObject ?? []);
        var name = traits["name"] as JsonObject ?? [];
        var (first, last) = (Text(name["first"]) ?? "", Text(name["last"]) ?? "");
        var role = roles.NameOf(account.Role, Text(own["role"]), ranks);
        var created = WireJson.Time(account.CreatedAt);
        var (email, pending) = Addresses(account, own);
        return new UserView(
            account.Id.ToString(), created, Text(own["updated_at"]) ?? created, $"{first} {last}".Trim(), first, last, email?.Value,
            Text(traits["company"]), TwoFactorEnabled: false, GoogleSsoEnabled: false,
            own["allow_customer_portal_access"]?.GetValueKind() == JsonValueKind.True, role, [role], null, null,
            [.. Items(own["metadata"]).OfType<JsonObject>().Select(m => new MetadataView(
                Text(m["key"]) ?? "", Text(m["value"]) ?? "", [.. Items(m["view_permissions"]).Select(Text).OfType<string>()]))],
            [.. Items(own["tags"]).Select(Text).OfType<string>()])
        {
            PendingEmail = pending?.Value,
        };
    }

    /// <summary>The traits of an account with what a body says of the person.</summary>
    /// <param name="traits">The traits as they are.</param>
    /// <param name="body">The body.</param>
    /// <param name="gone">Which members of the body are null, and so take something away.</param>
    public static string Traits(string traits, UserBody body, IReadOnlySet<string> gone)
    {
        var all = Object(traits);
        var name = all["name"] as JsonObject ?? [];
        Set(name, "first", body.FirstName, isGone: false);
        Set(name, "last", body.LastName, gone.Contains("lastName"));
        Set(all, "company", body.Company, gone.Contains("company"));
        if (name.Count > 0 || all["name"] is JsonObject)
        {
            all["name"] = name.DeepClone();
        }

        return Written(all);
    }

    /// <summary>The admin metadata of a new account: what only this product knows.</summary>
    /// <param name="body">The body.</param>
    public static string Metadata(UserBody body) => Written(new JsonObject { [Own] = Told([], body) });

    /// <summary>The admin metadata of an account with what a body says that only this product knows.</summary>
    /// <param name="account">The account as it is.</param>
    /// <param name="body">The body.</param>
    /// <param name="role">The role that the account gets; null to leave it.</param>
    /// <param name="gone">Which members of the body are null.</param>
    /// <param name="now">The time; a call that changes nothing leaves none.</param>
    public static string Metadata(Account account, UserBody body, string? role, IReadOnlySet<string> gone, DateTimeOffset now)
    {
        var all = Object(account.MetadataAdmin);
        var before = all[Own] as JsonObject ?? [];
        var own = Told(before.DeepClone().AsObject(), body);
        if (body.Email is { } email && Identifier.Normalize(email) is var form
            && account.Addresses.FirstOrDefault(a => a.Kind == AddressKind.Email && Identifier.Normalize(a.Value) == form) is { } address
            && (Text(own["email"]) ?? Addresses(account, own).Email?.Id.ToString()) != address.Id.ToString())
        {
            own["email"] = address.Id.ToString();
        }

        if (!JsonNode.DeepEquals(own, before) || (role ?? account.Role) != account.Role
            || !JsonNode.DeepEquals(Object(account.Traits), Object(Traits(account.Traits, body, gone))))
        {
            own["updated_at"] = WireJson.Time(now);
        }

        all[Own] = own;
        return Written(all);
    }

    private static JsonObject Told(JsonObject own, UserBody body)
    {
        Set(own, "role", body.Role, isGone: false);
        if (body.AllowCustomerPortalAccess is { } access)
        {
            own["allow_customer_portal_access"] = access;
        }

        if (body.Tags is { } tags)
        {
            own["tags"] = new JsonArray([.. tags.Distinct(StringComparer.Ordinal).Select(t => JsonValue.Create(t))]);
        }

        if (body.Metadata is { } notes)
        {
            own["metadata"] = new JsonArray([.. notes.Select(Note)]);
        }

        return own;
    }

    private static (Address? Email, Address? Pending) Addresses(Account account, JsonObject own)
    {
        var emails = account.Addresses.Where(a => a.Kind == AddressKind.Email).ToList();
        var chosen = emails.Find(a => a.Id.ToString() == Text(own["email"]));
        return chosen is { IsUsable: true }
            ? (chosen, null)
            : (emails.Find(a => a.IsUsable), chosen);
    }

    private static JsonObject Note(MetadataBody note) => new()
    {
        ["key"] = note.Key ?? "",
        ["value"] = note.Value ?? "",
        ["view_permissions"] = new JsonArray([.. (note.ViewPermissions ?? []).Select(v => JsonValue.Create(v))]),
    };

    private static void Set(JsonObject target, string member, string? value, bool isGone)
    {
        if (value is not null)
        {
            target[member] = value;
        }
        else if (isGone)
        {
            target.Remove(member);
        }
    }

    private static JsonObject Object(string json) => JsonNode.Parse(json) as JsonObject ?? [];

    // As it is stored, so that nothing looks changed that is not.
    private static string Written(JsonObject json) => json.ToJsonString(CryptlexJson.Options);

    private static string? Text(JsonNode? node) => node?.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null;

    private static IEnumerable<JsonNode?> Items(JsonNode? node) => node as JsonArray ?? [];
}
