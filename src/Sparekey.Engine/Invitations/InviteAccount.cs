using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Secrets;

namespace Sparekey.Engine.Invitations;

/// <summary>An account that was made, and what its person needs to take it over.</summary>
/// <param name="Account">The account.</param>
/// <param name="Token">What the person proves the invitation with.</param>
/// <param name="Challenge">What every first credential answers, ASCII.</param>
/// <param name="Passkey">How a browser makes a passkey; null for an application without a relying-party id.</param>
public sealed record Invitation(Account Account, SecretText Token, string Challenge, PasskeyCreation? Passkey);

internal sealed record InvitationState(string Challenge, ApplicationId Application);

/// <summary>
/// Makes an account and invites its person to bind their first credentials. It is part of making the account: for one that exists, or
/// whose invitation is over, binding a credential is a recovery.
/// </summary>
public sealed class InviteAccount
{
    internal const string Kind = "invitation";

    private const string Pending = "invitation.pending";

    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan RepeatableFor = TimeSpan.FromHours(24);

    private readonly AccountAct _act;
    private readonly AccountStore _accounts;
    private readonly CreateAccount _create;
    private readonly ApplicationStore _applications;
    private readonly CredentialStore _credentials;
    private readonly CeremonyStore _ceremonies;
    private readonly Acts _acts;

    internal InviteAccount(
        AccountAct act, AccountStore accounts, CreateAccount create, ApplicationStore applications, CredentialStore credentials,
        CeremonyStore ceremonies, Acts acts)
    {
        _act = act;
        _accounts = accounts;
        _create = create;
        _applications = applications;
        _credentials = credentials;
        _ceremonies = ceremonies;
        _acts = acts;
    }

    /// <summary>Makes the account and the invitation.</summary>
    /// <param name="caller">Who invites; holds <c>account:write</c> and <c>credential:add</c>.</param>
    /// <param name="wanted">The account, without a password.</param>
    /// <param name="application">For whom the credentials are.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The invitation, good for 15 minutes; or what <see cref="CreateAccount"/> refuses.</returns>
    public async Task<Result<Invitation>> Run(
        Caller caller, NewAccount wanted, ApplicationId application, CancellationToken cancellationToken)
    {
        var made = AccountRules.Make(wanted, _acts.Now);
        return caller.Grant.Demand(Permission.CredentialAdd) is { } missing ? missing
            : made.Refusal is { } invalid ? invalid
            : await _act.Run(caller, act => Make(act, caller, made.Value, application), cancellationToken);
    }

    /// <summary>Invites again who was invited within the last day and has bound nothing.</summary>
    /// <param name="caller">The same programme.</param>
    /// <param name="identifier">Whom: a name or address of the account.</param>
    /// <param name="application">For whom the credentials are.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The invitation; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.IdentifierTaken"/> where it is over.</returns>
    public async Task<Result<Invitation>> Again(
        Caller caller, string identifier, ApplicationId application, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.CredentialAdd) is { } missing
            ? missing
            : await _act.Run(caller, act => Again(act, caller, identifier, application), cancellationToken);

    // If the process dies after this act, the account exists and its token is lost: the same programme invites again.
    private async Task<Result<Invitation>> Make(Act act, Caller caller, Account account, ApplicationId application)
    {
        var created = await _create.Create(act, caller, account, new FirstPassword(null, null));
        if (created.Refusal is { } refused)
        {
            return refused;
        }

        await _ceremonies.Begin(
            act, Pending, created.Value.Id.ToString(), new Ceremony<string>(created.Value.Id, null, caller.Principal.Id, 1), act.Now + RepeatableFor);
        return await Invite(act, created.Value, application);
    }

    private async Task<Result<Invitation>> Again(Act act, Caller caller, string identifier, ApplicationId application)
    {
        if (await _accounts.FindByIdentifier(act.Db, act.Tenant, identifier) is not { Status: AccountStatus.Active } account)
        {
            return RefusalCode.AccountNotFound;
        }

        var pending = await _ceremonies.Find<string>(act.Db, act.Tenant, Pending, account.Id.ToString(), act.Now);
        return pending?.State == caller.Principal.Id && (await _credentials.List(act.Db, act.Tenant, account.Id)).Count == 0
            ? await Invite(act, account, application)
            : RefusalCode.IdentifierTaken;
    }

    private async Task<Result<Invitation>> Invite(Act act, Account account, ApplicationId id)
    {
        if (await _applications.Find(act.Db, act.Tenant, id) is not { } application)
        {
            return RefusalCode.ApplicationNotFound;
        }

        var token = SecretMint.NewToken32();
        var challenge = NamedChallenge.New();
        await _ceremonies.Begin(
            act, Kind, token.Reveal(), new Ceremony<InvitationState>(account.Id, null, new InvitationState(challenge, id), 1), act.Now + Lifetime);
        return new Invitation(
            account, token, challenge,
            RelyingParty.Of(application) is { } party ? PasskeyCreation.For(account, NamedChallenge.EncodedOf(challenge), party, []) : null);
    }
}
