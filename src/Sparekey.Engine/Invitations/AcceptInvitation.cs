using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Engine.Invitations;

/// <summary>An account and the first credentials that its person bound.</summary>
/// <param name="Account">The account.</param>
/// <param name="Bound">The credentials, the first to sign in with first.</param>
public sealed record AcceptedInvitation(Account Account, IReadOnlyList<Credential> Bound);

/// <summary>Binds the first credentials of a person who was invited. A credential that fails burns nothing.</summary>
public sealed class AcceptInvitation
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ApplicationStore _applications;
    private readonly CredentialStore _credentials;
    private readonly CredentialBinding _binding;
    private readonly CeremonyStore _ceremonies;

    internal AcceptInvitation(
        Acts acts, AccountStore accounts, ApplicationStore applications, CredentialStore credentials, CredentialBinding binding,
        CeremonyStore ceremonies)
    {
        _acts = acts;
        _accounts = accounts;
        _applications = applications;
        _credentials = credentials;
        _binding = binding;
        _ceremonies = ceremonies;
    }

    /// <summary>Binds them.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The invitation's token.</param>
    /// <param name="brought">The credentials; all answer the invitation's challenge.</param>
    /// <param name="userHandle">The user handle of passkeys, where that is another product's id of the account; null for our own.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// What was bound; or <see cref="RefusalCode.RedemptionInvalid"/> where there is no such invitation, <see cref="RefusalCode.ChallengeRefused"/>,
    /// <see cref="RefusalCode.PasskeyRefused"/>, <see cref="RefusalCode.KeyRefused"/>, <see cref="RefusalCode.CredentialTaken"/>.
    /// </returns>
    public Task<Result<AcceptedInvitation>> Run(
        Visitor visitor, SecretText token, NewCredentials brought, byte[]? userHandle, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Accept(act, visitor, token, brought, userHandle), cancellationToken);

    // If the process dies after this act, the credentials are bound and the invitation is spent.
    private async Task<Result<AcceptedInvitation>> Accept(
        Act act, Visitor visitor, SecretText token, NewCredentials brought, byte[]? userHandle)
    {
        if (await _ceremonies.Find<InvitationState>(act.Db, act.Tenant, InviteAccount.Kind, token.Reveal(), act.Now) is not { Account: { } id } invitation
            || await _accounts.Find(act.Db, act.Tenant, id) is not { Status: AccountStatus.Active } account
            || (await _credentials.List(act.Db, act.Tenant, id)).Count > 0)
        {
            return RefusalCode.RedemptionInvalid;
        }

        var application = await _applications.Find(act.Db, act.Tenant, invitation.State.Application);
        var party = application is null ? null : RelyingParty.Of(application);
        var verified = await _binding.Verify(act, brought, invitation.State.Challenge, party, userHandle);
        if (verified.Refusal is { } refused)
        {
            return refused;
        }

        // Every other invitation of this account ends with it.
        await _ceremonies.EndOf(act, id);
        var bound = await _binding.Bind(act, id, verified.Value, party, recovery: null);
        foreach (var credential in bound)
        {
            await act.Record(CredentialLedger.Added(visitor, credential));
            await act.Send(CredentialNotice.Of(id, credential.Kind, "added"));
        }

        return new AcceptedInvitation(account, bound);
    }
}
