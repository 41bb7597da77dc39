using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Recoveries;

/// <summary>With what a person proves themselves beside the recovery's own means: a closed set.</summary>
public abstract record PresentedProof
{
    private PresentedProof()
    {
    }

    /// <summary>A recovery code that they saved. It is used up.</summary>
    /// <param name="Text">As it was typed.</param>
    public sealed record SavedCode(SecretText Text) : PresentedProof;

    /// <summary>The password that they chose.</summary>
    /// <param name="Text">The password.</param>
    public sealed record Password(SecretText Text) : PresentedProof;

    /// <summary>A passkey that is still bound.</summary>
    /// <param name="Assertion">What the browser proved.</param>
    public sealed record Passkey(PasskeyAssertion Assertion) : PresentedProof;
}

/// <summary>
/// Takes a person's second proof, before the secret of their recovery is worth anything (SP 800-63B-4 §4.2.2.2). Only what was bound
/// before the recovery was opened counts: what somebody binds while one waits proves that they can bind, and no more. Whoever names a
/// recovery by its id and brings what does not prove it, learns nothing: unknown, over, met before and wrong look alike.
/// </summary>
public sealed class ProveRecovery
{
    private const string Kind = "passkey.prove";

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ApplicationStore _applications;
    private readonly CeremonyStore _ceremonies;
    private readonly CredentialStore _credentials;
    private readonly PasskeyStore _passkeys;
    private readonly PasswordHashing _hashing;
    private readonly PasswordStore _passwords;
    private readonly PolicyStore _policies;
    private readonly RecoveryAct _recoveries;
    private readonly RecoveryCodeStore _codes;
    private readonly RecoveryStore _store;
    private readonly SessionStore _sessions;
    private readonly SpentRecoveryCodes _spent;
    private readonly Throttle _throttle;

    internal ProveRecovery(
        Acts acts, AccountStore accounts, ApplicationStore applications, CeremonyStore ceremonies, CredentialStore credentials,
        PasskeyStore passkeys, PasswordHashing hashing, PasswordStore passwords, PolicyStore policies, RecoveryAct recoveries,
        RecoveryCodeStore codes, RecoveryStore store, SessionStore sessions, SpentRecoveryCodes spent, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _applications = applications;
        _ceremonies = ceremonies;
        _credentials = credentials;
        _passkeys = passkeys;
        _hashing = hashing;
        _passwords = passwords;
        _policies = policies;
        _recoveries = recoveries;
        _codes = codes;
        _store = store;
        _sessions = sessions;
        _spent = spent;
        _throttle = throttle;
    }

    /// <summary>Begins a proof by passkey: what the browser is to prove. The challenge is worth something for this recovery alone (A16).</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The options, good for 5 minutes and alike for unknown recoveries; or <see cref="RefusalCode.MeansNotAvailable"/>.</returns>
    public Task<Result<PasskeyRequest>> Begin(Visitor visitor, RecoveryId id, CancellationToken cancellationToken) =>
        _acts.Write<Result<PasskeyRequest>>(
            visitor.Tenant,
            async act =>
            {
                var recovery = await _store.Find(act.Db, act.Tenant, id);
                var application = recovery?.Request.Application ?? (await _applications.OfHost(act.Db, act.Tenant, visitor.Host)).Id;
                if (await _applications.PartyOf(act.Db, act.Tenant, application) is not { } party)
                {
                    return RefusalCode.MeansNotAvailable;
                }

                var challenge = PasskeyChallenge.New();
                await _ceremonies.Begin(
                    act, Kind, challenge, new Ceremony<Begun>(null, recovery?.Id, new Begun(id, application), 1), act.Now + PasskeyChallenge.Lifetime);
                return new PasskeyRequest(challenge, party);
            },
            cancellationToken);

