using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// Adds an address to an account. It names nobody, gets no notices and carries no secret until the person confirmed it, and no
/// secret for a day after: so a stolen token gains nothing by it that the person is not told in time.
/// </summary>
public sealed class AddAddress
{
    private readonly AccountAct _act;
    private readonly AddressChanges _changes;
    private readonly Idempotency _idempotency;

    internal AddAddress(AccountAct act, AddressChanges changes, Idempotency idempotency)
    {
        _act = act;
        _changes = changes;
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
        var made = await _changes.Make(act, before, [new WantedAddress(kind, text)]);
        if (made.Refusal is { } refused)
        {
            return refused;
        }

        var written = await _act.Write(act, caller, found.Value, before with { Addresses = before.Addresses.AddRange(made.Value) });
        if (written.Refusal is null)
        {
            await _changes.Tell(act, caller, caller.Principal, before, written.Value);
        }

        return written;
    }
}
