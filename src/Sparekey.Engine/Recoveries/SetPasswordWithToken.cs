using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Sets a password for whoever presents the reset token of an account, in one call: redemption and completion are one commit, and of two
/// at once one wins. The token is looked at before the costly hash, and again in the commit, which alone consumes.
/// </summary>
public sealed class SetPasswordWithToken
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly RecoveryStore _store;
    private readonly RecoverySecrets _secrets;
    private readonly RecoveryAct _recoveries;
    private readonly RecoveryCompletion _completion;
    private readonly PasswordStore _passwords;
    private readonly PasswordHashing _hashing;
    private readonly PasswordOptions _rules;

    internal SetPasswordWithToken(
        Acts acts, AccountStore accounts, PolicyStore policies, RecoveryStore store, RecoverySecrets secrets, RecoveryAct recoveries,
        RecoveryCompletion completion, PasswordStore passwords, PasswordHashing hashing, PasswordOptions rules)
    {
        _acts = acts;
        _accounts = accounts;
        _policies = policies;
        _store = store;
        _secrets = secrets;
        _recoveries = recoveries;
        _completion = completion;
        _passwords = passwords;
        _hashing = hashing;
        _rules = rules;
    }

    /// <summary>Sets the password and completes the recovery.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="account">Whose password; the token must be theirs.</param>
    /// <param name="token">The reset token.</param>
    /// <param name="password">The new password.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// The completed recovery; or <see cref="RefusalCode.SecretInvalid"/> whatever is wrong with the token; and, for the holder of a live
    /// one, <see cref="RefusalCode.AccountDisabled"/>, <see cref="RefusalCode.PasswordRefused"/> and <see cref="RefusalCode.Busy"/>,
    /// which burn nothing.
    /// </returns>
    public async Task<Result<Recovery>> Run(
        Visitor visitor, AccountId account, SecretText token, SecretText password, CancellationToken cancellationToken)
    {
        if (!TokenText.TryParse(token.Reveal(), TokenPrefix.Reset, out var text) || text.Tenant != visitor.Tenant)
        {
            return RefusalCode.SecretInvalid;
        }

        var found = await _acts.Read(db => Find(db, visitor.Tenant, account, text, _acts.Now), cancellationToken);
        if (found is null)
        {
            return RefusalCode.SecretInvalid;
        }

        if (!found.Matches)
        {
            // Whoever knows the row of a token and not the token itself is counted, and has five tries.
            return await _acts.Write(visitor.Tenant, act => Reset(act, visitor, account, text, null), cancellationToken);
        }

        if (found.Account.Status != AccountStatus.Active)
        {
            return RefusalCode.AccountDisabled;
        }

        if (PasswordRules.Check(password.Reveal(), _rules, found.Account) is { } fault)
        {
            return PasswordRules.Refusal(fault, _rules, "/newPassword");
        }

        return await _hashing.Hash(password.Reveal(), cancellationToken) is { } hash
            ? await _acts.Write(visitor.Tenant, act => Reset(act, visitor, account, text, hash), cancellationToken)
            : PasswordHashing.Busy;
    }

    // If the process dies after this act, the password is set, the token spent and the sessions ended, and the ledger says so; before
    // it nothing happened, and the token is good for another call.
    private async Task<Result<Recovery>> Reset(Act act, Visitor visitor, AccountId whose, TokenText token, string? hash)
    {
        if (await Find(act.Db, act.Tenant, whose, token, act.Now) is not { } presented)
        {
            return RefusalCode.SecretInvalid;
        }

        if (presented.Account.Status != AccountStatus.Active)
        {
            return presented.Matches ? RefusalCode.AccountDisabled : RefusalCode.SecretInvalid;
        }

        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        var redeemed = await _recoveries.Apply(
            act, new RecoveryAct.Found(presented.Recovery, presented.Account, policy),
            new RecoveryCommand.Redeem(presented.Matches && hash is not null, TryOrigin.Handle, NewId.Make<RedemptionId>()), visitor);
        if (redeemed.Refusal is not null)
        {
            return RefusalCode.SecretInvalid;
        }

        var live = new LiveRedemption(redeemed.Value, presented.Account, redeemed.Value.Redemption!.ExpiresAt);
        return await _completion.Commit(
            act, visitor, live, (recovery, account) => _passwords.Set(act, account.Id, hash!, recovery.Id), byRecoveryKey: false);
    }

    // A token of somebody else is none here, and its tries are not touched: a portal that mixes people up must not use tokens up.
    private async Task<Presented?> Find(DbSession db, TenantId tenant, AccountId whose, TokenText token, DateTimeOffset now)
    {
        var stored = await _store.FindSecret(db, tenant, token.Id);
        var matches = _secrets.Matches(tenant, stored, token.Secret.Reveal());
        return stored is { Means: Means.Token }
            && await _store.Find(db, tenant, stored.Recovery) is { } recovery
            && recovery.Request.Account == whose && recovery.IsRedeemable(now)
            && await _accounts.Find(db, tenant, whose) is { } account
                ? new Presented(recovery, account, matches)
                : null;
    }

    private sealed record Presented(Recovery Recovery, Account Account, bool Matches);
}
