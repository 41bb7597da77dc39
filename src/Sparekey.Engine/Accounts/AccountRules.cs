using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Accounts;

/// <summary>What an account may be made of. Everything is bounded: what is stored here is read with every recovery.</summary>
internal static class AccountRules
{
    /// <summary>The most addresses an account has.</summary>
    public const int MaxAddresses = 10;

    private const int MaxName = 64;
    private const int MaxGroups = 100;
    private const int MaxExternalIds = 20;
    private const int MaxExternalId = 256;

    private static readonly FieldFault NotFrozenByHand = new("/status", "active or disabled; an account is frozen with POST /v1/accounts/{id}/freeze.");

    /// <summary>Makes an account of what somebody wants; its role is still as it was given.</summary>
    /// <param name="wanted">What they want.</param>
    /// <param name="now">The time.</param>
    /// <returns>The account with a new id, or <see cref="RefusalCode.InvalidRequest"/> with every fault.</returns>
    public static Result<Account> Make(NewAccount wanted, DateTimeOffset now)
    {
        var faults = new List<FieldFault>();
        var addresses = Addresses(wanted, now, faults);
        var account = new Account(NewId.Make<AccountId>(), wanted.Role ?? "", now, 1)
        {
            Username = Username(wanted.Username, faults),
            Kind = wanted.Kind,
            Status = wanted.Status,
            Groups = Groups(wanted.Groups, faults),
            Manager = wanted.Manager,
            Addresses = addresses,
            ExternalIds = ExternalIds(wanted.ExternalIds, "/external_ids", faults),
            Traits = JsonText.Compact(wanted.Traits, "/traits", faults),
            MetadataPublic = JsonText.Compact(wanted.MetadataPublic, "/metadata_public", faults),
            MetadataAdmin = JsonText.Compact(wanted.MetadataAdmin, "/metadata_admin", faults),
            Schema = wanted.Schema,
        };
        // Where a schema says what an account is called, it may say: nothing.
        if (wanted is { Username: null, Schema: null } && wanted.Emails.Count + wanted.Phones.Count + wanted.ExternalIds.Count == 0)
        {
            faults.Add(new FieldFault("", "An account has a user name, an address or an external id."));
        }

        if (wanted.Status == AccountStatus.Frozen)
        {
            faults.Add(NotFrozenByHand);
        }

        if (wanted is { Password: not null, PasswordHash: not null })
        {
            faults.Add(new FieldFault("/password", "A password or a hash, not both."));
        }
        else if (wanted.PasswordHash is { } hash && !ImportedHash.IsValid(hash.Reveal()))
        {
            faults.Add(new FieldFault("/password_hash", "A hash as ASP.NET Core Identity version 3 writes it, in base64."));
        }

        return faults.Count == 0 ? account : Invalid(faults);
    }

    /// <summary>Makes an account of another and what shall be different.</summary>
    /// <param name="before">The account as it is.</param>
    /// <param name="change">What shall be different.</param>
    /// <returns>
    /// The account at the same version; or <see cref="RefusalCode.InvalidRequest"/> with every fault,
    /// <see cref="RefusalCode.AccountFrozen"/> where its status would change.
    /// </returns>
    public static Result<Account> Apply(Account before, AccountChange change)
    {
        // Two people lift it, in an act of its own.
        if (before.Status == AccountStatus.Frozen && change.Status is not (null or AccountStatus.Frozen))
        {
            return RefusalCode.AccountFrozen;
        }

        var faults = new List<FieldFault>();
        if (change.Status == AccountStatus.Frozen && before.Status != AccountStatus.Frozen)
        {
            faults.Add(NotFrozenByHand);
        }

        var next = before with
        {
            Username = change.Username is { } username ? Username(username.Value, faults) : before.Username,
            Role = change.Role ?? before.Role,
            Kind = change.Kind ?? before.Kind,
            Status = change.Status ?? before.Status,
            Groups = change.Groups is { } groups ? Groups(groups, faults) : before.Groups,
            Manager = change.Manager is { } manager ? manager.Value : before.Manager,
            ExternalIds = change.ExternalIds is { } ids ? ExternalIds(ids, "/external_ids", faults) : before.ExternalIds,
            Traits = change.Traits is { } traits ? JsonText.Compact(traits, "/traits", faults) : before.Traits,
            MetadataPublic = change.MetadataPublic is { } open
                ? JsonText.Compact(open, "/metadata_public", faults) : before.MetadataPublic,
            MetadataAdmin = change.MetadataAdmin is { } inner
                ? JsonText.Compact(inner, "/metadata_admin", faults) : before.MetadataAdmin,
            Schema = change.Schema ?? before.Schema,
        };
        if (next.Manager == before.Id)
        {
            faults.Add(new FieldFault("/manager_id", "Nobody is their own manager."));
        }

        return faults.Count == 0 ? next : Invalid(faults);
    }

