using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Sessions;

/// <summary>What the ledger says of sessions and of passwords that people change themselves.</summary>
internal static class SessionLedger
{
    /// <summary>A session was opened.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="session">The session.</param>
    public static LedgerEntry Opened(Visitor visitor, Session session) =>
        new(LedgerEvent.SessionOpened, Principal.Of(session.Account), session.Account)
        {
            Facts = Facts(
                visitor,
                ("session", session.Id.ToString()),
                ("amr", session.Amr),
                ("credential", session.Credential?.ToString()),
                ("must_change_password", session.RestrictedTo == SessionRestriction.PasswordChange)),
            Texts = Source(visitor),
        };

    /// <summary>Sessions were ended by their person.</summary>
    /// <param name="caller">The person.</param>
    /// <param name="why">Why, in one closed name.</param>
    /// <param name="count">How many.</param>
    public static LedgerEntry Ended(SessionCaller caller, string why, int count) =>
        new(LedgerEvent.SessionEnded, caller.Principal, caller.Session.Account)
        {
            Facts = Facts(caller, ("session", caller.Session.Id.ToString()), ("why", why), ("ended", count)),
            Texts = Source(caller),
        };

    /// <summary>Facts with the request they belong to.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="facts">The facts; those that are null are left out.</param>
    public static Dictionary<string, object?> Facts(Visitor visitor, params ReadOnlySpan<(string Name, object? Value)> facts)
    {
        var all = new Dictionary<string, object?>(StringComparer.Ordinal) { ["correlation_id"] = visitor.CorrelationId };
        foreach (var (name, value) in facts)
        {
            if (value is not null)
            {
                all[name] = value;
            }
        }

        return all;
    }

    /// <summary>Where a call came from: personal, so it is a text.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="reason">Why, where somebody said so.</param>
    public static Dictionary<string, string> Source(Visitor visitor, Reason? reason = null) =>
        new(reason?.Texts ?? ImmutableDictionary<string, string>.Empty, StringComparer.Ordinal) { ["source"] = visitor.Source };
}
