using System.Collections.Immutable;
using System.Text;

namespace Sparekey.Core.Accounts;

/// <summary>What kind of person or thing an account stands for.</summary>
public enum AccountKind
{
    /// <summary>A customer or user of the product.</summary>
    Customer,

    /// <summary>Somebody who works for the organisation.</summary>
    Employee,

    /// <summary>Somebody from outside with limited access.</summary>
    Partner,
}

/// <summary>Whether an account may be used.</summary>
public enum AccountStatus
{
    /// <summary>It may sign in and be recovered.</summary>
    Active,

    /// <summary>It may do neither; to strangers it looks like an unknown one.</summary>
    Disabled,

    /// <summary>
    /// It may do neither until two principals say so: its person, or an operator, asked for it because somebody else may hold it. No
    /// change of an account sets or lifts this.
    /// </summary>
    Frozen,
}

/// <summary>A person: who they are called, where they are reached, and how high they rank.</summary>
/// <param name="Id">The account's id.</param>
/// <param name="Role">Its role; an unlisted role ranks highest.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Version">Rises by one with every change of the account, its addresses or its identifiers.</param>
public sealed record Account(AccountId Id, string Role, DateTimeOffset CreatedAt, int Version)
{
    /// <summary>The user name as it was given; compared as <see cref="Identifier"/> says.</summary>
    public string? Username { get; init; }

    /// <summary>What kind of account.</summary>
    public AccountKind Kind { get; init; } = AccountKind.Customer;

    /// <summary>Whether it may be used.</summary>
    public AccountStatus Status { get; init; } = AccountStatus.Active;

    /// <summary>Groups, for policy.</summary>
    public ImmutableArray<string> Groups { get; init; } = [];

    /// <summary>Who is responsible for this person.</summary>
    public AccountId? Manager { get; init; }

    /// <summary>Where the person is reached.</summary>
    public ImmutableArray<Address> Addresses { get; init; } = [];

    /// <summary>Ids of this account in other products, by dialect.</summary>
    public ImmutableArray<ExternalId> ExternalIds { get; init; } = [];

    /// <summary>Attributes of the person, a JSON object.</summary>
    public string Traits { get; init; } = "{}";

    /// <summary>Data of the team's programmes that the person may see, a JSON object.</summary>
    public string MetadataPublic { get; init; } = "{}";

    /// <summary>Data of the team's programmes that only operators see, a JSON object.</summary>
    public string MetadataAdmin { get; init; } = "{}";

    /// <summary>When it last changed.</summary>
    public DateTimeOffset UpdatedAt { get; init; } = CreatedAt;

    /// <summary>Since when its status is what it is.</summary>
    public DateTimeOffset StatusSince { get; init; } = CreatedAt;

    /// <summary>The schema that its traits keep to; null for none.</summary>
    public string? Schema { get; init; }

    /// <summary>
    /// Whether applications of a group of another product may know of the account: it belongs to that group, or to none of that
    /// product, and so to the whole tenant.
    /// </summary>
    /// <param name="dialect">Which product's.</param>
    /// <param name="group">The group.</param>
    public bool IsKnownTo(string dialect, string group)
    {
        var own = ExternalIds.Where(e => e.Dialect == dialect).ToList();
        return own.Count == 0 || own.Exists(e => e.Id.LastIndexOf('/') is var end and > 0 && e.Id[..end] == group);
    }

    /// <summary>An id by which an account belongs to a group of another product.</summary>
    /// <param name="dialect">Which product's.</param>
    /// <param name="group">The group.</param>
    /// <param name="unique">What no other account has; without a slash.</param>
    public static ExternalId Membership(string dialect, string group, string unique) => new(dialect, $"{group}/{unique}");

    /// <summary>The addresses a secret, a confirmation or a vote may go through now.</summary>
    /// <param name="kind">The kind of address.</param>
    /// <param name="now">The time.</param>
    public ImmutableArray<Address> AddressesForSecrets(AddressKind kind, DateTimeOffset now) =>
        [.. Addresses.Where(a => a.Kind == kind && a.CarriesSecrets(now))];

    /// <summary>The addresses that are told what happens to the account.</summary>
    public ImmutableArray<Address> AddressesForNotices() => [.. Addresses.Where(a => a.IsUsable)];
}

/// <summary>An id of a thing in another product.</summary>
/// <param name="Dialect">Which product's, for example <c>dfns</c>.</param>
/// <param name="Id">The id there.</param>
public sealed record ExternalId(string Dialect, string Id);

/// <summary>What kind of address.</summary>
public enum AddressKind
{
    /// <summary>An e-mail address.</summary>
    Email,

    /// <summary>A telephone number.</summary>
    Phone,
}

/// <summary>One address of an account.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Value">As it was given, trimmed.</param>
/// <param name="Since">When this value was set.</param>
/// <param name="GivenAtCreation">Whether the team gave it in the act that made the account, and it was not changed since.</param>
/// <param name="ConfirmedAt">When the person returned a confirmation code for this value; null when never.</param>
public sealed record Address(
    AddressId Id, AddressKind Kind, string Value, DateTimeOffset Since, bool GivenAtCreation, DateTimeOffset? ConfirmedAt)
{
    /// <summary>How long a changed address must have been confirmed before it carries a secret.</summary>
    public static readonly TimeSpan Settling = TimeSpan.FromHours(24);

    /// <summary>
    /// Whether somebody vouched for the address: the team when it made the account, or the person with a confirmation code.
    /// Only such an address identifies the account and is told what happens to it.
    /// </summary>
    public bool IsUsable => GivenAtCreation || ConfirmedAt is not null;

    /// <summary>
    /// Whether a secret, a confirmation or a vote may go through it. Whoever can change an address must not be able to recover
    /// to it: a changed one has to be confirmed and to have stood for a day, while the old one was told (N9 and its deviation).
    /// </summary>
    /// <param name="now">The time.</param>
    public bool CarriesSecrets(DateTimeOffset now) =>
        GivenAtCreation || (ConfirmedAt is { } confirmed && confirmed + Settling <= now);

    /// <summary>The address with most of it hidden: enough for its owner to know it, not enough to learn it.</summary>
    public string Masked() => Kind switch
    {
        AddressKind.Email => MaskEmail(Value),
        AddressKind.Phone => Value.Length <= 4 ? "••••" : "••••" + Value[^2..],
    };

    private static string MaskEmail(string value)
    {
        var at = value.LastIndexOf('@');
        if (at <= 0)
        {
            return "•••";
        }

        var domain = value[(at + 1)..];
        var dot = domain.LastIndexOf('.');
        return $"{First(value[..at])}•••@{First(domain[..Math.Max(dot, 0)])}•••{(dot > 0 ? domain[dot..] : "")}";
    }

    // A part of one character is hidden whole; half of a surrogate pair is no character.
    private static string First(string part) =>
        Rune.TryGetRuneAt(part.PadRight(1), 0, out var rune) && rune.Utf16SequenceLength < part.Length ? rune.ToString() : "";
}
