using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Credentials.RecoveryCodes;

namespace Sparekey.Engine.Recoveries;

/// <summary>A recovery that ended in a passkey.</summary>
/// <param name="Completed">The recovery and its proof.</param>
/// <param name="Signal">What the browser is told of the account's passkeys.</param>
public sealed record RecoveredWithPasskey(CompletedRecovery Completed, PasskeySignal Signal);

/// <summary>
/// Registers a passkey for the account a redemption is for, and completes the recovery with it. A ceremony that fails burns nothing:
/// not the secret, not the redemption, and not the challenge, which is worth something only to who holds the redemption.
/// </summary>
public sealed class SetNewPasskey
{
    private const string Kind = "passkey.create";

    private readonly Acts _acts;
    private readonly Redemptions _redemptions;
    private readonly RecoveryCompletion _completion;
    private readonly ApplicationStore _applications;
    private readonly PasskeyStore _passkeys;
    private readonly CeremonyStore _ceremonies;
    private readonly SpentRecoveryCodes _savedCodes;
    private readonly RecoveryProof _proof;

    internal SetNewPasskey(
        Acts acts, Redemptions redemptions, RecoveryCompletion completion, ApplicationStore applications, PasskeyStore passkeys,
        CeremonyStore ceremonies, SpentRecoveryCodes savedCodes, RecoveryProof proof)
    {
        _acts = acts;
        _redemptions = redemptions;
        _completion = completion;
        _applications = applications;
        _passkeys = passkeys;
        _ceremonies = ceremonies;
        _savedCodes = savedCodes;
        _proof = proof;
    }

    /// <summary>Begins: what the browser is to make.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The redemption's token.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The options, good for 5 minutes; or <see cref="RefusalCode.RedemptionInvalid"/>, <see cref="RefusalCode.MeansNotAvailable"/> where
    /// the application has no relying-party id, or a recovery key signs what is bound.
    /// </returns>
    public Task<Result<PasskeyCreation>> Begin(Visitor visitor, SecretText token, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Begin(act, token, at: null), cancellationToken);

    /// <summary>Begins at another application of the group that the recovery's own one belongs to.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The redemption's token.</param>
    /// <param name="at">The application, whose relying party the passkey is for.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>As the other one; <see cref="RefusalCode.RedemptionInvalid"/> at an application of another group.</returns>
    public Task<Result<PasskeyCreation>> Begin(
        Visitor visitor, SecretText token, ApplicationId at, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Begin(act, token, at), cancellationToken);

    /// <summary>Verifies what the browser made, binds it and completes the recovery.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The redemption's token.</param>
    /// <param name="made">What the browser made.</param>
    /// <param name="name">What the person calls it, 1 to 64 characters; null for nothing.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// The completed recovery; or <see cref="RefusalCode.RedemptionInvalid"/>, <see cref="RefusalCode.PasskeyRefused"/>,
    /// <see cref="RefusalCode.MeansNotAvailable"/>, <see cref="RefusalCode.InvalidRequest"/>.
    /// </returns>
    public async Task<Result<RecoveredWithPasskey>> Run(
        Visitor visitor, SecretText token, NewPasskey made, string? name, CancellationToken cancellationToken)
    {
        // As with a password: after the commit nothing may be left that can fail.
        await _proof.Prepare(visitor.Tenant, cancellationToken);
        var completed = await _acts.Write(visitor.Tenant, act => Complete(act, visitor, token, made, name), cancellationToken);
        return completed.Refusal is { } refused
            ? refused
            : new RecoveredWithPasskey(
                new CompletedRecovery(completed.Value.Recovery, await _proof.Write(completed.Value.Recovery, "pop", cancellationToken))
                {
                    RecoveryCode = completed.Value.Code,
                },
                completed.Value.Signal);
    }

