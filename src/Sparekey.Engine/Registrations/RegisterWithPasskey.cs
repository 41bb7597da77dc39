using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Registrations;

/// <summary>Somebody makes their own account, with a passkey to sign in with. Both are made in one act, or neither.</summary>
public sealed class RegisterWithPasskey
{
    private const string Kind = "registration";

    private readonly Acts _acts;
    private readonly Database _database;
    private readonly ApplicationStore _applications;
    private readonly CeremonyStore _ceremonies;
    private readonly PasskeyStore _passkeys;
    private readonly NewPerson _people;

    internal RegisterWithPasskey(
        Acts acts, Database database, ApplicationStore applications, CeremonyStore ceremonies, PasskeyStore passkeys, NewPerson people)
    {
        _acts = acts;
        _database = database;
        _applications = applications;
        _ceremonies = ceremonies;
        _passkeys = passkeys;
        _people = people;
    }

    /// <summary>Begins: what the browser is to make.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="wanted">Who registers, and where.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The options, good for 5 minutes; or <see cref="RefusalCode.MeansNotAvailable"/> where the application has no relying-party id,
    /// <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.TooManyRequests"/>; and for a programme
    /// <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.IdentifierTaken"/>.
    /// </returns>
    public Task<Result<PasskeyCreation>> Begin(Visitor visitor, Registration wanted, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Begin(act, visitor, wanted), cancellationToken);

    /// <summary>Verifies what the browser made, and makes the account with it.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="application">The application that completes it.</param>
    /// <param name="username">The name that it was begun with.</param>
    /// <param name="made">What the browser made.</param>
    /// <param name="name">What the person calls it; null for nothing.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// The account and its credential; or <see cref="RefusalCode.PasskeyRefused"/>, <see cref="RefusalCode.IdentifierTaken"/>.
    /// </returns>
    public async Task<Result<Registered>> Run(
        Visitor visitor, ApplicationId application, string username, NewPasskey made, string? name, CancellationToken cancellationToken)
    {
        try
        {
            return await _acts.Write(visitor.Tenant, act => Complete(act, visitor, application, username, made, name), cancellationToken);
        }
        catch (Exception e) when (_database.Dialect.IsUniqueViolation(e))
        {
            return RefusalCode.IdentifierTaken; // Where acts run side by side, the loser learns it at its own write.
        }
    }

    private async Task<Result<PasskeyCreation>> Begin(Act act, Visitor visitor, Registration wanted)
    {
        if (await _applications.PartyOf(act.Db, act.Tenant, wanted.Application) is not { } party)
        {
            return RefusalCode.MeansNotAvailable;
        }

        if (await _people.Check(act, visitor, wanted) is { } refused)
        {
            return refused;
        }

        var (account, credential) = (NewId.Make<AccountId>(), NewId.Make<CredentialId>());
        var challenge = PasskeyChallenge.New();
        var state = new State(account, credential, wanted.Application, wanted.Username, wanted.Membership?.Dialect, wanted.Membership?.Group);
        await _ceremonies.Begin(act, Kind, challenge, new Ceremony<State>(null, null, state, 1), act.Now + PasskeyChallenge.Lifetime);
        return new PasskeyCreation(
            challenge, party, Base64Url.EncodeToString(PasskeyChallenge.HandleOf(account)), wanted.Username, []) { Credential = credential };
    }

    // If the process dies after this act, the account is there with its passkey, and the person signs in with it.
    private async Task<Result<Registered>> Complete(
        Act act, Visitor visitor, ApplicationId application, string username, NewPasskey made, string? name)
    {
        var response = made.ToResponse();
        var challenge = response is null ? null : PasskeyChallenge.SaidBy(response.ClientData);
        if (response is null || challenge is null
            || await _ceremonies.Find<State>(act.Db, act.Tenant, Kind, challenge, act.Now) is not { State: { } begun } ceremony
            || begun.Application != application || begun.Username != username
            || await _applications.PartyOf(act.Db, act.Tenant, application) is not { } party)
        {
            return RefusalCode.PasskeyRefused;
        }

        var expected = new CeremonyExpectation(Base64Url.DecodeFromChars(challenge), party.Id, party.Origins);
        var passkey = PasskeyCeremonies.VerifyRegistration(response, expected, CoseAlgorithms.Offered, AttestationPolicy.Open, act.Now).Value;
        if (passkey is null || await _passkeys.IsTaken(act.Db, act.Tenant, passkey.CredentialId))
        {
            return RefusalCode.PasskeyRefused;
        }

        var wanted = new Registration(application, username)
        {
            Membership = begun is { Dialect: { } dialect, Group: { } group } ? (dialect, group) : null,
        };
        var account = await _people.Make(act, visitor, begun.Account, wanted);
        if (account.Refusal is { } taken)
        {
            return taken;
        }

        if (!await _ceremonies.Consume(act, Kind, challenge, ceremony.Version))
        {
            throw new InvalidOperationException("A ceremony that was found in an act is there until its end.");
        }

        var credential = await _passkeys.Add(act, begun.Account, passkey, name, recovery: null, begun.Credential);
        await act.Record(CredentialLedger.Added(visitor, credential, passkey));
        return new Registered(account.Value, begun.Credential);
    }

    private sealed record State(
        AccountId Account, CredentialId Credential, ApplicationId Application, string Username, string? Dialect, string? Group);
}
