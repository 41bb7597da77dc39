using System.Text.Json;
using Sparekey.Engine.Storage;

namespace Sparekey.Testing;

/// <summary>
/// Looks at everything that is stored and says what cannot be true together: half an act, a secret that outlived its end, an
/// act without its ledger entry. What it finds after a crash is a defect, whatever the crash interrupted.
/// </summary>
public static class Consistency
{
    /// <summary>Everything that is wrong; empty when nothing is.</summary>
    /// <param name="database">The database.</param>
    public static Task<IReadOnlyList<string>> Faults(Database database) => database.Read(FaultsOf, CancellationToken.None);

    private static async Task<IReadOnlyList<string>> FaultsOf(DbSession db)
    {
        var faults = new List<string>();
        var entries = (await db.List<Entry>("SELECT recovery_id AS Recovery, event AS Event FROM ledger_entries WHERE recovery_id IS NOT NULL"))
            .ToLookup(e => e.Recovery, e => e.Event, StringComparer.Ordinal);
        var secrets = await CountBy(db, "recovery_secrets", "recovery_id");
        var saved = await CountBy(db, "recovery_codes WHERE recovery_id IS NOT NULL AND spent_at IS NULL", "recovery_id");
        var spent = await CountBy(db, "recovery_codes WHERE recovery_id IS NOT NULL AND spent_at IS NOT NULL", "recovery_id");
        var redemptions = await CountBy(db, "redemptions", "recovery_id");
        var bound = await CountBy(db, "credentials WHERE recovery_id IS NOT NULL", "recovery_id");
        var recoveries = await db.List<Row>("SELECT id AS Id, account_id AS Account, state AS State, version AS Version, body AS Body FROM recoveries");
        foreach (var row in recoveries)
        {
            var body = JsonSerializer.Deserialize<JsonElement>(row.Body);
            var events = entries[row.Id].GroupBy(e => e, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
            Check(body.GetProperty("state").GetString() == row.State, row, "its state and its body differ");
            Check(body.GetProperty("version").GetInt32() == row.Version, row, "its version and its body differ");
            var stored = secrets.GetValueOrDefault(row.Id);
            Check(stored == (Has(body, "secret") && HasStoredSecret(body) ? 1 : 0) || (stored == 2 && Has(body, "secret") && HasTypedCode(body)), row, "its secret is stored without being live, or live without being stored");
            Check(saved.GetValueOrDefault(row.Id) == 0 || row.State is not ("completed" or "denied" or "cancelled" or "expired"), row, "it is over and its saved code is not");
            Check(spent.GetValueOrDefault(row.Id) == 0 || !IsBySavedCode(body) || row.State is "completed" or "denied" or "cancelled" or "expired", row, "its saved code is used up before it is over");
            Check(redemptions.GetValueOrDefault(row.Id) == (Has(body, "redemption") ? 1 : 0), row, "its redemption is stored without being live, or the other way round");
            Check(events.GetValueOrDefault("recovery_opened") == 1, row, "its opening is not in the ledger once");
            Check(events.GetValueOrDefault("recovery_issued") == body.GetProperty("last_generation").GetInt32(), row, "its issues are not all in the ledger");
            Check(events.GetValueOrDefault("recovery_completed") == (row.State == "completed" ? 1 : 0), row, "its completion is not in the ledger once");
            Check(events.GetValueOrDefault("recovery_cancelled") == (row.State == "cancelled" ? 1 : 0), row, "its cancelling is not in the ledger once");
            Check(bound.GetValueOrDefault(row.Id) <= (row.State == "completed" ? 1 : 0), row, "a credential was bound by it without its completion");
        }

        var known = recoveries.Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        faults.AddRange(entries.Where(e => !known.Contains(e.Key)).Select(e => $"the ledger speaks of recovery {e.Key}, which is not there"));
        await CheckLedger(db, faults);
        return faults;

        void Check(bool good, Row row, string fault)
        {
            if (!good)
            {
                faults.Add($"recovery {row.Id} ({row.State}): {fault}");
            }
        }
    }

    // As a second proof of another means it is used up at once.
    private static bool IsBySavedCode(JsonElement body) => body.GetProperty("request").GetProperty("means").GetString() == "saved_code";

    private static async Task CheckLedger(DbSession db, List<string> faults)
    {
        var unplaced = await db.Scalar<long>(
            """
            SELECT COUNT(*) FROM ledger_entries e
            WHERE (SELECT COUNT(*) FROM ledger_positions p WHERE p.tenant_id = e.tenant_id AND p.entry_id = e.id)
                + (SELECT COUNT(*) FROM ledger_queue q WHERE q.tenant_id = e.tenant_id AND q.entry_id = e.id) <> 1
            """);
        if (unplaced > 0)
        {
            faults.Add($"{unplaced} ledger entries have neither a position nor a place in the queue, or both");
        }

        var gaps = await db.Scalar<long>(
            "SELECT COUNT(*) FROM (SELECT tenant_id FROM ledger_positions GROUP BY tenant_id HAVING COUNT(*) <> MAX(position)) AS gaps");
        if (gaps > 0)
        {
            faults.Add("the ledger's positions have gaps");
        }
    }

    // A mailed link has a typed code beside it, until wrong tries have used that up.
    private static bool HasTypedCode(JsonElement body) =>
        body.GetProperty("request") is var request
        && request.GetProperty("means").GetString() == "link" && request.GetProperty("channel").GetString() == "email";

    // Some means have nothing to show, and a person's own codes stand elsewhere.
    private static bool HasStoredSecret(JsonElement body) => body.GetProperty("request") is var request
        && (request.GetProperty("means").GetString() is "link" or "code" or "token" || request.GetProperty("channel").GetString() == "email");

    private static bool Has(JsonElement body, string member) =>
        body.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.Object;

    private static async Task<Dictionary<string, long>> CountBy(DbSession db, string rows, string column) =>
        (await db.List<Counted>($"SELECT {column} AS Id, COUNT(*) AS Times FROM {rows} GROUP BY {column}"))
            .ToDictionary(c => c.Id, c => c.Times, StringComparer.Ordinal);

    private sealed record Row(string Id, string Account, string State, long Version, string Body);

    private sealed record Entry(string Recovery, string Event);

    private sealed class Counted
    {
        public string Id { get; init; } = "";

        public long Times { get; init; }
    }
}
