using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>New credentials as a recovery key's holder signed them.</summary>
/// <param name="Recovery">The completed recovery.</param>
/// <param name="Account">Whose.</param>
/// <param name="Bound">What was bound, the first to sign in with first.</param>
/// <param name="Proof">A signed proof of the act.</param>
public sealed record RecoveredWithKey(Recovery Recovery, Account Account, IReadOnlyList<Credential> Bound, string Proof);

/// <summary>
/// Replaces a person's credentials by new ones that their recovery key signed. What counts is what was signed, never what was sent
/// beside it. A wrong signature is counted and ends the redemption at its number; a new credential that fails burns nothing.
/// </summary>
public sealed class RecoverWithKey
{
    private readonly Acts _acts;
    private readonly Redemptions _redemptions;
    private readonly RecoveryKeyCeremony _ceremony;
    private readonly RecoveryCompletion _completion;
    private readonly RecoveryAct _recoveries;
    private readonly RecoveryStore _store;
    private readonly PolicyStore _policies;
    private readonly CredentialBinding _binding;
    private readonly CredentialStore _credentials;
    private readonly KeyStore _keys;
    private readonly CeremonyStore _ceremonies;
    private readonly RecoveryProof _proof;

    internal RecoverWithKey(
        Acts acts, Redemptions redemptions, RecoveryKeyCeremony ceremony, RecoveryCompletion completion, RecoveryAct recoveries,
        RecoveryStore store, PolicyStore policies, CredentialBinding binding, CredentialStore credentials, KeyStore keys,
        CeremonyStore ceremonies, RecoveryProof proof)
    {
        _acts = acts;
        _redemptions = redemptions;
        _ceremony = ceremony;
        _completion = completion;
        _recoveries = recoveries;
        _store = store;
        _policies = policies;
        _binding = binding;
        _credentials = credentials;
        _keys = keys;
        _ceremonies = ceremonies;
        _proof = proof;
    }

    /// <summary>Verifies the signature and what it covers, binds it and completes the recovery.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The redemption's token.</param>
    /// <param name="proof">What the recovery key signed: its challenge is the new credentials' JSON, as base64url.</param>
    /// <param name="read">
    /// Reads the credentials from the JSON that was signed, and refuses when it is not what was sent, or is none.
    /// </param>
    /// <param name="userHandle">The user handle of new passkeys, where that is another product's id of the account; null for our own.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// What was bound; or <see cref="RefusalCode.RedemptionInvalid"/>, <see cref="RefusalCode.CredentialNotFound"/> (no such recovery key
    /// of this person, or not the one that was asked for), <see cref="RefusalCode.RecoveryKeyRefused"/>,
    /// <see cref="RefusalCode.TooManyRequests"/> after too many of those, <see cref="RefusalCode.SignedCredentialsDiffer"/>, what
    /// <paramref name="read"/> refuses, <see cref="RefusalCode.ChallengeRefused"/>, <see cref="RefusalCode.PasskeyRefused"/>,
    /// <see cref="RefusalCode.KeyRefused"/>, <see cref="RefusalCode.CredentialTaken"/>.
    /// </returns>
    public async Task<Result<RecoveredWithKey>> Run(
        Visitor visitor, SecretText token, KeyProof proof, Func<byte[], Result<NewCredentials>> read, byte[]? userHandle,
        CancellationToken cancellationToken)
    {
        // As with a password: after the commit nothing may be left that can fail.
        await _proof.Prepare(visitor.Tenant, cancellationToken);
        var done = await _acts.Write(visitor.Tenant, act => Complete(act, visitor, token, proof, read, userHandle), cancellationToken);
        return done.Refusal is { } refused
            ? refused
            : done.Value with { Proof = await _proof.Write(done.Value.Recovery, "pop", cancellationToken) };
    }

