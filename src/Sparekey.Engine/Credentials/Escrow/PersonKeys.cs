using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>
/// People's OpenPGP public keys: what they sign with, what an escrow gives back. Everybody who is signed in may read them. A person has one
/// at a time.
/// </summary>
public sealed class PersonKeys
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly SessionStore _sessions;
    private readonly PolicyStore _policies;
    private readonly PersonKeyStore _keys;

    internal PersonKeys(
        Acts acts, AccountStore accounts, SessionStore sessions, PolicyStore policies, PersonKeyStore keys)
    {
        _acts = acts;
        _accounts = accounts;
        _sessions = sessions;
        _policies = policies;
        _keys = keys;
    }

    /// <summary>The key of an account.</summary>
    /// <param name="visitor">Who reads.</param>
    /// <param name="account">Whose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<PersonKey?> Find(Visitor visitor, AccountId account, CancellationToken cancellationToken) =>
        _acts.Read(db => _keys.Find(db, visitor.Tenant, account), cancellationToken);

    /// <summary>The key of a fingerprint, if somebody uses it.</summary>
    /// <param name="visitor">Who reads.</param>
    /// <param name="fingerprint">40 hexadecimal digits; blanks and case do not matter.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<PersonKey?> Find(Visitor visitor, string fingerprint, CancellationToken cancellationToken) =>
        PgpKeyRules.NormalFingerprint(fingerprint) is { } normal
        && await _acts.Read(db => _keys.Find(db, visitor.Tenant, normal), cancellationToken) is { DeletedAt: null } found
            ? found
            : null;

    /// <summary>A key by its id, in use or not.</summary>
    /// <param name="visitor">Who reads.</param>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<PersonKey?> Find(Visitor visitor, PersonKeyId id, CancellationToken cancellationToken) =>
        _acts.Read(db => _keys.Find(db, visitor.Tenant, id), cancellationToken);

    /// <summary>A page of keys by modification, oldest first, and how many there are in all.</summary>
    /// <param name="visitor">Who reads.</param>
    /// <param name="filter">Which ones.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<(IReadOnlyList<PersonKey> Items, int Count)> List(Visitor visitor, PersonKeyFilter filter, CancellationToken cancellationToken) =>
        _acts.Read(db => _keys.List(db, visitor.Tenant, filter), cancellationToken);

    /// <summary>
    /// Gives a person a key in place of the one they have, for the operator of the machine, or a token of theirs, who brings people in from
    /// another system. Nobody else: who chooses the key that signs a person in could sign in.
    /// </summary>
    /// <param name="caller">Who; holds <c>account:write</c>.</param>
    /// <param name="account">Whose.</param>
    /// <param name="key">The key.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The key; or <see cref="RefusalCode.OpenpgpRefused"/>, <see cref="RefusalCode.OpenpgpUnavailable"/>, <see cref="RefusalCode.AccountNotFound"/>,
    /// <see cref="RefusalCode.CredentialTaken"/> where it is another person's, or the organisation's; <see cref="RefusalCode.PolicyRefuses"/>,
    /// <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Result<PersonKey>> Set(Caller caller, AccountId account, GivenKey key, CancellationToken cancellationToken)
    {
        if (caller.Grant.Demand(Permission.AccountWrite) is { } missing)
        {
            return missing;
        }

        var judged = Judge(key);
        return judged.Refusal is { } refused
            ? refused
            : await _acts.Write(caller.Tenant, act => Set(act, caller, account, judged.Value), cancellationToken);
    }

    /// <summary>Gives oneself a key in place of the one that one has. An escrow stays as it is: it gives back the former key until it is renewed.</summary>
    /// <param name="caller">Who; in their privileged time.</param>
    /// <param name="key">The key.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The key; or <see cref="RefusalCode.OpenpgpRefused"/>, <see cref="RefusalCode.OpenpgpUnavailable"/>, <see cref="RefusalCode.CredentialTaken"/>,
    /// <see cref="RefusalCode.FreshSignInRequired"/>, <see cref="RefusalCode.SessionInvalid"/>.
    /// </returns>
    public async Task<Result<PersonKey>> SetOwn(SessionCaller caller, GivenKey key, CancellationToken cancellationToken)
    {
        var judged = Judge(key);
        return judged.Refusal is { } refused
            ? refused
            : await _acts.Write(
                caller.Tenant,
                async act =>
                {
                    if (caller.Session.RestrictedTo is not null)
                    {
                        return new Refusal(RefusalCode.PolicyRefuses, "After a recovery a new credential is set first.");
                    }

                    var person = await _sessions.PrivilegedPersonOf(act, _accounts, caller);
                    return person.Refusal is { } notThem ? notThem : await Store(act, caller, caller.Principal, person.Value.Id, judged.Value);
                },
                cancellationToken);
    }

    private Result<PgpKey> Judge(GivenKey key)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var read = PgpKey.Read(key.Armored);
        return read.Refusal is { } unreadable ? unreadable.Below("/armored_key")
            : key.Fingerprint is { } claimed && PgpKeyRules.NormalFingerprint(claimed) != read.Value.Fingerprint
                ? PgpRefusals.Of(PgpFault.FingerprintDiffers, "/fingerprint")
            : PgpKeyRules.FaultOfPersonKey(read.Value, _acts.Now) is { } fault ? PgpRefusals.Of(fault, "/armored_key")
            : read.Value;
    }

    private async Task<Result<PersonKey>> Store(Act act, Visitor visitor, Principal by, AccountId account, PgpKey key)
    {
        var before = await _keys.Find(act.Db, act.Tenant, account);
        var stored = await _keys.Put(act, account, key);
        if (stored.Refusal is { } taken)
        {
            return taken;
        }

        await act.Record(new LedgerEntry(LedgerEvent.PersonKeySet, by, account)
        {
            Facts = SessionLedger.Facts(visitor, ("fingerprint", key.Fingerprint), ("before", before?.Fingerprint)),
            Texts = SessionLedger.Source(visitor),
        });
        if (before?.Fingerprint != key.Fingerprint)
        {
            // Whoever has the former one is out with it.
            await _sessions.EndOfOpenPgp(act, account);
            await act.Send(CredentialNotice.Of(account, CredentialKind.Key, before is null ? "added" : "changed"));
        }

        return stored;
    }

    private async Task<Result<PersonKey>> Set(Act act, Caller caller, AccountId id, PgpKey key)
    {
        if (await _accounts.Find(act.Db, act.Tenant, id) is not { } account)
        {
            return RefusalCode.AccountNotFound;
        }

        var ranks = await _policies.Ranks(act.Db, act.Tenant);
        if (caller.Grant.MayActOn(id, account.Kind, account.Role, account.Role, ranks) is { } forbidden)
        {
            return forbidden;
        }

        return !caller.Principal.IsSamePersonAs(Principal.LocalOperator)
            ? new Refusal(RefusalCode.PolicyRefuses, "People give themselves a key. For others the operator of the machine does.")
            : await Store(act, caller, caller.Principal, id, key);
    }
}
