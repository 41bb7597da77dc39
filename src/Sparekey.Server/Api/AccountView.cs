using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Server.Api;

/// <summary>An account as it stands on the wire.</summary>
internal sealed record AccountView(
    AccountId Id, string? Username, IReadOnlyList<AddressView> Addresses, string Role, AccountKind Kind, AccountStatus Status,
    IReadOnlyList<string> Groups, AccountId? ManagerId, JsonElement Traits, JsonElement MetadataPublic, JsonElement MetadataAdmin,
    IReadOnlyList<ExternalId> ExternalIds, DateTimeOffset CreatedAt, int Version)
{
    /// <summary>The view of an account.</summary>
    /// <param name="account">The account.</param>
    /// <param name="now">The time: an address begins to carry secrets by itself.</param>
    public static object Of(Account account, DateTimeOffset now) => new AccountView(
        account.Id,
        account.Username,
        [.. account.Addresses.Select(a => new AddressView(
            a.Id, a.Kind, a.Value, a.IsUsable, a.CarriesSecrets(now), a.Since, a.ConfirmedAt))],
        account.Role,
        account.Kind,
        account.Status,
        account.Groups,
        account.Manager,
        Json(account.Traits),
        Json(account.MetadataPublic),
        Json(account.MetadataAdmin),
        account.ExternalIds,
        account.CreatedAt,
        account.Version);

    private static JsonElement Json(string text) => JsonSerializer.Deserialize<JsonElement>(text);
}

/// <summary>An address as it stands on the wire.</summary>
internal sealed record AddressView(
    AddressId Id, AddressKind Kind, string Value, bool Usable, bool CarriesSecrets, DateTimeOffset Since, DateTimeOffset? ConfirmedAt);