    /// <summary>Whether a recovery waits for its person's second proof; a page asks that has a right secret of it.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<bool> Awaits(TenantId tenant, RecoveryId id, CancellationToken cancellationToken) => _acts.Read(
        async db => await _store.Find(db, tenant, id) is { } recovery && Takes(recovery, _acts.Now), cancellationToken);

    /// <summary>Takes a proof of whoever names the recovery.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="proof">The proof.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The recovery; or <see cref="RefusalCode.SecretInvalid"/> whatever is wrong, <see cref="RefusalCode.TooManyRequests"/>,
    /// <see cref="RefusalCode.Busy"/>.
    /// </returns>
    public async Task<Result<Recovery>> Run(Visitor visitor, RecoveryId id, PresentedProof proof, CancellationToken cancellationToken)
    {
        if (proof is not PresentedProof.Password password)
        {
            return await _acts.Write(
                visitor.Tenant,
                async act => await Slow(act, visitor, id) is { } tooMany ? tooMany : await Take(act, visitor, id, found => proof switch
                {
                    PresentedProof.SavedCode code => BySavedCode(act, visitor, found, code.Text),
                    PresentedProof.Passkey passkey => ByPasskey(act, found, passkey.Assertion),
                    _ => throw new InvalidOperationException("The set of proofs is closed."),
                }),
                cancellationToken);
        }

        // The hash takes long, so it is checked outside every act; the act that counts it looks again.
        var begun = await _acts.Write<Result<Attempt>>(
            visitor.Tenant,
            async act => await Slow(act, visitor, id) is { } tooMany ? tooMany : new Attempt(await PasswordOf(act, id)), cancellationToken);
        if (begun.Refusal is { } slowed)
        {
            return slowed;
        }

        var verdict = await _hashing.Verify(begun.Value.Stored?.Hash, password.Text.Reveal(), cancellationToken);
        return verdict == PasswordVerdict.Busy
            ? PasswordHashing.Busy
            : await _acts.Write(
                visitor.Tenant,
                act => Take(act, visitor, id, async found =>
                    begun.Value.Stored is { } verified && verdict is PasswordVerdict.Match or PasswordVerdict.MatchRehash
                    && await _passwords.StillIs(act, found.Account.Id, verified) && await IsOlder(act, found, verified.Id)
                        ? ProofMethod.Password
                        : null),
                cancellationToken);
    }

    /// <summary>Takes the session of the person as the proof: that they have just signed in.</summary>
    /// <param name="caller">The person.</param>
    /// <param name="id">The recovery, of their own account.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The recovery; or <see cref="RefusalCode.SessionInvalid"/>, <see cref="RefusalCode.FreshSignInRequired"/> for a session that is not
    /// fresh or was not opened with a passkey, a key or a password of before, <see cref="RefusalCode.RecoveryNotFound"/>, and what
    /// the recovery itself refuses.
    /// </returns>
    public Task<Result<Recovery>> Run(SessionCaller caller, RecoveryId id, CancellationToken cancellationToken) => _acts.Write(
        caller.Tenant,
        async act =>
        {
            var person = await _sessions.PrivilegedPersonOf(act, _accounts, caller);
            if (person.Refusal is { } refused)
            {
                return refused;
            }

            if (await _store.Find(act.Db, act.Tenant, id) is not { } recovery || recovery.Request.Account != person.Value.Id)
            {
                return RefusalCode.RecoveryNotFound;
            }

            var found = new RecoveryAct.Found(recovery, person.Value, (await _policies.Current(act.Db, act.Tenant)).Policy);
            return caller.Session is { RestrictedTo: null, Credential: { } opener } && await MethodOf(act, found, opener) is { } method
                ? await Apply(act, caller, found, method)
                : RefusalCode.FreshSignInRequired;
        },
        cancellationToken);

    // By the account: whoever may open many recoveries of one account must not get as many times the tries.
    private async Task<Refusal?> Slow(Act act, Visitor visitor, RecoveryId id) => await _throttle.Count(
        act, ThrottleKind.SecondProof, (await _store.Find(act.Db, act.Tenant, id))?.Request.Account.ToString() ?? id.ToString(), visitor.Source);

    // If the process dies after this act, the proof counts and what it used up is used up; the person goes on with their secret.
    private async Task<Result<Recovery>> Take(Act act, Visitor visitor, RecoveryId id, Func<RecoveryAct.Found, Task<ProofMethod?>> prove)
    {
        if (await Find(act, id) is not { } found)
        {
            return RefusalCode.SecretInvalid;
        }

        if (await prove(found) is { } method)
        {
            return await Apply(act, visitor, found, method);
        }

        await RefusedSignIns.Record(act, visitor, found.Account.Id, RefusalCode.SecretInvalid, LedgerEvent.RecoveryTryRefused);
        return RefusalCode.SecretInvalid;
    }

    private async Task<Result<Recovery>> Apply(Act act, Visitor visitor, RecoveryAct.Found found, ProofMethod method)
    {
        var person = Principal.Of(found.Account.Id);
        var proved = await _recoveries.Apply(act, found, new RecoveryCommand.Prove(person, method), visitor);
        return proved.Refusal is { } refused ? refused : proved.Value.AsSeenBy(person, act.Now);
    }

    private async Task<RecoveryAct.Found?> Find(Act act, RecoveryId id) =>
        await _store.Find(act.Db, act.Tenant, id) is { } recovery && Takes(recovery, act.Now)
        && await _accounts.Find(act.Db, act.Tenant, recovery.Request.Account) is { Status: AccountStatus.Active } account
            ? new RecoveryAct.Found(recovery, account, (await _policies.Current(act.Db, act.Tenant)).Policy)
            : null;

    private static bool Takes(Recovery recovery, DateTimeOffset now) =>
        recovery.State == RecoveryState.Pending && now < recovery.OpenUntil
        && recovery.Requirements.Any(r => r.Kind == RequirementKind.SecondProof && !r.IsMet(now));

    private async Task<ProofMethod?> BySavedCode(Act act, Visitor visitor, RecoveryAct.Found found, SecretText typed)
    {
        if (SavedCode.Read(typed.Reveal()) is not { } reading)
        {
            return null;
        }

        var (code, isIt) = await _codes.Match(act.Db, act.Tenant, found.Account.Id, reading);
        if (isIt && code is { Recovery: null, TakesTries: true } && found.Recovery.Request.Means != Means.SavedCode
            && await IsOlder(act, found, code.Credential))
        {
            await _spent.SpendAsProof(act, code, found.Recovery, visitor);
            return ProofMethod.SavedCode;
        }

        if (!isIt && code is not null)
        {
            await _spent.CountTry(act, found.Account.Id, code, visitor);
        }

        return null;
    }

    private async Task<ProofMethod?> ByPasskey(Act act, RecoveryAct.Found found, PasskeyAssertion assertion)
    {
        if (assertion.ToResponse() is not { } response || PasskeyChallenge.SaidBy(response.ClientData) is not { } challenge
            || await _ceremonies.Find<Begun>(act.Db, act.Tenant, Kind, challenge, act.Now) is not { } ceremony
            || ceremony.State.Recovery != found.Recovery.Id
            || await _applications.PartyOf(act.Db, act.Tenant, ceremony.State.Application) is not { } party
            || await _passkeys.Find(act.Db, act.Tenant, response.CredentialId) is not { } stored
            || stored.Credential.Account != found.Account.Id || !await IsOlder(act, found, stored.Credential.Id))
        {
            return null;
        }

        var verified = PasskeyCeremonies.VerifyAssertion(
            response, stored.Passkey, PasskeyChallenge.HandleOf(found.Account.Id),
            new CeremonyExpectation(Base64Url.DecodeFromChars(challenge), party.Id, party.Origins));
        return verified.Value is { } passkey && await _ceremonies.Consume(act, Kind, challenge, ceremony.Version)
            && await _passkeys.MarkUsed(act, stored, passkey)
                ? ProofMethod.BoundAuthenticator
                : null;
    }

    // One that an operator chose proves the operator.
    private async Task<StoredPassword?> PasswordOf(Act act, RecoveryId id) =>
        await Find(act, id) is { } found && await _passwords.Find(act.Db, act.Tenant, found.Account.Id) is { ProvisionalUntil: null } stored
            ? stored
            : null;

    private async Task<ProofMethod?> MethodOf(Act act, RecoveryAct.Found found, CredentialId opener) =>
        await _credentials.Find(act.Db, act.Tenant, found.Account.Id, opener) is { State: CredentialState.Active, ProvisionalUntil: null } credential
        && credential.CreatedAt < found.Recovery.CreatedAt
            ? credential.Kind switch
            {
                CredentialKind.Passkey or CredentialKind.Key => ProofMethod.BoundAuthenticator,
                CredentialKind.Password => ProofMethod.Password,
                _ => null,
            }
            : null;

    private async Task<bool> IsOlder(Act act, RecoveryAct.Found found, CredentialId credential) =>
        await _credentials.Find(act.Db, act.Tenant, found.Account.Id, credential) is { State: CredentialState.Active } bound
        && bound.CreatedAt < found.Recovery.CreatedAt;

    private sealed record Attempt(StoredPassword? Stored);

    private sealed record Begun(RecoveryId Recovery, ApplicationId Application);
}
