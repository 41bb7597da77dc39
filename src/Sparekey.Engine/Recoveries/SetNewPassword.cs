using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Credentials.RecoveryCodes;

namespace Sparekey.Engine.Recoveries;

/// <summary>A recovery that ended well.</summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="Proof">A signed proof of the act, for the team's own application.</param>
public sealed record CompletedRecovery(Recovery Recovery, string Proof)
{
    /// <summary>The saved recovery code that takes the place of the one that was used, shown once; null for every other means.</summary>
    public SecretText? RecoveryCode { get; init; }
}

/// <summary>
/// Sets the password of the account a redemption is for. The redemption is checked before the costly hash, so that only who
/// holds one can cause it, and again in the commit, which alone consumes: two at once have one winner.
/// </summary>
public sealed class SetNewPassword
{
    private readonly Acts _acts;
    private readonly Redemptions _redemptions;
    private readonly RecoveryCompletion _completion;
    private readonly PasswordStore _passwords;
    private readonly PasswordHashing _hashing;
    private readonly PasswordOptions _rules;
    private readonly SpentRecoveryCodes _savedCodes;
    private readonly RecoveryProof _proof;

    internal SetNewPassword(
        Acts acts, Redemptions redemptions, RecoveryCompletion completion, PasswordStore passwords, PasswordHashing hashing,
        PasswordOptions rules, SpentRecoveryCodes savedCodes, RecoveryProof proof)
    {
        _acts = acts;
        _redemptions = redemptions;
        _completion = completion;
        _passwords = passwords;
        _hashing = hashing;
        _rules = rules;
        _savedCodes = savedCodes;
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

        if (!live.Value.Recovery.Request.Means.TakesPassword())
        {
            return RefusalCode.MeansNotAvailable;
        }

        if (PasswordRules.Check(password.Reveal(), _rules, live.Value.Account) is { } fault)
        {
            return PasswordRules.Refusal(fault, _rules, "/new_password");
        }

        if (await _hashing.Hash(password.Reveal(), cancellationToken) is not { } hash)
        {
            return PasswordHashing.Busy;
        }

        // The key is made in an act of its own when there is none; after the commit nothing may be left that can fail.
        await _proof.Prepare(visitor.Tenant, cancellationToken);
        var completed = await _acts.Write(visitor.Tenant, act => Complete(act, visitor, token, hash), cancellationToken);
        return completed.Refusal is { } refused
            ? refused
            : new CompletedRecovery(completed.Value.Recovery, await _proof.Write(completed.Value.Recovery, "pwd", cancellationToken))
            {
                RecoveryCode = completed.Value.Code,
            };
    }

    // If the process dies after this act, the password is set, the secret is spent and the ledger says so; only the proof is
    // lost, and the person signs in without it.
    private async Task<Result<Done>> Complete(Act act, Visitor visitor, SecretText token, string hash)
    {
        SecretText? code = null;
        var completed = await _completion.Run(act, visitor, token, _ => Task.FromResult<Refusal?>(null), Bind);
        return completed.Refusal is { } refused ? refused : new Done(completed.Value, code);

        async Task Bind(Recovery recovery, Account account)
        {
            await _passwords.Set(act, account.Id, hash, recovery.Id);
            code = await _savedCodes.Replace(act, recovery, visitor);
        }
    }

    private sealed record Done(Recovery Recovery, SecretText? Code);
}
