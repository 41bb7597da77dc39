using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Accounts;

/// <summary>Removes an address from an account. The person is told at that address too.</summary>
public sealed class RemoveAddress
{
    private readonly AccountAct _act;
    private readonly AddressChanges _changes;

    internal RemoveAddress(AccountAct act, AddressChanges changes) => (_act, _changes) = (act, changes);

    /// <summary>Removes an address.</summary>
    /// <param name="caller">Who removes it; holds <c>account:write</c> and a ceiling that covers the account.</param>
    /// <param name="id">The account.</param>
    /// <param name="address">The address.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Null; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.AddressNotFound"/>,
    /// <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Refusal?> Run(Caller caller, AccountId id, AddressId address, CancellationToken cancellationToken) =>
        (await _act.Run(caller, act => Remove(act, caller, id, address), cancellationToken)).Refusal;

    private async Task<Result<Account>> Remove(Act act, Caller caller, AccountId id, AddressId address)
    {
        var found = await _act.Find(act, caller, id);
        if (found.Refusal is { } refusal)
        {
            return refusal;
        }

        var before = found.Value.Account;
        if (before.Addresses.FirstOrDefault(a => a.Id == address) is not { } removed)
        {
            return RefusalCode.AddressNotFound;
        }

        var written = await _act.Write(act, caller, found.Value, before with { Addresses = before.Addresses.Remove(removed) });
        if (written.Refusal is null)
        {
            await _changes.Tell(act, caller, caller.Principal, before, written.Value);
        }

        return written;
    }
}
