using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials;

/// <summary>
/// Removes a credential of one's own, soon after signing in. The last one that signs the account in stays: who wants to leave has the
/// account deleted, and a slip must not become a recovery.
/// </summary>
public sealed class RevokeOwnCredential
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly CredentialStore _credentials;
    private readonly SessionStore _sessions;

    internal RevokeOwnCredential(Acts acts, AccountStore accounts, CredentialStore credentials, SessionStore sessions)
    {
        _acts = acts;
        _accounts = accounts;
        _credentials = credentials;
        _sessions = sessions;
    }

    /// <summary>Removes a credential; the sessions it opened end with it, the caller's own too if it is one of them.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="credential">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// What was removed; or <see cref="RefusalCode.FreshSignInRequired"/>, <see cref="RefusalCode.CredentialNotFound"/>,
    /// <see cref="RefusalCode.LastCredential"/>, <see cref="RefusalCode.SessionInvalid"/>; <see cref="RefusalCode.PolicyRefuses"/> for
    /// an escrow, which is the organisation's, and in the session of a recovery in which no credential was set.
    /// </returns>
    public Task<Result<Credential>> Run(SessionCaller caller, CredentialId credential, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Revoke(act, caller, credential), cancellationToken);

    private async Task<Result<Credential>> Revoke(Act act, SessionCaller caller, CredentialId id)
    {
        if ((await _sessions.PrivilegedPersonOf(act, _accounts, caller)).Refusal is { } refused)
        {
            return refused;
        }

        // Whoever recovered may set a credential and nothing else, until they have.
        if (caller.Session.RestrictedTo == SessionRestriction.Recovery)
        {
            return new Refusal(RefusalCode.PolicyRefuses, "After a recovery a new credential is set first.");
        }

        var all = await _credentials.List(act.Db, act.Tenant, caller.Session.Account);
        if (all.FirstOrDefault(c => c.Id == id) is not { } credential)
        {
            return RefusalCode.CredentialNotFound;
        }

        if (credential.Kind == CredentialKind.Escrow)
        {
            return new Refusal(RefusalCode.PolicyRefuses, "An escrow is the organisation's to remove.");
        }

        if (IsLastWayIn(credential, all))
        {
            return RefusalCode.LastCredential;
        }

        await _credentials.Revoke(act, credential.Account, id);
        var ended = await _sessions.EndOpenedBy(act, credential.Account, id);
        await act.Record(CredentialLedger.Revoked(caller, caller.Principal, credential, ended));
        await act.Send(CredentialNotice.Of(credential.Account, credential.Kind, "removed"));
        return credential;
    }

    // Another provider signs people in to the team's product, not to us: it does not stand in for what signs in here.
    private static bool IsLastWayIn(Credential credential, IReadOnlyList<Credential> all) =>
        SignsIn(credential) ? !all.Any(c => c.Id != credential.Id && SignsIn(c))
        : credential.Kind == CredentialKind.ExternalLogin
            && !all.Any(c => c.Id != credential.Id && (SignsIn(c) || c is { Kind: CredentialKind.ExternalLogin, State: CredentialState.Active }));

    // A provisional password ends by itself, and what is suspended signs nobody in.
    private static bool SignsIn(Credential credential) =>
        credential is { Kind: CredentialKind.Password or CredentialKind.Passkey, State: CredentialState.Active, ProvisionalUntil: null };
}
