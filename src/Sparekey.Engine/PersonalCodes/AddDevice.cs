using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Registrations;

namespace Sparekey.Engine.PersonalCodes;

/// <summary>A code that its person made to add a device, as it was presented.</summary>
/// <param name="Set">Its set.</param>
/// <param name="Code">The code.</param>
public sealed record DeviceTicket(CodeSet Set, Guid Code);

/// <summary>
/// Adds a passkey to an account, for who presents a code that the person made with a passkey they have. The code is used up by the act
/// that binds, so a failed ceremony burns nothing. It is no recovery: nothing else of the account changes.
/// </summary>
public sealed class AddDevice
{
    private const string Kind = "passkey.device";

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ApplicationStore _applications;
    private readonly CeremonyStore _ceremonies;
    private readonly PasskeyStore _passkeys;
    private readonly AccountCodes _codes;

    internal AddDevice(
        Acts acts, AccountStore accounts, ApplicationStore applications, CeremonyStore ceremonies, PasskeyStore passkeys, AccountCodes codes)
    {
        _acts = acts;
        _accounts = accounts;
        _applications = applications;
        _ceremonies = ceremonies;
        _passkeys = passkeys;
        _codes = codes;
    }

    /// <summary>Begins: what the browser is to make.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="ticket">The code that was presented.</param>
    /// <param name="application">At which application.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The options, good for 5 minutes; or <see cref="RefusalCode.SecretInvalid"/>, <see cref="RefusalCode.MeansNotAvailable"/>.
    /// </returns>
    public Task<Result<PasskeyCreation>> Begin(
        Visitor visitor, DeviceTicket ticket, ApplicationId application, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Begin(act, ticket, application), cancellationToken);

    /// <summary>Verifies what the browser made, binds it, and ends the code.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="made">What the browser made.</param>
    /// <param name="name">What the person calls it; null for nothing.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>The account and the credential, or <see cref="RefusalCode.PasskeyRefused"/>.</returns>
    public Task<Result<Registered>> Run(Visitor visitor, NewPasskey made, string? name, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Complete(act, visitor, made, name), cancellationToken);

    private async Task<Result<PasskeyCreation>> Begin(Act act, DeviceTicket ticket, ApplicationId application)
    {
        if (await _accounts.Find(act.Db, act.Tenant, ticket.Set.Account) is not { Status: AccountStatus.Active } account)
        {
            return RefusalCode.SecretInvalid;
        }

        if (await _applications.PartyOf(act.Db, act.Tenant, application) is not { } party)
        {
            return RefusalCode.MeansNotAvailable;
        }

        var challenge = PasskeyChallenge.New();
        var state = new State(ticket, NewId.Make<CredentialId>(), application);
        await _ceremonies.Begin(act, Kind, challenge, new Ceremony<State>(account.Id, null, state, 1), act.Now + PasskeyChallenge.Lifetime);
        var kept = await _passkeys.List(act.Db, act.Tenant, account.Id);
        return PasskeyCreation.For(account, challenge, party, kept, state.Credential);
    }

    // If the process dies after this act, the passkey is bound, the code is used and the ledger says so.
    private async Task<Result<Registered>> Complete(Act act, Visitor visitor, NewPasskey made, string? name)
    {
        var response = made.ToResponse();
        var challenge = response is null ? null : PasskeyChallenge.SaidBy(response.ClientData);
        if (response is null || challenge is null
            || await _ceremonies.Find<State>(act.Db, act.Tenant, Kind, challenge, act.Now) is not { State: { } begun } ceremony
            || await _accounts.Find(act.Db, act.Tenant, begun.Ticket.Set.Account) is not { Status: AccountStatus.Active } account
            || await _applications.PartyOf(act.Db, act.Tenant, begun.Application) is not { } party
            || !await _codes.IsUsable(act, begun.Ticket.Set, begun.Ticket.Code))
        {
            return RefusalCode.PasskeyRefused;
        }

        var expected = new CeremonyExpectation(Base64Url.DecodeFromChars(challenge), party.Id, party.Origins);
        var passkey = PasskeyCeremonies.VerifyRegistration(response, expected, CoseAlgorithms.Offered, AttestationPolicy.Open, act.Now).Value;
        if (passkey is null || await _passkeys.IsTaken(act.Db, act.Tenant, passkey.CredentialId)
            || !await _ceremonies.Consume(act, Kind, challenge, ceremony.Version))
        {
            return RefusalCode.PasskeyRefused;
        }

        await _codes.End(act, begun.Ticket.Set, begun.Ticket.Code);
        var credential = await _passkeys.Add(act, account.Id, passkey, name, recovery: null, begun.Credential);
        await act.Record(CredentialLedger.Added(visitor, credential, passkey));
        await act.Send(CredentialNotice.Of(account.Id, CredentialKind.Passkey, "added"));
        return new Registered(account, begun.Credential);
    }

    private sealed record State(DeviceTicket Ticket, CredentialId Credential, ApplicationId Application);
}
