using System.Globalization;
using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Engine.Credentials;

/// <summary>What a person needs to make another credential.</summary>
/// <param name="Challenge">What it answers, which also names the ceremony.</param>
/// <param name="Account">Whose.</param>
/// <param name="Passkey">How a browser makes a passkey; null for an application without a relying-party id.</param>
public sealed record CredentialOffer(string Challenge, Account Account, PasskeyCreation? Passkey);

/// <summary>A code with which a person adds a credential on another device.</summary>
/// <param name="Code">The code.</param>
/// <param name="ExpiresAt">When it ends.</param>
public sealed record CredentialCode(SecretText Code, DateTimeOffset ExpiresAt);

/// <summary>
/// Binds another credential to the account of a person who signed the act with one that they have, or on another device with a code that
/// they made so. A session alone binds nothing.
/// </summary>
public sealed class AddCredential
{
    private const string Kind = "credential.add";
    private const string Codes = "credential.code";
    private const string CodeAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    private static readonly TimeSpan LongestCode = TimeSpan.FromMinutes(1);

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ApplicationStore _applications;
    private readonly PasskeyStore _passkeys;
    private readonly CredentialBinding _binding;
    private readonly CeremonyStore _ceremonies;
    private readonly Throttle _throttle;

    internal AddCredential(
        Acts acts, AccountStore accounts, ApplicationStore applications, PasskeyStore passkeys, CredentialBinding binding,
        CeremonyStore ceremonies, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _applications = applications;
        _passkeys = passkeys;
        _binding = binding;
        _ceremonies = ceremonies;
        _throttle = throttle;
    }

    /// <summary>Begins, for a person who is signed in and will sign the act.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="account">Whose.</param>
    /// <param name="application">For whom the credential is.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>What is needed, for 5 minutes; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.ApplicationNotFound"/>.</returns>
    public Task<Result<CredentialOffer>> Begin(
        Visitor visitor, AccountId account, ApplicationId application, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Offer(act, account, application, byCode: false), cancellationToken);

    /// <summary>Makes a code for another device.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="action">The person signed that they want it.</param>
    /// <param name="until">When it shall end, at most a minute from now; null for that.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The code; or <see cref="RefusalCode.LifetimeTooLong"/>.</returns>
    public Task<Result<CredentialCode>> MakeCode(
        Visitor visitor, SignedAction action, DateTimeOffset? until, CancellationToken cancellationToken) =>
        _acts.Write<Result<CredentialCode>>(
            visitor.Tenant,
            async act =>
            {
                var latest = act.Now + LongestCode;
                if (until > latest.AddSeconds(5) || until <= act.Now)
                {
                    return new Refusal(RefusalCode.LifetimeTooLong, "The code lives a minute at most.");
                }

                var ends = until < latest ? until.Value : latest;
                var code = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{RandomNumberGenerator.GetString(CodeAlphabet, 3)}-{RandomNumberGenerator.GetString(CodeAlphabet, 3)}-{RandomNumberGenerator.GetString(CodeAlphabet, 3)}");
                await _ceremonies.Begin(act, Codes, code, new Ceremony<bool>(action.Signer.Account, null, State: true, 1), ends);
                return new CredentialCode(new SecretText(code), ends);
            },
            cancellationToken);

    /// <summary>Begins on another device. The code is used up: what it opens is good for 5 minutes.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="code">The code.</param>
    /// <param name="application">For whom the credential is.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>What is needed; or <see cref="RefusalCode.SecretInvalid"/>, <see cref="RefusalCode.TooManyRequests"/>.</returns>
    public Task<Result<CredentialOffer>> BeginWithCode(
        Visitor visitor, SecretText code, ApplicationId application, CancellationToken cancellationToken) =>
        _acts.Write(
            visitor.Tenant,
            async act =>
            {
                // A code names nobody, so that all tries of a source count together.
                if (await _throttle.Count(act, ThrottleKind.Redemption, Codes, visitor.Source) is { } tooMany)
                {
                    return tooMany;
                }

                var text = code.Reveal().Trim().ToUpperInvariant();
                return await _ceremonies.Find<bool>(act.Db, act.Tenant, Codes, text, act.Now) is { Account: { } account } found
                    && await _ceremonies.Consume(act, Codes, text, found.Version)
                        ? await Offer(act, account, application, byCode: true)
                        : RefusalCode.SecretInvalid;
            },
            cancellationToken);

    /// <summary>Binds the credential.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="action">What the person signed; null where a code began it.</param>
    /// <param name="challenge">The challenge.</param>
    /// <param name="brought">The credential: the first to sign in with, or the recovery key.</param>
    /// <param name="userHandle">The user handle of a passkey, where that is another product's id of the account; null for our own.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The credential; or <see cref="RefusalCode.ChallengeRefused"/>, <see cref="RefusalCode.PasskeyRefused"/>,
    /// <see cref="RefusalCode.KeyRefused"/>, <see cref="RefusalCode.CredentialTaken"/>.
    /// </returns>
    public Task<Result<Credential>> Run(
        Visitor visitor, SignedAction? action, string challenge, OneCredential brought, byte[]? userHandle, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Bind(act, visitor, action, challenge, brought, userHandle), cancellationToken);

    private async Task<Result<CredentialOffer>> Offer(Act act, AccountId id, ApplicationId applicationId, bool byCode)
    {
        if (await _applications.Find(act.Db, act.Tenant, applicationId) is not { } application)
        {
            return RefusalCode.ApplicationNotFound;
        }

        if (await _accounts.Find(act.Db, act.Tenant, id) is not { Status: AccountStatus.Active } account)
        {
            return RefusalCode.AccountNotFound;
        }

        var challenge = NamedChallenge.New();
        await _ceremonies.Begin(
            act, Kind, challenge, new Ceremony<State>(id, null, new State(applicationId, byCode), 1), act.Now + NamedChallenge.Lifetime);
        var held = await _passkeys.List(act.Db, act.Tenant, id);
        return new CredentialOffer(
            challenge, account,
            RelyingParty.Of(application) is { } party ? PasskeyCreation.For(account, NamedChallenge.EncodedOf(challenge), party, held) : null);
    }

    // If the process dies after this act, the credential is bound and the person is told.
    private async Task<Result<Credential>> Bind(
        Act act, Visitor visitor, SignedAction? action, string challenge, OneCredential brought, byte[]? userHandle)
    {
        if (await _ceremonies.Find<State>(act.Db, act.Tenant, Kind, challenge, act.Now) is not { Account: { } id } ceremony
            || (ceremony.State.ByCode ? action is not null : action?.Signer.Account != id)
            || await _accounts.Find(act.Db, act.Tenant, id) is not { Status: AccountStatus.Active }
            || await _applications.Find(act.Db, act.Tenant, ceremony.State.Application) is not { } application)
        {
            return RefusalCode.ChallengeRefused;
        }

        var party = RelyingParty.Of(application);
        var verified = await _binding.VerifyOne(act, brought, challenge, party, userHandle);
        if (verified.Refusal is { } refused)
        {
            return refused;
        }

        if (!await _ceremonies.Consume(act, Kind, challenge, ceremony.Version))
        {
            return RefusalCode.ChallengeRefused;
        }

        var bound = (await _binding.Bind(act, id, [verified.Value], party, recovery: null))[0];
        await act.Record(CredentialLedger.Added(visitor, bound));
        await act.Send(CredentialNotice.Of(id, bound.Kind, "added"));
        return bound;
    }

    private sealed record State(ApplicationId Application, bool ByCode);
}
