using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>How a mailed token stands.</summary>
internal enum EscrowTokenState
{
    /// <summary>It can be used until its time is over.</summary>
    Active,

    /// <summary>The person is done.</summary>
    Used,

    /// <summary>The person began with another one.</summary>
    Replaced,

    /// <summary>Its request was turned down.</summary>
    Rejected,

    /// <summary>The person gave up.</summary>
    Aborted,

    /// <summary>Its time was over when it was shown.</summary>
    Expired,
}

/// <summary>A mailed token as it is stored.</summary>
/// <param name="Hash">Its hash, which is its row.</param>
/// <param name="Account">Whose.</param>
/// <param name="Reason">Why the mail was asked for.</param>
/// <param name="State">How it stands.</param>
/// <param name="ExpiresAt">When it ends.</param>
internal sealed record EscrowToken(
    string Hash, AccountId Account, EscrowTokenReason Reason, EscrowTokenState State, DateTimeOffset ExpiresAt)
{
    /// <summary>Why it cannot be used; null where it can.</summary>
    /// <param name="now">The time.</param>
    public EscrowFault? FaultAt(DateTimeOffset now) =>
        State == EscrowTokenState.Expired ? EscrowFault.TokenExpired
        : State != EscrowTokenState.Active ? EscrowFault.TokenConsumed
        : now >= ExpiresAt ? EscrowFault.TokenExpired
        : null;
}

/// <summary>
/// The tokens in the mails with which people get back to their keys: a UUID of 122 random bits each, good for ten days and for one
/// account. Only its hash is found by; who holds one may be told that it was used or that its time is over.
/// </summary>
internal sealed class EscrowTokens
{
    /// <summary>How long one lives.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(10);

    /// <summary>Makes one.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="reason">Why the mail was asked for.</param>
    /// <returns>Its text, for the mail alone.</returns>
    public async Task<string> Mint(Act act, AccountId account, EscrowTokenReason reason)
    {
        var token = NewId.Make<EntryId>().ToString();
        await act.Db.Execute(
            """
            INSERT INTO escrow_tokens (tenant_id, id_hash, account_id, reason, state, created_at, expires_at)
            VALUES (@tenant, @hash, @account, @reason, @state, @now, @expires)
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                hash = HashOf(token),
                account = account.ToString(),
                reason = WireName.Of(reason),
                state = WireName.Of(EscrowTokenState.Active),
                now = act.NowMs,
                expires = (act.Now + Lifetime).ToUnixTimeMilliseconds(),
            });
        return token;
    }

    /// <summary>Finds the token of a text.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="token">The text.</param>
    public Task<EscrowToken?> Find(DbSession db, TenantId tenant, string token) => FindByHash(db, tenant, HashOf(token));

    /// <summary>Finds a token by its hash.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="hash">The hash.</param>
    public async Task<EscrowToken?> FindByHash(DbSession db, TenantId tenant, string hash)
    {
        var row = await db.Find<Row>(
            """
            SELECT id_hash AS Hash, account_id AS Account, reason AS Reason, state AS State, expires_at AS ExpiresAt
            FROM escrow_tokens WHERE tenant_id = @tenant AND id_hash = @hash
            """,
            new { tenant = tenant.ToString(), hash });
        return row is null
            ? null
            : new EscrowToken(
                row.Hash, Ids.Parse<AccountId>(row.Account), WireName.Parse<EscrowTokenReason>(row.Reason),
                WireName.Parse<EscrowTokenState>(row.State), DateTimeOffset.FromUnixTimeMilliseconds(row.ExpiresAt));
    }

    /// <summary>Ends a token. True exactly once.</summary>
    /// <param name="act">The act.</param>
    /// <param name="hash">The token's hash.</param>
    /// <param name="how">How.</param>
    public async Task<bool> End(Act act, string hash, EscrowTokenState how) => await act.Db.Execute(
        "UPDATE escrow_tokens SET state = @how, ended_at = @now WHERE tenant_id = @tenant AND id_hash = @hash AND state = 'active'",
        new { tenant = act.Tenant.ToString(), hash, how = WireName.Of(how), now = act.NowMs }) == 1;

    /// <summary>Ends every other token of a person.</summary>
    /// <param name="act">The act.</param>
    /// <param name="kept">The one that stays.</param>
    public Task<int> EndOthers(Act act, EscrowToken kept) => act.Db.Execute(
        """
        UPDATE escrow_tokens SET state = 'replaced', ended_at = @now
        WHERE tenant_id = @tenant AND account_id = @account AND state = 'active' AND id_hash <> @hash
        """,
        new { tenant = act.Tenant.ToString(), account = kept.Account.ToString(), hash = kept.Hash, now = act.NowMs });

    /// <summary>Lets a token live that ended with a request which another one with the same token took the place of.</summary>
    /// <param name="act">The act.</param>
    /// <param name="hash">The token's hash.</param>
    public Task<int> GoOn(Act act, string hash) => act.Db.Execute(
        "UPDATE escrow_tokens SET state = 'active', ended_at = NULL WHERE tenant_id = @tenant AND id_hash = @hash AND state = 'rejected'",
        new { tenant = act.Tenant.ToString(), hash });

    /// <summary>Gives a token its whole time again where it is over: its holder was answered late.</summary>
    /// <param name="act">The act.</param>
    /// <param name="hash">The token's hash.</param>
    public Task<int> Revive(Act act, string hash) => act.Db.Execute(
        """
        UPDATE escrow_tokens SET state = 'active', ended_at = NULL, created_at = @now, expires_at = @expires
        WHERE tenant_id = @tenant AND id_hash = @hash AND state IN ('active', 'expired') AND expires_at <= @now
        """,
        new { tenant = act.Tenant.ToString(), hash, now = act.NowMs, expires = (act.Now + Lifetime).ToUnixTimeMilliseconds() });

    /// <summary>Deletes every token of a person.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    public Task<int> DeleteOf(Act act, AccountId account) => act.Db.Execute(
        "DELETE FROM escrow_tokens WHERE tenant_id = @tenant AND account_id = @account",
        new { tenant = act.Tenant.ToString(), account = account.ToString() });

    private static string HashOf(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private sealed record Row(string Hash, string Account, string Reason, string State, long ExpiresAt);
}
