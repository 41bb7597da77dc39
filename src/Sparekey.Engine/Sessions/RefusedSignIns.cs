using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Records wrong passwords. An account's first ones in an hour stand in the ledger one by one; all others, and those for
/// accounts that do not exist, are only counted, so that a stranger cannot fill the disk.
/// </summary>
internal sealed class RefusedSignIns
{
    /// <summary>How many refusals of one account the ledger takes in an hour.</summary>
    public const int LedgeredPerHour = 20;

    /// <summary>Records one.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="account">The account; null when there is none of that name.</param>
    /// <param name="at">Where it was refused, in one closed name.</param>
    public async Task Record(Act act, Visitor visitor, AccountId? account, string at)
    {
        if (account is { } known && await CountThisHour(act, known) <= LedgeredPerHour)
        {
            await act.Record(new LedgerEntry(LedgerEvent.SignInRefused, Principal.Anonymous, known)
            {
                Facts = SessionLedger.Facts(visitor, ("at", at)),
                Texts = SessionLedger.Source(visitor),
            });
            return;
        }

        await act.Db.Execute(
            """
            INSERT INTO security_events (tenant_id, minute, event, count) VALUES (@tenant, @minute, @name, 1)
            ON CONFLICT (tenant_id, minute, event) DO UPDATE SET count = security_events.count + 1
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                minute = act.NowMs / 60_000,
                name = WireName.Of(LedgerEvent.SignInRefused),
            });
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
