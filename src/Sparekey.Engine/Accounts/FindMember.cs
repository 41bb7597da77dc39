using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Accounts;

/// <summary>An account that applications of a group call so.</summary>
/// <param name="Account">The account.</param>
/// <param name="Identifier">The identifier of it that fitted.</param>
public sealed record Member(Account Account, string Identifier);

/// <summary>
/// Finds the account that applications of another product mean by a name. It asks for no permission: whoever calls it decides what a
/// caller may learn from the answer.
/// </summary>
public sealed class FindMember
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;

    internal FindMember(Acts acts, AccountStore accounts) => (_acts, _accounts) = (acts, accounts);

    /// <summary>Finds by id.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="dialect">Which product's.</param>
    /// <param name="group">The group that the application belongs to.</param>
    /// <param name="id">The account's id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The account; null when there is none, or one of another group.</returns>
    public Task<Account?> Run(TenantId tenant, string dialect, string group, AccountId id, CancellationToken cancellationToken) =>
        _acts.Read(
            async db => await _accounts.Find(db, tenant, id) is { } found && found.IsKnownTo(dialect, group) ? found : null, cancellationToken);

    /// <summary>Finds by name.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="dialect">Which product's.</param>
    /// <param name="group">The group that the application belongs to.</param>
    /// <param name="identifiers">What it may be called, the likeliest first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The account; null when there is none, or one of another group.</returns>
    public Task<Member?> Run(
        TenantId tenant, string dialect, string group, IReadOnlyList<string> identifiers, CancellationToken cancellationToken) =>
        _acts.Read(
            async db =>
            {
                foreach (var identifier in identifiers)
                {
                    if (await _accounts.FindByIdentifier(db, tenant, identifier) is { } found && found.IsKnownTo(dialect, group))
                    {
                        return new Member(found, identifier);
                    }
                }

                return null;
            },
            cancellationToken);
}
