using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;

namespace Sparekey.Core.Recoveries;

/// <content>How requirements are met, and by whom they may be.</content>
public static partial class RecoveryMachine
{
    private static Decision AddReason(Recovery recovery, RecoveryCommand.AddReason command, DateTimeOffset now)
    {
        if (OnlyWhileOpen(recovery, command.By, now) is { } ended)
        {
            return Refuse(ended);
        }

        var forPerson = command.ForPerson && recovery.Request.Means == Means.Escrow && recovery.RequestedBy.IsPersonOf(recovery.Request.Account);
        if (!forPerson && !command.By.IsSamePersonAs(recovery.RequestedBy))
        {
            return Refuse(new Refusal(RefusalCode.SeparationOfDuties, "The reason is the requester's to give."));
        }

        if (command.Reason.FaultAt("/reason") is { } fault)
        {
            return Refuse(fault);
        }

        if (command.Reason == recovery.Request.Reason)
        {
            return Refuse(new Refusal(RefusalCode.AlreadyDecided, "This reason is written down already."));
        }

        var next = Anew(recovery, recovery.Request with { Reason = command.Reason }, command.By, now);
        return Changed(
            recovery, next,
            new RecoveryEvent(LedgerEvent.RecoveryReasonAdded, command.By)
            {
                Facts = Facts(("digest", next.Digest)),
                Texts = command.Reason.Texts,
            },
            now);
    }

    // An escrow recovery that somebody else opened waits for the person's device to say which key the answer goes to.
    private static Decision BindKey(Recovery recovery, RecoveryCommand.BindKey command, DateTimeOffset now)
    {
        if (OnlyWhileOpen(recovery, command.By, now) is { } ended)
        {
            return Refuse(ended);
        }

        if (recovery.Request.Means != Means.Escrow)
        {
            return Refuse(new Refusal(RefusalCode.WrongState, "Only what is escrowed goes to a key."));
        }

        // Whoever names the key receives the answer: nobody names it for the person.
        if (!command.By.IsPersonOf(recovery.Request.Account) && command.By.Kind != PrincipalKind.System)
        {
            return Refuse(new Refusal(RefusalCode.SeparationOfDuties, "The key is the person's own to name."));
        }

        if (!RecoveryRequest.IsFingerprint(command.Fingerprint))
        {
            return Refuse(new Refusal(RefusalCode.InvalidRequest, "A fingerprint has 40 upper-case hexadecimal digits."));
        }

        if (recovery.Request.RequestKeyFingerprint is not null)
        {
            return Refuse(new Refusal(RefusalCode.AlreadyDecided, "It has its key; another one takes another recovery."));
        }

        var next = Anew(recovery, recovery.Request with { RequestKeyFingerprint = command.Fingerprint }, command.By, now);
        return Changed(
            recovery, next,
            new RecoveryEvent(LedgerEvent.RecoveryKeyBound, command.By)
            {
                Facts = Facts(("digest", next.Digest), ("request_key", command.Fingerprint)),
            },
            now);
    }

    // Who decided saw another digest: their word does not carry over to a story they did not read.
    private static Recovery Anew(Recovery recovery, RecoveryRequest request, Principal by, DateTimeOffset now) => recovery with
    {
        Request = request,
        Requirements = MeetByReason(Unmet(recovery.Requirements), request.Reason, by, now),
        State = RecoveryState.Pending,
    };

    private static Decision.Accepted Changed(Recovery before, Recovery next, RecoveryEvent happened, DateTimeOffset now)
    {
        var voided = before.Requirements.Any(r => r.IsDecidedByPeople && !r.Met.IsEmpty);
        var (settled, more) = Settle(next, now);
        return new Decision.Accepted(
            settled, voided ? [happened, new RecoveryEvent(LedgerEvent.RecoveryDecisionVoided, happened.By), .. more] : [happened, .. more]);
    }

    private static Decision Confirm(Recovery recovery, RecoveryCommand.Confirm command, DateTimeOffset now)
    {
        if (MayDecide(recovery, command.By, command.Digest, now) is { } refusal)
        {
            return Refuse(refusal);
        }

        // Whoever asked cannot also be the person's voice, unless it is the person who asked.
        if (!command.By.IsPersonOf(recovery.Request.Account) && command.By.IsSamePersonAs(recovery.RequestedBy))
        {
            return Refuse(RefusalCode.SeparationOfDuties);
        }

        if (command.Over is not null && !PolicyReader.IsName(command.Over))
        {
            return Refuse(new Refusal(RefusalCode.InvalidRequest, "A channel is a name of at most 64 letters and digits."));
        }

        // Over our own channels people answer themselves: nobody says for them that they did.
        if (command.Over is "session" or "page" or "slack" && !command.By.IsPersonOf(recovery.Request.Account))
        {
            return Refuse(new Refusal(RefusalCode.SeparationOfDuties, "Over session, page and slack the person answers themselves."));
        }

        var met = new MetBy(command.By, Requirement.ByConfirmation, now) { Over = command.Over, Signature = command.Note.Signature };
        var open = recovery.Requirements.Where(r => r.Kind == RequirementKind.Confirmation && !r.IsMet(now)).ToList();
        return open.Count > 0 && !open.Exists(Counts)
            ? Refuse(new Refusal(
                RefusalCode.ChannelNotAvailable, $"Here they confirm over: {string.Join(", ", open.SelectMany(r => r.Over).Distinct(StringComparer.Ordinal))}."))
            : Meet(recovery, r => r.Kind == RequirementKind.Confirmation && Counts(r), met, now, command.Note);

        bool Counts(Requirement requirement) =>
            requirement.Over.IsEmpty || (command.Over is { } over && requirement.Over.Contains(over, StringComparer.Ordinal));
    }

