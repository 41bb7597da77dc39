using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;

namespace Sparekey.Core.Recoveries;

/// <summary>
/// The one place that decides what happens to a recovery: a pure function of the recovery, the command, the policy and the
/// time. It holds, whatever comes in whatever order: no usable secret exists while a requirement is open; a generation dies
/// with the next one; a closed recovery stays closed.
/// </summary>
public static partial class RecoveryMachine
{
    private static readonly TimeSpan FurthestNotBefore = TimeSpan.FromDays(30);

    /// <summary>Decides a command.</summary>
    /// <param name="recovery">The recovery, or null when there is none yet.</param>
    /// <param name="command">What is asked.</param>
    /// <param name="policy">The tenant's policy as it is now.</param>
    /// <param name="now">The time.</param>
    public static Decision Decide(Recovery? recovery, RecoveryCommand command, Policy policy, DateTimeOffset now)
    {
        if (command is RecoveryCommand.Open open)
        {
            return recovery is not null ? Refuse(RefusalCode.WrongState)
                : policy.IsStopped ? Refuse(RefusalCode.RecoveriesStopped)
                : Opened(open, policy, now);
        }

        if (recovery is null)
        {
            return Refuse(RefusalCode.RecoveryNotFound);
        }

        // Time is looked at first, so that a command never acts on a recovery that ended before it came.
        var (current, passed) = PassTime(recovery, now);
        var decision = policy.IsStopped && StoppedAnswer(command) is { } stopped ? Refuse(stopped)
            : IsHiddenFrom(command, current, now) ? DecideUnnoticed(current, command, policy, now) : DecideOn(current, command, policy, now);
        return decision switch
        {
            Decision.Accepted a => a with { Next = a.Next with { Version = recovery.Version + 1 }, Events = [.. passed, .. a.Events] },
            Decision.Refused when passed.IsEmpty => decision,
            Decision.Refused r => new Decision.Accepted(
                current with { Version = recovery.Version + 1 }, passed, command is RecoveryCommand.Tick ? null : r.Refusal),
            _ => throw new InvalidOperationException("A decision is accepted or refused."),
        };
    }

    /// <summary>What policy demands of a recovery that would be opened.</summary>
    /// <param name="open">The opening.</param>
    /// <param name="policy">The tenant's policy as it is now.</param>
    /// <param name="now">The time.</param>
    public static PolicyAnswer Evaluate(RecoveryCommand.Open open, Policy policy, DateTimeOffset now) =>
        policy.Evaluate(Question(open.Request, open.By, open.Source, open.Account), now);

    // While recoveries are stopped nobody comes nearer to an account; who says no is heard. Whether a secret was right is not said, or it
    // could be found out now and used later; wrong ones count as ever.
    private static RefusalCode? StoppedAnswer(RecoveryCommand command) => command switch
    {
        RecoveryCommand.Issue or RecoveryCommand.Authorize or RecoveryCommand.Complete or RecoveryCommand.CompleteDirectly =>
            RefusalCode.RecoveriesStopped,
        RecoveryCommand.Redeem { Matches: true } => RefusalCode.SecretInvalid,
        _ => null,
    };

    private static Decision DecideOn(Recovery current, RecoveryCommand command, Policy policy, DateTimeOffset now) =>
        NoteOf(command)?.FaultOn(current) is { } fault ? Refuse(fault) : command switch
        {
            RecoveryCommand.AddReason c => AddReason(current, c, now),
            RecoveryCommand.Confirm c => Confirm(current, c, now),
            RecoveryCommand.GiveEvidence c => GiveEvidence(current, c, now),
            RecoveryCommand.Prove c => Prove(current, c, now),
            RecoveryCommand.Authorize c => Authorize(current, c, now),
            RecoveryCommand.Approve c => Approve(current, c, now),
            RecoveryCommand.Deny c => Deny(current, c, now),
            RecoveryCommand.Issue c => Issue(current, c, policy, now),
            RecoveryCommand.Redeem c => Redeem(current, c, now),
            RecoveryCommand.Complete c => Complete(current, c, now),
            RecoveryCommand.CompleteDirectly c => CompleteDirectly(current, c, policy, now),
            RecoveryCommand.BindKey c => BindKey(current, c, now),
            RecoveryCommand.Cancel c => Cancel(current, c, now),
            RecoveryCommand.Tick => Refuse(RefusalCode.WrongState),
            _ => throw new InvalidOperationException("The set of commands is closed."),
        };

