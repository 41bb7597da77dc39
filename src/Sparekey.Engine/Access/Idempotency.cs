using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Access;

/// <summary>An answer as it is replayed: without any secret it showed the first time.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Body">The body, JSON.</param>
public sealed record StoredAnswer(int Status, string Body);

/// <summary>A call that its caller may repeat and that must happen once.</summary>
/// <typeparam name="T">What the use case answers.</typeparam>
/// <param name="Key">The caller's key.</param>
/// <param name="Route">Method and route.</param>
/// <param name="Payload">What makes a call the same call: the bytes of path and body.</param>
/// <param name="Redacted">The answer to replay, with every secret withheld.</param>
public sealed record OnceKey<T>(string Key, string Route, byte[] Payload, Func<T, StoredAnswer> Redacted);

/// <summary>What came of a call: it happened now, or it had happened before.</summary>
/// <typeparam name="T">What the use case answers.</typeparam>
/// <param name="Fresh">The answer, when it happened now.</param>
/// <param name="Replay">The answer of then, when it had happened before.</param>
public sealed record Happened<T>(T? Fresh, StoredAnswer? Replay)
    where T : class;

/// <summary>
/// Lets a call happen once, however often it comes (draft-ietf-httpapi-idempotency-key-header-06): the record is written in the
/// call's own act, so that there is never an effect without its record. Kept for 24 hours, per tenant, principal and route.
/// Refusals are not kept: nothing happened, and the next try may do better.
/// </summary>
/// <param name="keys">Makes fingerprints.</param>
public sealed class Idempotency(KeyRing keys)
{
    /// <summary>How long a record is kept.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromHours(24);

    /// <summary>Runs a call once.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who calls.</param>
    /// <param name="once">The key; null when the call has none and simply happens.</param>
    /// <param name="effect">The call.</param>
    /// <returns>
    /// What happened; the effect's own refusal; or <see cref="RefusalCode.IdempotencyKeyReused"/> when the key came with another
    /// payload.
    /// </returns>
    public async Task<Result<Happened<T>>> Run<T>(Act act, Caller caller, OnceKey<T>? once, Func<Task<Result<T>>> effect)
        where T : class
    {
        if (once is null)
        {
            var done = await effect();
            return done.Refusal is { } refused ? refused : new Happened<T>(done.Value, null);
        }

        var key = new
        {
            tenant = act.Tenant.ToString(),
            principal = caller.Principal.Id,
            route = once.Route,
            key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(once.Key))),
            now = act.NowMs,
        };
        var context = $"{key.tenant}/{key.principal}/{key.route}/{key.key}";
        var record = await act.Db.Find<Row>(
            """
            SELECT key_version AS KeyVersion, fingerprint AS Fingerprint, status AS Status, body AS Body FROM idempotency
            WHERE tenant_id = @tenant AND principal_id = @principal AND route = @route AND key_hash = @key AND expires_at > @now
            """,
            key);
        if (record is not null)
        {
            var same = keys.Verify(
                new KeyedHash((int)record.KeyVersion, record.Fingerprint), KeyPurpose.Idempotency, context, once.Payload);
            return same ? new Happened<T>(null, new StoredAnswer((int)record.Status, record.Body)) : RefusalCode.IdempotencyKeyReused;
        }

        var result = await effect();
        if (result.Refusal is { } refusal)
        {
            return refusal;
        }

        var answer = once.Redacted(result.Value);
        var fingerprint = keys.Hash(KeyPurpose.Idempotency, context, once.Payload);
        var kept = await act.Db.Execute(
            """
            INSERT INTO idempotency (tenant_id, principal_id, route, key_hash, key_version, fingerprint, status, body, expires_at)
            VALUES (@tenant, @principal, @route, @key, @keyVersion, @fingerprint, @status, @body, @expires)
            ON CONFLICT (tenant_id, principal_id, route, key_hash) DO UPDATE SET
                key_version = excluded.key_version, fingerprint = excluded.fingerprint, status = excluded.status,
                body = excluded.body, expires_at = excluded.expires_at
            WHERE idempotency.expires_at <= @now
            """,
            new
            {
                key.tenant,
                key.principal,
                key.route,
                key.key,
                key.now,
                keyVersion = fingerprint.KeyVersion,
                fingerprint = fingerprint.Mac,
                status = answer.Status,
                body = answer.Body,
                expires = (act.Now + KeptFor).ToUnixTimeMilliseconds(),
            });

        // Another process ran the same call beside this one and committed first: undo everything, the next try finds its record.
        return kept == 1
            ? new Happened<T>(result.Value, null)
            : throw new StorageUnavailableException("The same call is running in another process.");
    }

    private sealed record Row(long KeyVersion, byte[] Fingerprint, long Status, string Body);
}
