using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Records wrong passwords and wrong saved codes. An account's first ones in an hour stand in the ledger one by one; all others, and those for names
/// that are no account, are only counted, so that a stranger cannot fill the disk.
/// </summary>
internal static class RefusedSignIns
{
    /// <summary>How many refusals of one account the ledger takes in an hour.</summary>
    public const int LedgeredPerHour = 20;

    private const string Nobody = "";

    /// <summary>Records one. It writes whether or not there is such an account, so that time does not tell.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="account">The account; null when there is none of that name.</param>
    /// <param name="code">What was answered.</param>
    /// <param name="happened">What the ledger calls it.</param>
    public static async Task Record(
        Act act, Visitor visitor, AccountId? account, RefusalCode code, LedgerEvent happened = LedgerEvent.SignInRefused)
    {
        var count = await CountThisHour(act, account?.ToString() ?? Nobody);
        if (account is { } known && count <= LedgeredPerHour)
        {
            await act.Record(new LedgerEntry(happened, Principal.Anonymous, known)
            {
                Facts = SessionLedger.Facts(visitor, ("code", WireName.Of(code))),
                Texts = SessionLedger.Source(visitor),
            });
        }
    }

    // One row an account, so that the count itself cannot fill the disk either.
    private static async Task<long> CountThisHour(Act act, string account)
    {
        var row = new { tenant = act.Tenant.ToString(), account, hour = act.NowMs / 3_600_000 };
        await act.Db.Execute(
            """
            INSERT INTO sign_in_refusals (tenant_id, account_id, hour, count) VALUES (@tenant, @account, @hour, 1)
            ON CONFLICT (tenant_id, account_id) DO UPDATE SET
                count = CASE WHEN sign_in_refusals.hour = excluded.hour THEN sign_in_refusals.count + 1 ELSE 1 END,
                hour = excluded.hour
            """,
            row);
        return await act.Db.Scalar<long>(
            "SELECT count FROM sign_in_refusals WHERE tenant_id = @tenant AND account_id = @account", row);
    }
}
