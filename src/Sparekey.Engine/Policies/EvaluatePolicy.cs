using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Policies;

/// <summary>A recovery for which another policy would have answered otherwise than the one in force.</summary>
/// <param name="Recovery">The recovery, as the caller may see it.</param>
/// <param name="Rules">The names of the rules that match under the other policy.</param>
/// <param name="Difference">What is different.</param>
public sealed record ReplayedRecovery(Recovery Recovery, ImmutableArray<string> Rules, PolicyDifference Difference);

/// <summary>What another policy would have changed.</summary>
/// <param name="Version">The version of the policy in force, with which it is compared.</param>
/// <param name="Replayed">How many recoveries were replayed.</param>
/// <param name="Gone">How many could not be, because their account is gone.</param>
/// <param name="Changed">Those for which something is different, newest first.</param>
public sealed record PolicyReplay(int Version, int Replayed, int Gone, ImmutableArray<ReplayedRecovery> Changed);

/// <summary>
/// Asks a policy that nobody put in force what it would have said to the last recoveries, and the policy in force the same; and changes
/// nothing.
/// </summary>
public sealed class EvaluatePolicy
{
    /// <summary>How many recoveries are replayed at most.</summary>
    public const int Most = 1000;

    private const int AtOnce = 200;

    private readonly Acts _acts;
    private readonly PolicyStore _policies;
    private readonly RecoveryStore _recoveries;
    private readonly AccountStore _accounts;
    private readonly AccountFactsReader _facts;

    internal EvaluatePolicy(Acts acts, PolicyStore policies, RecoveryStore recoveries, AccountStore accounts, AccountFactsReader facts)
    {
        _acts = acts;
        _policies = policies;
        _recoveries = recoveries;
        _accounts = accounts;
        _facts = facts;
    }

    /// <summary>Replays.</summary>
    /// <param name="caller">Who asks; holds <c>policy:read</c>, <c>recovery:read</c> and the highest role as ceiling.</param>
    /// <param name="document">The policy to try.</param>
    /// <param name="last">How many recoveries, the newest first; 1 to <see cref="Most"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// What would have been different; or <see cref="RefusalCode.PolicyInvalid"/> with every fault,
    /// <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Result<PolicyReplay>> Run(Caller caller, PolicyDocument document, int last, CancellationToken cancellationToken)
    {
        var read = Policy.From(document);
        if (read.Refusal is { } invalid)
        {
            return invalid with { Detail = null };
        }

        if (last is < 1 or > Most)
        {
            return new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/last", $"1 to {Most}.")] };
        }

        return await _acts.Read<Result<PolicyReplay>>(
            async db =>
            {
                var current = await _policies.Current(db, caller.Tenant);
                var ranks = current.Policy.Ranks;
                return caller.Grant.Demand(Permission.RecoveryRead) is { } missing ? missing
                    : !ranks.Covers(caller.Grant.Ceiling, ranks.Highest) ? RefusalCode.AboveCeiling
                    : await Replay(db, caller, current, read.Value, last, cancellationToken);
            },
            cancellationToken);
    }

    private async Task<PolicyReplay> Replay(
        DbSession db, Caller caller, VersionedPolicy current, Policy proposed, int last, CancellationToken cancellationToken)
    {
        var accounts = new Dictionary<AccountId, Account?>();
        var changed = ImmutableArray.CreateBuilder<ReplayedRecovery>();
        var (replayed, gone) = (0, 0);
        await foreach (var recovery in Last(db, caller.Tenant, last, cancellationToken))
        {
            var id = recovery.Request.Account;
            if (!accounts.TryGetValue(id, out var account))
            {
                accounts[id] = account = await _accounts.Find(db, caller.Tenant, id);
            }

            if (account is null)
            {
                gone++;
                continue;
            }

            replayed++;
            var former = await Ask(db, recovery, account, current.Policy);
            var answer = await Ask(db, recovery, account, proposed);
            var difference = PolicyDifference.Between(former, answer);
            if (!difference.IsNone)
            {
                changed.Add(new ReplayedRecovery(recovery.AsSeenBy(caller.Principal, _acts.Now), answer.Rules, difference));
            }
        }

        return new PolicyReplay(current.Version, replayed, gone, changed.ToImmutable());
    }

    private async IAsyncEnumerable<Recovery> Last(
        DbSession db, TenantId tenant, int last, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        PagePosition? after = null;
        for (var left = last; left > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = await _recoveries.List(db, tenant, new RecoveryFilter(null, null, after), _acts.Now, Math.Min(left, AtOnce));
            foreach (var recovery in page)
            {
                yield return recovery;
            }

            left = page.Count < AtOnce ? 0 : left - page.Count;
            after = page.Count == 0 ? null : new PagePosition(page[^1].CreatedAt.ToUnixTimeMilliseconds(), page[^1].Id.Value);
        }
    }

    // As it was opened: at its time, from its place, with what was said of the risk. What the account is was not written down, so that it is
    // taken as it is now; limits of velocity and what tightens for a time are left out.
    private async Task<PolicyAnswer> Ask(DbSession db, Recovery recovery, Account account, Policy policy)
    {
        var now = await _facts.Read(
            db, recovery.Tenant, account, policy, new Requester(recovery.RequestedBy), recovery.CreatedAt, recovery.Id);
        var then = now with { Tightenings = [], Uses = [], Opened = [.. now.Opened.Where(at => at <= recovery.CreatedAt)] };
        return RecoveryMachine.Evaluate(
            new RecoveryCommand.Open(recovery.Id, recovery.Tenant, recovery.Request, recovery.RequestedBy, then, [])
            {
                Source = recovery.Source,
            },
            policy, recovery.CreatedAt);
    }
}