    // The person alone proves themselves; what a verifier saw of them is evidence.
    private static Decision Prove(Recovery recovery, RecoveryCommand.Prove command, DateTimeOffset now) =>
        OnlyWhileOpen(recovery, command.By, now) is { } ended ? Refuse(ended)
        : !command.By.IsPersonOf(recovery.Request.Account) ? Refuse(RefusalCode.SeparationOfDuties)
        : IsOwnMeans(recovery.Request.Means, command.Method)
            ? Refuse(new Refusal(RefusalCode.MeansNotAvailable, "A second proof is of another kind than the recovery's own."))
        : Meet(recovery, r => r.Kind == RequirementKind.SecondProof, new MetBy(command.By, WireName.Of(command.Method), now), now);

    // Two codes count only when they come by different methods (SP 800-63B-4 §4.2.2.2): two of one saved list are one method.
    private static bool IsOwnMeans(Means means, ProofMethod method) => means == Means.SavedCode && method == ProofMethod.SavedCode;

    private static Decision GiveEvidence(Recovery recovery, RecoveryCommand.GiveEvidence command, DateTimeOffset now)
    {
        if (MayDecide(recovery, command.By, command.Digest, now) is { } refusal)
        {
            return Refuse(refusal);
        }

        if (command.By.IsPersonOf(recovery.Request.Account) || command.By.IsSamePersonAs(recovery.RequestedBy))
        {
            return Refuse(RefusalCode.SeparationOfDuties);
        }

        // The kind goes into the ledger's facts, which nobody can erase: it must be a name and no sentence about a person.
        if (!Requirement.IsEvidenceKind(command.Kind))
        {
            return Refuse(new Refusal(RefusalCode.InvalidRequest, "A kind of evidence is a name of at most 64 letters and digits."));
        }

        return Meet(
            recovery,
            r => (r.Kind == RequirementKind.Evidence && r.EvidenceKind == command.Kind)
                || (r.Kind == RequirementKind.SecondProof && command.Kind == Requirement.RepeatedProofing)
                || (r.Kind == RequirementKind.Confirmation && r.OrEvidence),
            new MetBy(command.By, command.Kind, now) { Signature = command.Note.Signature }, now, command.Note);
    }

    private static Decision Authorize(Recovery recovery, RecoveryCommand.Authorize command, DateTimeOffset now) =>
        OnlyWhileOpen(recovery, command.By, now) is { } ended
            ? Refuse(ended)
            : command.By.Kind is PrincipalKind.Anonymous or PrincipalKind.System
            ? Refuse(RefusalCode.SeparationOfDuties)
            : Meet(recovery, r => r.Kind == RequirementKind.Authorization, new MetBy(command.By, "authorization", now), now);

    private static Decision Approve(Recovery recovery, RecoveryCommand.Approve command, DateTimeOffset now)
    {
        if (MayDecide(recovery, command.By, command.Digest, now) is { } refusal)
        {
            return Refuse(refusal);
        }

        if (command.By.IsPersonOf(recovery.Request.Account))
        {
            return Refuse(RefusalCode.SeparationOfDuties);
        }

        if (new SecondPerson(command.By, command.RecoveredAt, command.GrantedBy).FaultBeside(recovery.RequestedBy, now) is { } unfit)
        {
            return Refuse(unfit);
        }

        var approvals = recovery.Requirements.Where(r => r.Kind == RequirementKind.Approvals).ToList();
        var open = approvals.Where(r => !r.IsMet(now)).ToList();
        var met = new MetBy(command.By, "approval", now) { Signature = command.Note.Signature };
        return open.Exists(Counts) ? Meet(recovery, Counts, met, now, command.Note)
            : approvals.Exists(AgreedTo) ? Refuse(RefusalCode.AlreadyDecided)
            : open.Exists(r => r.Signed) && command.Note.Signature is null ? Refuse(RefusalCode.SignatureRequired)
            : open.Count > 0 ? Refuse(new Refusal(RefusalCode.SeparationOfDuties, "Policy asks others to agree: of a certain group, or the manager."))
            : Refuse(RefusalCode.NotRequired);

        bool AgreedTo(Requirement requirement) => requirement.Met.Any(m => m.By.IsSamePersonAs(command.By));
        bool Counts(Requirement requirement) => requirement.CountsApprovalOf(command) && !AgreedTo(requirement);
    }

