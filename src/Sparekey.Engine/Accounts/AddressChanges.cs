using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Accounts;

/// <summary>An address as somebody wants it added.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Value">The address.</param>
/// <param name="Pointer">Where it stands in what they sent (RFC 6901).</param>
public sealed record WantedAddress(AddressKind Kind, string Value, string Pointer = "/value");

/// <summary>
/// What every change of where a person is reached has in common, whoever makes it: a new address is asked to confirm itself, the others
/// are told, the ledger says it.
/// </summary>
/// <param name="confirmation">Sends codes.</param>
internal sealed class AddressChanges(AddressConfirmation confirmation)
{
    /// <summary>Makes addresses of what somebody wants added.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">The account, without what shall go.</param>
    /// <param name="wanted">What they want.</param>
    /// <returns>
    /// The addresses; or <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.IdentifierTaken"/>,
    /// <see cref="RefusalCode.TooManyRequests"/> when one of them was sent too many codes.
    /// </returns>
    public async Task<Result<IReadOnlyList<Address>>> Make(Act act, Account account, IReadOnlyList<WantedAddress> wanted)
    {
        var (made, faults) = (new List<Address>(), new List<FieldFault>());
        var known = account.Addresses.Select(a => Identifier.Normalize(a.Value)).ToHashSet(StringComparer.Ordinal);
        foreach (var one in wanted)
        {
            var value = AccountRules.Address(one.Kind, one.Value, one.Pointer, faults);
            if (!known.Add(Identifier.Normalize(value)))
            {
                faults.Add(new FieldFault(one.Pointer, "The account has this address."));
            }

            made.Add(new Address(NewId.Make<AddressId>(), one.Kind, value, act.Now, GivenAtCreation: false, ConfirmedAt: null));
        }

        if (account.Addresses.Length + made.Count > AccountRules.MaxAddresses)
        {
            faults.Add(new FieldFault("", $"An account has at most {AccountRules.MaxAddresses} addresses."));
        }

        if (faults.Count > 0)
        {
            return AccountRules.Invalid(faults);
        }

        foreach (var address in made)
        {
            // It claims nothing yet; this only saves somebody a code that could not confirm anything.
            if (await AccountClaims.IsTaken(act, Identifier.Normalize(address.Value)!, account))
            {
                return RefusalCode.IdentifierTaken;
            }

            if (await confirmation.MaySend(act, address.Value) is { } slowed)
            {
                return slowed;
            }
        }

        return made;
    }

    /// <summary>Says what was added and removed, once it is written.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="actor">Who did it.</param>
    /// <param name="before">The account before.</param>
    /// <param name="after">The account afterwards.</param>
    public async Task Tell(Act act, Visitor visitor, Principal actor, Account before, Account after)
    {
        foreach (var added in after.Addresses.ExceptBy(before.Addresses.Select(a => a.Id), a => a.Id))
        {
            await confirmation.Send(act, after.Id, added);
            await act.Send(AddressNotice.Of(before, added, "added"));
            await act.Record(Entry(LedgerEvent.AddressAdded, visitor, actor, after, added));
        }

        foreach (var removed in before.Addresses.ExceptBy(after.Addresses.Select(a => a.Id), a => a.Id))
        {
            await act.Send(AddressNotice.Of(before, removed, "removed"));
            await act.Record(Entry(LedgerEvent.AddressRemoved, visitor, actor, after, removed));
        }
    }

    private static LedgerEntry Entry(LedgerEvent happened, Visitor visitor, Principal actor, Account after, Address address) => AccountLedger.Entry(
        happened, visitor, actor, after, ("address", address.Id.ToString()), ("kind", WireName.Of(address.Kind))).With(("address", address.Value));
}
