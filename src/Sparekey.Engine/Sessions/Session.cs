using Sparekey.Core;
using Sparekey.Core.Secrets;

namespace Sparekey.Engine.Sessions;

/// <summary>The one thing a restricted session may be used for.</summary>
public enum SessionRestriction
{
    /// <summary>Changing the password: somebody else chose the one that opened it.</summary>
    PasswordChange,

    /// <summary>A programme opened it for the person: good for reading in the programme's own protocol, and for nothing of ours.</summary>
    Delegated,

    /// <summary>
    /// Setting a credential, in the protocol of another product whose recovery opens a session first. It ends with its short time unless
    /// one was set.
    /// </summary>
    Recovery,

    /// <summary>The person signed in with an OpenPGP key, in the protocol of another product: good there, and for nothing of ours.</summary>
    Openpgp,
}

/// <summary>A signed-in account. The token that proves it is nowhere in it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Account">Whose.</param>
/// <param name="CreatedAt">When it was opened.</param>
/// <param name="LastSeenAt">When it was last used, to the minute.</param>
/// <param name="ExpiresAt">When it ends in any case.</param>
/// <param name="Amr">How the person proved themselves, as RFC 8176 names it, for example <c>pwd</c>.</param>
public sealed record Session(
    SessionId Id, AccountId Account, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt,
    IReadOnlyList<string> Amr)
{
    /// <summary>How long a session lasts in all (SP 800-63B-4 §2.2.3).</summary>
    public static readonly TimeSpan LongestLifetime = TimeSpan.FromHours(24);

    /// <summary>How long an unused session lasts (SP 800-63B-4 §2.2.3).</summary>
    public static readonly TimeSpan LongestIdle = TimeSpan.FromHours(1);

    /// <summary>How long after signing in a person may add and remove credentials (SP 800-63B-4 §4.1.2.1: binding is authenticated anew).</summary>
    public static readonly TimeSpan PrivilegedTime = TimeSpan.FromMinutes(15);

    /// <summary>The application it was opened for; null for none in particular.</summary>
    public ApplicationId? Application { get; init; }

    /// <summary>The credential that opened it: the session ends with it.</summary>
    public CredentialId? Credential { get; init; }

    /// <summary>The one thing it may be used for; null for everything.</summary>
    public SessionRestriction? RestrictedTo { get; init; }

    /// <summary>Whether it can still be used.</summary>
    /// <param name="now">The time.</param>
    public bool IsAlive(DateTimeOffset now) => now < ExpiresAt && now < LastSeenAt + LongestIdle;

    /// <summary>Whether its person has just signed in.</summary>
    /// <param name="now">The time.</param>
    public bool IsFresh(DateTimeOffset now) => now < CreatedAt + PrivilegedTime;
}

/// <summary>A session to open.</summary>
/// <param name="Account">Whose.</param>
/// <param name="Amr">How the person proved themselves (RFC 8176).</param>
public sealed record NewSession(AccountId Account, IReadOnlyList<string> Amr)
{
    /// <summary>The application it is for; null for none in particular.</summary>
    public ApplicationId? Application { get; init; }

    /// <summary>The credential that opens it: the session ends with it.</summary>
    public CredentialId? Credential { get; init; }

    /// <summary>The one thing it may be used for; null for everything.</summary>
    public SessionRestriction? RestrictedTo { get; init; }

    /// <summary>How long it lasts in all; cut to <see cref="Session.LongestLifetime"/>.</summary>
    public TimeSpan Lifetime { get; init; } = Session.LongestLifetime;
}

/// <summary>A session and, this once, the token that proves it.</summary>
/// <param name="Session">The session.</param>
/// <param name="Token">The token; goes into the answer and nowhere else.</param>
public sealed record OpenedSession(Session Session, SecretText Token);
