using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Secrets;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// The code by which a person shows that an address is theirs. It leaves by that address alone: whoever asked for it never sees
/// it, so that no programme can vouch for an address in the person's place.
/// </summary>
/// <param name="keys">Hashes the codes.</param>
/// <param name="throttle">Bounds what one address is sent and what is tried on it, also when it is removed and added again.</param>
internal sealed class AddressConfirmation(KeyRing keys, Throttle throttle)
{
    /// <summary>Wrong tries after which a code is dead.</summary>
    public const int MaxTries = 10;

    /// <summary>Wrong tries on all codes of an address after which it takes no more (N18).</summary>
    public const int MaxFailures = 100;

    /// <summary>How soon another code may be sent.</summary>
    public static readonly TimeSpan Between = TimeSpan.FromMinutes(1);

    /// <summary>How long a code is good: N7 allows a mailed one 24 hours, a spoken or texted one 10 minutes.</summary>
    /// <param name="kind">The kind of address.</param>
    public static TimeSpan LifetimeOf(AddressKind kind) => kind switch
    {
        AddressKind.Email => TimeSpan.FromHours(24),
        AddressKind.Phone => TimeSpan.FromMinutes(10),
    };

    /// <summary>Counts a message to an address before it is sent.</summary>
    /// <param name="act">The act.</param>
    /// <param name="value">The address.</param>
    /// <returns>Null, or <see cref="RefusalCode.TooManyRequests"/>.</returns>
    public Task<Refusal?> MaySend(Act act, string value) => throttle.Count(act, ThrottleKind.AddressConfirmation, value, "sent");

    /// <summary>Sends an address of an account a new code. The former one is worth nothing from now on.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="address">The address; its row is written.</param>
    public async Task Send(Act act, AccountId account, Address address)
    {
        var code = SecretMint.NewCode(CodeFormat.Digits, 8);
        var expiresAt = act.Now + LifetimeOf(address.Kind);
        await AddressStore.SetPending(act, address.Id, HashOf(act, address.Id, code.Reveal()), expiresAt);
        await act.Send(new OutboxMessage(MessageKind.AddressConfirmation, account)
        {
            To = [new Recipient(WireName.Of(address.Kind), address.Value)],
            Values = new Dictionary<string, string>(StringComparer.Ordinal) { ["code"] = code.Reveal() },
            ExpiresAt = expiresAt,
        });
    }

    /// <summary>Whether a code is the one that was sent last. The try is counted before it is compared.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="address">The address.</param>
    /// <param name="typed">What the person typed.</param>
    /// <returns>
    /// Null when it is; <see cref="RefusalCode.ConfirmationInvalid"/> when it is not, is over, or was tried too often;
    /// <see cref="RefusalCode.TooManyRequests"/>.
    /// </returns>
    public async Task<Refusal?> Try(Act act, AccountId account, Address address, SecretText typed)
    {
        if (await throttle.Count(act, ThrottleKind.AddressConfirmation, address.Value, $"tried/{account}") is { } slowed)
        {
            return slowed;
        }

        var pending = await AddressStore.FindPending(act.Db, act.Tenant, account, address.Id);
        if (pending is not { Hash: { } hash, ExpiresAt: { } expiresAt, Tries: < MaxTries, Failures: < MaxFailures }
            || expiresAt <= act.Now)
        {
            return RefusalCode.ConfirmationInvalid;
        }

        await AddressStore.CountTry(act, address.Id);
        return CodeText.Normalize(CodeFormat.Digits, typed.Reveal()) is { } code
            && keys.Verify(hash, KeyPurpose.AddressConfirmation, Context(act, address.Id), Encoding.ASCII.GetBytes(code))
            ? null
            : RefusalCode.ConfirmationInvalid;
    }

    private KeyedHash HashOf(Act act, AddressId address, string code) =>
        keys.Hash(KeyPurpose.AddressConfirmation, Context(act, address), Encoding.ASCII.GetBytes(code));

    private static string Context(Act act, AddressId address) => $"{act.Tenant}/{address}";
}
