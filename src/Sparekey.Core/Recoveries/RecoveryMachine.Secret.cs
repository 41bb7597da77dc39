using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;

namespace Sparekey.Core.Recoveries;

/// <content>How a secret is issued, tried and spent.</content>
public static partial class RecoveryMachine
{
    private static Decision Issue(Recovery recovery, RecoveryCommand.Issue command, Policy policy, DateTimeOffset now)
    {
        if (MayIssue(recovery, command.By, now) is { } refusal)
        {
            return Refuse(refusal);
        }

        var answer = policy.Evaluate(Question(recovery, command.Account), recovery.CreatedAt, now);
        if (StillStands(recovery, command.Account, answer) is { } changed)
        {
            return Refuse(changed);
        }

        // Whatever happens next, the former generation and its redemption are dead.
        var next = Strengthen(recovery, command.Account, answer, now) with
        {
            Secret = null, Redemption = null, Watchers = Watchers.Union(recovery.Watchers, answer.Watchers),
        };
        var open = !next.AllMet(now);
        if (open && !command.Ahead)
        {
            var refused = new Refusal(RefusalCode.RequirementsOpen, OpenRequirements(next, now));
            return Raised(recovery, next, refused, now);
        }

        var lifetime = recovery.Request.Lifetime < answer.LongestLifetime ? recovery.Request.Lifetime : answer.LongestLifetime;
        var secret = new Generation(recovery.LastGeneration + 1, now, now + lifetime, Usable: !open);
        var issued = new RecoveryEvent(LedgerEvent.RecoveryIssued, command.By)
        {
            Facts = Facts(
                ("generation", secret.Number),
                ("expires_at", secret.ExpiresAt.ToUnixTimeMilliseconds()),
                ("usable", secret.Usable),
                ("rules", answer.Rules.ToList())),
        };
        return new Decision.Accepted(
            next with
            {
                State = open ? RecoveryState.Pending : RecoveryState.Issued,
                Secret = secret,
                LastGeneration = secret.Number,
            },
            [issued]);
    }

    private static Refusal? MayIssue(Recovery recovery, Principal by, DateTimeOffset now)
    {
        if (recovery.IsClosed)
        {
            return Ended(recovery, by, now);
        }

        if (!recovery.Request.Means.EndsInRedemption())
        {
            return new Refusal(RefusalCode.WrongState, "This means has nothing to issue.");
        }

        if (now >= recovery.OpenUntil)
        {
            return RefusalCode.RecoveryExpired;
        }

        // What is answered to the caller goes to the one who asked, and to nobody who only has the same permission.
        return !recovery.Request.Channel.ReachesPerson() && by.Id != recovery.RequestedBy.Id
            ? new Refusal(RefusalCode.SeparationOfDuties, "Only the requester receives this secret.")
            : null;
    }

    private static Decision Redeem(Recovery recovery, RecoveryCommand.Redeem command, DateTimeOffset now)
    {
        if (!recovery.TakesTries(now))
        {
            return Refuse(RefusalCode.SecretInvalid);
        }

        var secret = recovery.Secret!;
        if (!command.Matches)
        {
            return CountTry(recovery, secret, command.Origin, now);
        }

        // Who holds the secret that was sent ahead is told what to bring beside it.
        if (!secret.Usable)
        {
            return Refuse(new Refusal(RefusalCode.RequirementsOpen, OpenRequirements(recovery, now)) { Recovery = recovery.Id });
        }

        if (secret.Redemptions >= RecoveryLimits.RedemptionsPerSecret)
        {
            return Refuse(RefusalCode.SecretInvalid);
        }

        var redeemed = new RecoveryEvent(LedgerEvent.RecoveryRedeemed, Redeemer(recovery))
        {
            Facts = Facts(("generation", secret.Number), ("redemption", command.Redemption.ToString())),
        };
        return new Decision.Accepted(
            recovery with
            {
                State = RecoveryState.Redeemed,
                Secret = secret with { Redemptions = secret.Redemptions + 1 },
                Redemption = new Redemption(command.Redemption, secret.Number, now + RecoveryLimits.RedemptionFor),
            },
            [redeemed]);
    }