    /// <summary>Reads one address.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="text">What was given.</param>
    /// <param name="pointer">Where it stands.</param>
    /// <param name="faults">Takes what is wrong.</param>
    /// <returns>The address, trimmed.</returns>
    public static string Address(AddressKind kind, string text, string pointer, List<FieldFault> faults)
    {
        var value = text.Trim();
        var good = kind switch
        {
            AddressKind.Email => Identifier.IsEmail(value),
            AddressKind.Phone => value.Length <= MaxName && Identifier.IsPhone(value),
        };
        if (!good || Identifier.Normalize(value) is null)
        {
            faults.Add(new FieldFault(pointer, kind switch
            {
                AddressKind.Email => "Not an e-mail address we can send to.",
                AddressKind.Phone => "A plus sign and 7 to 15 digits.",
            }));
        }

        return value;
    }

    /// <summary>Reads ids of other products.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="at">Where they stand.</param>
    /// <param name="faults">Takes what is wrong.</param>
    public static ImmutableArray<ExternalId> ExternalIds(IReadOnlyList<ExternalId> ids, string at, List<FieldFault> faults)
    {
        if (ids.Count > MaxExternalIds || ids.Distinct().Count() != ids.Count)
        {
            faults.Add(new FieldFault(at, $"At most {MaxExternalIds}, each once."));
            return [];
        }

        for (var i = 0; i < ids.Count; i++)
        {
            if (!IsName(ids[i].Dialect, MaxName) || !IsName(ids[i].Id, MaxExternalId))
            {
                faults.Add(new FieldFault($"{at}/{i}", $"A dialect of 1 to {MaxName} and an id of 1 to {MaxExternalId} printable characters."));
            }
        }

        return [.. ids.OrderBy(e => e.Dialect, StringComparer.Ordinal).ThenBy(e => e.Id, StringComparer.Ordinal)];
    }

    /// <summary>Whether a text is a name: printable, not empty, nothing around it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="longest">How long it may be.</param>
    public static bool IsName(string text, int longest = MaxName) =>
        text.Length >= 1 && text.Length <= longest && text == text.Trim() && Identifier.IsPlainText(text);

    /// <summary>A refusal with its faults.</summary>
    /// <param name="faults">The faults.</param>
    public static Refusal Invalid(IReadOnlyList<FieldFault> faults) => new(RefusalCode.InvalidRequest) { Faults = faults };

    private static ImmutableArray<Address> Addresses(NewAccount wanted, DateTimeOffset now, List<FieldFault> faults)
    {
        if (wanted.Emails.Count + wanted.Phones.Count > MaxAddresses)
        {
            faults.Add(new FieldFault(wanted.Emails.Count > 0 ? "/emails" : "/phones", $"An account has at most {MaxAddresses} addresses."));
            return [];
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        var confirmed = wanted.Confirmed.ToHashSet(StringComparer.Ordinal);
        Address Read(AddressKind kind, string text, string pointer)
        {
            var value = Address(kind, text, pointer, faults);
            if (Identifier.Normalize(value) is { } form && !seen.Add(form))
            {
                faults.Add(new FieldFault(pointer, "The same address twice."));
            }

            return new Address(NewId.Make<AddressId>(), kind, value, now, GivenAtCreation: true, ConfirmedAt: confirmed.Contains(value) ? now : null);
        }

        return
        [
            .. wanted.Emails.Select((e, i) => Read(AddressKind.Email, e, $"/emails/{i}")),
            .. wanted.Phones.Select((p, i) => Read(AddressKind.Phone, p, $"/phones/{i}")),
        ];
    }

    private static string? Username(string? text, List<FieldFault> faults)
    {
        var name = text?.Trim();
        if (name is not null && !Identifier.IsUsername(name))
        {
            faults.Add(new FieldFault("/username", "2 to 64 printable characters without white space or @, and not a telephone number."));
        }

        return name;
    }

    private static ImmutableArray<string> Groups(IReadOnlyList<string> groups, List<FieldFault> faults)
    {
        if (groups.Count > MaxGroups || groups.Distinct(StringComparer.Ordinal).Count() != groups.Count)
        {
            faults.Add(new FieldFault("/groups", $"At most {MaxGroups}, each once."));
            return [];
        }

        for (var i = 0; i < groups.Count; i++)
        {
            if (!IsName(groups[i]))
            {
                faults.Add(new FieldFault($"/groups/{i}", $"1 to {MaxName} printable characters."));
            }
        }

        return [.. groups];
    }
}
