using System.Text;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Secrets;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Access;

/// <summary>Who signs an action: a programme with its key, or a person with what they sign in with.</summary>
public sealed record ActionSigner
{
    private ActionSigner(Principal principal) => Principal = principal;

    /// <summary>Who it is.</summary>
    public Principal Principal { get; }

    /// <summary>The person's account; null for a programme.</summary>
    public AccountId? Account { get; private init; }

    /// <summary>The programme's key; null for a person, and for a programme that has none.</summary>
    public ProgrammeKey? Key { get; private init; }

    /// <summary>A programme.</summary>
    /// <param name="caller">The programme.</param>
    public static ActionSigner Of(Caller caller) => new(caller.Principal) { Key = caller.Key };

    /// <summary>A person.</summary>
    /// <param name="caller">The person, signed in.</param>
    public static ActionSigner Of(SessionCaller caller) => new(caller.Principal) { Account = caller.Session.Account };
}

/// <summary>What is signed: one call of the API.</summary>
/// <param name="Method">The HTTP method, in upper case.</param>
/// <param name="Path">The path, without a query.</param>
/// <param name="Payload">The body as text; empty for none.</param>
public sealed record ActionToSign(string Method, string Path, string Payload);

/// <summary>Proof that the signer of a call signed it. Only <see cref="SignActions.Spend"/> makes one, once for each signature.</summary>
public sealed record SignedAction
{
    internal SignedAction(ActionSigner signer) => Signer = signer;

    /// <summary>Who signed.</summary>
    public ActionSigner Signer { get; }
}

/// <summary>
/// Lets a caller sign one call, beside the token that they carry: whoever stole the token alone changes nothing. A signature is bound to
/// the caller, the method, the path and the body, and good for one call within two minutes.
/// </summary>
public sealed class SignActions
{
    private const string Challenges = "action.challenge";
    private const string Tokens = "action.token";
    private const int LongestPath = 1024;
    private const int LongestPayload = 128 * 1024;

    private static readonly TimeSpan TokenLifetime = TimeSpan.FromMinutes(2);

    private readonly Acts _acts;
    private readonly ApplicationStore _applications;
    private readonly SignInCredentials _credentials;
    private readonly CeremonyStore _ceremonies;

    internal SignActions(Acts acts, ApplicationStore applications, SignInCredentials credentials, CeremonyStore ceremonies)
    {
        _acts = acts;
        _applications = applications;
        _credentials = credentials;
        _ceremonies = ceremonies;
    }

    /// <summary>Begins.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="signer">Who will sign.</param>
    /// <param name="application">For which application; passkeys are made for one.</param>
    /// <param name="action">What will be signed.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The challenge, good for 5 minutes; or <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.CredentialNotFound"/>.</returns>
    public Task<Result<FactorChallenge>> Begin(
        Visitor visitor, ActionSigner signer, ApplicationId application, ActionToSign action, CancellationToken cancellationToken) =>
        _acts.Write<Result<FactorChallenge>>(
            visitor.Tenant,
            async act =>
            {
                if (action.Path.Length > LongestPath || action.Payload.Length > LongestPayload)
                {
                    return new Refusal(RefusalCode.InvalidRequest, "The action is too long to be signed.");
                }

                var allowed = signer.Account is { } account ? await _credentials.Of(act.Db, act.Tenant, account)
                    : new AllowedCredentials([], signer.Key?.Name is { } name ? [name] : [], []);
                if (allowed.IsEmpty)
                {
                    return RefusalCode.CredentialNotFound;
                }

                var challenge = NamedChallenge.New();
                await _ceremonies.Begin(
                    act, Challenges, challenge,
                    new Ceremony<State>(signer.Account, null, new State(signer.Principal.Id, application, action, IsUsed: false), 1),
                    act.Now + NamedChallenge.Lifetime);
                return FactorChallenge.Of(challenge, await _applications.Find(act.Db, act.Tenant, application), allowed);
            },
            cancellationToken);

