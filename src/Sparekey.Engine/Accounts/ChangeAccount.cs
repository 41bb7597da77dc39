using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Accounts;

/// <summary>Changes what an account is. What it is and where it is reached change together or not at all.</summary>
public sealed class ChangeAccount
{
    private readonly AccountAct _act;
    private readonly SessionStore _sessions;
    private readonly AddressChanges _addresses;

    internal ChangeAccount(AccountAct act, SessionStore sessions, AddressChanges addresses) =>
        (_act, _sessions, _addresses) = (act, sessions, addresses);

    /// <summary>Changes an account.</summary>
    /// <param name="caller">Who changes it; holds <c>account:write</c> and a ceiling that covers its role before and after.</param>
    /// <param name="id">The account.</param>
    /// <param name="change">What shall be different.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The account afterwards; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.VersionConflict"/>, <see cref="RefusalCode.UnknownRole"/>,
    /// <see cref="RefusalCode.IdentifierTaken"/>, <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.TooManyRequests"/> when an
    /// address was sent too many codes.
    /// </returns>
    public Task<Result<Account>> Run(Caller caller, AccountId id, AccountChange change, CancellationToken cancellationToken) =>
        Run(caller, id, _ => change, cancellationToken);

    /// <summary>Changes an account by what it is at that moment, so that nothing of what others change meanwhile is lost.</summary>
    /// <param name="caller">Who changes it; holds <c>account:write</c> and a ceiling that covers its role before and after.</param>
    /// <param name="id">The account.</param>
    /// <param name="change">Says what shall be different, and does nothing else: it may be asked more than once.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>As for a change that is known beforehand.</returns>
    public Task<Result<Account>> Run(Caller caller, AccountId id, Func<Account, AccountChange> change, CancellationToken cancellationToken) =>
        _act.Run(caller, act => Change(act, caller, id, change), cancellationToken);

    private async Task<Result<Account>> Change(Act act, Caller caller, AccountId id, Func<Account, AccountChange> changeOf)
    {
        var found = await _act.Find(act, caller, id);
        if (found.Refusal is { } refusal)
        {
            return refusal;
        }

        var before = found.Value.Account;
        var change = changeOf(before);
        if (change.Version is { } seen && seen != before.Version)
        {
            return new Refusal(RefusalCode.VersionConflict, $"The account is at version {before.Version}.");
        }

        var changed = AccountRules.Apply(before, change);
        if (changed.Refusal is { } invalid)
        {
            return invalid;
        }

        if (await _act.CheckPlace(act.Db, act.Tenant, changed.Value, found.Value.Ranks, before) is { } wrong)
        {
            return wrong;
        }

        var staying = changed.Value with { Addresses = before.Addresses.RemoveAll(a => change.RemoveAddresses.Contains(a.Id)) };
        var added = await _addresses.Make(act, staying, change.AddAddresses);
        if (added.Refusal is { } refused)
        {
            return refused;
        }

        var wanted = staying with { Addresses = staying.Addresses.AddRange(added.Value) };
        var members = Changes(before, wanted);
        if (members.Count == 0 && wanted.Addresses.SequenceEqual(before.Addresses))
        {
            return before;
        }

        var written = await _act.Write(act, caller, found.Value, wanted);
        if (written.Refusal is not null)
        {
            return written;
        }

        await _addresses.Tell(act, caller, caller.Principal, before, written.Value);
        await NameNotice.Tell(act, before, written.Value);
        if (members.Count == 0)
        {
            return written;
        }

        // A session of before must not come back to life when the account is enabled again.
        var next = written.Value;
        var ended = next.Status == AccountStatus.Disabled && before.Status != next.Status ? await _sessions.EndAll(act, id) : 0;
        await act.Record(AccountLedger.Entry(
            LedgerEvent.AccountChanged, caller, next,
            ("changed", members),
            ("role", next.Role == before.Role ? null : next.Role),
            ("role_before", next.Role == before.Role ? null : before.Role),
            ("status", next.Status == before.Status ? null : WireName.Of(next.Status)),
            ("sessions_ended", ended == 0 ? null : ended))
            .With(("username_before", next.Username == before.Username ? null : before.Username)));
        return next;
    }

    private static List<string> Changes(Account before, Account next)
    {
        (string Name, bool Same)[] members =
        [
            ("username", before.Username == next.Username),
            ("role", before.Role == next.Role),
            ("kind", before.Kind == next.Kind),
            ("status", before.Status == next.Status),
            ("groups", before.Groups.SequenceEqual(next.Groups)),
            ("manager_id", before.Manager == next.Manager),
            ("traits", before.Traits == next.Traits),
            ("metadata_public", before.MetadataPublic == next.MetadataPublic),
            ("metadata_admin", before.MetadataAdmin == next.MetadataAdmin),
            ("external_ids", before.ExternalIds.SequenceEqual(next.ExternalIds)),
            ("schema_id", before.Schema == next.Schema),
        ];
        return [.. members.Where(m => !m.Same).Select(m => m.Name)];
    }
}
