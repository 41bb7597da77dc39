using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>An answer as a reviewer gives it. Nothing in it was checked.</summary>
/// <param name="Request">The request's id.</param>
/// <param name="Status"><c>approved</c> or <c>rejected</c>.</param>
/// <param name="ResponderKey">The id of the organisation key.</param>
/// <param name="Data">The message to the request key, armored; null for none.</param>
public sealed record EscrowAnswerGiven(string? Request, string? Status, string? ResponderKey, string? Data)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Request} {Status}";
}

/// <summary>What became of an answer.</summary>
/// <param name="Answer">The answer, without its message.</param>
/// <param name="Request">The request afterwards: still pending where policy's own demands hold the answer back.</param>
public sealed record EscrowAnswered(EscrowAnswer Answer, EscrowRequest Request);

/// <summary>
/// Takes a reviewer's answer: it approves the recovery, or denies it. The message in it is encrypted to the request key, which is checked:
/// so what is approved is that key. Where policy demands more than this approval, the answer is kept, and released by whatever meets the
/// last of it; of several answers that are kept the last one counts.
/// </summary>
public sealed class AnswerEscrowRequest
{
    private readonly Acts _acts;
    private readonly EscrowRequestStore _requests;
    private readonly EscrowAnswerStore _answers;
    private readonly EscrowPolicyStore _policies;
    private readonly RecoveryAct _recoveries;
    private readonly ApprovalReader _approvals;
    private readonly EscrowNotices _notices;

    internal AnswerEscrowRequest(
        Acts acts, EscrowRequestStore requests, EscrowAnswerStore answers, EscrowPolicyStore policies, RecoveryAct recoveries,
        ApprovalReader approvals, EscrowNotices notices)
    {
        _acts = acts;
        _requests = requests;
        _answers = answers;
        _policies = policies;
        _recoveries = recoveries;
        _approvals = approvals;
        _notices = notices;
    }

    /// <summary>
    /// Takes it. The message is looked at between two transactions. If the process dies after the second, decision, answer and what follows
    /// from them stand together; before it, nothing happened.
    /// </summary>
    /// <param name="caller">The reviewer; holds <c>recovery:approve</c>.</param>
    /// <param name="given">The answer.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// What became of it; or <see cref="RefusalCode.EscrowDisabled"/>, faults at <c>/request</c>, <c>/status</c>, <c>/responder_key</c> and
    /// <c>/data</c>, and what the state machine refuses (<see cref="RefusalCode.SeparationOfDuties"/> and others).
    /// </returns>
    public async Task<Result<EscrowAnswered>> Run(Caller caller, EscrowAnswerGiven given, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var looked = await _acts.Read(db => Look(db, caller.Tenant, given), cancellationToken);
        if (looked.Refusal is { } refusal)
        {
            return refusal;
        }

        if (given.Data is { } data && FaultOfData(data, looked.Value.Stored.Request) is { } unreadable)
        {
            return unreadable;
        }

        return await _acts.Write(caller.Tenant, act => Answer(act, caller, given), cancellationToken);
    }

    private static Refusal? FaultOfData(string data, EscrowRequest request)
    {
        var key = PgpKey.Read(request.RequestKey);
        return key.Refusal ?? PgpMessageShape.ReadPassword(data, key.Value, "/data").Refusal;
    }