    private static Decision.Accepted CountTry(Recovery recovery, Generation secret, TryOrigin origin, DateTimeOffset now)
    {
        var counted = origin == TryOrigin.Handle
            ? secret with { HandleTries = secret.HandleTries + 1 }
            : secret with { Tries = secret.Tries + 1 };
        var tried = new RecoveryEvent(LedgerEvent.RecoveryTryRefused, Principal.Anonymous)
        {
            Facts = Facts(
                ("generation", secret.Number), ("origin", WireName.Of(origin)), ("tries", counted.Tries + counted.HandleTries)),
        };
        if (counted.Tries + counted.HandleTries < RecoveryLimits.Tries && counted.HandleTries < RecoveryLimits.TriesByHandle)
        {
            return new Decision.Accepted(recovery with { Secret = counted }, [tried], RefusalCode.SecretInvalid);
        }

        // The secret is used up. A redemption that the right person opened before lives on: strangers void nothing of theirs. Who
        // opens that of a recovery key has proved nothing yet; its wrong signatures end it.
        var proved = recovery.Request.Means != Means.RecoveryKey;
        return new Decision.Accepted(
            recovery with
            {
                State = RecoveryState.Locked,
                Secret = null,
                Redemption = proved && now < recovery.Redemption?.ExpiresAt ? recovery.Redemption : null,
            },
            [tried, new RecoveryEvent(LedgerEvent.RecoveryLocked, Principal.System) { Facts = Facts(("generation", secret.Number)) }],
            RefusalCode.SecretInvalid);
    }

    private static Decision Complete(Recovery recovery, RecoveryCommand.Complete command, DateTimeOffset now)
    {
        var live = recovery.Redemption is { } redemption && redemption.Id == command.Redemption && redemption.IsAlive(now);

        // Whoever holds the redemption of a recovery key has asked for it, and proved nothing: only the key's own signature ends it.
        var proven = command.ByRecoveryKey == (recovery.Request.Means == Means.RecoveryKey);
        // A session proves no more than the secret that opened it, so that only what the person was sent, or told, opens one.
        var fits = !command.IntoSession || recovery.Request.Means.HasSecret();
        return live && proven && fits && command.Account.Status == AccountStatus.Active
            ? Completed(recovery, Redeemer(recovery), now, command.IntoSession)
            : Refuse(RefusalCode.RedemptionInvalid);
    }

    // Nobody but the operator's programme takes part in what it forces.
    private static Principal Redeemer(Recovery recovery) =>
        recovery.Request.Means == Means.Force ? recovery.RequestedBy : Principal.Of(recovery.Request.Account);

    private static Decision CompleteDirectly(
        Recovery recovery, RecoveryCommand.CompleteDirectly command, Policy policy, DateTimeOffset now)
    {
        if (recovery.IsClosed)
        {
            return Refuse(Ended(recovery, command.By, now));
        }

        if (recovery.Request.Means.EndsInRedemption())
        {
            return Refuse(new Refusal(RefusalCode.WrongState, "This means ends with a redemption."));
        }

        var answer = policy.Evaluate(Question(recovery, command.Account), recovery.CreatedAt, now);
        if (StillStands(recovery, command.Account, answer) is { } changed)
        {
            return Refuse(changed);
        }

        var next = Strengthen(recovery, command.Account, answer, now);
        if (next.AllMet(now))
        {
            // Nothing can be encrypted to a device that has not said what to.
            return next.Request.RequestKeyFingerprint is null
                ? Refuse(new Refusal(RefusalCode.WrongState, "The person's device has made no key for it yet."))
                : Completed(next, command.By, now);
        }

        return Raised(recovery, next, new Refusal(RefusalCode.RequirementsOpen, OpenRequirements(next, now)), now);
    }

    private static Decision.Accepted Completed(Recovery recovery, Principal by, DateTimeOffset now, bool intoSession = false)
    {
        var facts = Facts(
            ("generation", recovery.LastGeneration),
            ("revoke", recovery.Request.Revoke.Select(WireName.Of).ToList()));
        facts = WithRequestKey(intoSession ? facts.Add("into", "session") : facts, recovery);
        return new Decision.Accepted(
            Close(recovery, RecoveryState.Completed, now), [new RecoveryEvent(LedgerEvent.RecoveryCompleted, by) { Facts = facts }]);
    }

