using System.Text;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Secrets;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>A token by which a person says that something was not their doing, as it is stored.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Account">Whose account the notice told of.</param>
/// <param name="Recovery">The recovery that it told of; null where it told of a change of the account itself.</param>
/// <param name="CreatedAt">When the notice left.</param>
/// <param name="VerifiedAt">Since when the address that it went to was known to be the person's.</param>
/// <param name="Used">Whether it was used.</param>
internal sealed record RepudiationToken(
    Guid Id, AccountId Account, RecoveryId? Recovery, DateTimeOffset CreatedAt, DateTimeOffset? VerifiedAt, bool Used)
{
    /// <summary>Whether it can freeze the account: the address that it went to was the person's long enough before.</summary>
    public bool MayFreeze => VerifiedAt is { } verified && verified + FreezeAccount.VerifiedFor <= CreatedAt;
}

/// <summary>
/// The tokens in the notices of an account, one for each address that is told: 256 random bits each, stored as a keyed hash. A token can
/// only take back, never give: whoever finds one can end what was begun, and nothing more.
/// </summary>
/// <param name="keys">The key ring.</param>
/// <param name="recoveries">Knows how the recoveries stand that notices told of.</param>
internal sealed class RepudiationTokens(KeyRing keys, RecoveryStore recoveries)
{
    /// <summary>How long a token is good: from its notice on, and from the end of the recovery on that the notice told of.</summary>
    public static readonly TimeSpan ValidFor = TimeSpan.FromHours(240);

    private static readonly KeyedHash Nothing = new(0, new byte[32]);

