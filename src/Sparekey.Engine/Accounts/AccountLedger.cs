using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Accounts;

/// <summary>What the ledger says of accounts. Names and addresses are texts: they go when the account goes.</summary>
internal static class AccountLedger
{
    /// <summary>Something happened to an account.</summary>
    /// <param name="happened">What.</param>
    /// <param name="caller">Who did it.</param>
    /// <param name="account">The account afterwards.</param>
    /// <param name="facts">Facts; those that are null are left out.</param>
    public static LedgerEntry Entry(
        LedgerEvent happened, Caller caller, Account account, params IEnumerable<(string Name, object? Value)> facts) =>
        Entry(happened, caller, caller.Principal, account, facts);

    /// <summary>Something happened to an account.</summary>
    /// <param name="happened">What.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="actor">Who did it.</param>
    /// <param name="account">The account afterwards.</param>
    /// <param name="facts">Facts; those that are null are left out.</param>
    public static LedgerEntry Entry(
        LedgerEvent happened, Visitor visitor, Principal actor, Account account, params IEnumerable<(string Name, object? Value)> facts) =>
        new(happened, actor, account.Id)
        {
            Facts = facts.Where(f => f.Value is not null)
                .Append(("version", account.Version))
                .Append(("correlation_id", visitor.CorrelationId))
                .ToDictionary(f => f.Item1, f => f.Item2, StringComparer.Ordinal),
            Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["source"] = visitor.Source },
        };

    /// <summary>An entry with more personal texts.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="texts">The texts; empty ones are left out.</param>
    public static LedgerEntry With(this LedgerEntry entry, params IEnumerable<(string Name, string? Text)> texts) => entry with
    {
        Texts = entry.Texts.Select(t => (t.Key, (string?)t.Value)).Concat(texts).Where(t => !string.IsNullOrEmpty(t.Item2))
            .ToDictionary(t => t.Item1, t => t.Item2!, StringComparer.Ordinal),
    };

    /// <summary>The entry of a new account.</summary>
    /// <param name="caller">Who made it.</param>
    /// <param name="account">The account.</param>
    /// <param name="password">What password came with it: <c>provisional</c>, <c>imported</c> or null.</param>
    /// <param name="imported">Whether it came with many others.</param>
    public static LedgerEntry Created(Caller caller, Account account, string? password, bool imported) => Entry(
        LedgerEvent.AccountCreated, caller, account,
        ("role", account.Role), ("kind", WireName.Of(account.Kind)), ("status", WireName.Of(account.Status)),
        ("password", password), ("imported", imported ? true : null))
        .With(("username", account.Username), ("addresses", string.Join(", ", account.Addresses.Select(a => a.Value))));
}
