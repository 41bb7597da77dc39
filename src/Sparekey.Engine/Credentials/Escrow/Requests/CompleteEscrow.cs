using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>
/// Keys for one answer, in pinned memory that their owner wipes. Nothing of it is ever a string.
/// </summary>
/// <param name="Key">The organisation's private key, armored; empty where the server holds it.</param>
/// <param name="Passphrase">Its passphrase.</param>
/// <param name="ReviewerKey">The reviewer's own private key, which signs too; empty for none.</param>
/// <param name="ReviewerPassphrase">Its passphrase.</param>
public readonly record struct EscrowKeyMaterial(
    ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Passphrase, ReadOnlyMemory<byte> ReviewerKey, ReadOnlyMemory<byte> ReviewerPassphrase)
{
    /// <summary>Nothing of it.</summary>
    public override string ToString() => nameof(EscrowKeyMaterial);
}

/// <summary>
/// Completes a recovery whose demands are met: makes the answer, or takes one that was made where the key is. OpenPGP works, and other
/// servers are asked, between two transactions; the second decides again on what it finds.
/// </summary>
public sealed class CompleteEscrow
{
    private readonly Acts _acts;
    private readonly RecoveryAct _recoveries;
    private readonly EscrowRequestStore _requests;
    private readonly EscrowAnswerStore _answers;
    private readonly EscrowTasks _tasks;
    private readonly RecoveryStore _store;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly EscrowPolicyStore _escrowPolicies;
    private readonly IReadOnlyList<IEscrowKeySource> _sources;
    private readonly IReadOnlyList<ICompanionServer> _companions;

    internal CompleteEscrow(
        Acts acts, RecoveryAct recoveries, EscrowRequestStore requests, EscrowAnswerStore answers, EscrowTasks tasks, RecoveryStore store,
        AccountStore accounts, PolicyStore policies, EscrowPolicyStore escrowPolicies, IEnumerable<IEscrowKeySource> sources,
        IEnumerable<ICompanionServer> companions)
    {
        _acts = acts;
        _recoveries = recoveries;
        _requests = requests;
        _answers = answers;
        _tasks = tasks;
        _store = store;
        _accounts = accounts;
        _policies = policies;
        _escrowPolicies = escrowPolicies;
        _sources = [.. sources];
        _companions = [.. companions];
    }

    /// <summary>What is needed to answer a request where its keys are; the ledger says who asked.</summary>
    /// <param name="caller">Who asks; holds <c>recovery:complete</c>.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The task; or <see cref="RefusalCode.RecoveryNotFound"/>, <see cref="RefusalCode.WrongState"/>, <see cref="RefusalCode.RequirementsOpen"/>.</returns>
    public async Task<Result<EscrowTask>> Task(Caller caller, RecoveryId id, CancellationToken cancellationToken)
    {
        var looked = await Look(caller, id, cancellationToken);
        if (looked.Refusal is { } refusal)
        {
            return refusal;
        }

        var task = await _tasks.Read(caller.Tenant, looked.Value, cancellationToken);
        if (task.Refusal is null)
        {
            await _acts.Write(caller.Tenant, act => WrappedSecrets.RecordReading(act, caller, looked.Value.Request), cancellationToken);
        }

        return task;
    }

    /// <summary>Whether the key that a caller saw is the one that the answer will be encrypted to. A recovery's never changes once it has one.</summary>
    /// <param name="caller">Who asks; holds <c>recovery:complete</c>.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="requestKey">The fingerprint that they saw; blanks and case do not matter.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null where it is; or <see cref="RefusalCode.DigestMismatch"/> at <c>/request_key</c>, or what <see cref="Task"/> refuses.</returns>
    public async Task<Refusal?> FaultOfRequestKey(Caller caller, RecoveryId id, string requestKey, CancellationToken cancellationToken)
    {
        var looked = await Look(caller, id, cancellationToken);
        return looked.Refusal
            ?? (PgpKeyRules.NormalFingerprint(requestKey) == looked.Value.Request.Fingerprint
                ? null
                : new Refusal(RefusalCode.DigestMismatch, "The request's key is another one.")
                {
                    Faults = [new FieldFault("/request_key", "Not the key of this request.")],
                });
    }

