using System.Collections.Immutable;
using Sparekey.Core.Access;

namespace Sparekey.Core.Policies;

/// <summary>What a limit of velocity counts.</summary>
public enum VelocityScope
{
    /// <summary>What is asked for with one access token.</summary>
    Token,

    /// <summary>What one person asks for: themselves, and with every programme that they own.</summary>
    Operator,

    /// <summary>What is asked for accounts of one group.</summary>
    Group,

    /// <summary>What is asked for one account.</summary>
    Target,
}

/// <summary>How many recoveries there may be in how long.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Per">What is counted.</param>
/// <param name="Count">So many are within it.</param>
/// <param name="Within">In this time.</param>
/// <param name="Refuses">Whether more are refused; else each takes one approval more.</param>
public sealed record VelocityLimit(string Name, VelocityScope Per, int Count, TimeSpan Within, bool Refuses)
{
    /// <summary>The highest count of a limit.</summary>
    public const int Most = 10_000;

    /// <summary>How far back a limit looks at most, and so how long it is kept what was counted.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    /// <summary>With <see cref="VelocityScope.Group"/>: only these groups; empty for every one.</summary>
    public ImmutableArray<string> Groups { get; init; } = [];

    /// <summary>Whether it counts a subject.</summary>
    /// <param name="subject">The subject.</param>
    public bool Counts(VelocitySubject subject) =>
        subject.Per == Per && (Groups.IsEmpty || Groups.Contains(subject.Id, StringComparer.Ordinal));
}

/// <summary>What a recovery is counted for.</summary>
/// <param name="Per">As what.</param>
/// <param name="Id">The id of the token, person or account, or the name of the group.</param>
public readonly record struct VelocitySubject(VelocityScope Per, string Id)
{
    /// <summary>
    /// Everything that a recovery is counted for. Nothing where a person, or somebody unknown, asks for an account that is theirs to get
    /// back: the secret goes to the person alone, and no stranger may shut anybody out by asking often.
    /// </summary>
    /// <param name="requester">Who asks.</param>
    /// <param name="token">With which token; null for none.</param>
    /// <param name="account">Whose account.</param>
    /// <param name="groups">Its groups.</param>
    public static ImmutableArray<VelocitySubject> Of(
        Principal requester, TokenId? token, AccountId account, IEnumerable<string> groups) =>
        requester.Kind is PrincipalKind.Anonymous or PrincipalKind.System || requester.IsPersonOf(account)
            ? []
            :
            [
                .. token is { } known ? [new VelocitySubject(VelocityScope.Token, known.ToString())] : Array.Empty<VelocitySubject>(),
                new VelocitySubject(VelocityScope.Operator, requester.OwnerId ?? requester.Id),
                .. groups.Distinct(StringComparer.Ordinal).Select(g => new VelocitySubject(VelocityScope.Group, g)),
                new VelocitySubject(VelocityScope.Target, account.ToString()),
            ];
}

/// <summary>A limit that counts a recovery, and whether that is one too many.</summary>
/// <param name="Limit">The limit.</param>
/// <param name="Subject">What it counts it for.</param>
/// <param name="RetryAfter">After which time there is room again; null where there is room now.</param>
public sealed record LimitUse(VelocityLimit Limit, VelocitySubject Subject, TimeSpan? RetryAfter = null)
{
    /// <summary>Whether the limit is exceeded.</summary>
    public bool IsExceeded => RetryAfter is not null;
}