    /// <summary>Makes the token of a notice to one address.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose account the notice tells of.</param>
    /// <param name="recovery">The recovery that it tells of; null where it tells of a change of the account itself.</param>
    /// <param name="verifiedAt">Since when the address is known to be the person's.</param>
    public async Task<SecretText> Mint(Act act, AccountId account, RecoveryId? recovery, DateTimeOffset? verifiedAt)
    {
        var id = NewId.Make<EntryId>().Value;
        var secret = SecretMint.NewToken32();
        var hash = keys.Hash(KeyPurpose.NotMe, Context(act.Tenant, id), Encoding.UTF8.GetBytes(secret.Reveal()));
        await act.Db.Execute(
            """
            INSERT INTO repudiation_tokens
                (tenant_id, id, account_id, recovery_id, verified_at, key_version, mac, created_at, look_at)
            VALUES (@tenant, @id, @account, @recovery, @verified, @version, @mac, @now, @look)
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id = id.ToString("D"),
                account = account.ToString(),
                recovery = recovery?.ToString(),
                verified = verifiedAt?.ToUnixTimeMilliseconds(),
                version = hash.KeyVersion,
                mac = hash.Mac,
                now = act.NowMs,
                look = (act.Now + ValidFor).ToUnixTimeMilliseconds(),
            });
        return TokenText.Format(TokenPrefix.NotMe, act.Tenant, id, secret.Reveal());
    }

    /// <summary>The token that somebody presents; null for every text that is none or is too old, whatever is wrong with it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="presented">The text.</param>
    public async Task<RepudiationToken?> FindValid(Act act, SecretText presented)
    {
        if (await Find(act.Db, act.Tenant, presented) is not { } token)
        {
            return null;
        }

        var told = token.Recovery is { } id ? await recoveries.Find(act.Db, act.Tenant, id) : null;
        return act.Now < token.CreatedAt + ValidFor || (told is not null && (!told.IsClosed || act.Now < told.ClosedAt + ValidFor)) ? token : null;
    }

    /// <summary>Notes that a token was used.</summary>
    /// <param name="act">The act.</param>
    /// <param name="token">The token.</param>
    public Task<int> MarkUsed(Act act, RepudiationToken token) => act.Db.Execute(
        "UPDATE repudiation_tokens SET used_at = @now WHERE tenant_id = @tenant AND id = @id AND used_at IS NULL",
        new { tenant = act.Tenant.ToString(), id = token.Id.ToString("D"), now = act.NowMs });

    /// <summary>Notes that a token froze its account; false when it did before.</summary>
    /// <param name="act">The act.</param>
    /// <param name="token">The token.</param>
    public async Task<bool> SpendFreeze(Act act, RepudiationToken token) => await act.Db.Execute(
        "UPDATE repudiation_tokens SET froze_at = @now WHERE tenant_id = @tenant AND id = @id AND froze_at IS NULL",
        new { tenant = act.Tenant.ToString(), id = token.Id.ToString("D"), now = act.NowMs }) == 1;

    /// <summary>Ends every token of an account.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">The account.</param>
    public Task<int> DeleteAll(Act act, AccountId account) => act.Db.Execute(
        "DELETE FROM repudiation_tokens WHERE tenant_id = @tenant AND account_id = @account",
        new { tenant = act.Tenant.ToString(), account = account.ToString() });

    /// <summary>Whether there are tokens to look at.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="now">The time.</param>
    public async Task<bool> AnyToLookAt(DbSession db, TenantId tenant, DateTimeOffset now) =>
        await db.Scalar<string>(
            "SELECT id FROM repudiation_tokens WHERE tenant_id = @tenant AND look_at <= @now LIMIT 1",
            new { tenant = tenant.ToString(), now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Deletes the tokens that are over, and looks at the others again when they may be.</summary>
    /// <param name="act">The act.</param>
    public async Task<int> DeleteWhatIsOver(Act act)
    {
        var row = new
        {
            tenant = act.Tenant.ToString(),
            now = act.NowMs,
            over = (act.Now - ValidFor).ToUnixTimeMilliseconds(),
            later = (act.Now + ValidFor).ToUnixTimeMilliseconds(),
            valid = (long)ValidFor.TotalMilliseconds,
        };
        var deleted = await act.Db.Execute(
            """
            DELETE FROM repudiation_tokens WHERE tenant_id = @tenant AND look_at <= @now AND created_at <= @over
                AND (recovery_id IS NULL OR EXISTS (
                    SELECT 1 FROM recoveries r
                    WHERE r.tenant_id = repudiation_tokens.tenant_id AND r.id = repudiation_tokens.recovery_id AND r.closed_at <= @over))
            """,
            row);
        await act.Db.Execute(
            """
            UPDATE repudiation_tokens SET look_at = COALESCE(
                (SELECT CASE WHEN r.closed_at > repudiation_tokens.created_at THEN r.closed_at ELSE repudiation_tokens.created_at END + @valid
                 FROM recoveries r
                 WHERE r.tenant_id = repudiation_tokens.tenant_id AND r.id = repudiation_tokens.recovery_id AND r.closed_at IS NOT NULL), @later)
            WHERE tenant_id = @tenant AND look_at <= @now
            """,
            row);
        return deleted;
    }

    private async Task<RepudiationToken?> Find(DbSession db, TenantId tenant, SecretText presented)
    {
        if (!TokenText.TryParse(presented.Reveal(), TokenPrefix.NotMe, out var token) || token.Tenant != tenant)
        {
            return null;
        }

        var row = await db.Find<Row>(
            """
            SELECT account_id AS Account, recovery_id AS Recovery, verified_at AS VerifiedAt, key_version AS KeyVersion, mac AS Mac,
                created_at AS CreatedAt, used_at AS UsedAt
            FROM repudiation_tokens WHERE tenant_id = @tenant AND id = @id
            """,
            new { tenant = tenant.ToString(), id = token.Id.ToString("D") });
        var hash = row is null ? Nothing : new KeyedHash((int)row.KeyVersion, row.Mac);
        var matches = keys.Verify(hash, KeyPurpose.NotMe, Context(tenant, token.Id), Encoding.UTF8.GetBytes(token.Secret.Reveal()));
        return matches && row is not null ? row.Read(token.Id) : null;
    }

    private static string Context(TenantId tenant, Guid id) => $"{tenant}/{id:D}";

    private sealed record Row(string Account, string? Recovery, long? VerifiedAt, long KeyVersion, byte[] Mac, long CreatedAt, long? UsedAt)
    {
        public RepudiationToken Read(Guid id) => new(
            id, Ids.Parse<AccountId>(Account), Recovery is null ? null : Ids.Parse<RecoveryId>(Recovery),
            DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt),
            VerifiedAt is { } verified ? DateTimeOffset.FromUnixTimeMilliseconds(verified) : null, UsedAt is not null);
    }
}
