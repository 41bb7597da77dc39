using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Credentials.RecoveryCodes;

/// <summary>Uses up saved recovery codes and puts new ones in their place, within the act that ends their recovery.</summary>
/// <param name="codes">The codes.</param>
/// <param name="credentials">The sets.</param>
internal sealed class SpentRecoveryCodes(RecoveryCodeStore codes, CredentialStore credentials)
{
    /// <summary>Uses up the code that opened a recovery, however that ended.</summary>
    /// <param name="act">The act.</param>
    /// <param name="ended">The recovery, closed.</param>
    /// <param name="visitor">Where the command came from; null for Sparekey itself.</param>
    public async Task Spend(Act act, Recovery ended, Visitor? visitor)
    {
        if (ended.Request.Means != Means.SavedCode || await codes.Spend(act, ended.Id) is not { } set)
        {
            return;
        }

        var account = ended.Request.Account;
        await act.Record(RecoveryCodeLedger.Spent(visitor, account, set, WireName.Of(ended.State), ended.Id));

        // A completion puts another in its place. A denial is told to nobody (T16).
        if (ended.State is not (RecoveryState.Completed or RecoveryState.Denied) && RecoveryCodeLedger.NoticeOf(account, set) is { } notice)
        {
            await act.Send(notice);
        }
    }

    /// <summary>Uses up the code that is the second proof of a recovery, at once: how the recovery ends does not bring it back.</summary>
    /// <param name="act">The act.</param>
    /// <param name="code">The code.</param>
    /// <param name="proved">The recovery.</param>
    /// <param name="visitor">Where it came from.</param>
    public async Task SpendAsProof(Act act, StoredRecoveryCode code, Recovery proved, Visitor visitor)
    {
        await codes.NoteRecovery(act, code, proved.Id);
        if (await codes.Spend(act, proved.Id) is not { } set)
        {
            throw new InvalidOperationException("A code that proves something is there to be used up.");
        }

        await act.Record(RecoveryCodeLedger.Spent(visitor, proved.Request.Account, set, "proof", proved.Id));
        if (RecoveryCodeLedger.NoticeOf(proved.Request.Account, set) is { } notice)
        {
            await act.Send(notice);
        }
    }

    /// <summary>Makes the code that takes the place of the one that completed a recovery (N4).</summary>
    /// <param name="act">The act that completes it.</param>
    /// <param name="completed">The recovery.</param>
    /// <param name="visitor">Where the call came from.</param>
    /// <returns>The code, shown once; null for a recovery that took none, or when the set went with it.</returns>
    public async Task<SecretText?> Replace(Act act, Recovery completed, Visitor visitor)
    {
        var account = completed.Request.Account;
        if (!(completed.Request.Means == Means.SavedCode || completed.WasProvedBySavedCode) || await codes.Find(act.Db, act.Tenant, account) is not { } set)
        {
            return null;
        }

        await credentials.MarkUsed(act, set.Credential);
        var made = await codes.Make(act, account, set.Credential, 1);
        var now = set with { Left = set.Left + 1 };
        await act.Record(RecoveryCodeLedger.Replaced(visitor, account, now, completed.Id));
        if (RecoveryCodeLedger.NoticeOf(account, now) is { } notice)
        {
            await act.Send(notice);
        }

        return made[0];
    }

    /// <summary>Counts a wrong try that named a code, and says so when it was the last that the code took.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="code">The code, as it was before.</param>
    /// <param name="visitor">Where the try came from.</param>
    public async Task CountTry(Act act, AccountId account, StoredRecoveryCode code, Visitor visitor)
    {
        await codes.CountTry(act, code);
        if (code.Tries + 1 == RecoveryLimits.Tries && await codes.Find(act.Db, act.Tenant, account) is { } set)
        {
            await act.Record(RecoveryCodeLedger.Spent(visitor, account, set, "tries", recovery: null));
            if (RecoveryCodeLedger.NoticeOf(account, set) is { } notice)
            {
                await act.Send(notice);
            }
        }
    }
}
