using System.Globalization;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Ledger;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>The ledger, paged by position.</summary>
internal static class LedgerApi
{
    private const int DefaultLimit = 100;
    private const int MostAtOnce = 1000;

    /// <summary>Maps the route.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1) =>
        v1.MapGet("/ledger", Read).RequirePermission(Permission.LedgerRead).WithTags("ledger")
            .WithSummary("Entries in the order of their positions; cursor is the last position that was seen.");

    private static async Task<IResult> Read(HttpContext context, ReadLedger ledger)
    {
        var query = context.Request.Query;
        var (after, limit) = (0L, DefaultLimit);
        if (query["cursor"].ToString() is { Length: > 0 } cursor
            && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after))
        {
            return new Problem(RefusalCode.InvalidCursor);
        }

        if (query["limit"].ToString() is { Length: > 0 } wanted
            && (!int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MostAtOnce))
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, $"limit is a number from 1 to {MostAtOnce}."));
        }

        var (recovery, account) = (query["recovery"].ToString(), query["account"].ToString());
        var recoveries = Ids.TryParse<RecoveryId>(recovery, out var recoveryId);
        var accounts = Ids.TryParse<AccountId>(account, out var accountId);
        if ((recovery.Length > 0 && !recoveries) || (account.Length > 0 && !accounts))
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, "recovery and account are ids."));
        }

        var filter = new LedgerFilter(accounts ? accountId : null, recoveries ? recoveryId : null, after);
        var rows = await ledger.Page(context.Caller(), filter, limit, context.RequestAborted);
        return Answers.Json(new LedgerPage(
            [.. rows.Select(EntryView.Of)],
            rows.Count == limit ? rows[^1].Position.ToString(CultureInfo.InvariantCulture) : null));
    }

    private sealed record LedgerPage(IReadOnlyList<EntryView> Entries, string? Cursor);

    // The entry is the JSON whose bytes were hashed; its canonical form (RFC 8785) gives leaf_hash again.
    private sealed record EntryView(long Position, JsonElement Entry, string LeafHash, IReadOnlyDictionary<string, TextView> Texts)
    {
        public static EntryView Of(LedgerRow row) => new(
            row.Position, JsonSerializer.Deserialize<JsonElement>(row.Body), Convert.ToHexStringLower(row.LeafHash),
            row.Texts.ToDictionary(t => t.Key, t => new TextView(t.Value.Text, t.Value.Salt), StringComparer.Ordinal));
    }

    private sealed record TextView(string Text, string Salt);
}
