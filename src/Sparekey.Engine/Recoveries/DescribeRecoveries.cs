using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ledger;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>Something that happened to a recovery, for people.</summary>
/// <param name="At">When.</param>
/// <param name="Event">What.</param>
/// <param name="By">Who did it.</param>
public sealed record RecoveryHistoryEntry(DateTimeOffset At, LedgerEvent Event, Principal By)
{
    /// <summary>For a requirement that was met: which kind.</summary>
    public string? Requirement { get; init; }

    /// <summary>What was said beside it; null where nothing was, or where it was erased.</summary>
    public string? Comment { get; init; }

    /// <summary>Whether a passkey signed it.</summary>
    public bool Signed { get; init; }
}

/// <summary>A recovery with everything that people need to decide on it.</summary>
/// <param name="Recovery">The recovery, as the reader may see it.</param>
/// <param name="Names">What principals are called, by their ids; those without a name are missing.</param>
public sealed record DescribedRecovery(Recovery Recovery, IReadOnlyDictionary<string, string> Names)
{
    /// <summary>Whose account it is; null when it is gone.</summary>
    public Account? Account { get; init; }

    /// <summary>For which application.</summary>
    public string Application { get; init; } = "";

    /// <summary>What happened so far, oldest first.</summary>
    public IReadOnlyList<RecoveryHistoryEntry> History { get; init; } = [];
}

/// <summary>Reads recoveries for the people who decide on them: with names, and with what happened so far.</summary>
public sealed class DescribeRecoveries
{
    private const int MostEntries = 500;

    // What a requester is not told (T16).
    private static readonly HashSet<LedgerEvent> Hidden = [LedgerEvent.RecoveryDenied, LedgerEvent.RecoveryRepudiated, LedgerEvent.MessageSent];

    private readonly Acts _acts;
    private readonly ReadRecoveries _read;
    private readonly AccountStore _accounts;
    private readonly AccessTokenStore _programmes;
    private readonly ApplicationStore _applications;
    private readonly RecoveryPages _pages;
    private readonly ReadLedger _ledger;

    internal DescribeRecoveries(
        Acts acts, ReadRecoveries read, AccountStore accounts, AccessTokenStore programmes, ApplicationStore applications,
        RecoveryPages pages, ReadLedger ledger)
    {
        _acts = acts;
        _read = read;
        _accounts = accounts;
        _programmes = programmes;
        _applications = applications;
        _pages = pages;
        _ledger = ledger;
    }

    /// <summary>One recovery.</summary>
    /// <param name="caller">Who reads; holds <c>recovery:read</c>.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The recovery, or <see cref="RefusalCode.RecoveryNotFound"/>.</returns>
    public async Task<Result<DescribedRecovery>> One(Caller caller, RecoveryId id, CancellationToken cancellationToken)
    {
        var found = await _read.One(caller, id, cancellationToken);
        if (found.Refusal is { } refusal)
        {
            return refusal;
        }

        var recovery = found.Value;
        var rows = await _ledger.Page(caller, new LedgerFilter(null, id, 0), MostEntries, cancellationToken);
        var isRequester = caller.Principal.IsSamePersonAs(recovery.RequestedBy);
        var history = rows.Select(EntryOf).Where(e => !isRequester || !Hidden.Contains(e.Event)).ToList();
        var principals = history.Select(h => h.By).Append(recovery.RequestedBy).Concat(recovery.Requirements.SelectMany(r => r.Met).Select(m => m.By));
        return await _acts.Read(
            async db => new DescribedRecovery(recovery, await NamesOf(db, caller.Tenant, principals))
            {
                Account = await _accounts.Find(db, caller.Tenant, recovery.Request.Account),
                Application = _pages.NameOf(await _applications.Find(db, caller.Tenant, recovery.Request.Application)),
                History = history,
            },
            cancellationToken);
    }

    /// <summary>A page of the recoveries that wait for somebody, newest first, without their history.</summary>
    /// <param name="caller">Who reads; holds <c>recovery:read</c>.</param>
    /// <param name="after">After this one; null for the first page.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<DescribedRecovery>> Waiting(
        Caller caller, PagePosition? after, int limit, CancellationToken cancellationToken)
    {
        var page = await _read.Page(caller, new RecoveryFilter(null, RecoveryState.Pending, after), limit, cancellationToken);
        return await _acts.Read(
            async db =>
            {
                var described = new List<DescribedRecovery>(page.Count);
                foreach (var recovery in page)
                {
                    described.Add(new DescribedRecovery(recovery, await NamesOf(db, caller.Tenant, [recovery.RequestedBy]))
                    {
                        Account = await _accounts.Find(db, caller.Tenant, recovery.Request.Account),
                    });
                }

                return described;
            },
            cancellationToken);
    }

    /// <summary>What people know an account as.</summary>
    /// <param name="account">The account.</param>
    public static string NameOf(Account account) =>
        account.Username ?? account.Addresses.FirstOrDefault()?.Value ?? account.Id.ToString();

    private async Task<IReadOnlyDictionary<string, string>> NamesOf(DbSession db, TenantId tenant, IEnumerable<Principal> principals)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var principal in principals.DistinctBy(p => p.Id, StringComparer.Ordinal))
        {
            var name = principal.Kind switch
            {
                PrincipalKind.Account when Ids.TryParse<AccountId>(principal.Id, out var id) =>
                    await _accounts.Find(db, tenant, id) is { } account ? NameOf(account) : null,
                PrincipalKind.ServiceAccount when Ids.TryParse<ServiceAccountId>(principal.Id, out var id) =>
                    (await _programmes.FindServiceAccount(db, tenant, id))?.Name,
                _ => null,
            };
            if (name is not null)
            {
                names[principal.Id] = name;
            }
        }

        return names;
    }

    private static RecoveryHistoryEntry EntryOf(LedgerRow row)
    {
        var entry = JsonNode.Parse(row.Body)!;
        var (actor, facts) = (entry["actor"]!, entry["facts"]!);
        return new RecoveryHistoryEntry(
            DateTimeOffset.FromUnixTimeMilliseconds(entry["at"]!.GetValue<long>()),
            WireName.Parse<LedgerEvent>(entry["event"]!.GetValue<string>()),
            new Principal(
                WireName.Parse<PrincipalKind>(actor["kind"]!.GetValue<string>()), actor["id"]!.GetValue<string>(),
                actor["owner"]?.GetValue<string>()))
        {
            Requirement = facts["requirement"]?.GetValue<string>(),
            Comment = row.Texts.TryGetValue("comment", out var comment) ? comment.Text : null,
            Signed = facts["signed"] is not null,
        };
    }
}
