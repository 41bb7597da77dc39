using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Keys;

/// <summary>
/// Counts what would die with a key: hashes and seals that name its version and have not been renewed. Short-lived ones end by
/// themselves; tokens, sessions, signing keys and people's saved recovery codes are what an operator waits for before retiring a key.
/// </summary>
/// <param name="database">Storage.</param>
/// <param name="time">The clock: what has expired hangs on nothing.</param>
public sealed class KeysInUse(Database database, TimeProvider time)
{
    /// <summary>How many rows name a version, by version.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyDictionary<int, long>> Count(CancellationToken cancellationToken) =>
        database.Read(db => Count(db, time.GetUtcNow().ToUnixTimeMilliseconds()), cancellationToken);

    private static async Task<IReadOnlyDictionary<int, long>> Count(DbSession db, long now)
    {
        var counts = new Dictionary<int, long>();
        string[] hashed =
        [
            "access_tokens WHERE revoked_at IS NULL AND expires_at > @now", "sessions", "recovery_secrets", "redemptions",
            "idempotency", "repudiation_tokens", "recovery_codes WHERE spent_at IS NULL",
            "escrow_drills WHERE state = 'open' AND expires_at > @now",
            "(SELECT confirm_key_version AS key_version FROM addresses "
                + "WHERE confirm_mac IS NOT NULL AND confirm_expires_at > @now) AS confirmations",
        ];
        foreach (var rows in hashed)
        {
            foreach (var row in await db.List<VersionRow>(
                         $"SELECT key_version AS Version, COUNT(*) AS Uses FROM {rows} GROUP BY key_version", new { now }))
            {
                counts[(int)row.Version] = counts.GetValueOrDefault((int)row.Version) + row.Uses;
            }
        }

        // A seal names its version in its own first bytes.
        string[] envelopes =
        [
            "signing_keys", "outbox", "ceremonies", "webhooks", "slack_apps", "openpgp_server_keys", "escrow_blobs", "escrow_passwords",
            "dead_letters WHERE sealed IS NOT NULL",
            "escrow_answers WHERE sealed IS NOT NULL",
            "(SELECT token_sealed AS sealed FROM escrow_requests WHERE token_sealed IS NOT NULL) AS tokens",
            "(SELECT password_sealed AS sealed FROM escrow_requests WHERE password_sealed IS NOT NULL) AS passwords",
        ];
        foreach (var rows in envelopes)
        {
            foreach (var envelope in await db.List<byte[]>($"SELECT sealed FROM {rows}"))
            {
                var version = KeyRing.VersionOf(envelope);
                counts[version] = counts.GetValueOrDefault(version) + 1;
            }
        }

        return counts;
    }

    // Not a record: an aggregate without rows has no type, which a constructor could not be matched to.
    private sealed class VersionRow
    {
        public long Version { get; init; }

        public long Uses { get; init; }
    }
}