    private static Decision Deny(Recovery recovery, RecoveryCommand.Deny command, DateTimeOffset now)
    {
        if (recovery.IsClosed)
        {
            return Refuse(Ended(recovery, command.By, now));
        }

        if (command.By.Kind is PrincipalKind.Anonymous or PrincipalKind.System)
        {
            return Refuse(RefusalCode.SeparationOfDuties);
        }

        if (!recovery.IsSeenIn(command.Digest))
        {
            return Refuse(RefusalCode.DigestMismatch);
        }

        return command.By.IsSamePersonAs(recovery.RequestedBy)
            ? Refuse(new Refusal(RefusalCode.SeparationOfDuties, "Who asked for it cancels it."))
            : new Decision.Accepted(
                Close(recovery, RecoveryState.Denied, now),
                [
                    new RecoveryEvent(LedgerEvent.RecoveryDenied, command.By)
                    {
                        Facts = WithSignature(WithRequestKey(Facts(("digest", recovery.Digest)), recovery, command.Note), command.Note.Signature),
                        Texts = Texts(("comment", command.Note.Comment)),
                    },
                ]);
    }

    private static Refusal? MayDecide(Recovery recovery, Principal by, string digest, DateTimeOffset now)
    {
        if (OnlyWhileOpen(recovery, by, now) is { } ended)
        {
            return ended;
        }

        if (by.Kind is PrincipalKind.Anonymous or PrincipalKind.System)
        {
            return RefusalCode.SeparationOfDuties;
        }

        return recovery.IsSeenIn(digest)
            ? null
            : new Refusal(RefusalCode.DigestMismatch, "The request is not the one this decision was made on: read it again.");
    }

    private static Refusal? OnlyWhileOpen(Recovery recovery, Principal by, DateTimeOffset now) => recovery.State switch
    {
        RecoveryState.Pending or RecoveryState.Ready => null,
        RecoveryState.Issued or RecoveryState.Redeemed or RecoveryState.Locked => RefusalCode.WrongState,
        RecoveryState.Completed or RecoveryState.Denied or RecoveryState.Cancelled or RecoveryState.Expired =>
            Ended(recovery, by, now),
    };

    private static Decision Meet(
        Recovery recovery, Func<Requirement, bool> which, MetBy met, DateTimeOffset now, DecisionNote? note = null)
    {
        var open = recovery.Requirements.Where(r => which(r) && !r.IsMet(now)).ToList();
        if (open.Count == 0)
        {
            return Refuse(RefusalCode.NotRequired);
        }

        var next = recovery with
        {
            Requirements = [.. recovery.Requirements.Select(r => open.Contains(r) ? r with { Met = r.Met.Add(met) } : r)],
        };
        var events = open.Select(r => new RecoveryEvent(LedgerEvent.RecoveryRequirementMet, met.By)
        {
            Facts = WithSignature(
                WithRequestKey(
                    met.Over is null
                        ? Facts(("requirement", WireName.Of(r.Kind)), ("how", met.How), ("digest", recovery.Digest))
                        : Facts(("requirement", WireName.Of(r.Kind)), ("how", met.How), ("over", met.Over), ("digest", recovery.Digest)),
                    recovery, note),
                met.Signature),
            Texts = Texts(("comment", note?.Comment)),
        });
        var (settled, more) = Settle(next, now);
        return new Decision.Accepted(settled, [.. events, .. more]);
    }

    // Which passkey signed, and what: enough to show, with the statement, that this and nothing else was decided.
    private static ImmutableDictionary<string, object?> WithSignature(ImmutableDictionary<string, object?> facts, DecisionSignature? signature) =>
        signature is null ? facts : facts.SetItem("signed_with", signature.Credential.ToString()).SetItem("signed", signature.Hash);

    // To which key the answer goes, where it goes to one: the digest holds it too, but nobody reads it out of that. Who decided on the
    // digest alone is told apart from who named the key besides.
    private static ImmutableDictionary<string, object?> WithRequestKey(
        ImmutableDictionary<string, object?> facts, Recovery recovery, DecisionNote? note = null)
    {
        if (recovery.Request is not { Means: Means.Escrow, RequestKeyFingerprint: { } fingerprint })
        {
            return facts;
        }

        facts = facts.SetItem("request_key", fingerprint);
        return note?.RequestKey is null ? facts : facts.SetItem("request_key_named", true);
    }

    private static ImmutableArray<Requirement> MeetByReason(
        ImmutableArray<Requirement> requirements, Reason? reason, Principal by, DateTimeOffset now) =>
        [.. requirements.Select(r => r.IsMetBy(reason) && r.Met.IsEmpty ? r with { Met = [new MetBy(by, "reason", now)] } : r)];

    private static ImmutableArray<Requirement> Unmet(ImmutableArray<Requirement> requirements) =>
        [.. requirements.Select(r => r.Kind switch
        {
            RequirementKind.Authorization => r,

            // What the person proved stays true; what a verifier saw of them was said of the former request.
            RequirementKind.SecondProof => r with { Met = r.Met.RemoveAll(m => m.How == Requirement.RepeatedProofing) },
            _ => r with { Met = [] },
        })];
}