    // The account may have changed, or the policy, since people decided.
    private static Refusal? StillStands(Recovery recovery, AccountFacts account, PolicyAnswer answer)
    {
        if (account.Status != AccountStatus.Active)
        {
            return RefusalCode.AccountDisabled;
        }

        if (answer.Refusal is { } refused)
        {
            return refused;
        }

        var decided = recovery.Requirements.Any(r => r.IsDecidedByPeople && !r.Met.IsEmpty);
        return decided && account.Version != recovery.Request.AccountVersion
            ? new Refusal(RefusalCode.AccountChanged, "The account changed after people decided: open another recovery.")
            : null;
    }

    /// <summary>
    /// Asks policy and account once more at the moment when a secret that was sent ahead becomes usable, as issuing asks: what was
    /// tightened or changed since it was sent counts.
    /// </summary>
    /// <param name="recovery">The recovery whose secret has just become usable.</param>
    /// <param name="account">What policy looks at in the account.</param>
    /// <param name="policy">The policy in force.</param>
    /// <param name="now">The time.</param>
    /// <returns>Null where it stands; else the recovery without its secret, which waits again, or is to be issued again where that may be.</returns>
    public static Decision.Accepted? Reconsider(Recovery recovery, AccountFacts account, Policy policy, DateTimeOffset now)
    {
        var answer = policy.Evaluate(Question(recovery, account), recovery.CreatedAt, now);
        var changed = policy.IsStopped || StillStands(recovery, account, answer) is not null;
        var next = changed ? recovery : Strengthen(recovery, account, answer, now);
        if (!changed && next.AllMet(now))
        {
            return null;
        }

        return new Decision.Accepted(
            next with { State = changed ? RecoveryState.Ready : RecoveryState.Pending, Secret = null, Redemption = null, Version = recovery.Version + 1 },
            [RequirementsRaised(next, now)]);
    }

    // The requirements that count are the union of the policy at opening and now.
    private static Recovery Strengthen(Recovery recovery, AccountFacts account, PolicyAnswer answer, DateTimeOffset now) =>
        recovery with
        {
            Request = recovery.Request with { AccountVersion = account.Version },
            Requirements = MeetByReason(
                Requirement.Union(recovery.Requirements, answer.Requirements), recovery.Request.Reason, recovery.RequestedBy, now),
        };

    // What policy demands now was not demanded before: the recovery waits again, and no secret of it is left. One that was sent ahead
    // and cannot be used yet stays, where nothing more is demanded than before.
    private static Decision Raised(Recovery before, Recovery after, Refusal refused, DateTimeOffset now)
    {
        if (Unchanged(before, after))
        {
            return Refuse(refused);
        }

        return new Decision.Accepted(after with { State = RecoveryState.Pending }, [RequirementsRaised(after, now)], refused);
    }

    private static RecoveryEvent RequirementsRaised(Recovery recovery, DateTimeOffset now) =>
        new(LedgerEvent.RecoveryRequirementsRaised, Principal.System)
        {
            Facts = Facts(("open", recovery.Requirements.Where(r => !r.IsMet(now)).Select(r => WireName.Of(r.Kind)).ToList())),
        };

    private static bool Unchanged(Recovery before, Recovery after) =>
        before.Digest == after.Digest && before.State == RecoveryState.Pending
        && before.Requirements.Length == after.Requirements.Length
        && before.Requirements.Zip(after.Requirements).All(p => p.First.Count == p.Second.Count && p.First.Until == p.Second.Until
            && p.First.OrEvidence == p.Second.OrEvidence && p.First.Signed == p.Second.Signed && p.First.Met.Length == p.Second.Met.Length);

    private static string OpenRequirements(Recovery recovery, DateTimeOffset now) =>
        $"Still open: {string.Join(", ", recovery.Requirements.Where(r => !r.IsMet(now)).Select(r => WireName.Of(r.Kind)))}.";
}
