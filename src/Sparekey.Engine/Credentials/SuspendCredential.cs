using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials;

/// <summary>Lets a person's credential rest, or work again, by the word of that person alone.</summary>
public sealed class SuspendCredential
{
    private readonly Acts _acts;
    private readonly CredentialStore _credentials;
    private readonly SessionStore _sessions;

    internal SuspendCredential(Acts acts, CredentialStore credentials, SessionStore sessions)
    {
        _acts = acts;
        _credentials = credentials;
        _sessions = sessions;
    }

    /// <summary>Changes the state.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="action">What the person signed.</param>
    /// <param name="id">Which credential of theirs.</param>
    /// <param name="state">Active or suspended.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The credential; or <see cref="RefusalCode.CredentialNotFound"/>, <see cref="RefusalCode.LastCredential"/> where nothing active would
    /// be left to sign in with.
    /// </returns>
    public Task<Result<Credential>> Run(
        Visitor visitor, SignedAction action, CredentialId id, CredentialState state, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Change(act, visitor, action, id, state), cancellationToken);

    // If the process dies after this act, the credential rests, its sessions are over and the person is told.
    private async Task<Result<Credential>> Change(Act act, Visitor visitor, SignedAction action, CredentialId id, CredentialState state)
    {
        if (action.Signer.Account is not { } account || await _credentials.Find(act.Db, act.Tenant, account, id) is not { } credential
            || credential.Kind == CredentialKind.Escrow)
        {
            return RefusalCode.CredentialNotFound;
        }

        if (credential.State == state)
        {
            return credential;
        }

        if (state == CredentialState.Suspended && credential.Kind != CredentialKind.RecoveryKey
            && !(await _credentials.List(act.Db, act.Tenant, account)).Any(
                c => c.Id != id && c.State == CredentialState.Active && c.Kind is CredentialKind.Passkey or CredentialKind.Key or CredentialKind.Password))
        {
            return RefusalCode.LastCredential;
        }

        await _credentials.SetState(act, account, id, state);
        if (state == CredentialState.Suspended)
        {
            await _sessions.EndOpenedBy(act, account, id);
        }

        var changed = credential with { State = state, Version = credential.Version + 1 };
        await act.Record(CredentialLedger.StateChanged(visitor, action.Signer.Principal, changed));
        await act.Send(CredentialNotice.Of(account, changed.Kind, "changed"));
        return changed;
    }
}
