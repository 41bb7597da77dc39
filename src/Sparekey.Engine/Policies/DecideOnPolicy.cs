using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Engine.Access;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Policies;

/// <summary>A proposed change of policy as it stands.</summary>
/// <param name="Change">The change.</param>
/// <param name="State">How it stands.</param>
/// <param name="Needed">How many have to agree in all, by the policy in force.</param>
public sealed record ProposedChange(PolicyChange Change, PolicyChangeState State, int Needed)
{
    /// <summary>The policy that it proposes.</summary>
    public PolicyDocument Document => PolicyStore.Parse(Change.Document);
}

/// <summary>Reads proposed changes of policy, agrees to them and says no to them.</summary>
public sealed class DecideOnPolicy
{
    private const int LongestComment = 1000;

    private readonly Acts _acts;
    private readonly PolicyStore _policies;
    private readonly PolicyChangeStore _changes;
    private readonly SecondPeople _people;

    internal DecideOnPolicy(Acts acts, PolicyStore policies, PolicyChangeStore changes, SecondPeople people)
    {
        _acts = acts;
        _policies = policies;
        _changes = changes;
        _people = people;
    }

    /// <summary>The last hundred changes, newest first.</summary>
    /// <param name="caller">Who reads; holds <c>policy:read</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<ImmutableArray<ProposedChange>> List(Caller caller, CancellationToken cancellationToken) => _acts.Read(
        async db =>
        {
            var current = await _policies.Current(db, caller.Tenant);
            return (await _changes.List(db, caller.Tenant, 100)).Select(c => Of(c, current)).ToImmutableArray();
        },
        cancellationToken);

    /// <summary>One change.</summary>
    /// <param name="caller">Who reads; holds <c>policy:read</c>.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The change, or <see cref="RefusalCode.PolicyChangeNotFound"/>.</returns>
    public Task<Result<ProposedChange>> Read(Caller caller, PolicyChangeId id, CancellationToken cancellationToken) =>
        _acts.Read<Result<ProposedChange>>(
            async db => await _changes.Find(db, caller.Tenant, id) is var (found, _)
                ? Of(found, await _policies.Current(db, caller.Tenant))
                : RefusalCode.PolicyChangeNotFound,
            cancellationToken);

    /// <summary>Agrees. The last one who has to puts the policy in force, in the same act.</summary>
    /// <param name="caller">Who; holds <c>policy:write</c> and the highest role as ceiling.</param>
    /// <param name="id">Which change.</param>
    /// <param name="digest">What they saw.</param>
    /// <param name="comment">What they say to it; null for nothing.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The change afterwards; or <see cref="RefusalCode.PolicyChangeNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>, what
    /// <see cref="PolicyChange.Approve"/> refuses, and <see cref="RefusalCode.PolicyInvalid"/> where it can hold no longer.
    /// </returns>
    public Task<Result<ProposedChange>> Approve(
        Caller caller, PolicyChangeId id, string digest, string? comment, CancellationToken cancellationToken) =>
        Decide(caller, id, comment, LedgerEvent.PolicyChangeApproved, async (act, change, current) =>
            change.Approve(await _people.Of(act, caller.Principal), digest, current.Version, act.Now), cancellationToken);

    /// <summary>Says no, or takes back what one proposed.</summary>
    /// <param name="caller">Who; holds <c>policy:write</c> and the highest role as ceiling.</param>
    /// <param name="id">Which change.</param>
    /// <param name="digest">What they saw.</param>
    /// <param name="comment">What they say to it; null for nothing.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The change afterwards; or <see cref="RefusalCode.PolicyChangeNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>, what
    /// <see cref="PolicyChange.Deny"/> refuses.
    /// </returns>
    public Task<Result<ProposedChange>> Deny(
        Caller caller, PolicyChangeId id, string digest, string? comment, CancellationToken cancellationToken) =>
        Decide(caller, id, comment, LedgerEvent.PolicyChangeDenied, (act, change, current) =>
            Task.FromResult(change.Deny(caller.Principal, digest, current.Version, act.Now)), cancellationToken);

    private async Task<Result<ProposedChange>> Decide(
        Caller caller, PolicyChangeId id, string? comment, LedgerEvent happened,
        Func<Act, PolicyChange, VersionedPolicy, Task<Result<PolicyChange>>> decide, CancellationToken cancellationToken) =>
        comment is not null && (comment.Length > LongestComment || !CanonicalJson.CanWrite(comment))
            ? new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/comment", $"At most {LongestComment} characters.")] }
            : await _acts.Write(
                caller.Tenant,
                async act =>
                {
                    var current = await _policies.Current(act.Db, act.Tenant);
                    if (PolicyWriting.FaultOf(caller, current.Policy) is { } forbidden)
                    {
                        return forbidden;
                    }

                    if (await _changes.Find(act.Db, act.Tenant, id) is not var (change, version))
                    {
                        return RefusalCode.PolicyChangeNotFound;
                    }

                    var decided = await decide(act, change, current);
                    return decided.Refusal is { } refused ? refused : await Write(act, caller, decided.Value, version, current, comment, happened);
                },
                cancellationToken);

    // If the process dies after this act, the word and, with the last one, the policy stand; or neither.
    private async Task<Result<ProposedChange>> Write(
        Act act, Caller caller, PolicyChange decided, int version, VersionedPolicy current, string? comment, LedgerEvent happened)
    {
        var needed = Needed(current.Policy);
        var lands = decided.EndedAs is null && decided.Approvals.Length >= needed;
        var document = PolicyStore.Parse(decided.Document);
        var policy = Policy.From(document);
        if (lands && policy.Refusal is { } invalid)
        {
            return invalid;
        }

        var next = lands ? decided with { EndedAs = PolicyChangeState.Landed, EndedAt = act.Now } : decided;
        if (await _changes.Update(act, next, version) == 0)
        {
            return RefusalCode.VersionConflict;
        }

        var entry = PolicyWriting.Entry(
            happened, caller.Principal, caller, document, ("change", next.Id.ToString()), ("digest", next.Digest), ("approvals", next.Approvals.Length));
        await act.Record(entry with
        {
            Texts = new[] { ("comment", comment), ("source", caller.Source) }.Where(t => !string.IsNullOrEmpty(t.Item2))
                .ToDictionary(t => t.Item1, t => t.Item2!, StringComparer.Ordinal),
        });
        if (lands)
        {
            await PolicyWriting.Land(act, _policies, current.Version, policy.Value, next.ProposedBy, caller, next);
        }

        return new ProposedChange(next, next.StateAt(current.Version, act.Now), needed);
    }

    private ProposedChange Of(PolicyChange change, VersionedPolicy current) =>
        new(change, change.StateAt(current.Version, _acts.Now), Needed(current.Policy));

    // A change was proposed because the policy demanded it, and that policy holds as long as the change is open.
    private static int Needed(Policy policy) => policy.Changes?.Approvals ?? 1;
}
