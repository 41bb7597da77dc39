using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Incidents;

/// <summary>
/// Lifts the freezing of an account: one principal asks, another agrees. Neither is the account's person, both are different people
/// (owners are compared, not tokens), and whoever was recovered within 72 hours does not agree.
/// </summary>
public sealed class LiftFreeze
{
    private readonly Acts _acts;
    private readonly FreezeStore _store;
    private readonly AccountStore _accounts;
    private readonly SecondPeople _people;
    private readonly PolicyStore _policies;
    private readonly AccessTokenStore _tokens;

    internal LiftFreeze(
        Acts acts, FreezeStore store, AccountStore accounts, SecondPeople people, PolicyStore policies, AccessTokenStore tokens) =>
        (_acts, _store, _accounts, _people, _policies, _tokens) = (acts, store, accounts, people, policies, tokens);

    /// <summary>How an account is frozen.</summary>
    /// <param name="caller">Who reads; holds <c>account:read</c>.</param>
    /// <param name="id">The account.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The freezing; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.AccountNotFrozen"/>.</returns>
    public Task<Result<Freeze>> Read(Caller caller, AccountId id, CancellationToken cancellationToken) =>
        _acts.Read<Result<Freeze>>(
            async db => await _accounts.Find(db, caller.Tenant, id) is null ? RefusalCode.AccountNotFound
                : await _store.Find(db, caller.Tenant, id) is { } frozen ? Shown(frozen)
                : RefusalCode.AccountNotFrozen,
            cancellationToken);

    /// <summary>Asks to lift it.</summary>
    /// <param name="caller">Who asks; holds <c>account:write</c> and a ceiling that covers the account.</param>
    /// <param name="id">The account.</param>
    /// <param name="reason">Why.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The freezing with the request; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.AccountNotFrozen"/>,
    /// <see cref="RefusalCode.AlreadyDecided"/> while another request waits, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.InvalidRequest"/>.
    /// </returns>
    public Task<Result<Freeze>> Ask(Caller caller, AccountId id, string reason, CancellationToken cancellationToken) =>
        Run(
            caller, id,
            async (act, _, frozen) =>
            {
                if (FreezeAccount.FaultOf(reason, "/reason") is { } wrong)
                {
                    return wrong;
                }

                if (frozen.Lift?.IsOpen(act.Now) is true)
                {
                    return new Refusal(RefusalCode.AlreadyDecided, "Somebody asks for it already.");
                }

                var lift = new LiftRequest(NewId.Make<LiftId>(), act.Now, caller.Principal, reason);
                await _store.SetLift(act, frozen.Id, lift);
                await Record(act, LedgerEvent.AccountLiftAsked, caller, frozen, lift.Id, reason);
                return frozen with { Lift = lift };
            },
            cancellationToken);

    /// <summary>Agrees: the account gets its former status back.</summary>
    /// <param name="caller">Who agrees; holds <c>recovery:approve</c> and a ceiling that covers the account.</param>
    /// <param name="id">The account.</param>
    /// <param name="lift">The request that they saw.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The freezing that is over; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.AccountNotFrozen"/>,
    /// <see cref="RefusalCode.LiftNotFound"/>, <see cref="RefusalCode.SeparationOfDuties"/> for who asked, all that is theirs, and whom they made an operator,
    /// <see cref="RefusalCode.RecentlyRecovered"/>, <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<Freeze>> Approve(Caller caller, AccountId id, LiftId lift, CancellationToken cancellationToken) =>
        Run(
            caller, id,
            async (act, account, frozen) =>
            {
                if (FaultOf(frozen, lift, act.Now) is { } gone)
                {
                    return gone;
                }

                if ((await _people.Of(act, caller.Principal)).FaultBeside(frozen.Lift!.By, act.Now) is { } unfit)
                {
                    return unfit;
                }

                var next = account with
                {
                    Status = frozen.StatusBefore, Version = account.Version + 1, UpdatedAt = act.Now, StatusSince = act.Now,
                };
                if (await _store.SetLifted(act, frozen.Id, lift) != 1 || !await _accounts.Update(act, account, next))
                {
                    throw new InvalidOperationException("The freezing changed within its own lifting.");
                }

                await Record(act, LedgerEvent.AccountUnfrozen, caller, frozen, lift, null, ("status", WireName.Of(frozen.StatusBefore)));
                await act.Send(new OutboxMessage(MessageKind.AccountUnfrozenNotice, account.Id));
                return frozen;
            },
            cancellationToken);

    /// <summary>Says no, or takes the request back: the account stays frozen.</summary>
    /// <param name="caller">Who says no; holds <c>recovery:approve</c> and a ceiling that covers the account.</param>
    /// <param name="id">The account.</param>
    /// <param name="lift">The request that they saw.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The freezing without the request; or as <see cref="Approve"/>.</returns>
    public Task<Result<Freeze>> Deny(Caller caller, AccountId id, LiftId lift, CancellationToken cancellationToken) =>
        Run(
            caller, id,
            async (act, _, frozen) =>
            {
                if (FaultOf(frozen, lift, act.Now) is { } gone)
                {
                    return gone;
                }

                await _store.SetLift(act, frozen.Id, null);
                await Record(act, LedgerEvent.AccountLiftDenied, caller, frozen, lift, null);
                return frozen with { Lift = null };
            },
            cancellationToken);

    private Task<Result<Freeze>> Run(
        Caller caller, AccountId id, Func<Act, Account, Freeze, Task<Result<Freeze>>> then, CancellationToken cancellationToken) =>
        _acts.Write<Result<Freeze>>(
            caller.Tenant,
            async act =>
            {
                if (await _tokens.StillHolds(act, caller) is { } over)
                {
                    return over;
                }

                if (await _accounts.Find(act.Db, act.Tenant, id) is not { } account)
                {
                    return RefusalCode.AccountNotFound;
                }

                if (caller.Grant.MayActOn(id, account.Kind, account.Role, account.Role, await _policies.Ranks(act.Db, act.Tenant)) is { } forbidden)
                {
                    return forbidden;
                }

                return await _store.Find(act.Db, act.Tenant, id) is { } frozen
                    ? await then(act, account, frozen)
                    : RefusalCode.AccountNotFrozen;
            },
            cancellationToken);

    private static Refusal? FaultOf(Freeze frozen, LiftId lift, DateTimeOffset now) =>
        frozen.Lift is { } asked && asked.Id == lift && asked.IsOpen(now) ? null : RefusalCode.LiftNotFound;

    private Freeze Shown(Freeze frozen) => frozen.Lift?.IsOpen(_acts.Now) is false ? frozen with { Lift = null } : frozen;

    private static Task Record(
        Act act, LedgerEvent happened, Caller caller, Freeze frozen, LiftId lift, string? reason, params ReadOnlySpan<(string, object?)> facts)
    {
        var all = SessionLedger.Facts(caller, facts);
        all["freeze"] = frozen.Id.ToString();
        all["lift"] = lift.ToString();
        return act.Record(new LedgerEntry(happened, caller.Principal, frozen.Account)
        {
            Facts = all,
            Texts = reason is null
                ? SessionLedger.Source(caller)
                : new Dictionary<string, string>(SessionLedger.Source(caller), StringComparer.Ordinal) { ["reason"] = reason },
        });
    }
}