    /// <summary>Makes the answer with keys that the caller brings, or with the server's own.</summary>
    /// <param name="caller">Who completes; holds <c>recovery:complete</c>.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="keys">The keys; an empty key for the server's own.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The completed recovery; or what the state machine refuses, what <see cref="EscrowTask.Answer"/> does, and
    /// <see cref="RefusalCode.MeansNotAvailable"/> where the server holds no key.
    /// </returns>
    public async Task<Result<Recovery>> Run(Caller caller, RecoveryId id, EscrowKeyMaterial keys, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var looked = await Look(caller, id, cancellationToken);
        if (looked.Refusal is { } refusal)
        {
            return refusal;
        }

        var stored = looked.Value;
        var made = keys.Key.IsEmpty
            ? await MakeWithOwnKeys(caller.Tenant, stored, cancellationToken)
            : await MakeWithReviewer(caller.Tenant, stored, keys, cancellationToken);
        return made.Refusal is { } faulty
            ? faulty
            : await Complete(caller, stored.Id, made.Value, cancellationToken);
    }

    /// <summary>Takes an answer that was made where the key is.</summary>
    /// <param name="caller">Who completes; holds <c>recovery:complete</c>.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="answer">The message to the request key, armored.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The completed recovery; or what the state machine refuses, or what OpenPGP says of the answer's outside, at <c>/answer</c>.</returns>
    public async Task<Result<Recovery>> WithAnswer(Caller caller, RecoveryId id, string answer, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var looked = await Look(caller, id, cancellationToken);
        if (looked.Refusal is { } refusal)
        {
            return refusal;
        }

        var stored = looked.Value;
        var key = PgpKey.Read(stored.Request.RequestKey);
        if ((key.Refusal ?? PgpMessageShape.ReadPassword(answer, key.Value, "/answer").Refusal) is { } faulty)
        {
            return faulty;
        }

        var responder = stored.Remote?.ResponderKey
            ?? (await _acts.Read(db => _escrowPolicies.Current(db, caller.Tenant), cancellationToken)).Key?.Id.Value;
        return responder is { } responderKey
            ? await Complete(caller, stored.Id, new Made(answer, responderKey), cancellationToken)
            : RefusalCode.EscrowDisabled;
    }

    /// <summary>Answers a ready request with the server's own keys, for nobody in particular.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="stored">The request.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    internal async Task<Result<Recovery>> ByItself(TenantId tenant, StoredEscrowRequest stored, CancellationToken cancellationToken)
    {
        var made = await MakeWithOwnKeys(tenant, stored, cancellationToken);
        if (made.Refusal is { } refusal)
        {
            return refusal;
        }

        var completed = await _acts.Write<Result<Recovery>>(
            tenant,
            async act =>
            {
                if (await _store.Find(act.Db, act.Tenant, stored.Request.Recovery) is not { } recovery
                    || await _accounts.Find(act.Db, act.Tenant, stored.Request.Account) is not { } account)
                {
                    return RefusalCode.RecoveryNotFound;
                }

                var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
                return await Complete(act, new RecoveryAct.Found(recovery, account, policy), stored.Id, made.Value, Principal.System, visitor: null);
            },
            cancellationToken);
        Hurry(tenant, completed);
        return completed;
    }

