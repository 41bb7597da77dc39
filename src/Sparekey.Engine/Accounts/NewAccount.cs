using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;

namespace Sparekey.Engine.Accounts;

/// <summary>An account as somebody wants it made.</summary>
public sealed record NewAccount
{
    /// <summary>E-mail addresses, the preferred one first.</summary>
    public IReadOnlyList<string> Emails { get; init; } = [];

    /// <summary>Telephone numbers in E.164 form.</summary>
    public IReadOnlyList<string> Phones { get; init; } = [];

    /// <summary>The user name.</summary>
    public string? Username { get; init; }

    /// <summary>The role; null for the lowest.</summary>
    public string? Role { get; init; }

    /// <summary>What kind of account.</summary>
    public AccountKind Kind { get; init; } = AccountKind.Customer;

    /// <summary>Whether it may be used.</summary>
    public AccountStatus Status { get; init; } = AccountStatus.Active;

    /// <summary>Groups, for policy.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>Who is responsible for the person.</summary>
    public AccountId? Manager { get; init; }

    /// <summary>Attributes of the person, a JSON object; null for none.</summary>
    public string? Traits { get; init; }

    /// <summary>Data that the person may see, a JSON object; null for none.</summary>
    public string? MetadataPublic { get; init; }

    /// <summary>Data that only operators see, a JSON object; null for none.</summary>
    public string? MetadataAdmin { get; init; }

    /// <summary>Ids of the account in other products.</summary>
    public IReadOnlyList<ExternalId> ExternalIds { get; init; } = [];

    /// <summary>Those of the addresses that the team had confirmed before it came here.</summary>
    public IReadOnlyList<string> Confirmed { get; init; } = [];

    /// <summary>The schema that its traits keep to; null for none.</summary>
    public string? Schema { get; init; }

    /// <summary>A first password that somebody else chose: it signs in for 24 hours, only to be changed.</summary>
    public SecretText? Password { get; init; }

    /// <summary>
    /// The fewest characters of that password where another product's clients make shorter ones than people may choose here; null for
    /// the usual number. It is never under 8.
    /// </summary>
    public int? PasswordMinLength { get; init; }

    /// <summary>The hash of the person's own password in another system, in the form of ASP.NET Core Identity version 3.</summary>
    public SecretText? PasswordHash { get; init; }
}

/// <summary>A value that is set, also when it is null: null itself means "leave it as it is".</summary>
/// <typeparam name="T">The value's type.</typeparam>
/// <param name="Value">The value.</param>
public sealed record Assigned<T>(T Value);

/// <summary>What shall be different about an account; null leaves a thing as it is.</summary>
public sealed record AccountChange
{
    /// <summary>The version the caller saw; null to change whatever it is now.</summary>
    public int? Version { get; init; }

    /// <summary>The user name; an assigned null takes it away.</summary>
    public Assigned<string?>? Username { get; init; }

    /// <summary>The role.</summary>
    public string? Role { get; init; }

    /// <summary>What kind of account.</summary>
    public AccountKind? Kind { get; init; }

    /// <summary>Whether it may be used. Disabling it ends its sessions.</summary>
    public AccountStatus? Status { get; init; }

    /// <summary>All its groups.</summary>
    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>Who is responsible for the person; an assigned null takes them away.</summary>
    public Assigned<AccountId?>? Manager { get; init; }

    /// <summary>The whole object.</summary>
    public string? Traits { get; init; }

    /// <summary>The whole object.</summary>
    public string? MetadataPublic { get; init; }

    /// <summary>The whole object.</summary>
    public string? MetadataAdmin { get; init; }

    /// <summary>The schema that its traits keep to.</summary>
    public string? Schema { get; init; }

    /// <summary>Addresses to add. Each is usable once it is confirmed, and carries secrets a day later.</summary>
    public IReadOnlyList<WantedAddress> AddAddresses { get; init; } = [];

    /// <summary>Addresses to remove.</summary>
    public IReadOnlyList<AddressId> RemoveAddresses { get; init; } = [];

    /// <summary>All its ids in other products.</summary>
    public IReadOnlyList<ExternalId>? ExternalIds { get; init; }
}