    private async Task<Result<Looked>> Look(DbSession db, TenantId tenant, EscrowAnswerGiven given)
    {
        if (await _policies.Current(db, tenant) is not { Key: { } key })
        {
            return RefusalCode.EscrowDisabled;
        }

        var faults = new List<FieldFault>();
        var stored = Ids.TryParse<EscrowRequestId>(given.Request, out var id) ? await _requests.Find(db, tenant, id) : null;
        Add(
            given.Request is null ? EscrowFault.Required
            : id == default ? EscrowFault.NotAUuid
            : stored is not { Request.Origin: EscrowOrigin.Local } ? EscrowFault.NotFound
            : stored.Request.Status != EscrowRequestStatus.Pending ? EscrowFault.NotPending
            : null,
            "/request");
        Add(given.Status is "approved" or "rejected" ? null : given.Status is null ? EscrowFault.Required : EscrowFault.NotInList, "/status");
        Add(
            given.ResponderKey is null ? EscrowFault.Required
            : !Ids.TryParse<EscrowKeyId>(given.ResponderKey, out var responder) ? EscrowFault.NotAUuid
            : responder != key.Id ? EscrowFault.NotFound
            : null,
            "/responder_key");
        Add(
            given.Status == "rejected" && given.Data is not null ? EscrowFault.Forbidden
            : given is { Status: "approved", Data: null } ? EscrowFault.Required
            : null,
            "/data");
        return faults.Count > 0
            ? new Refusal(RefusalCode.InvalidRequest) { Faults = faults }
            : new Looked(stored!, key.Id);

        void Add(EscrowFault? fault, string pointer)
        {
            if (fault is { } wrong)
            {
                faults.Add(EscrowFaults.At(wrong, pointer));
            }
        }
    }

    private async Task<Result<EscrowAnswered>> Answer(Act act, Caller caller, EscrowAnswerGiven given)
    {
        var looked = await Look(act.Db, act.Tenant, given);
        if (looked.Refusal is { } refusal)
        {
            return refusal;
        }

        var (stored, key) = looked.Value;
        var found = await _recoveries.Find(act, caller, stored.Request.Recovery);
        if (found.Refusal is { } forbidden)
        {
            return forbidden;
        }

        var decided = given.Data is { } data
            ? await Approve(act, caller, found.Value, stored, key, data)
            : (await _recoveries.Apply(
                act, found.Value, new RecoveryCommand.Deny(caller.Principal, found.Value.Recovery.Digest), caller)).Refusal;
        if (decided is not null)
        {
            return decided;
        }

        var request = (await _requests.Find(act.Db, act.Tenant, stored.Id))!.Request;
        var answer = (await _answers.Find(act.Db, act.Tenant, stored.Id))!.Answer;
        if (answer.IsHeld)
        {
            await act.Record(new LedgerEntry(LedgerEvent.EscrowAnswerHeld, caller.Principal, request.Account, request.Recovery)
            {
                Facts = SessionLedger.Facts(caller, ("request", request.Id.ToString()), ("request_key", request.Fingerprint)),
                Texts = SessionLedger.Source(caller),
            });
            await _notices.Reviewer(act, EscrowNews.OwnAnswerHeld, request, caller.Principal);
        }

        return new EscrowAnswered(answer, request);
    }

    // The answer is kept first and then the approval is given, so that whatever releases an answer releases this one.
    private async Task<Refusal?> Approve(
        Act act, Caller caller, RecoveryAct.Found found, StoredEscrowRequest stored, EscrowKeyId key, string data)
    {
        var command = await _approvals.Read(act, caller.Principal, found, found.Recovery.Digest, DecisionNote.None);
        var decision = RecoveryMachine.Decide(found.Recovery, command, found.Policy, act.Now);
        var said = decision switch
        {
            Decision.Refused refused => refused.Refusal,
            Decision.Accepted { Answer: { } answer } => answer,
            _ => null,
        };

        // Where nobody is asked to agree there is nothing to say; where a signature is asked for, they give it elsewhere; and who has agreed
        // already still has the key, with which they may answer, or answer better.
        var counts = said is null;
        if (said is not null and not { Code: RefusalCode.NotRequired or RefusalCode.SignatureRequired or RefusalCode.AlreadyDecided })
        {
            return decision is Decision.Accepted ? (await _recoveries.Apply(act, found, command, caller)).Refusal ?? said : said;
        }

        await _answers.Put(act, stored.Id, caller.Principal, key.Value, data, held: true);
        if (counts)
        {
            return (await _recoveries.Apply(act, found, command, caller)).Refusal;
        }

        if (found.Recovery.State != RecoveryState.Ready)
        {
            return null;
        }

        // Kept all the same where it may not be released now; the next look at the recovery tries again.
        await _recoveries.CompleteDirectly(act, found, caller.Principal, caller);
        return null;
    }

    private sealed record Looked(StoredEscrowRequest Stored, EscrowKeyId Key);
}
