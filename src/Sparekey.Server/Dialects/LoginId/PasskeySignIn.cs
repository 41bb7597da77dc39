using System.Buffers.Text;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.PersonalCodes;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>The code that a passkey is proved for.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Purpose">What it is for.</param>
internal sealed record OwnCode(string Type, CodePurpose Purpose);

/// <summary>Somebody who proved their passkey.</summary>
/// <param name="User">The account.</param>
/// <param name="Credential">The passkey.</param>
/// <param name="Session">The session that it opened.</param>
/// <param name="Code">The code that it was proved for; null for none.</param>
internal sealed record SignedIn(Account User, ResultCredential Credential, Session Session, OwnCode? Code);

/// <summary>
/// Proofs of passkeys, to sign in and to make a code. A name that is nobody's in the namespace is asked for a passkey like any other, so
/// that a stranger learns nothing; and what was begun at one client of a namespace for one thing is completed there, for that.
/// </summary>
/// <param name="signIn">Signs in.</param>
/// <param name="acts">Reads and writes what was begun.</param>
/// <param name="ceremonies">Where it stands.</param>
/// <param name="list">Knows what passkeys are called.</param>
/// <param name="options">The settings.</param>
internal sealed class PasskeySignIn(SignInByName signIn, Acts acts, CeremonyStore ceremonies, CredentialNamesOf list, LoginIdOptions options)
{
    private const string Kind = "loginid.assertion";
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <summary>Begins.</summary>
    /// <param name="context">The request.</param>
    /// <param name="call">The call.</param>
    /// <param name="members">Knows users.</param>
    /// <param name="username">The name.</param>
    /// <param name="code">The code that it is for; null to sign in.</param>
    public async Task<IResult> Begin(HttpContext context, ClientCall call, FindMember members, string? username, OwnCode? code = null)
    {
        if (string.IsNullOrEmpty(username))
        {
            return LoginIdError.Missing("username");
        }

        if (call.Token is { Username: { } meant } && meant != username)
        {
            return LoginIdError.Unauthorized;
        }

        var user = await members.Run(
            call.Visitor.Tenant, ClientIds.Dialect, call.Namespace, Names.Candidates(username), context.RequestAborted);

        // Whom a service token vouches for is no stranger: the vendor's answer holds.
        var reveals = options.RevealUnknown || call.Caller is not null;
        var begun = await signIn.BeginUnnamed(
            call.Visitor, call.Application.Id, user is null ? null : new AccountName(user.Account.Id, null), username, reveals,
            context.RequestAborted);
        if (begun.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        if (begun.Value.Party is not { } party)
        {
            return new Problem(RefusalCode.MeansNotAvailable);
        }

        var challenge = begun.Value.EncodedChallenge;
        await acts.Write(
            call.Visitor.Tenant,
            act => ceremonies.Begin(
                act, Kind, challenge, new Ceremony<State>(null, null, new State(call.Namespace, username, code), 1), act.Now + Lifetime),
            context.RequestAborted);
        return Answers.Json(new AssertionView(new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["challenge"] = challenge,
            ["rpId"] = party.Id,
            ["allowCredentials"] = begun.Value.Allowed.Passkeys.Select(Mapping.Descriptor),
            ["userVerification"] = "required",
        }));
    }

    /// <summary>Completes.</summary>
    /// <param name="context">The request.</param>
    /// <param name="call">The call.</param>
    /// <param name="members">Knows users.</param>
    /// <param name="body">What the authenticator proved.</param>
    /// <param name="type">The type of the code that it is for; null to sign in.</param>
    /// <returns>Who signed in, or the error to answer: whatever is wrong with a proof looks alike.</returns>
    public async Task<(SignedIn? SignedIn, IResult? Error)> Complete(
        HttpContext context, ClientCall call, FindMember members, AssertionBody body, string? type = null)
    {
        if (body.AssertionPayload is not { Challenge: { } challenge, CredentialId: { } id, ClientData: { } client, AuthenticatorData: { } data, Signature: { } signature })
        {
            return (null, LoginIdError.Missing("assertion_payload"));
        }

        var bare = CredentialNames.Bare(challenge);
        var ceremony = await acts.Read(db => ceremonies.Find<State>(db, call.Visitor.Tenant, Kind, bare, acts.Now), context.RequestAborted);
        if (ceremony?.State is not { } begun || begun.Namespace != call.Namespace || begun.Code?.Type != type
            || (body.Username is { } username && !Names.AreSame(username, begun.Username))
            || !Base64Url.IsValid(bare))
        {
            return (null, LoginIdError.CredentialRefused);
        }

        var proof = new PasskeyAssertion(
            CredentialNames.Bare(id), CredentialNames.Bare(client), CredentialNames.Bare(data), CredentialNames.Bare(signature), null);
        var opened = await signIn.Run(
            call.Visitor, Encoding.UTF8.GetString(Base64Url.DecodeFromChars(bare)), new FactorProof(proof, null), Session.LongestLifetime,
            context.RequestAborted);
        if (opened.Refusal is { } refusal)
        {
            return (null, refusal.Code is RefusalCode.SignInFailed or RefusalCode.ChallengeRefused ? LoginIdError.CredentialRefused : new Problem(refusal));
        }

        var session = opened.Value.Session;
        var user = await members.Run(call.Visitor.Tenant, ClientIds.Dialect, call.Namespace, session.Account, context.RequestAborted);
        if (user is null || session.Credential is not { } credential)
        {
            return (null, LoginIdError.CredentialRefused);
        }

        var name = await list.Run(call.Visitor.Tenant, session.Account, credential, context.RequestAborted) ?? "Passkey";
        return (new SignedIn(user, new ResultCredential(credential, "public_key", name), session, begun.Code), null);
    }

    private sealed record State(string Namespace, string Username, OwnCode? Code);

    private sealed record AssertionView(object AssertionPayload);
}
