using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Accounts;

/// <summary>The rows of addresses, and the confirmation code that is pending on one.</summary>
internal static class AddressStore
{
    /// <summary>Writes which addresses an account has from now on.</summary>
    /// <param name="act">The act.</param>
    /// <param name="before">The account as it was read; null for a new one.</param>
    /// <param name="next">The account as it shall be.</param>
    public static async Task Write(Act act, Account? before, Account next)
    {
        var had = (before?.Addresses ?? []).ToDictionary(a => a.Id);
        foreach (var gone in had.Keys.Except(next.Addresses.Select(a => a.Id)))
        {
            await act.Db.Execute(
                "DELETE FROM addresses WHERE tenant_id = @tenant AND id = @id",
                new { tenant = act.Tenant.ToString(), id = gone.ToString() });
        }

        foreach (var address in next.Addresses)
        {
            if (!had.TryGetValue(address.Id, out var former))
            {
                await Insert(act, next.Id, address);
            }
            else if (former != address)
            {
                await Update(act, former, address);
            }
        }
    }

    /// <summary>What is pending on an address; null when the account has no such address.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    /// <param name="id">The address.</param>
    public static async Task<PendingConfirmation?> FindPending(DbSession db, TenantId tenant, AccountId account, AddressId id)
    {
        var row = await db.Find<PendingRow>(
            """
            SELECT confirm_key_version AS KeyVersion, confirm_mac AS Mac, confirm_sent_at AS SentAt, confirm_expires_at AS ExpiresAt,
                   confirm_tries AS Tries, confirm_failures AS Failures
            FROM addresses WHERE tenant_id = @tenant AND id = @id AND account_id = @account
            """,
            new { tenant = tenant.ToString(), id = id.ToString(), account = account.ToString() });
        return row is null
            ? null
            : new PendingConfirmation(
                row.Mac is { } mac ? new KeyedHash((int)(row.KeyVersion ?? 0), mac) : null, At(row.SentAt), At(row.ExpiresAt),
                (int)row.Tries, (int)row.Failures);
    }

    /// <summary>Makes a code the one that confirms an address; the former is worth nothing from now on.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">The address.</param>
    /// <param name="hash">The code's hash.</param>
    /// <param name="expiresAt">When it ends.</param>
    public static Task<int> SetPending(Act act, AddressId id, KeyedHash hash, DateTimeOffset expiresAt) => act.Db.Execute(
        """
        UPDATE addresses SET confirm_key_version = @keyVersion, confirm_mac = @mac, confirm_sent_at = @now,
            confirm_expires_at = @expires, confirm_tries = 0
        WHERE tenant_id = @tenant AND id = @id
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = id.ToString(),
            keyVersion = hash.KeyVersion,
            mac = hash.Mac,
            now = act.NowMs,
            expires = expiresAt.ToUnixTimeMilliseconds(),
        });

    /// <summary>Counts a try on the pending code, before it is known whether it is right.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">The address.</param>
    public static Task<int> CountTry(Act act, AddressId id) => act.Db.Execute(
        """
        UPDATE addresses SET confirm_tries = confirm_tries + 1, confirm_failures = confirm_failures + 1
        WHERE tenant_id = @tenant AND id = @id
        """,
        new { tenant = act.Tenant.ToString(), id = id.ToString() });

    private static Task<int> Insert(Act act, AccountId account, Address address) => act.Db.Execute(
        """
        INSERT INTO addresses (tenant_id, id, account_id, ordinal, kind, value, since, given_at_creation, confirmed_at)
        VALUES (@tenant, @id, @account,
            (SELECT COALESCE(MAX(o.ordinal), -1) + 1 FROM addresses o WHERE o.tenant_id = @tenant AND o.account_id = @account),
            @kind, @value, @since, @given, @confirmed)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = address.Id.ToString(),
            account = account.ToString(),
            kind = WireName.Of(address.Kind),
            value = address.Value,
            since = address.Since.ToUnixTimeMilliseconds(),
            given = address.GivenAtCreation ? 1 : 0,
            confirmed = address.ConfirmedAt?.ToUnixTimeMilliseconds(),
        });

    // Only its confirmation can change: another value is another address. With the confirmation the code has done its work.
    private static Task<int> Update(Act act, Address former, Address address)
    {
        if (former with { ConfirmedAt = address.ConfirmedAt } != address)
        {
            throw new InvalidOperationException("An address is replaced, not changed.");
        }

        return act.Db.Execute(
            """
            UPDATE addresses SET confirmed_at = @confirmed, confirm_key_version = NULL, confirm_mac = NULL,
                confirm_expires_at = NULL, confirm_tries = 0, confirm_failures = 0
            WHERE tenant_id = @tenant AND id = @id
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id = address.Id.ToString(),
                confirmed = address.ConfirmedAt?.ToUnixTimeMilliseconds(),
            });
    }

    private static DateTimeOffset? At(long? ms) => ms is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null;

    private sealed record PendingRow(long? KeyVersion, byte[]? Mac, long? SentAt, long? ExpiresAt, long Tries, long Failures);
}
