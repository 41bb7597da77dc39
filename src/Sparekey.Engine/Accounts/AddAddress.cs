using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// Adds an address to an account. It names nobody, gets no notices and carries no secret until the person confirmed it, and no
/// secret for a day after: so a stolen token gains nothing by it that the person is not told in time.
/// </summary>
public sealed class AddAddress
{
    private readonly AccountAct _act;
    private readonly AddressConfirmation _confirmation;
    private readonly Idempotency _idempotency;

    internal AddAddress(AccountAct act, AddressConfirmation confirmation, Idempotency idempotency)
    {
        _act = act;
        _confirmation = confirmation;
        _idempotency = idempotency;
    }

    /// <summary>Adds an address and sends it a confirmation code.</summary>
    /// <param name="caller">Who adds it; holds <c>account:write</c> and a ceiling that covers the account.</param>
    /// <param name="id">The account.</param>
    /// <param name="kind">The kind of address.</param>
    /// <param name="value">The address.</param>
    /// <param name="once">The idempotency key of the call, if it carries one.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The account afterwards; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.IdentifierTaken"/>,
    /// <see cref="RefusalCode.TooManyRequests"/> when the address was sent too many codes.
    /// </returns>
    public Task<Result<Happened<Account>>> Run(
        Caller caller, AccountId id, AddressKind kind, string value, OnceKey<Account>? once, CancellationToken cancellationToken) =>
        _act.Run(
            caller, act => _idempotency.Run(act, caller, once, () => Add(act, caller, id, kind, value)), cancellationToken);

    private async Task<Result<Account>> Add(Act act, Caller caller, AccountId id, AddressKind kind, string text)
    {
        var found = await _act.Find(act, caller, id);
        if (found.Refusal is { } refusal)
        {
            return refusal;
        }

        var before = found.Value.Account;
        var faults = new List<FieldFault>();
        var value = AccountRules.Address(kind, text, "/value", faults);
        var form = Identifier.Normalize(value);
        if (before.Addresses.Length >= AccountRules.MaxAddresses)
        {
            faults.Add(new FieldFault("", $"An account has at most {AccountRules.MaxAddresses} addresses."));
        }

        if (before.Addresses.Any(a => Identifier.Normalize(a.Value) == form))
        {
            faults.Add(new FieldFault("/value", "The account has this address."));
        }

        if (faults.Count > 0)
        {
            return AccountRules.Invalid(faults);
        }

        // It claims nothing yet; this only saves somebody a code that could not confirm anything.
        if (await AccountClaims.IsTaken(act, form!, before))
        {
            return RefusalCode.IdentifierTaken;
        }

        if (await _confirmation.MaySend(act, value) is { } slowed)
        {
            return slowed;
        }

        var added = new Address(NewId.Make<AddressId>(), kind, value, act.Now, GivenAtCreation: false, ConfirmedAt: null);
        var written = await _act.Write(act, caller, found.Value, before with { Addresses = before.Addresses.Add(added) });
        if (written.Refusal is not null)
        {
            return written;
        }

        await _confirmation.Send(act, id, added);
        await act.Send(AddressNotice.Of(before, added, "added"));
        await act.Record(AccountLedger.Entry(
            LedgerEvent.AddressAdded, caller, written.Value, ("address", added.Id.ToString()), ("kind", WireName.Of(kind)))
            .With(("address", value)));
        return written.Value;
    }
}
