using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Identity;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>What people, keys and policies look like to the clients.</summary>
internal static class PassboltMapping
{
    /// <summary>A time.</summary>
    /// <param name="time">The time.</param>
    public static string Time(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);

    /// <summary>A person.</summary>
    /// <param name="person">The person.</param>
    /// <param name="withKey">Whether their key stands with them.</param>
    public static JsonObject User(OpenPgpPerson person, bool withKey = true)
    {
        var account = person.Account;
        var user = new JsonObject
        {
            ["id"] = account.Id.ToString(),
            ["role_id"] = RoleId(person.Role),
            ["username"] = UsernameOf(account),
            ["active"] = person.Key is not null,
            ["deleted"] = false,
            ["disabled"] = account.Status == AccountStatus.Active ? null : Time(account.StatusSince),
            ["created"] = Time(account.CreatedAt),
            ["modified"] = Time(account.UpdatedAt),
            ["role"] = Role(person.Role),
            ["profile"] = Profile(account),
        };
        if (withKey && person.Key is { } key)
        {
            user["gpgkey"] = Key(key);
        }

        return user;
    }

    /// <summary>What a person is called, as they sign in: their first address.</summary>
    /// <param name="account">The account.</param>
    public static string UsernameOf(Account account) =>
        account.Addresses.FirstOrDefault(a => a.Kind == AddressKind.Email)?.Value ?? account.Username ?? account.Id.ToString();

    /// <summary>A person's profile.</summary>
    /// <param name="account">The account.</param>
    public static JsonObject Profile(Account account)
    {
        var (first, last) = NamesOf(account);
        return new JsonObject
        {
            ["id"] = PassboltIds.Of("profile", account.Id.ToString()),
            ["user_id"] = account.Id.ToString(),
            ["first_name"] = first,
            ["last_name"] = last,
            ["created"] = Time(account.CreatedAt),
            ["modified"] = Time(account.UpdatedAt),

            // There are no pictures of people here; clients do not keep a person without the address of one.
            ["avatar"] = new JsonObject { ["url"] = new JsonObject { ["medium"] = "img/avatar/user_medium.png", ["small"] = "img/avatar/user.png" } },
        };
    }

    /// <summary>A person's public key.</summary>
    /// <param name="key">The key.</param>
    public static JsonObject Key(PersonKey key)
    {
        var facts = key.Facts;
        return new JsonObject
        {
            ["id"] = key.Id.ToString(),
            ["user_id"] = key.Account.ToString(),
            ["fingerprint"] = key.Fingerprint,
            ["armored_key"] = key.Armored,
            ["key_id"] = key.Fingerprint[^16..],
            ["uid"] = facts.UserName,
            ["bits"] = facts.Bits,
            ["type"] = facts.Algorithm.ToString().ToUpperInvariant(),
            ["key_created"] = Time(facts.MadeAt),
            ["expires"] = facts.ExpiresAt is { } ends ? Time(ends) : null,
            ["deleted"] = key.DeletedAt is not null,
            ["created"] = Time(key.CreatedAt),
            ["modified"] = Time(key.ModifiedAt),
        };
    }

    /// <summary>The roles there are.</summary>
    public static IEnumerable<JsonObject> Roles() => Enum.GetValues<OpenPgpRole>().Select(Role);

    /// <summary>The id of a role.</summary>
    /// <param name="role">The role.</param>
    public static string RoleId(OpenPgpRole role) => PassboltIds.Of("role", WireName.Of(role));

    /// <summary>What a policy is called.</summary>
    /// <param name="mode">The policy.</param>
    public static string ModeName(EscrowMode mode) => mode switch
    {
        EscrowMode.Disabled => "disabled",
        EscrowMode.Mandatory => "mandatory",
        EscrowMode.OptIn => "opt-in",
        EscrowMode.OptOut => "opt-out",
    };

    /// <summary>Reads what a policy is called.</summary>
    /// <param name="name">The name.</param>
    public static EscrowMode? ModeOf(string? name) => Enum.GetValues<EscrowMode>().Cast<EscrowMode?>().FirstOrDefault(m => ModeName(m!.Value) == name);

    /// <summary>A policy; its creator is for others to add.</summary>
    /// <param name="policy">The policy.</param>
    public static JsonObject Policy(EscrowPolicy policy)
    {
        if (policy.Id is not { } id)
        {
            return new JsonObject { ["policy"] = ModeName(EscrowMode.Disabled), ["public_key_id"] = null };
        }

        var by = PassboltIds.OfPrincipal(policy.CreatedBy.Id);
        return new JsonObject
        {
            ["id"] = id.ToString(),
            ["policy"] = ModeName(policy.Mode),
            ["public_key_id"] = policy.Key?.Id.ToString(),
            ["created"] = Time(policy.CreatedAt),
            ["modified"] = Time(policy.CreatedAt),
            ["created_by"] = by,
            ["modified_by"] = by,
            ["deleted"] = null,
            ["account_recovery_organization_public_key"] = policy.Key is { } key
                ? new JsonObject
                {
                    ["id"] = key.Id.ToString(),
                    ["fingerprint"] = key.Fingerprint,
                    ["armored_key"] = key.Armored,
                    ["created"] = Time(key.CreatedAt),
                    ["modified"] = Time(key.ModifiedAt),
                    ["created_by"] = PassboltIds.OfPrincipal(key.CreatedBy.Id),
                    ["modified_by"] = PassboltIds.OfPrincipal(key.ModifiedBy),
                }
                : null,
        };
    }

    /// <summary>What passphrases people's keys shall have: what the vendor suggests.</summary>
    public static JsonObject PassphrasePolicy() => new()
    {
        ["entropy_minimum"] = 50,
        ["external_dictionary_check"] = true,
    };

    private static JsonObject Role(OpenPgpRole role) => new()
    {
        ["id"] = RoleId(role),
        ["name"] = WireName.Of(role),
        ["description"] = role switch
        {
            OpenPgpRole.User => "Logged in user",
            OpenPgpRole.Reviewer => "Answers account recovery requests",
            OpenPgpRole.Admin => "Organization administrator",
        },
        ["created"] = Time(DateTimeOffset.UnixEpoch),
        ["modified"] = Time(DateTimeOffset.UnixEpoch),
        ["deleted"] = null,
    };

    private static (string First, string Last) NamesOf(Account account)
    {
        using var traits = JsonDocument.Parse(account.Traits);
        var name = traits.RootElement.TryGetProperty("name", out var found) && found.ValueKind == JsonValueKind.Object ? found : default;
        return (Part(name, "first") ?? UsernameOf(account).Split('@')[0], Part(name, "last") ?? "-");
    }

    private static string? Part(JsonElement name, string member) =>
        name.ValueKind == JsonValueKind.Object && name.TryGetProperty(member, out var part) && part.ValueKind == JsonValueKind.String && part.GetString() is { Length: > 0 } text
            ? text
            : null;
}