    private static DecisionNote? NoteOf(RecoveryCommand command) => command switch
    {
        RecoveryCommand.Confirm c => c.Note,
        RecoveryCommand.GiveEvidence c => c.Note,
        RecoveryCommand.Approve c => c.Note,
        RecoveryCommand.Deny c => c.Note,
        _ => null,
    };

    private static Decision Opened(RecoveryCommand.Open open, Policy policy, DateTimeOffset now)
    {
        var request = open.Request;
        var answer = Evaluate(open, policy, now);
        if (FaultOf(request, open.By, open.Account, answer, now) is { } fault)
        {
            return Refuse(fault);
        }

        var requirements = Requirement.Union(answer.Requirements, open.Extra);
        if (request.NotBefore is { } notBefore && notBefore > now)
        {
            requirements = Requirement.Union(requirements, [new Requirement(RequirementKind.Wait) { Until = notBefore }]);
        }

        requirements = MeetByReason(requirements, request.Reason, open.By, now);
        var waitsUntil = requirements.Select(r => r.Until ?? now).Append(now).Max();
        var recovery = new Recovery(open.Id, open.Tenant, request, open.By, now, waitsUntil + policy.OpenFor)
        {
            Source = open.Source,
            Requirements = requirements,
            Watchers = answer.Watchers,
            State = RecoveryState.Pending,
        };
        var opened = new RecoveryEvent(LedgerEvent.RecoveryOpened, open.By)
        {
            Facts = WithRequestKey(
                Facts(
                    ("means", WireName.Of(request.Means)),
                    ("channel", WireName.Of(request.Channel)),
                    ("application", request.Application.ToString()),
                    ("account_version", request.AccountVersion),
                    ("rules", answer.Rules.ToList()),
                    ("requirements", requirements.Select(r => WireName.Of(r.Kind)).ToList()),
                    ("open", requirements.Where(r => !r.IsMet(now)).Select(r => WireName.Of(r.Kind)).ToList()),
                    ("digest", recovery.Digest)),
                recovery),
            Texts = request.Reason?.Texts ?? ImmutableDictionary<string, string>.Empty,
        };
        var (settled, events) = Settle(recovery, now);
        return new Decision.Accepted(settled, [opened, .. events]);
    }

    private static Refusal? FaultOf(
        RecoveryRequest request, Principal by, AccountFacts account, PolicyAnswer answer, DateTimeOffset now)
    {
        if (account.Status != AccountStatus.Active)
        {
            return RefusalCode.AccountDisabled;
        }

        if (request.Fault is { } fault)
        {
            return fault;
        }

        // Nobody orders what only the person holds.
        if (request.Means == Means.SavedCode && by != Principal.Of(request.Account))
        {
            return new Refusal(RefusalCode.MeansNotAvailable, "A saved recovery code is the person's own to present.");
        }

        // Who has not proved who they are is sent the secret through the person's channel, and never handed it.
        if (!request.Channel.ReachesPerson() && request.Means.EndsInRedemption() && by.Kind == PrincipalKind.Anonymous)
        {
            return new Refusal(RefusalCode.ChannelNotAvailable, "Only somebody known receives a secret in the answer.");
        }

        // A link cannot be read out, and what travels by voice is short enough to say.
        if (request.Channel.IsSpoken() && (request.Means != Means.Code || request.CodeFormat == Secrets.CodeFormat.Long))
        {
            return new Refusal(RefusalCode.ChannelNotAvailable, "Only digits, letters and phrases can be read out.");
        }

        if (request.Means == Means.Code != request.CodeFormat.HasValue)
        {
            return new Refusal(RefusalCode.MeansNotAvailable, "A code has a format; other means have none.");
        }

        if (request.Digits is < 6 or > 10)
        {
            return new Refusal(RefusalCode.InvalidRequest, "A code has 6 to 10 digits."); // N6
        }

        if (answer.Refusal is { } refused)
        {
            return refused;
        }

        if (request.Lifetime > answer.LongestLifetime || request.Lifetime <= TimeSpan.Zero)
        {
            return new Refusal(RefusalCode.LifetimeTooLong, $"A secret lives {Duration.Format(answer.LongestLifetime)} at most here.");
        }

        return request.NotBefore > now + FurthestNotBefore
            ? new Refusal(RefusalCode.InvalidRequest, "A recovery begins within 30 days.")
            : null;
    }

