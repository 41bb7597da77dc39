using Sparekey.Core;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;

namespace Sparekey.Engine.Recoveries;

/// <summary>How a caller names an account: by exactly one of the two.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Identifier">A user name, e-mail address or telephone number.</param>
public sealed record AccountName(AccountId? Id, string? Identifier);

/// <summary>What a caller asks for.</summary>
/// <param name="Account">Whose account.</param>
/// <param name="Means">How the person will prove themselves: link, code, token or recovery key; or force.</param>
public sealed record RecoveryOrder(AccountName Account, Means Means)
{
    /// <summary>For which application; null for the tenant's own.</summary>
    public ApplicationId? Application { get; init; }

    /// <summary>The form of a code; null for digits when the means is a code.</summary>
    public CodeFormat? CodeFormat { get; init; }

    /// <summary>How many digits, 6 to 10; null for 8.</summary>
    public int? Digits { get; init; }

    /// <summary>How the secret reaches the person.</summary>
    public Channel Channel { get; init; } = Channel.Return;

    /// <summary>How long a secret lives; null for the channel's default or policy's limit, whichever is shorter.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>Whether a lifetime beyond policy's limit is cut to it, and not refused.</summary>
    public bool CutsLifetime { get; init; }

    /// <summary>Before this time no secret is usable.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Why.</summary>
    public Reason? Reason { get; init; }

    /// <summary>What the caller says of the risk it sees.</summary>
    public Risk? Risk { get; init; }

    /// <summary>What ends with the completion; null for the sessions.</summary>
    public IReadOnlyList<Revocation>? Revoke { get; init; }

    /// <summary>For a recovery key: which one, as the outside names it; null for every one the person has.</summary>
    public string? RecoveryKey { get; init; }

    /// <summary>Whether it is done for accounts of the lowest role only, however high the caller's ceiling.</summary>
    public bool OnlyLowestRole { get; init; }

    /// <summary>
    /// Whether every earlier secret of this means that the account has ends as this one is issued. While it waits, they live on.
    /// </summary>
    public bool ReplacesEarlier { get; init; }

    /// <summary>Whether a code is made now that somebody authorises later.</summary>
    public bool AwaitsAuthorization { get; init; }
}
