using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Secrets;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Recoveries;

/// <summary>A decision that somebody is about to sign.</summary>
/// <param name="Kind">What they decide.</param>
/// <param name="Given">How they will give it; an assertion is not looked at.</param>
/// <param name="How">For evidence its kind, for a confirmation the channel.</param>
public sealed record DecisionToSign(DecisionKind Kind, GivenDecision Given, string? How = null);

/// <summary>What a browser is asked to sign.</summary>
/// <param name="Challenge">The hash of the statement, base64url.</param>
/// <param name="Party">The relying party.</param>
/// <param name="Allowed">The passkeys that may sign.</param>
/// <param name="Statement">What the challenge is the hash of.</param>
public sealed record DecisionChallenge(
    string Challenge, RelyingParty Party, IReadOnlyList<PasskeyDescriptor> Allowed, string Statement);

/// <summary>
/// Lets a person sign what they decide with a passkey of theirs. The challenge is the hash of a <see cref="DecisionStatement"/>, so that
/// the signature is bound to the recovery, the request, the demands, the decision, who decides and what they say; it is good once, for 5
/// minutes. A programme's decision is signed by a passkey of its owner.
/// </summary>
public sealed class SignDecisions
{
    private const string Challenges = "decision.challenge";

    private readonly Acts _acts;
    private readonly RecoveryAct _recoveries;
    private readonly ApplicationStore _applications;
    private readonly SignInCredentials _credentials;
    private readonly PasskeyStore _passkeys;
    private readonly CeremonyStore _ceremonies;

    internal SignDecisions(
        Acts acts, RecoveryAct recoveries, ApplicationStore applications, SignInCredentials credentials, PasskeyStore passkeys,
        CeremonyStore ceremonies)
    {
        _acts = acts;
        _recoveries = recoveries;
        _applications = applications;
        _credentials = credentials;
        _passkeys = passkeys;
        _ceremonies = ceremonies;
    }

    /// <summary>Begins: what the browser is to sign, for the application of the host that was asked.</summary>
    /// <param name="caller">Who decides.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="decision">What they decide.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The challenge; or <see cref="RefusalCode.RecoveryNotFound"/>, <see cref="RefusalCode.DigestMismatch"/>,
    /// <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.MeansNotAvailable"/> where the host takes no passkeys,
    /// <see cref="RefusalCode.CredentialNotFound"/> where the person has none. It does not tell whether the recovery is over (T16).
    /// </returns>
    public Task<Result<DecisionChallenge>> Begin(
        Caller caller, RecoveryId id, DecisionToSign decision, CancellationToken cancellationToken) =>
        _acts.Write<Result<DecisionChallenge>>(
            caller.Tenant,
            async act =>
            {
                var found = await _recoveries.Find(act, caller, id);
                if (found.Refusal is { } refusal)
                {
                    return refusal;
                }

                var recovery = found.Value.Recovery;
                var statement = StatementOf(decision, caller.Principal, recovery, SecretMint.NewToken32().Reveal());
                if (!statement.CanBeWritten || decision.Given.Comment?.Length > DecisionNote.LongestComment)
                {
                    return new Refusal(RefusalCode.InvalidRequest, "What is to be signed is too long, or holds half a character or U+0000.");
                }

                if (!recovery.IsSeenIn(decision.Given.Digest))
                {
                    return RefusalCode.DigestMismatch;
                }

                var application = await _applications.OfHost(act.Db, act.Tenant, caller.Host);
                if (RelyingParty.Of(application) is not { } party)
                {
                    return RefusalCode.MeansNotAvailable;
                }

                if (PersonBehind.Of(caller.Principal) is not { } person
                    || (await _credentials.Of(act.Db, act.Tenant, person)).Passkeys is not { Count: > 0 } passkeys)
                {
                    return RefusalCode.CredentialNotFound;
                }

                await _ceremonies.Begin(
                    act, Challenges, statement.Hash,
                    new Ceremony<State>(person, id, new State(application.Id, statement.Nonce, DecisionStatement.DigestOf(recovery)), 1),
                    act.Now + PasskeyChallenge.Lifetime);
                return new DecisionChallenge(statement.Hash, party, passkeys, statement.Text);
            },
            cancellationToken);

    /// <summary>
    /// Verifies a signature within the act that it allows, and spends its challenge. If the process dies, the challenge is spent exactly if
    /// the decision stands. A signature that is wrong spends nothing and is counted.
    /// </summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who decides.</param>
    /// <param name="recovery">The recovery as it is now.</param>
    /// <param name="decision">What they decide.</param>
    /// <returns>
    /// What goes into the ledger; null where nothing was signed; or <see cref="RefusalCode.ChallengeRefused"/> for a challenge that is
    /// over, was answered, is another person's or of another decision, <see cref="RefusalCode.DigestMismatch"/> where the request or its
    /// demands changed since, <see cref="RefusalCode.PasskeyRefused"/> for a wrong signature.
    /// </returns>
    internal async Task<(DecisionSignature? Signature, Refusal? Refusal)> Verify(
        Act act, Caller caller, Recovery recovery, DecisionToSign decision)
    {
        if (decision.Given.Assertion is not { } assertion)
        {
            return (null, null);
        }

        if (assertion.ToResponse() is not { } response || PasskeyChallenge.SaidBy(response.ClientData) is not { } challenge
            || await _ceremonies.Find<State>(act.Db, act.Tenant, Challenges, challenge, act.Now) is not { } ceremony
            || ceremony.Recovery != recovery.Id || ceremony.Account is not { } person || person != PersonBehind.Of(caller.Principal)
            || await _applications.Find(act.Db, act.Tenant, ceremony.State.Application) is not { } application
            || RelyingParty.Of(application) is not { } party)
        {
            return (null, RefusalCode.ChallengeRefused);
        }

        if (ceremony.State.Seen != DecisionStatement.DigestOf(recovery))
        {
            return (null, RefusalCode.DigestMismatch);
        }

        var statement = StatementOf(decision, caller.Principal, recovery, ceremony.State.Nonce);
        if (!statement.CanBeWritten || statement.Hash != challenge)
        {
            return (null, RefusalCode.ChallengeRefused);
        }

        var expected = new CeremonyExpectation(Base64Url.DecodeFromChars(challenge), party.Id, party.Origins);
        if (await _passkeys.Find(act.Db, act.Tenant, response.CredentialId) is not { } stored || stored.Credential.Account != person
            || PasskeyCeremonies.VerifyAssertion(response, stored.Passkey, PasskeyChallenge.HandleOf(person), expected).Value is not { } passkey
            || !await _passkeys.MarkUsed(act, stored, passkey))
        {
            await RefusedSignIns.Record(act, caller, person, RefusalCode.PasskeyRefused);
            return (null, RefusalCode.PasskeyRefused);
        }

        return await _ceremonies.Consume(act, Challenges, challenge, ceremony.Version)
            ? (new DecisionSignature(stored.Credential.Id, statement.Hash), null)
            : (null, RefusalCode.ChallengeRefused);
    }

    private static DecisionStatement StatementOf(DecisionToSign decision, Principal by, Recovery recovery, string nonce) =>
        new(decision.Kind, by, recovery, nonce) { How = decision.How, Comment = decision.Given.Comment };

    private sealed record State(ApplicationId Application, string Nonce, string Seen);
}
