using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// Confirms an address with the code that was sent to it. The team's application passes on what the person typed; it never sees
/// the code otherwise. From then on the address names the account and gets its notices; a day later it carries secrets.
/// </summary>
public sealed class ConfirmAddress
{
    private readonly AccountAct _act;
    private readonly AddressConfirmation _confirmation;

    internal ConfirmAddress(AccountAct act, AddressConfirmation confirmation)
    {
        _act = act;
        _confirmation = confirmation;
    }

    /// <summary>Sends an address another code. The former one is worth nothing from then on.</summary>
    /// <param name="caller">Who asks for it; holds <c>account:write</c> and a ceiling that covers the account.</param>
    /// <param name="id">The account.</param>
    /// <param name="address">The address.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Null; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.AddressNotFound"/>, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.AddressAlreadyConfirmed"/>,
    /// <see cref="RefusalCode.TooManyRequests"/> within a minute of the last one.
    /// </returns>
    public async Task<Refusal?> SendCode(Caller caller, AccountId id, AddressId address, CancellationToken cancellationToken) =>
        (await _act.Run(caller, act => SendCode(act, caller, id, address), cancellationToken)).Refusal;

    /// <summary>Confirms an address.</summary>
    /// <param name="caller">Who passes the code on; holds <c>account:write</c> and a ceiling that covers the account.</param>
    /// <param name="id">The account.</param>
    /// <param name="address">The address.</param>
    /// <param name="code">What the person typed.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The account afterwards; or <see cref="RefusalCode.ConfirmationInvalid"/> for a wrong, old or exhausted code,
    /// <see cref="RefusalCode.IdentifierTaken"/> when another account got the address meanwhile,
    /// <see cref="RefusalCode.TooManyRequests"/>, and the refusals of <see cref="SendCode(Caller, AccountId, AddressId, CancellationToken)"/>.
    /// </returns>
    public Task<Result<Account>> Run(
        Caller caller, AccountId id, AddressId address, SecretText code, CancellationToken cancellationToken) =>
        _act.Run(caller, act => Confirm(act, caller, id, address, code), cancellationToken);

    private async Task<Result<Account>> SendCode(Act act, Caller caller, AccountId id, AddressId address)
    {
        var found = await Unconfirmed(act, caller, id, address);
        if (found.Refusal is { } refusal)
        {
            return refusal;
        }

        var (account, wanted) = (found.Value.Found.Account, found.Value.Address);
        var pending = await AddressStore.FindPending(act.Db, act.Tenant, id, address);
        if (pending?.Failures >= AddressConfirmation.MaxFailures)
        {
            return new Refusal(RefusalCode.ConfirmationInvalid, "Too many wrong codes were given for this address; it takes no more.");
        }

        if (pending?.SentAt + AddressConfirmation.Between is { } soonest && act.Now < soonest)
        {
            return new Refusal(RefusalCode.TooManyRequests) { RetryAfter = soonest - act.Now };
        }

        if (await _confirmation.MaySend(act, wanted.Value) is { } slowed)
        {
            return slowed;
        }

        await _confirmation.Send(act, id, wanted);
        return account;
    }

    private async Task<Result<Account>> Confirm(Act act, Caller caller, AccountId id, AddressId address, SecretText code)
    {
        var found = await Unconfirmed(act, caller, id, address);
        if (found.Refusal is { } refusal)
        {
            return refusal;
        }

        var (from, wanted) = found.Value;
        if (await _confirmation.Try(act, id, wanted, code) is { } invalid)
        {
            return invalid; // And committed: the try counts.
        }

        var confirmed = wanted with { ConfirmedAt = act.Now };
        var written = await _act.Write(
            act, caller, from, from.Account with { Addresses = from.Account.Addresses.Replace(wanted, confirmed) });
        if (written.Refusal is not null)
        {
            return written;
        }

        // Now runs the day within which the other addresses may object.
        await act.Send(AddressNotice.Of(from.Account, confirmed, "confirmed"));
        await act.Record(AccountLedger.Entry(
            LedgerEvent.AddressConfirmed, caller, written.Value,
            ("address", address.ToString()), ("kind", WireName.Of(wanted.Kind)))
            .With(("address", wanted.Value)));
        return written.Value;
    }

    private async Task<Result<(AccountAct.Found Found, Address Address)>> Unconfirmed(
        Act act, Caller caller, AccountId id, AddressId address)
    {
        var found = await _act.Find(act, caller, id);
        if (found.Refusal is { } refusal)
        {
            return refusal;
        }

        return found.Value.Account.Addresses.FirstOrDefault(a => a.Id == address) switch
        {
            null => RefusalCode.AddressNotFound,
            { ConfirmedAt: not null } => RefusalCode.AddressAlreadyConfirmed,
            { } wanted => (found.Value, wanted),
        };
    }
}