    // If the process dies after this act, the new credentials are bound, the old ones are gone, the redemption is spent and the ledger
    // says so; if it dies before, nothing of that is so.
    private async Task<Result<RecoveredWithKey>> Complete(
        Act act, Visitor visitor, SecretText token, KeyProof proof, Func<byte[], Result<NewCredentials>> read, byte[]? userHandle)
    {
        // 1. The redemption lives, and is one that a recovery key ends.
        var live = await _redemptions.Find(act.Db, act.Tenant, token, act.Now);
        if (live.Refusal is { } gone)
        {
            // Who held it may be told that their own tries ended it.
            return await _ceremony.FormerlyOf(act.Db, act.Tenant, token, act.Now) is { } former
                && await _store.Find(act.Db, act.Tenant, former) is { State: RecoveryState.Locked }
                ? new Refusal(RefusalCode.TooManyRequests) { RetryAfter = RecoveryLimits.RedemptionFor }
                : gone;
        }

        var (recovery, account, _) = live.Value;
        if (await _ceremony.Find(act.Db, act.Tenant, recovery.Redemption!.Id, act.Now) is not var (challenge, named))
        {
            return RefusalCode.RedemptionInvalid;
        }

        // 3. The recovery key is this person's, active, and the one that was asked for.
        if (await _keys.Find(act.Db, act.Tenant, account.Id, CredentialKind.RecoveryKey, proof.CredentialId) is not { } key
            || (named is not null && named != proof.CredentialId))
        {
            return RefusalCode.CredentialNotFound;
        }

        // 4-5. The signature over the bytes as they came, before any of them is believed; then what they say of themselves.
        var party = await _ceremony.PartyOf(act.Db, act.Tenant, recovery);
        if (KeyCeremonies.VerifySigned(proof, key.Body.PublicKey, party?.Origins ?? [], out var signed) is not null)
        {
            return await CountTry(act, visitor, live.Value);
        }

        // 6-7. What was signed is what was sent; from here on only what was signed counts.
        if (BytesOf(signed!.Challenge) is not { } said)
        {
            return RefusalCode.SignedCredentialsDiffer;
        }

        var credentials = read(said);
        if (credentials.Refusal is { } unreadable)
        {
            return unreadable;
        }

        // 8-10. Every new credential answers this redemption's challenge, and is nobody's.
        var verified = await _binding.Verify(act, credentials.Value, challenge, party, userHandle);
        if (verified.Refusal is { } unbindable)
        {
            return unbindable;
        }

        // 11. One transaction: the old ones go, the new ones come, whatever else was open for the account ends.
        IReadOnlyList<Credential> bound = [];
        var completed = await _completion.Commit(act, visitor, live.Value, Bind, byRecoveryKey: true);
        return completed.Refusal is { } refused ? refused : new RecoveredWithKey(completed.Value, account, bound, "");

        async Task Bind(Recovery ended, Account whose)
        {
            await _credentials.Revoke(act, whose.Id, key.Credential.Id);
            await act.Record(CredentialLedger.Revoked(visitor, Core.Access.Principal.Of(whose.Id), key.Credential, sessionsEnded: 0));
            await _ceremonies.EndOf(act, whose.Id);
            await EndOtherRedemptions(act, visitor, ended, whose);
            bound = await _binding.Bind(act, whose.Id, verified.Value, party, ended.Id);
            foreach (var (credential, passkey) in bound.Zip(verified.Value, (c, v) => (c, v.Passkey)))
            {
                await act.Record(passkey is null ? CredentialLedger.Added(visitor, credential) : CredentialLedger.Added(visitor, credential, passkey));
            }
        }
    }

    private async Task<Refusal> CountTry(Act act, Visitor visitor, LiveRedemption live)
    {
        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        await _recoveries.Apply(
            act, new RecoveryAct.Found(live.Recovery, live.Account, policy),
            new RecoveryCommand.Redeem(Matches: false, TryOrigin.Handle, NewId.Make<RedemptionId>()), visitor);
        return RefusalCode.RecoveryKeyRefused;
    }

    // Whoever else holds an open redemption of this account does not hold the person's recovery key.
    private async Task EndOtherRedemptions(Act act, Visitor visitor, Recovery ended, Account account)
    {
        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        foreach (var other in await _store.Open(act.Db, act.Tenant, account.Id))
        {
            if (other.Id != ended.Id && other.State is RecoveryState.Issued or RecoveryState.Redeemed)
            {
                await _recoveries.Apply(
                    act, new RecoveryAct.Found(other, account, policy),
                    new RecoveryCommand.Cancel(Core.Access.Principal.Of(account.Id), "recovered with a recovery key"), visitor);
            }
        }
    }

    private static byte[]? BytesOf(string challenge)
    {
        var bare = challenge.TrimEnd('=');
        return bare.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') && Base64Url.IsValid(bare) ? Base64Url.DecodeFromChars(bare) : null;
    }
}