    /// <summary>Signs.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="signer">Who signs.</param>
    /// <param name="challenge">The challenge.</param>
    /// <param name="proof">The signature.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// A token for the one call, good for 2 minutes; or <see cref="RefusalCode.ChallengeRefused"/> where the challenge is over, was
    /// answered or is somebody else's, <see cref="RefusalCode.SignInFailed"/> where the signature is wrong.
    /// </returns>
    public Task<Result<string>> Prove(
        Visitor visitor, ActionSigner signer, string challenge, FactorProof proof, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Prove(act, visitor, signer, challenge, proof), cancellationToken);

    /// <summary>
    /// Spends a signature on the call that it was made for. If the process dies after this act, the signature is spent and nothing was
    /// done: the caller signs again.
    /// </summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="signer">Who calls.</param>
    /// <param name="token">What <see cref="Prove(Visitor, ActionSigner, string, FactorProof, CancellationToken)"/> answered.</param>
    /// <param name="call">The call as it is now.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The proof; or <see cref="RefusalCode.ActionSignatureInvalid"/> where it is none for this call, <see cref="RefusalCode.ActionSignatureUsed"/>.
    /// </returns>
    public Task<Result<SignedAction>> Spend(
        Visitor visitor, ActionSigner signer, string token, ActionToSign call, CancellationToken cancellationToken) =>
        _acts.Write<Result<SignedAction>>(
            visitor.Tenant,
            async act =>
            {
                if (await _ceremonies.Find<State>(act.Db, act.Tenant, Tokens, token, act.Now) is not { } found
                    || found.State.Principal != signer.Principal.Id || !IsSameCall(found.State.Action, call))
                {
                    return RefusalCode.ActionSignatureInvalid;
                }

                // It stays until it is over, so that the second use is told apart from a wrong one.
                return found.State.IsUsed || !await _ceremonies.Change(act, Tokens, token, found.Version, found.State with { IsUsed = true })
                    ? RefusalCode.ActionSignatureUsed
                    : new SignedAction(signer);
            },
            cancellationToken);

    private async Task<Result<string>> Prove(Act act, Visitor visitor, ActionSigner signer, string challenge, FactorProof proof)
    {
        if (await _ceremonies.Find<State>(act.Db, act.Tenant, Challenges, challenge, act.Now) is not { } found
            || found.State.Principal != signer.Principal.Id
            || await _applications.Find(act.Db, act.Tenant, found.State.Application) is not { } application)
        {
            return RefusalCode.ChallengeRefused;
        }

        var party = RelyingParty.Of(application);
        var signed = signer.Account is { } account
            ? await _credentials.Verify(act, account, proof, challenge, party) is not null
            : proof.Key is { } key && signer.Key is { } own && key.CredentialId == own.Name
                && KeyCeremonies.VerifyAssertion(key, own.Pem, challenge, party?.Origins ?? []) is null;
        if (!signed)
        {
            await RefusedSignIns.Record(act, visitor, signer.Account, RefusalCode.SignInFailed);
            return RefusalCode.SignInFailed;
        }

        if (!await _ceremonies.Consume(act, Challenges, challenge, found.Version))
        {
            return RefusalCode.ChallengeRefused;
        }

        var token = SecretMint.NewToken32().Reveal();
        await _ceremonies.Begin(act, Tokens, token, new Ceremony<State>(signer.Account, null, found.State, 1), act.Now + TokenLifetime);
        return token;
    }

    // Byte for byte, else as JSON: some clients write the body anew. Who has nothing to send signs an empty object.
    private static bool IsSameCall(ActionToSign signed, ActionToSign call) =>
        signed.Method == call.Method && signed.Path == call.Path
        && (signed.Payload == call.Payload || IsSameJson(Something(signed.Payload), Something(call.Payload)));

    private static string Something(string payload) => payload.Length == 0 ? "{}" : payload;

    private static bool IsSameJson(string one, string other)
    {
        try
        {
            var strict = new JsonDocumentOptions { MaxDepth = 32, AllowDuplicateProperties = false };
            using var first = JsonDocument.Parse(one, strict);
            using var second = JsonDocument.Parse(other, strict);
            return JsonElement.DeepEquals(first.RootElement, second.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or EncoderFallbackException)
        {
            return false;
        }
    }

    private sealed record State(string Principal, ApplicationId Application, ActionToSign Action, bool IsUsed);
}
