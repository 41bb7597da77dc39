namespace Sparekey.Core.Access;

/// <summary>What kind of principal acts.</summary>
public enum PrincipalKind
{
    /// <summary>A person with an account.</summary>
    Account,

    /// <summary>A programme, owned by a person.</summary>
    ServiceAccount,

    /// <summary>Whoever may run the CLI on the server's own machine.</summary>
    LocalOperator,

    /// <summary>Sparekey itself: timers.</summary>
    System,

    /// <summary>Somebody who has not proved who they are.</summary>
    Anonymous,
}

/// <summary>
/// Who acts. Every token, chat identity and CLI call resolves to exactly one principal. Separation of duties compares
/// principals and owners, never tokens: who owns two programmes is still one person.
/// </summary>
/// <param name="Kind">What kind.</param>
/// <param name="Id">The account's or service account's id, or a fixed name.</param>
/// <param name="OwnerId">The principal that owns a service account; null for the others.</param>
public sealed record Principal(PrincipalKind Kind, string Id, string? OwnerId = null)
{
    /// <summary>The principal of the CLI on the server's machine.</summary>
    public static Principal LocalOperator { get; } = new(PrincipalKind.LocalOperator, "local-operator");

    /// <summary>Sparekey itself.</summary>
    public static Principal System { get; } = new(PrincipalKind.System, "system");

    /// <summary>Somebody who has not proved who they are.</summary>
    public static Principal Anonymous { get; } = new(PrincipalKind.Anonymous, "anonymous");

    /// <summary>The person of an account.</summary>
    /// <param name="account">The account.</param>
    public static Principal Of(AccountId account) => new(PrincipalKind.Account, account.ToString());

    /// <summary>Whether both are the same principal, share an owner, or one owns the other.</summary>
    /// <param name="other">The other principal.</param>
    public bool IsSamePersonAs(Principal other) =>
        Id == other.Id || Id == other.OwnerId || OwnerId == other.Id || (OwnerId is not null && OwnerId == other.OwnerId);

    /// <summary>Whether this principal is the person of an account, or a programme of theirs.</summary>
    /// <param name="account">The account.</param>
    public bool IsPersonOf(AccountId account)
    {
        var id = account.ToString();
        return Id == id || OwnerId == id;
    }
}