    private async Task<Result<PasskeyCreation>> Begin(Act act, SecretText token, ApplicationId? at)
    {
        var live = await _redemptions.Find(act.Db, act.Tenant, token, act.Now);
        if (live.Refusal is { } refusal)
        {
            return refusal;
        }

        var (recovery, account, until) = live.Value;
        var application = at ?? recovery.Request.Application;
        if (application != recovery.Request.Application && !await _applications.AreOfOneGroup(act.Db, act.Tenant, application, recovery.Request.Application))
        {
            return RefusalCode.RedemptionInvalid;
        }

        // With a recovery key the key itself signs what is bound; a passkey made here would be refused, and stay behind on the device.
        if (recovery.Request.Means == Means.RecoveryKey || await PartyOf(act, application) is not { } party)
        {
            return RefusalCode.MeansNotAvailable;
        }

        var state = new State(recovery.Redemption!.Id, NewId.Make<CredentialId>(), application);
        var challenge = PasskeyChallenge.New();
        var ends = act.Now + PasskeyChallenge.Lifetime;
        await _ceremonies.Begin(
            act, Kind, challenge, new Ceremony<State>(account.Id, recovery.Id, state, 1), ends < until ? ends : until);

        // One that the recovery revokes anyway may be made anew on its own device.
        var kept = recovery.Request.Revoke.Contains(Revocation.Passkeys) ? [] : await _passkeys.List(act.Db, act.Tenant, account.Id);
        return PasskeyCreation.For(account, challenge, party, kept, state.Credential);
    }

    // If the process dies after this act, the passkey is bound, the secret is spent and the ledger says so.
    private async Task<Result<Bound>> Complete(Act act, Visitor visitor, SecretText token, NewPasskey made, string? name)
    {
        RelyingParty? party = null;
        Passkey? passkey = null;
        State? begun = null;
        SecretText? code = null;
        var completed = await _completion.Run(act, visitor, token, Check, Bind);
        return completed.Refusal is { } refused
            ? refused
            : new Bound(
                completed.Value, await _passkeys.Signal(act.Db, act.Tenant, completed.Value.Request.Account, party!), code);

        async Task<Refusal?> Check(LiveRedemption live)
        {
            if (CredentialName.Check(name) is { } wrong)
            {
                return wrong;
            }

            var response = made.ToResponse();
            var challenge = response is null ? null : PasskeyChallenge.SaidBy(response.ClientData);
            if (response is null || challenge is null
                || await _ceremonies.Find<State>(act.Db, act.Tenant, Kind, challenge, act.Now) is not { } ceremony
                || ceremony.State.Redemption != live.Recovery.Redemption!.Id)
            {
                return RefusalCode.PasskeyRefused;
            }

            begun = ceremony.State;
            party = await PartyOf(act, begun.Application);
            if (party is null)
            {
                return RefusalCode.MeansNotAvailable;
            }

            passkey = PasskeyCeremonies.VerifyRegistration(
                response, new CeremonyExpectation(Base64Url.DecodeFromChars(challenge), party.Id, party.Origins), CoseAlgorithms.Offered,
                AttestationPolicy.Open, act.Now).Value;
            return passkey is null
                || await _passkeys.IsTaken(act.Db, act.Tenant, passkey.CredentialId)
                || !await _ceremonies.Consume(act, Kind, challenge, ceremony.Version)
                    ? RefusalCode.PasskeyRefused
                    : (Refusal?)null;
        }

        async Task Bind(Recovery recovery, Account account)
        {
            var credential = await _passkeys.Add(act, account.Id, passkey!, name, recovery.Id, begun!.Credential);
            await act.Record(CredentialLedger.Added(visitor, credential, passkey!));
            code = await _savedCodes.Replace(act, recovery, visitor);
        }
    }

    private Task<RelyingParty?> PartyOf(Act act, ApplicationId id) => _applications.PartyOf(act.Db, act.Tenant, id);

    private sealed record Bound(Recovery Recovery, PasskeySignal Signal, SecretText? Code);

    private sealed record State(RedemptionId Redemption, CredentialId Credential, ApplicationId Application);
}
