using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Secrets;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>A token by which a person confirms a recovery, as it is stored.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Recovery">The recovery that it asks about.</param>
/// <param name="Address">The address that it was sent to.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="Used">Whether it was used.</param>
internal sealed record ConfirmationToken(Guid Id, RecoveryId Recovery, AddressId Address, DateTimeOffset CreatedAt, bool Used)
{
    /// <summary>
    /// Whether its address may still speak for the person: it is the account's, may carry a confirmation now, and is what it was when the
    /// token left. So an address that was taken away, or changed, since then confirms nothing.
    /// </summary>
    /// <param name="account">The account as it is now.</param>
    /// <param name="now">The time.</param>
    public bool IsStillOf(Account account, DateTimeOffset now) =>
        account.AddressesForSecrets(AddressKind.Email, now).Any(a => a.Id == Address && a.Since <= CreatedAt);
}

/// <summary>The tokens in the messages that ask "did you ask for this?": 256 random bits each, stored as a keyed hash.</summary>
/// <param name="keys">The key ring.</param>
internal sealed class ConfirmationTokens(KeyRing keys)
{
    private static readonly KeyedHash Nothing = new(0, new byte[32]);

    /// <summary>Makes the token of a message to one address.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery that it asks about.</param>
    /// <param name="address">The address.</param>
    public async Task<SecretText> Mint(Act act, RecoveryId recovery, AddressId address)
    {
        var id = NewId.Make<EntryId>().Value;
        var secret = SecretMint.NewToken32();
        var hash = keys.Hash(KeyPurpose.Confirmation, Context(act.Tenant, id), Encoding.UTF8.GetBytes(secret.Reveal()));
        await act.Db.Execute(
            """
            INSERT INTO confirmation_tokens (tenant_id, id, recovery_id, address_id, key_version, mac, created_at)
            VALUES (@tenant, @id, @recovery, @address, @version, @mac, @now)
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id = id.ToString("D"),
                recovery = recovery.ToString(),
                address = address.ToString(),
                version = hash.KeyVersion,
                mac = hash.Mac,
                now = act.NowMs,
            });
        return TokenText.Format(TokenPrefix.Confirmation, act.Tenant, id, secret.Reveal());
    }

    /// <summary>How many messages asked about a recovery at one address.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="recovery">The recovery.</param>
    /// <param name="address">The address.</param>
    public Task<long> Count(DbSession db, TenantId tenant, RecoveryId recovery, AddressId address) => db.Scalar<long>(
        "SELECT COUNT(*) FROM confirmation_tokens WHERE tenant_id = @tenant AND recovery_id = @recovery AND address_id = @address",
        new { tenant = tenant.ToString(), recovery = recovery.ToString(), address = address.ToString() });

    /// <summary>The token that somebody presents; null for every text that is none, whatever is wrong with it.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="presented">The text.</param>
    public async Task<ConfirmationToken?> Find(DbSession db, TenantId tenant, SecretText presented)
    {
        if (!TokenText.TryParse(presented.Reveal(), TokenPrefix.Confirmation, out var token) || token.Tenant != tenant)
        {
            return null;
        }

        var row = await db.Find<Row>(
            """
            SELECT recovery_id AS Recovery, address_id AS Address, key_version AS KeyVersion, mac AS Mac, created_at AS CreatedAt,
                used_at AS UsedAt
            FROM confirmation_tokens WHERE tenant_id = @tenant AND id = @id
            """,
            new { tenant = tenant.ToString(), id = token.Id.ToString("D") });
        var hash = row is null ? Nothing : new KeyedHash((int)row.KeyVersion, row.Mac);
        var matches = keys.Verify(hash, KeyPurpose.Confirmation, Context(tenant, token.Id), Encoding.UTF8.GetBytes(token.Secret.Reveal()));
        return matches && row is not null
            ? new ConfirmationToken(
                token.Id, Ids.Parse<RecoveryId>(row.Recovery), Ids.Parse<AddressId>(row.Address),
                DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt), row.UsedAt is not null)
            : null;
    }

    /// <summary>Uses a token up. True exactly once.</summary>
    /// <param name="act">The act that it allows.</param>
    /// <param name="token">The token.</param>
    public async Task<bool> MarkUsed(Act act, ConfirmationToken token) => await act.Db.Execute(
        "UPDATE confirmation_tokens SET used_at = @now WHERE tenant_id = @tenant AND id = @id AND used_at IS NULL",
        new { tenant = act.Tenant.ToString(), id = token.Id.ToString("D"), now = act.NowMs }) == 1;

    /// <summary>Deletes the tokens of a recovery.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery.</param>
    public Task<int> Delete(Act act, RecoveryId recovery) => act.Db.Execute(
        "DELETE FROM confirmation_tokens WHERE tenant_id = @tenant AND recovery_id = @recovery",
        new { tenant = act.Tenant.ToString(), recovery = recovery.ToString() });

    private static string Context(TenantId tenant, Guid id) => $"{tenant}/{id:D}";

    private sealed record Row(string Recovery, string Address, long KeyVersion, byte[] Mac, long CreatedAt, long? UsedAt);
}
