using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Recoveries;

/// <summary>A recovery that ended well.</summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="Proof">A signed proof of the act, for the team's own application.</param>
public sealed record CompletedRecovery(Recovery Recovery, string Proof);

/// <summary>
/// Sets the password of the account a redemption is for. The redemption is checked before the costly hash, so that only who
/// holds one can cause it, and again in the commit, which alone consumes: two at once have one winner.
/// </summary>
public sealed class SetNewPassword
{
    private readonly Acts _acts;
    private readonly Redemptions _redemptions;
    private readonly RecoveryAct _recoveries;
    private readonly PolicyStore _policies;
    private readonly PasswordStore _passwords;
    private readonly CredentialStore _credentials;
    private readonly SessionStore _sessions;
    private readonly PasswordHashing _hashing;
    private readonly PasswordOptions _rules;
    private readonly RecoveryProof _proof;

    internal SetNewPassword(
        Acts acts, Redemptions redemptions, RecoveryAct recoveries, PolicyStore policies, PasswordStore passwords,
        CredentialStore credentials, SessionStore sessions, PasswordHashing hashing, PasswordOptions rules, RecoveryProof proof)
    {
        _acts = acts;
        _redemptions = redemptions;
        _recoveries = recoveries;
        _policies = policies;
        _passwords = passwords;
        _credentials = credentials;
        _sessions = sessions;
        _hashing = hashing;
        _rules = rules;
        _proof = proof;
    }

    /// <summary>Sets the password and completes the recovery.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The redemption's token.</param>
    /// <param name="password">The new password.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// The completed recovery; or <see cref="RefusalCode.RedemptionInvalid"/>, <see cref="RefusalCode.PasswordRefused"/>,
    /// <see cref="RefusalCode.Busy"/>. A refused password burns nothing.
    /// </returns>
    public async Task<Result<CompletedRecovery>> Run(
        Visitor visitor, SecretText token, SecretText password, CancellationToken cancellationToken)
    {
        var live = await _acts.Read(db => _redemptions.Find(db, visitor.Tenant, token, _acts.Now), cancellationToken);
        if (live.Refusal is { } refusal)
        {
            return refusal;
        }

        if (PasswordRules.Check(password.Reveal(), _rules, PersonalTexts(live.Value.Account)) is { } fault)
        {
            return PasswordRules.Refusal(fault, _rules, "/new_password");
        }

        if (await _hashing.Hash(password.Reveal(), cancellationToken) is not { } hash)
        {
            return new Refusal(RefusalCode.Busy) { RetryAfter = TimeSpan.FromSeconds(2) };
        }

        // The key is made in an act of its own when there is none; after the commit nothing may be left that can fail.
        await _proof.Prepare(visitor.Tenant, cancellationToken);
        var completed = await _acts.Write(visitor.Tenant, act => Complete(act, visitor, token, hash), cancellationToken);
        return completed.Refusal is { } refused
            ? refused
            : new CompletedRecovery(completed.Value, await _proof.Write(completed.Value, "pwd", cancellationToken));
    }

    // If the process dies after this act, the password is set, the secret is spent and the ledger says so; only the proof is
    // lost, and the person signs in without it.
    private async Task<Result<Recovery>> Complete(Act act, Visitor visitor, SecretText token, string hash)
    {
        var live = await _redemptions.Find(act.Db, act.Tenant, token, act.Now);
        if (live.Refusal is { } refusal)
        {
            return refusal;
        }

        var (recovery, account, _) = live.Value;
        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        var completed = await _recoveries.Apply(
            act, new RecoveryAct.Found(recovery, account, policy),
            new RecoveryCommand.Complete(recovery.Redemption!.Id, AccountFacts.Of(account)), visitor);
        if (completed.Refusal is { } refused)
        {
            return refused;
        }

        foreach (var revocation in recovery.Request.Revoke)
        {
            await Revoke(act, account.Id, revocation);
        }

        await _passwords.Set(act, account.Id, hash, recovery.Id);
        return completed;
    }

    private Task<int> Revoke(Act act, AccountId account, Revocation revocation) => revocation switch
    {
        Revocation.Sessions => _sessions.EndAll(act, account),
        Revocation.Passwords => _credentials.DeleteOfKind(act, account, CredentialKind.Password),
        Revocation.Passkeys => _credentials.DeleteOfKind(act, account, CredentialKind.Passkey),
        Revocation.Keys => _credentials.DeleteOfKind(act, account, CredentialKind.Key),
        Revocation.RecoveryKeys => _credentials.DeleteOfKind(act, account, CredentialKind.RecoveryKey),
        Revocation.RecoveryCodes => _credentials.DeleteOfKind(act, account, CredentialKind.RecoveryCodes),
        Revocation.ExternalLogins => _credentials.DeleteOfKind(act, account, CredentialKind.ExternalLogin),
    };

    private static IEnumerable<string> PersonalTexts(Account account) =>
        account.Addresses.Select(a => a.Value).Append(account.Username ?? "").Where(t => t.Length > 0);
}