    private static Decision Cancel(Recovery recovery, RecoveryCommand.Cancel command, DateTimeOffset now) =>
        !CanonicalJson.CanWrite(command.Why)
            ? Refuse(new Refusal(RefusalCode.InvalidRequest, "A text holds half a character or U+0000."))
            : recovery.IsClosed
            ? Refuse(Ended(recovery, command.By, now))
            : new Decision.Accepted(
                Close(recovery, RecoveryState.Cancelled, now),
                [new RecoveryEvent(LedgerEvent.RecoveryCancelled, command.By) { Texts = Texts(("why", command.Why)) }]);

    // What the passing of time alone does, before any command is looked at.
    private static (Recovery Next, ImmutableArray<RecoveryEvent> Events) PassTime(Recovery recovery, DateTimeOffset now)
    {
        var over = now >= recovery.OpenUntil && recovery.State switch
        {
            RecoveryState.Pending or RecoveryState.Ready => true,
            RecoveryState.Issued or RecoveryState.Redeemed or RecoveryState.Locked =>
                !(now < recovery.Secret?.ExpiresAt) && !(now < recovery.Redemption?.ExpiresAt),
            RecoveryState.Completed or RecoveryState.Denied or RecoveryState.Cancelled or RecoveryState.Expired => false,
        };
        if (over)
        {
            return (Close(recovery, RecoveryState.Expired, now), [new RecoveryEvent(LedgerEvent.RecoveryExpired, Principal.System)]);
        }

        return recovery.State == RecoveryState.Pending ? Settle(recovery, now) : (recovery, []);
    }

    // A pending recovery whose last requirement was met is ready, or issued when its secret was made ahead of time.
    private static (Recovery Next, ImmutableArray<RecoveryEvent> Events) Settle(Recovery recovery, DateTimeOffset now)
    {
        if (recovery.State != RecoveryState.Pending || !recovery.AllMet(now))
        {
            return (recovery, []);
        }

        var ready = new RecoveryEvent(LedgerEvent.RecoveryReady, Principal.System);
        return recovery.Secret is { } secret
            ? (recovery with { State = RecoveryState.Issued, Secret = secret with { Usable = true } }, [ready])
            : (recovery with { State = RecoveryState.Ready }, [ready]);
    }

    private static Recovery Close(Recovery recovery, RecoveryState state, DateTimeOffset now) =>
        recovery with { State = state, Secret = null, Redemption = null, ClosedAt = now };

    private static PolicyQuestion Question(RecoveryRequest request, Principal requester, string? source, AccountFacts account) =>
        new(request.Means, request.Channel, request.Application, requester.Kind, account)
        {
            How = Circumstances.Of(requester, source, request.Risk),
        };

    private static PolicyQuestion Question(Recovery recovery, AccountFacts account) =>
        Question(recovery.Request, recovery.RequestedBy, recovery.Source, account);

    // A denied requester is refused as what they can see says (T16).
    private static RefusalCode Ended(Recovery recovery, Principal by, DateTimeOffset now) =>
        recovery.AsSeenBy(by, now).State switch
        {
            RecoveryState.Pending => RefusalCode.RequirementsOpen,
            RecoveryState.Expired => RefusalCode.RecoveryExpired,
            _ => RefusalCode.RecoveryClosed,
        };

    private static Decision.Refused Refuse(Refusal refusal) => new(refusal);

    private static ImmutableDictionary<string, object?> Facts(params ReadOnlySpan<(string Name, object? Value)> facts)
    {
        var all = ImmutableDictionary.CreateBuilder<string, object?>(StringComparer.Ordinal);
        foreach (var (name, value) in facts)
        {
            all[name] = value;
        }

        return all.ToImmutable();
    }

    private static ImmutableDictionary<string, string> Texts(params ReadOnlySpan<(string Name, string? Value)> texts)
    {
        var all = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in texts)
        {
            if (!string.IsNullOrEmpty(value))
            {
                all[name] = value;
            }
        }

        return all.ToImmutable();
    }
}
