using System.Text;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Secrets;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>A token by which a person says that a recovery was not theirs, as it is stored.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Recovery">The recovery that the notice told of.</param>
/// <param name="Used">Whether it was used.</param>
internal sealed record RepudiationToken(Guid Id, RecoveryId Recovery, bool Used);

/// <summary>
/// The tokens in the notices of recoveries: 256 random bits each, stored as a keyed hash. A token can only take back, never
/// give: whoever finds one can end a recovery and nothing more.
/// </summary>
/// <param name="keys">The key ring.</param>
internal sealed class RepudiationTokens(KeyRing keys)
{
    /// <summary>How long after its end a recovery can be repudiated.</summary>
    public static readonly TimeSpan ValidAfterTheEnd = TimeSpan.FromDays(7);

    private static readonly KeyedHash Nothing = new(0, new byte[32]);

    /// <summary>Makes the token of a notice.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery that the notice tells of.</param>
    public async Task<SecretText> Mint(Act act, RecoveryId recovery)
    {
        var id = NewId.Make<EntryId>().Value;
        var secret = SecretMint.NewToken32();
        var hash = keys.Hash(KeyPurpose.NotMe, Context(act.Tenant, id), Encoding.UTF8.GetBytes(secret.Reveal()));
        await act.Db.Execute(
            """
            INSERT INTO repudiation_tokens (tenant_id, id, recovery_id, key_version, mac, look_at)
            VALUES (@tenant, @id, @recovery, @version, @mac, @look)
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id = id.ToString("D"),
                recovery = recovery.ToString(),
                version = hash.KeyVersion,
                mac = hash.Mac,
                look = (act.Now + ValidAfterTheEnd).ToUnixTimeMilliseconds(),
            });
        return TokenText.Format(TokenPrefix.NotMe, act.Tenant, id, secret.Reveal());
    }

    /// <summary>The token that somebody presents; null for every text that is none, whatever is wrong with it.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="presented">The text.</param>
    public async Task<RepudiationToken?> Find(DbSession db, TenantId tenant, SecretText presented)
    {
        if (!TokenText.TryParse(presented.Reveal(), TokenPrefix.NotMe, out var token) || token.Tenant != tenant)
        {
            return null;
        }

        var row = await db.Find<Row>(
            """
            SELECT recovery_id AS Recovery, key_version AS KeyVersion, mac AS Mac, used_at AS UsedAt
            FROM repudiation_tokens WHERE tenant_id = @tenant AND id = @id
            """,
            new { tenant = tenant.ToString(), id = token.Id.ToString("D") });
        var hash = row is null ? Nothing : new KeyedHash((int)row.KeyVersion, row.Mac);
        var matches = keys.Verify(hash, KeyPurpose.NotMe, Context(tenant, token.Id), Encoding.UTF8.GetBytes(token.Secret.Reveal()));
        return matches && row is not null
            ? new RepudiationToken(token.Id, Ids.Parse<RecoveryId>(row.Recovery), row.UsedAt is not null)
            : null;
    }

    /// <summary>Notes that a token was used.</summary>
    /// <param name="act">The act.</param>
    /// <param name="token">The token.</param>
    public Task<int> MarkUsed(Act act, RepudiationToken token) => act.Db.Execute(
        "UPDATE repudiation_tokens SET used_at = @now WHERE tenant_id = @tenant AND id = @id AND used_at IS NULL",
        new { tenant = act.Tenant.ToString(), id = token.Id.ToString("D"), now = act.NowMs });

    /// <summary>Whether a recovery can still be repudiated.</summary>
    /// <param name="recovery">The recovery.</param>
    /// <param name="now">The time.</param>
    public static bool IsValidFor(Recovery recovery, DateTimeOffset now) =>
        recovery.ClosedAt is not { } closed || now < closed + ValidAfterTheEnd;

    /// <summary>Whether there are tokens to look at.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="now">The time.</param>
    public async Task<bool> AnyToLookAt(DbSession db, TenantId tenant, DateTimeOffset now) =>
        await db.Scalar<string>(
            "SELECT id FROM repudiation_tokens WHERE tenant_id = @tenant AND look_at <= @now LIMIT 1",
            new { tenant = tenant.ToString(), now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Deletes the tokens whose recovery is long over, and looks at the others again when they may be.</summary>
    /// <param name="act">The act.</param>
    public async Task<int> DeleteWhatIsOver(Act act)
    {
        var row = new
        {
            tenant = act.Tenant.ToString(),
            now = act.NowMs,
            over = (act.Now - ValidAfterTheEnd).ToUnixTimeMilliseconds(),
            later = (act.Now + ValidAfterTheEnd).ToUnixTimeMilliseconds(),
            days = (long)ValidAfterTheEnd.TotalMilliseconds,
        };
        var deleted = await act.Db.Execute(
            """
            DELETE FROM repudiation_tokens WHERE tenant_id = @tenant AND look_at <= @now AND EXISTS (
                SELECT 1 FROM recoveries r
                WHERE r.tenant_id = repudiation_tokens.tenant_id AND r.id = repudiation_tokens.recovery_id AND r.closed_at <= @over)
            """,
            row);
        await act.Db.Execute(
            """
            UPDATE repudiation_tokens SET look_at = COALESCE(
                (SELECT r.closed_at + @days FROM recoveries r
                 WHERE r.tenant_id = repudiation_tokens.tenant_id AND r.id = repudiation_tokens.recovery_id), @later)
            WHERE tenant_id = @tenant AND look_at <= @now
            """,
            row);
        return deleted;
    }

    private static string Context(TenantId tenant, Guid id) => $"{tenant}/{id:D}";

    private sealed record Row(string Recovery, long KeyVersion, byte[] Mac, long? UsedAt);
}
