using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;

namespace Sparekey.Server.Api;

/// <summary>A new account as a caller writes it: <c>email</c> for one address, <c>emails</c> for several.</summary>
internal sealed record AccountBody(
    string? Email = null, IReadOnlyList<string>? Emails = null, IReadOnlyList<string>? Phones = null, string? Username = null,
    string? Role = null, AccountKind Kind = AccountKind.Customer, AccountStatus Status = AccountStatus.Active,
    IReadOnlyList<string>? Groups = null, AccountId? ManagerId = null, JsonElement? Traits = null, JsonElement? MetadataPublic = null,
    JsonElement? MetadataAdmin = null, IReadOnlyList<ExternalId>? ExternalIds = null, SecretText? Password = null,
    SecretText? PasswordHash = null, int Line = 0)
{
    /// <summary>What is wanted, or <see cref="RefusalCode.InvalidRequest"/> for both ways of writing an address at once.</summary>
    public Result<NewAccount> Read()
    {
        if (Email is not null && Emails is { Count: > 0 })
        {
            return new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/email", "email or emails, not both.")] };
        }

        return new NewAccount
        {
            Emails = Email is null ? Emails ?? [] : [Email],
            Phones = Phones ?? [],
            Username = Username,
            Role = Role,
            Kind = Kind,
            Status = Status,
            Groups = Groups ?? [],
            Manager = ManagerId,
            Traits = Traits?.GetRawText(),
            MetadataPublic = MetadataPublic?.GetRawText(),
            MetadataAdmin = MetadataAdmin?.GetRawText(),
            ExternalIds = ExternalIds ?? [],
            Password = Password,
            PasswordHash = PasswordHash,
        };
    }

    /// <summary>A refusal whose pointers name the members as this body has them.</summary>
    /// <param name="refusal">The use case's refusal.</param>
    public Refusal InItsOwnWords(Refusal refusal) =>
        Email is null
            ? refusal
            : refusal with { Faults = [.. refusal.Faults.Select(f => f.Pointer == "/emails/0" ? f with { Pointer = "/email" } : f)] };

    /// <summary>Shows nothing: a body may hold a password.</summary>
    public override string ToString() => "account";
}

/// <summary>
/// What shall be different about an account. A member that is absent stays; <c>null</c> takes a user name or a manager away;
/// objects and lists are replaced as a whole.
/// </summary>
internal sealed record AccountPatch(
    JsonElement Username = default, string? Role = null, AccountKind? Kind = null, AccountStatus? Status = null,
    IReadOnlyList<string>? Groups = null, JsonElement ManagerId = default, JsonElement? Traits = null, JsonElement? MetadataPublic = null,
    JsonElement? MetadataAdmin = null, IReadOnlyList<ExternalId>? ExternalIds = null, int? Version = null)
{
    /// <summary>What is wanted, or <see cref="RefusalCode.InvalidRequest"/> for a member of the wrong type.</summary>
    public Result<AccountChange> Read()
    {
        var faults = new List<FieldFault>();
        var username = Wire.Text(Username, "/username", faults);
        var manager = Wire.Text(ManagerId, "/manager_id", faults);
        var managerId = default(AccountId);
        if (manager?.Value is { } text && !Ids.TryParse(text, out managerId))
        {
            faults.Add(new FieldFault("/manager_id", "An id is a UUID."));
        }

        return faults.Count > 0
            ? new Refusal(RefusalCode.InvalidRequest) { Faults = faults }
            : new AccountChange
            {
                Version = Version,
                Username = username,
                Role = Role,
                Kind = Kind,
                Status = Status,
                Groups = Groups,
                Manager = manager is null ? null : new Assigned<AccountId?>(manager.Value is null ? null : managerId),
                Traits = Traits?.GetRawText(),
                MetadataPublic = MetadataPublic?.GetRawText(),
                MetadataAdmin = MetadataAdmin?.GetRawText(),
                ExternalIds = ExternalIds,
            };
    }
}

/// <summary>Reads members that tell absent from null.</summary>
internal static class Wire
{
    /// <summary>A text, an assigned null, or null when the member is absent.</summary>
    /// <param name="element">The member.</param>
    /// <param name="pointer">Where it stands.</param>
    /// <param name="faults">Takes what is wrong.</param>
    public static Assigned<string?>? Text(JsonElement element, string pointer, List<FieldFault> faults)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Undefined:
                return null;
            case JsonValueKind.Null:
                return new Assigned<string?>(null);
            case JsonValueKind.String:
                return new Assigned<string?>(element.GetString());
            default:
                faults.Add(new FieldFault(pointer, "A text or null."));
                return null;
        }
    }
}
