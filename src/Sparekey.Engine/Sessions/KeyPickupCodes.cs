using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Secrets;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Mails people a code with which they pick up the keys that they left with us, encrypted, to sign in with one on another device. The
/// code signs nobody in: it shows a key that only its owner can decrypt.
/// </summary>
public sealed class KeyPickupCodes
{
    private const string Kind = "sign_in.pickup";
    private const int MostTries = 100;

    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly SignInCredentials _credentials;
    private readonly CeremonyStore _ceremonies;
    private readonly Throttle _throttle;

    internal KeyPickupCodes(Acts acts, AccountStore accounts, SignInCredentials credentials, CeremonyStore ceremonies, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _credentials = credentials;
        _ceremonies = ceremonies;
        _throttle = throttle;
    }

    /// <summary>Sends a code to whoever has such a key, and does nothing for everybody else.</summary>
    /// <param name="visitor">Where the request came from.</param>
    /// <param name="identifier">A name or address of the account, as it was typed.</param>
    /// <param name="application">For which application.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null in every case but <see cref="RefusalCode.TooManyRequests"/>, which comes alike for unknown names.</returns>
    public Task<Refusal?> Run(Visitor visitor, string identifier, ApplicationId application, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Send(act, visitor, identifier, application), cancellationToken);

    /// <summary>Whether a code is the live one of an account. The try is counted before it is compared.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="code">What was typed.</param>
    internal async Task<bool> IsRight(Act act, AccountId account, SecretText code)
    {
        if (await _ceremonies.Find<State>(act.Db, act.Tenant, Kind, account.ToString(), act.Now) is not { State.Tries: < MostTries } found)
        {
            return false;
        }

        await _ceremonies.Change(act, Kind, account.ToString(), found.Version, found.State with { Tries = found.State.Tries + 1 });
        return CodeText.Normalize(CodeFormat.Grouped, code.Reveal()) is { } typed
            && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(typed), Encoding.ASCII.GetBytes(found.State.Code));
    }

    // If the process dies after this act, the message waits in the outbox. The former code is worth nothing from then on.
    private async Task<Refusal?> Send(Act act, Visitor visitor, string identifier, ApplicationId application)
    {
        if (await _throttle.Count(act, ThrottleKind.RecoveryRequest, identifier, visitor.Source) is { } tooMany)
        {
            return tooMany;
        }

        if (await _accounts.FindByIdentifier(act.Db, act.Tenant, identifier) is not { Status: AccountStatus.Active } account
            || account.AddressesForSecrets(AddressKind.Email, act.Now) is not [var address, ..]
            || (await _credentials.Of(act.Db, act.Tenant, account.Id)).ProtectedKeys.Count == 0)
        {
            return null;
        }

        var code = SecretMint.NewCode(CodeFormat.Grouped);
        var id = account.Id.ToString();
        if (await _ceremonies.Find<State>(act.Db, act.Tenant, Kind, id, act.Now) is { } former)
        {
            await _ceremonies.Consume(act, Kind, id, former.Version);
        }

        var state = new State(CodeText.Normalize(CodeFormat.Grouped, code.Reveal())!, Tries: 0);
        await _ceremonies.TryBegin(act, Kind, id, new Ceremony<State>(account.Id, null, state, 1), act.Now + Lifetime);
        await act.Send(new OutboxMessage(MessageKind.KeyPickupCode, account.Id)
        {
            To = [new Recipient(WireName.Of(address.Kind), address.Value)],
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["code"] = code.Reveal(), ["application"] = application.ToString(),
            },
            ExpiresAt = act.Now + Lifetime,
        });
        return null;
    }

    // Sealed with the ceremony: whoever reads the database reads no code.
    private sealed record State(string Code, int Tries);
}
