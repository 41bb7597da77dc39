using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Accounts;

/// <summary>One account of many.</summary>
/// <param name="Line">Its line in the file, from 1.</param>
/// <param name="Account">The account.</param>
public sealed record ImportedLine(int Line, NewAccount Account);

/// <summary>How many accounts were made.</summary>
/// <param name="Imported">How many.</param>
public sealed record ImportReport(int Imported);

/// <summary>
/// Makes many accounts in one act: all of them, or none and every fault by its line. Other acts wait while it writes, so it is
/// for the machine's operator.
/// </summary>
public sealed class ImportAccounts
{
    /// <summary>The most accounts of one import.</summary>
    public const int MaxLines = 100_000;

    private const int MostFaults = 1000;

    private readonly AccountAct _act;
    private readonly Acts _acts;
    private readonly AccountStore _store;
    private readonly PolicyStore _policies;
    private readonly PasswordStore _passwords;

    internal ImportAccounts(AccountAct act, Acts acts, AccountStore store, PolicyStore policies, PasswordStore passwords)
    {
        _act = act;
        _acts = acts;
        _store = store;
        _policies = policies;
        _passwords = passwords;
    }

    /// <summary>Makes the accounts.</summary>
    /// <param name="caller">Who makes them; holds <c>account:write</c> and a ceiling that covers every role.</param>
    /// <param name="lines">The accounts. Passwords come as hashes only: hashing so many would take hours.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// How many; or <see cref="RefusalCode.InvalidRequest"/> with a fault for every wrong line, at most 1 000: its pointer names
    /// the account by its place from 0, its text the line.
    /// </returns>
    public async Task<Result<ImportReport>> Run(Caller caller, IReadOnlyList<ImportedLine> lines, CancellationToken cancellationToken)
    {
        if (lines.Count is 0 or > MaxLines)
        {
            return new Refusal(RefusalCode.InvalidRequest, $"An import has 1 to {MaxLines} lines.");
        }

        var faults = new List<FieldFault>();
        var made = Make(lines, faults);
        return faults.Count > 0
            ? Refuse(faults)
            : await _act.Run(caller, act => Import(act, caller, lines, made), cancellationToken);
    }

    // What one line alone, or two lines together, make impossible is found before anybody waits.
    private List<Account> Make(IReadOnlyList<ImportedLine> lines, List<FieldFault> faults)
    {
        var (now, made) = (_acts.Now, new List<Account>(lines.Count));
        var claimed = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < lines.Count && faults.Count < MostFaults; i++)
        {
            if (lines[i].Account.Password is not null)
            {
                faults.Add(At(lines, i, "/password", "An import takes hashes of passwords, not passwords."));
            }

            var account = AccountRules.Make(lines[i].Account, now);
            if (account.Refusal is { } invalid)
            {
                faults.AddRange(invalid.Faults.Select(f => At(lines, i, f.Pointer, f.Detail)));
                continue;
            }

            made.Add(account.Value);
            foreach (var claim in Claims(account.Value))
            {
                if (!claimed.TryAdd(claim, lines[i].Line))
                {
                    faults.Add(At(lines, i, "", $"Line {claimed[claim]} has the same user name, address or external id."));
                }
            }
        }

        return made;
    }

    // Every line is checked before the first is written: a refusal does not undo what an act wrote.
    private async Task<Result<ImportReport>> Import(
        Act act, Caller caller, IReadOnlyList<ImportedLine> lines, IReadOnlyList<Account> made)
    {
        var ranks = await _policies.Ranks(act.Db, act.Tenant);
        var (accounts, faults) = (new List<Account>(made.Count), new List<FieldFault>());
        for (var i = 0; i < made.Count && faults.Count < MostFaults; i++)
        {
            var account = made[i].Role.Length == 0 ? made[i] with { Role = ranks.Lowest } : made[i];
            accounts.Add(account);
            if (await Check(act, caller, account, ranks) is { } wrong)
            {
                faults.Add(At(lines, i, wrong.Pointer, wrong.Detail));
            }
        }

        if (faults.Count > 0)
        {
            return Refuse(faults);
        }

        for (var i = 0; i < accounts.Count; i++)
        {
            await _store.Insert(act, accounts[i]);
            var hash = lines[i].Account.PasswordHash;
            if (hash is not null)
            {
                await _passwords.Import(act, accounts[i].Id, hash.Reveal());
            }

            await act.Record(AccountLedger.Created(caller, accounts[i], hash is null ? null : "imported", imported: true));
        }

        return new ImportReport(accounts.Count);
    }

    private async Task<FieldFault?> Check(Act act, Caller caller, Account account, RankOrder ranks) =>
        await _act.CheckPlace(act.Db, act.Tenant, account, ranks, null) is { } wrong ? wrong.Faults[0]
        : caller.Grant.MayCreate(account.Kind, account.Role, ranks) is not null ? new FieldFault("/role", "Above the caller's ceiling.")
        : await AccountClaims.Taken(act, null, account) ? new FieldFault("", "Another account has this user name, address or external id.")
        : null;

    private static IEnumerable<string> Claims(Account account) =>
        AccountClaims.Identifiers(account).Concat(account.ExternalIds.Select(e => $"{e.Dialect}\n{e.Id}"));

    private static FieldFault At(IReadOnlyList<ImportedLine> lines, int index, string pointer, string detail) =>
        new($"/accounts/{index}{pointer}", $"Line {lines[index].Line}: {detail}");

    private static Refusal Refuse(List<FieldFault> faults) =>
        new(RefusalCode.InvalidRequest, "Nothing was imported.") { Faults = [.. faults.Take(MostFaults)] };
}
