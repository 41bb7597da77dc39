using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Ceremonies;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>
/// Tells people and administrators of what looks like an attack on signing in. Strangers can bring it about, so that a person is told once
/// an hour at most, and administrators a few times, of whomever it is.
/// </summary>
/// <param name="ceremonies">Where it stands that a person was told.</param>
/// <param name="throttle">Counts what administrators are told.</param>
/// <param name="notices">The mails.</param>
internal sealed class SignInAttacks(CeremonyStore ceremonies, Throttle throttle, EscrowNotices notices)
{
    private const string Kind = "openpgp.attack";

    private static readonly TimeSpan Quiet = TimeSpan.FromHours(1);
    private static readonly ThrottleLimit Alarms = new(5, Quiet);

    /// <summary>Tells, where it is one and nobody was told within the hour.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="account">Whose account; null for nobody's.</param>
    /// <param name="fault">What was wrong.</param>
    public async Task Tell(Act act, Visitor visitor, AccountId? account, SignInFault fault)
    {
        if (account is { } whose && SignInFaults.IsAttack(fault)
            && await ceremonies.TryBegin(act, Kind, whose.ToString(), new Ceremony<bool>(whose, null, State: true, 1), act.Now + Quiet))
        {
            await notices.Attacked(act, whose, visitor);
            if (await throttle.Count(act, ThrottleKind.SignIn, "attack", "openpgp", Alarms) is null)
            {
                await notices.Administrators(act, EscrowNews.SignInAttacked, whose, request: null, visitor, device: null);
            }
        }
    }
}
