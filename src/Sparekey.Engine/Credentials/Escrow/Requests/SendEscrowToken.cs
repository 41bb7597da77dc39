using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Why somebody asks for the mail.</summary>
public enum EscrowTokenReason
{
    /// <summary>They do not say.</summary>
    Default,

    /// <summary>They lost the passphrase of their key.</summary>
    LostPassphrase,
}

/// <summary>
/// Mails a person the link with which they get back to their key. Nobody proved anything yet: the answer is the same for known and unknown
/// names, and the mail goes to the person's own address.
/// </summary>
public sealed class SendEscrowToken
{
    // Whoever has many addresses of their own must not fill somebody's mailbox.
    private static readonly ThrottleLimit PerPerson = new(10, TimeSpan.FromHours(1));

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PersonKeyStore _keys;
    private readonly EscrowTokens _tokens;
    private readonly EscrowNotices _notices;
    private readonly Throttle _throttle;

    internal SendEscrowToken(
        Acts acts, AccountStore accounts, PersonKeyStore keys, EscrowTokens tokens, EscrowNotices notices, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _keys = keys;
        _tokens = tokens;
        _notices = notices;
        _throttle = throttle;
    }

    /// <summary>Sends it. If the process dies after this act, token, mail and ledger entry stand together or not at all.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="identifier">What was typed: user name or address.</param>
    /// <param name="reason">Why.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null in every case but <see cref="RefusalCode.TooManyRequests"/>, which comes alike for unknown names.</returns>
    public Task<Refusal?> Run(Visitor visitor, string identifier, EscrowTokenReason reason, CancellationToken cancellationToken) =>
        _acts.Write(
            visitor.Tenant,
            async act =>
            {
                if (await _throttle.Count(act, ThrottleKind.RecoveryRequest, identifier, visitor.Source) is { } tooMany)
                {
                    return tooMany;
                }

                if (await _accounts.FindByIdentifier(act.Db, act.Tenant, identifier) is { Status: AccountStatus.Active } account
                    && account.AddressesForSecrets(AddressKind.Email, act.Now) is [var to, ..]
                    && await _keys.Find(act.Db, act.Tenant, account.Id) is not null
                    && await _throttle.Count(act, ThrottleKind.RecoveryRequest, account.Id.ToString(), "escrow", PerPerson) is null)
                {
                    await Send(act, visitor, account, to, reason);
                }

                return (Refusal?)null;
            },
            cancellationToken);

    private async Task Send(Act act, Visitor visitor, Account account, Address to, EscrowTokenReason reason)
    {
        var token = await _tokens.Mint(act, account.Id, reason);
        await _notices.Begin(act, account, to, token, reason, recovery: null);
        await act.Record(new LedgerEntry(LedgerEvent.EscrowTokenSent, Principal.Anonymous, account.Id)
        {
            Facts = SessionLedger.Facts(visitor, ("reason", WireName.Of(reason))),
            Texts = SessionLedger.Source(visitor),
        });
    }
}
