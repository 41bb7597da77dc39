using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// What only one account of a tenant can have: user name, usable addresses, external ids. An address that nobody vouched for
/// claims nothing: otherwise whoever may add addresses could keep people from their own.
/// </summary>
internal static class AccountClaims
{
    /// <summary>The identifiers that name an account, in the form in which they are compared.</summary>
    /// <param name="account">The account.</param>
    public static IReadOnlySet<string> Identifiers(Account account) =>
        account.Addresses.Where(a => a.IsUsable).Select(a => a.Value).Append(account.Username ?? "")
            .Select(Identifier.Normalize).OfType<string>().ToHashSet(StringComparer.Ordinal);

    /// <summary>Whether another account has something that this one claims.</summary>
    /// <param name="act">The act; nobody else claims between this answer and its commit, or the write fails.</param>
    /// <param name="before">The account as it was read; null for a new one.</param>
    /// <param name="next">The account as it shall be.</param>
    public static async Task<bool> Taken(Act act, Account? before, Account next)
    {
        var had = before is null ? new HashSet<string>() : Identifiers(before);
        foreach (var value in Identifiers(next).Except(had))
        {
            if (await IsTaken(act, value, next))
            {
                return true;
            }
        }

        foreach (var external in next.ExternalIds.Except(before?.ExternalIds ?? []))
        {
            var taken = await act.Db.Scalar<long>(
                """
                SELECT COUNT(*) FROM account_external_ids
                WHERE tenant_id = @tenant AND dialect = @dialect AND id = @id AND account_id <> @account
                """,
                new { tenant = act.Tenant.ToString(), dialect = external.Dialect, id = external.Id, account = next.Id.ToString() });
            if (taken > 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether another account is called or reached so.</summary>
    /// <param name="act">The act.</param>
    /// <param name="value">The identifier in the form to compare.</param>
    /// <param name="account">The account that wants it.</param>
    public static async Task<bool> IsTaken(Act act, string value, Account account) => await act.Db.Scalar<long>(
        "SELECT COUNT(*) FROM identifiers WHERE tenant_id = @tenant AND value = @value AND account_id <> @account",
        new { tenant = act.Tenant.ToString(), value, account = account.Id.ToString() }) > 0;

    /// <summary>Gives up what the account no longer has, and claims what it has from now on.</summary>
    /// <param name="act">The act.</param>
    /// <param name="before">The account as it was read; null for a new one.</param>
    /// <param name="next">The account as it shall be.</param>
    public static async Task Write(Act act, Account? before, Account next)
    {
        var (had, has) = (before is null ? new HashSet<string>() : Identifiers(before), Identifiers(next));
        foreach (var value in had.Except(has))
        {
            await act.Db.Execute(
                "DELETE FROM identifiers WHERE tenant_id = @tenant AND value = @value AND account_id = @account", Of(act, next, value));
        }

        foreach (var value in has.Except(had))
        {
            await act.Db.Execute(
                "INSERT INTO identifiers (tenant_id, value, account_id) VALUES (@tenant, @value, @account)", Of(act, next, value));
        }

        foreach (var external in (before?.ExternalIds ?? []).Except(next.ExternalIds))
        {
            await act.Db.Execute(
                """
                DELETE FROM account_external_ids
                WHERE tenant_id = @tenant AND dialect = @dialect AND id = @id AND account_id = @account
                """,
                Of(act, next, external));
        }

        foreach (var external in next.ExternalIds.Except(before?.ExternalIds ?? []))
        {
            await act.Db.Execute(
                """
                INSERT INTO account_external_ids (tenant_id, dialect, id, account_id) VALUES (@tenant, @dialect, @id, @account)
                """,
                Of(act, next, external));
        }
    }

    private static object Of(Act act, Account account, string value) =>
        new { tenant = act.Tenant.ToString(), value, account = account.Id.ToString() };

    private static object Of(Act act, Account account, ExternalId external) =>
        new { tenant = act.Tenant.ToString(), dialect = external.Dialect, id = external.Id, account = account.Id.ToString() };
}