    private Task<Result<StoredEscrowRequest>> Look(Caller caller, RecoveryId id, CancellationToken cancellationToken) =>
        _acts.Read<Result<StoredEscrowRequest>>(
            async db =>
            {
                if (await _store.Find(db, caller.Tenant, id) is not { } recovery
                    || await _accounts.Find(db, caller.Tenant, recovery.Request.Account) is not { } account)
                {
                    return RefusalCode.RecoveryNotFound;
                }

                var policy = (await _policies.Current(db, caller.Tenant)).Policy;
                if (caller.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, policy.Ranks) is { } forbidden)
                {
                    return forbidden;
                }

                // The state machine says again what stands here, on what it finds then; nothing is decrypted for what it would refuse.
                var now = _acts.Now;
                return RecoveryMachine.Decide(
                    recovery, new RecoveryCommand.CompleteDirectly(caller.Principal, AccountFacts.Of(account)), policy, now) switch
                {
                    Decision.Refused refused => refused.Refusal,
                    Decision.Accepted { Answer: { } answer } => answer,
                    _ => await _requests.FindOf(db, caller.Tenant, id) is { } stored ? stored : RefusalCode.WrongState,
                };
            },
            cancellationToken);

    private async Task<Result<Made>> MakeWithOwnKeys(TenantId tenant, StoredEscrowRequest stored, CancellationToken cancellationToken)
    {
        if (_sources.FirstOrDefault(s => s.Origin == stored.Request.Origin && s.IsHeld(tenant)) is not { } source)
        {
            return new Refusal(RefusalCode.MeansNotAvailable, "The server holds no organisation key: bring it, or the answer.");
        }

        var read = await source.Read(tenant, cancellationToken);
        if (read.Refusal is { } unreadable)
        {
            return unreadable;
        }

        using var held = read.Value;
        return await Make(tenant, stored, held.Material, cancellationToken);
    }

    // On another server an answer is somebody's, who signs it too, whoever brings the organisation's key.
    private async Task<Result<Made>> MakeWithReviewer(
        TenantId tenant, StoredEscrowRequest stored, EscrowKeyMaterial keys, CancellationToken cancellationToken)
    {
        if (!keys.ReviewerKey.IsEmpty || _sources.FirstOrDefault(s => s.Origin == stored.Request.Origin) is not { } source
            || await source.ReadReviewer(tenant, cancellationToken) is not { } read)
        {
            return await Make(tenant, stored, keys, cancellationToken);
        }

        if (read.Refusal is { } unreadable)
        {
            return unreadable;
        }

        using var reviewer = read.Value;
        var both = keys with { ReviewerKey = reviewer.Material.ReviewerKey, ReviewerPassphrase = reviewer.Material.ReviewerPassphrase };
        return await Make(tenant, stored, both, cancellationToken);
    }

    private async Task<Result<Made>> Make(
        TenantId tenant, StoredEscrowRequest stored, EscrowKeyMaterial keys, CancellationToken cancellationToken)
    {
        var task = await _tasks.Read(tenant, stored, cancellationToken);
        if (task.Refusal is { } refusal)
        {
            return refusal;
        }

        var answer = task.Value.Answer(keys, _acts.Now);
        return answer.Refusal is { } faulty ? faulty : new Made(answer.Value, task.Value.ResponderKey);
    }

    private async Task<Result<Recovery>> Complete(Caller caller, EscrowRequestId id, Made made, CancellationToken cancellationToken)
    {
        var completed = await _acts.Write<Result<Recovery>>(
            caller.Tenant,
            async act =>
            {
                if (await _requests.Find(act.Db, act.Tenant, id) is not { } stored)
                {
                    return RefusalCode.RecoveryNotFound;
                }

                var found = await _recoveries.Find(act, caller, stored.Request.Recovery);
                return found.Refusal is { } refusal
                    ? refusal
                    : await Complete(act, found.Value, id, made, caller.Principal, caller);
            },
            cancellationToken);
        Hurry(caller.Tenant, completed);
        return completed.Refusal is { } refused ? refused : completed.Value.AsSeenBy(caller.Principal, _acts.Now);
    }

    // The answer is there before the recovery completes, which releases it: in the place of one that a reviewer gave and that was held back,
    // because what was just made, or brought by whoever may complete, is what the ledger will say was released. Where the recovery does not
    // complete, all is as before.
    private async Task<Result<Recovery>> Complete(
        Act act, RecoveryAct.Found found, EscrowRequestId id, Made made, Principal by, Visitor? visitor)
    {
        if (await _requests.Find(act.Db, act.Tenant, id) is not { Request.Status: EscrowRequestStatus.Pending })
        {
            return RefusalCode.RecoveryClosed;
        }

        var former = await _answers.Find(act.Db, act.Tenant, id);
        await _answers.Put(act, id, by, made.ResponderKey, made.Data, held: true);
        var completed = await _recoveries.CompleteDirectly(act, found, by, visitor);
        if (completed.Refusal is not null)
        {
            await _answers.Restore(act, id, former);
        }

        return completed;
    }

    private void Hurry(TenantId tenant, Result<Recovery> completed)
    {
        foreach (var companion in completed.Refusal is null ? _companions : [])
        {
            companion.Hurry(tenant);
        }
    }

    private sealed record Made(string Data, Guid ResponderKey)
    {
        public override string ToString() => nameof(Made);
    }
}
