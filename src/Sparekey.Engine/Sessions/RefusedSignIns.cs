using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Records wrong passwords. An account's first ones in an hour stand in the ledger one by one; all others, and those for
/// accounts that do not exist, are only counted, so that a stranger cannot fill the disk.
/// </summary>
internal static class RefusedSignIns
{
    /// <summary>How many refusals of one account the ledger takes in an hour.</summary>
    public const int LedgeredPerHour = 20;

    /// <summary>Records one. Both ways write, so that time does not tell them apart.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="account">The account; null when there is none of that name.</param>
    /// <param name="code">What was answered.</param>
    public static async Task Record(Act act, Visitor visitor, AccountId? account, RefusalCode code)
    {
        if (account is { } known && await CountThisHour(act, known) <= LedgeredPerHour)
        {
            await act.Record(new LedgerEntry(LedgerEvent.SignInRefused, Principal.Anonymous, known)
            {
                Facts = SessionLedger.Facts(visitor, ("code", WireName.Of(code))),
                Texts = SessionLedger.Source(visitor),
            });
            return;
        }

        await SecurityEvents.Write(act, [((act.Tenant, act.NowMs / 60_000, code), 1)]);
    }

    // One row an account, so that the count itself cannot fill the disk either.
    private static async Task<long> CountThisHour(Act act, AccountId account)
    {
        var hour = act.NowMs / 3_600_000;
        await act.Db.Execute(
            """
            INSERT INTO sign_in_refusals (tenant_id, account_id, hour, count) VALUES (@tenant, @account, @hour, 1)
            ON CONFLICT (tenant_id, account_id) DO UPDATE SET
                count = CASE WHEN sign_in_refusals.hour = @hour THEN sign_in_refusals.count + 1 ELSE 1 END,
                hour = @hour
            """,
            new { tenant = act.Tenant.ToString(), account = account.ToString(), hour });
        return await act.Db.Scalar<long>(
            "SELECT count FROM sign_in_refusals WHERE tenant_id = @tenant AND account_id = @account",
            new { tenant = act.Tenant.ToString(), account = account.ToString() });
    }
}
