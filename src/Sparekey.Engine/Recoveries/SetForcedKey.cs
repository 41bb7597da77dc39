using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Keys;

namespace Sparekey.Engine.Recoveries;

/// <summary>A recovery by force that ended in a key.</summary>
/// <param name="Recovery">The completed recovery.</param>
/// <param name="Account">Whose.</param>
/// <param name="Credential">The key's credential.</param>
public sealed record ForcedKey(Recovery Recovery, Account Account, Credential Credential);

/// <summary>
/// Binds the public key of a person's device that an operator's programme vouches for, at the end of a recovery by force: the programme
/// proved nothing about it, which is why policy was asked as it is for that means.
/// </summary>
public sealed class SetForcedKey
{
    private readonly Acts _acts;
    private readonly RecoveryCompletion _completion;
    private readonly CredentialStore _credentials;
    private readonly KeyStore _keys;

    internal SetForcedKey(Acts acts, RecoveryCompletion completion, CredentialStore credentials, KeyStore keys) =>
        (_acts, _completion, _credentials, _keys) = (acts, completion, credentials, keys);

    /// <summary>Binds the key and completes the recovery.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The token of the redemption of a recovery by force.</param>
    /// <param name="publicKey">The public key as PEM.</param>
    /// <param name="name">What it is called.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// What was bound; or <see cref="RefusalCode.RedemptionInvalid"/>, <see cref="RefusalCode.KeyRefused"/>,
    /// <see cref="RefusalCode.CredentialTaken"/>.
    /// </returns>
    public Task<Result<ForcedKey>> Run(
        Visitor visitor, SecretText token, string publicKey, string name, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Complete(act, visitor, token, publicKey, name), cancellationToken);

    // If the process dies after this act, the key is bound, the recovery is completed and the ledger says so.
    private async Task<Result<ForcedKey>> Complete(Act act, Visitor visitor, SecretText token, string publicKey, string name)
    {
        var key = SigningPublicKey.Parse(publicKey);
        (Account Account, Credential Credential)? bound = null;
        var completed = await _completion.Run(act, visitor, token, Check, Bind);
        return completed.Refusal is { } refused ? refused : new ForcedKey(completed.Value, bound!.Value.Account, bound.Value.Credential);

        async Task<Refusal?> Check(LiveRedemption live) =>
            live.Recovery.Request.Means != Means.Force ? RefusalCode.RedemptionInvalid
            : key is null ? RefusalCode.KeyRefused
            : await _credentials.IsTaken(act.Db, act.Tenant, key.Fingerprint) ? RefusalCode.CredentialTaken
            : (Refusal?)null;

        async Task Bind(Recovery recovery, Account account) => bound = (account, await _keys.Add(
            act, account.Id, CredentialKind.Key, new NewKey(key!.Fingerprint, [], publicKey, []), party: null, name, recovery.Id));
    }
}
