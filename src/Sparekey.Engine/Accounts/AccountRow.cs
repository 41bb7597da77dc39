using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Accounts;

/// <summary>An account's row.</summary>
internal sealed record AccountRow(
    string Id,
    string? Username,
    string Role,
    string Kind,
    string Status,
    string GroupNames,
    string? Manager,
    string Traits,
    string MetadataPublic,
    string MetadataAdmin,
    long CreatedAt, long Version,
    long? UpdatedAt, long? StatusSince, string? Schema)
{
    public const string Columns =
        """
        a.id AS Id, a.username AS Username, a.role AS Role, a.kind AS Kind, a.status AS Status, a.group_names AS GroupNames,
        a.manager_id AS Manager, a.traits AS Traits, a.metadata_public AS MetadataPublic, a.metadata_admin AS MetadataAdmin,
        a.created_at AS CreatedAt, a.version AS Version, a.updated_at AS UpdatedAt, a.status_since AS StatusSince, a.schema_id AS Schema
        """;

    public Account Read(IEnumerable<AddressRow> addresses, IEnumerable<ExternalIdRow> externalIds) =>
        new(Ids.Parse<AccountId>(Id), Role, DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), (int)Version)
        {
            Username = Username,
            Kind = WireName.Parse<AccountKind>(Kind),
            Status = WireName.Parse<AccountStatus>(Status),
            Groups = [.. StoredJson.Read<string[]>(GroupNames)],
            Manager = Manager is null ? null : Ids.Parse<AccountId>(Manager),
            Addresses = [.. addresses.Select(a => a.Read())],
            ExternalIds = [.. externalIds.Select(e => new ExternalId(e.Dialect, e.Id))],
            Traits = Traits,
            MetadataPublic = MetadataPublic,
            MetadataAdmin = MetadataAdmin,
            UpdatedAt = DateTimeOffset.FromUnixTimeMilliseconds(UpdatedAt ?? CreatedAt),
            StatusSince = DateTimeOffset.FromUnixTimeMilliseconds(StatusSince ?? CreatedAt),
            Schema = Schema,
        };
}

/// <summary>An address's row, without what is pending on it.</summary>
internal sealed record AddressRow(
    string Id, string Account, string Kind, string Value, long Since, long GivenAtCreation, long? ConfirmedAt)
{
    public const string Columns =
        """
        d.id AS Id, d.account_id AS Account, d.kind AS Kind, d.value AS Value, d.since AS Since,
        d.given_at_creation AS GivenAtCreation, d.confirmed_at AS ConfirmedAt
        """;

    public Address Read() => new(
        Ids.Parse<AddressId>(Id),
        WireName.Parse<AddressKind>(Kind),
        Value,
        DateTimeOffset.FromUnixTimeMilliseconds(Since),
        GivenAtCreation != 0,
        ConfirmedAt is { } confirmed ? DateTimeOffset.FromUnixTimeMilliseconds(confirmed) : null);
}

/// <summary>An external id's row.</summary>
internal sealed record ExternalIdRow(string Account, string Dialect, string Id)
{
    public const string Columns = "e.account_id AS Account, e.dialect AS Dialect, e.id AS Id";
}

/// <summary>What is pending on an address.</summary>
/// <param name="Hash">The hash of the code that was sent last; null when none is pending.</param>
/// <param name="SentAt">When the last code was sent.</param>
/// <param name="ExpiresAt">When the pending code ends.</param>
/// <param name="Tries">Wrong tries on the pending code.</param>
/// <param name="Failures">Wrong tries on all codes of this address.</param>
internal sealed record PendingConfirmation(
    KeyedHash? Hash, DateTimeOffset? SentAt, DateTimeOffset? ExpiresAt, int Tries, int Failures);
