using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// Changes what a person says about themselves, and how they are called and reached by it. For the latter they have just proved themselves;
/// a new address names them once it is confirmed, carries secrets a day later, and the former ones are told.
/// </summary>
public sealed class ChangeOwnProfile
{
    private readonly Acts _acts;
    private readonly Database _database;
    private readonly AccountStore _accounts;
    private readonly SessionStore _sessions;
    private readonly AddressChanges _addresses;

    internal ChangeOwnProfile(Acts acts, Database database, AccountStore accounts, SessionStore sessions, AddressChanges addresses)
    {
        _acts = acts;
        _database = database;
        _accounts = accounts;
        _sessions = sessions;
        _addresses = addresses;
    }

    /// <summary>Changes it.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="change">What shall be different: traits, user name and addresses. Everything else in it is passed over.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The account afterwards; or <see cref="RefusalCode.FreshSignInRequired"/> where the person's name or addresses change,
    /// <see cref="RefusalCode.PolicyRefuses"/> in the session of a recovery in which no credential was set,
    /// <see cref="RefusalCode.SessionInvalid"/>, <see cref="RefusalCode.VersionConflict"/>, <see cref="RefusalCode.IdentifierTaken"/>,
    /// <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.TooManyRequests"/> when an address was sent too many codes.
    /// </returns>
    public async Task<Result<Account>> Run(SessionCaller caller, AccountChange change, CancellationToken cancellationToken)
    {
        try
        {
            return await _acts.Write(caller.Tenant, act => Change(act, caller, change), cancellationToken);
        }
        catch (Exception e) when (_database.Dialect.IsUniqueViolation(e))
        {
            return RefusalCode.IdentifierTaken;
        }
    }

    private async Task<Result<Account>> Change(Act act, SessionCaller caller, AccountChange change)
    {
        if (await _sessions.PersonOf(act, _accounts, caller) is not { } before)
        {
            return RefusalCode.SessionInvalid;
        }

        if (caller.Session.RestrictedTo == SessionRestriction.Recovery)
        {
            return new Refusal(RefusalCode.PolicyRefuses, "After a recovery a new credential is set first.");
        }

        if (change.Version is { } seen && seen != before.Version)
        {
            return new Refusal(RefusalCode.VersionConflict, $"The account is at version {before.Version}.");
        }

        var changed = AccountRules.Apply(before, new AccountChange { Traits = change.Traits, Username = change.Username });
        if (changed.Refusal is { } invalid)
        {
            return invalid;
        }

        var isProtected = changed.Value.Username != before.Username || change.AddAddresses.Count > 0
            || before.Addresses.Any(a => change.RemoveAddresses.Contains(a.Id));
        return isProtected && !caller.IsPrivileged(act.Now) ? RefusalCode.FreshSignInRequired : await Write(act, caller, before, changed.Value, change);
    }

    private async Task<Result<Account>> Write(Act act, SessionCaller caller, Account before, Account changed, AccountChange change)
    {
        // The last address that somebody vouched for stays until another takes its place: the person could neither be told nor recovered.
        var rest = before.Addresses.RemoveAll(a => change.RemoveAddresses.Contains(a.Id));
        var staying = changed with
        {
            Addresses = rest.Any(a => a.IsUsable) ? rest : before.Addresses.RemoveAll(a => !a.IsUsable && change.RemoveAddresses.Contains(a.Id)),
        };
        var added = await _addresses.Make(act, staying, change.AddAddresses);
        if (added.Refusal is { } refused)
        {
            return refused;
        }

        var next = staying with { Addresses = staying.Addresses.AddRange(added.Value), Version = before.Version + 1, UpdatedAt = act.Now };
        var (traits, name) = (next.Traits != before.Traits, next.Username != before.Username);
        if (!traits && !name && next.Addresses.SequenceEqual(before.Addresses))
        {
            return before;
        }

        if (await AccountClaims.Taken(act, before, next))
        {
            return RefusalCode.IdentifierTaken;
        }

        if (!await _accounts.Update(act, before, next))
        {
            return RefusalCode.VersionConflict;
        }

        await _addresses.Tell(act, caller, caller.Principal, before, next);
        await NameNotice.Tell(act, before, next);
        if (traits || name)
        {
            await act.Record(AccountLedger.Entry(
                LedgerEvent.AccountChanged, caller, caller.Principal, next,
                ("changed", new[] { traits ? "traits" : "", name ? "username" : "" }.Where(m => m.Length > 0).ToList()))
                .With(("username_before", name ? before.Username : null)));
        }

        return next;
    }
}
