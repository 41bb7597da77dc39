using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Access;

/// <summary>What an operator shall be allowed.</summary>
/// <param name="Permissions">What they may do.</param>
/// <param name="Ceiling">The highest role they may act on; null for the lowest role.</param>
/// <param name="ExpiresAt">When it ends; null for never, or with the authority of who grants it.</param>
public sealed record OperatorOrder(PermissionSet Permissions, string? Ceiling, DateTimeOffset? ExpiresAt);

/// <summary>
/// Says which people act on others. Nobody grants more than they hold, or for longer, and nobody grants anything to themselves. Where
/// less remains than was granted, the tokens end that the operator made with what is gone.
/// </summary>
public sealed class ManageOperators
{
    private readonly Acts _acts;
    private readonly OperatorStore _store;
    private readonly AccessTokenStore _tokens;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;

    internal ManageOperators(Acts acts, OperatorStore store, AccessTokenStore tokens, AccountStore accounts, PolicyStore policies)
    {
        _acts = acts;
        _store = store;
        _tokens = tokens;
        _accounts = accounts;
        _policies = policies;
    }

    /// <summary>Makes somebody an operator, or changes what they may do.</summary>
    /// <param name="caller">Who grants it; holds <c>token:write</c>.</param>
    /// <param name="account">To whom.</param>
    /// <param name="order">What.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The operator; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.StrongerThanCreator"/>, <see cref="RefusalCode.UnknownRole"/>, <see cref="RefusalCode.InvalidRequest"/>.
    /// </returns>
    public Task<Result<Operator>> Put(Caller caller, AccountId account, OperatorOrder order, CancellationToken cancellationToken) =>
        _acts.Write<Result<Operator>>(
            caller.Tenant,
            async act =>
            {
                var person = await _accounts.Find(act.Db, act.Tenant, account);
                if ((await _tokens.StillHolds(act, caller) ?? FaultOf(caller, person)) is { } refusal)
                {
                    return refusal;
                }

                var ranks = await _policies.Ranks(act.Db, act.Tenant);
                var before = await _store.Find(act.Db, act.Tenant, account, act.Now);
                var granted = new Operator(
                    account, order.Permissions, order.Ceiling ?? ranks.Lowest, order.ExpiresAt ?? caller.Grant.ExpiresAt, act.Now,
                    caller.Principal.OwnerId ?? caller.Principal.Id);
                if (order.Permissions.Count == 0 || order.ExpiresAt <= act.Now)
                {
                    return new Refusal(RefusalCode.InvalidRequest, "At least one permission, and an end that is still to come.");
                }

                // Whoever holds less than an operator has cannot cut it down either.
                if ((Exceeds(caller, granted, ranks) ?? (before is null ? null : Exceeds(caller, Known(before, ranks) with { ExpiresAt = granted.ExpiresAt }, ranks))) is { } stronger)
                {
                    return stronger;
                }

                if (!ranks.MayOperate(person!.Role, granted.Ceiling))
                {
                    return new Refusal(RefusalCode.InvalidRequest)
                    {
                        Faults = [new FieldFault("/ceiling", "The operator's own account has at least this role, and not the lowest.")],
                    };
                }

                await _store.Put(act, granted);
                await Record(act, LedgerEvent.OperatorChanged, caller, granted);
                await RevokeTokens(act, caller, account, granted.Grant, ranks);
                return granted;
            },
            cancellationToken);

    /// <summary>Ends what somebody may do, and the tokens they made with it. Their sessions go on as those of any person.</summary>
    /// <param name="caller">Who ends it; holds <c>token:write</c> and all that is ended.</param>
    /// <param name="account">Whose.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null; or <see cref="RefusalCode.OperatorNotFound"/>, <see cref="RefusalCode.StrongerThanCreator"/>.</returns>
    public Task<Refusal?> Remove(Caller caller, AccountId account, CancellationToken cancellationToken) =>
        _acts.Write<Refusal?>(
            caller.Tenant,
            async act =>
            {
                if (await _tokens.StillHolds(act, caller) is { } over)
                {
                    return over;
                }

                if (await _store.Find(act.Db, act.Tenant, account, act.Now) is not { } found)
                {
                    return RefusalCode.OperatorNotFound;
                }

                var ranks = await _policies.Ranks(act.Db, act.Tenant);
                if (Exceeds(caller, Known(found, ranks) with { ExpiresAt = caller.Grant.ExpiresAt }, ranks) is { } stronger)
                {
                    return stronger;
                }

                await _store.Remove(act, account);
                await Record(act, LedgerEvent.OperatorRemoved, caller, found);
                await RevokeTokens(act, caller, account, left: null, ranks);
                return null;
            },
            cancellationToken);

    /// <summary>A page of operators.</summary>
    /// <param name="caller">Who reads; holds <c>token:write</c>.</param>
    /// <param name="after">After this account.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Operator>> Page(Caller caller, AccountId? after, int limit, CancellationToken cancellationToken) =>
        _acts.Read(db => _store.List(db, caller.Tenant, after?.ToString(), limit), cancellationToken);

    private static Refusal? FaultOf(Caller caller, Account? person) =>
        person is null ? RefusalCode.AccountNotFound
        : caller.Principal.IsPersonOf(person.Id) ? RefusalCode.OwnAccount
        : null;

    // What others made for the operator's programmes stands: it was never the operator's to give.
    private async Task RevokeTokens(Act act, Caller caller, AccountId account, Grant? left, RankOrder ranks)
    {
        foreach (var token in await _tokens.MadeBy(act.Db, act.Tenant, account))
        {
            if (left is null || left.MayMint(token.Permissions, token.Ceiling, token.ExpiresAt, ranks, token.Kinds) is not null)
            {
                await _tokens.Revoke(act, token.Id);
                await TokenLedger.Record(act, caller, LedgerEvent.TokenRevoked, token);
            }
        }
    }

    // An operator acts on accounts of every kind: who may not, makes none.
    private static Refusal? Exceeds(Caller caller, Operator granted, RankOrder ranks) =>
        caller.Grant.MayMint(granted.Permissions, granted.Ceiling, granted.ExpiresAt ?? DateTimeOffset.MaxValue, ranks, []);

    // A ceiling that policy has no role for any more covers nothing, and must not keep anybody from ending the rest.
    private static Operator Known(Operator found, RankOrder ranks) => ranks.Knows(found.Ceiling) ? found : found with { Ceiling = ranks.Lowest };

    internal static Task Record(Act act, LedgerEvent happened, Caller caller, Operator granted) =>
        act.Record(new LedgerEntry(happened, caller.Principal, granted.Account)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["permissions"] = granted.Permissions.Names().ToList(),
                ["ceiling"] = granted.Ceiling,
                ["expires_at"] = granted.ExpiresAt?.ToUnixTimeMilliseconds(),
                ["correlation_id"] = caller.CorrelationId,
            },
        });
}
