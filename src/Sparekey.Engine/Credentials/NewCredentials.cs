using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Engine.Credentials;

/// <summary>A credential that a person brings: exactly one of passkey and key.</summary>
public sealed record NewCredential
{
    private NewCredential()
    {
    }

    /// <summary>A passkey, as the browser made it.</summary>
    public NewPasskey? Passkey { get; private init; }

    /// <summary>A key and the proof of it.</summary>
    public NewKey? Key { get; private init; }

    /// <summary>What the person calls it.</summary>
    public string? Name { get; init; }

    /// <summary>A passkey.</summary>
    /// <param name="made">What the browser made.</param>
    public static NewCredential Of(NewPasskey made) => new() { Passkey = made };

    /// <summary>A key.</summary>
    /// <param name="made">The key and its proof.</param>
    public static NewCredential Of(NewKey made) => new() { Key = made };
}

/// <summary>The credentials that a person brings in one act; all answer the same challenge.</summary>
/// <param name="First">What they sign in with from now on.</param>
public sealed record NewCredentials(NewCredential First)
{
    /// <summary>Another one to sign in with; null for none.</summary>
    public NewCredential? Second { get; init; }

    /// <summary>The recovery key for the next time; null for none.</summary>
    public NewCredential? RecoveryKey { get; init; }
}

/// <summary>One credential that a person brings.</summary>
/// <param name="Brought">The credential.</param>
/// <param name="IsRecoveryKey">Whether it is a recovery key, which signs nobody in.</param>
public sealed record OneCredential(NewCredential Brought, bool IsRecoveryKey);

/// <summary>Verifies and binds credentials that a person brings, whichever kinds they are of.</summary>
/// <param name="credentials">Every credential.</param>
/// <param name="passkeys">Passkeys.</param>
/// <param name="keys">Keys and recovery keys.</param>
internal sealed class CredentialBinding(CredentialStore credentials, PasskeyStore passkeys, KeyStore keys)
{
    /// <summary>A credential that was verified and may be bound in the same act.</summary>
    /// <param name="Brought">What was brought.</param>
    /// <param name="Kind">Its kind.</param>
    /// <param name="Passkey">What was verified of a passkey.</param>
    public sealed record Verified(NewCredential Brought, CredentialKind Kind, Passkey? Passkey)
    {
        /// <summary>How the outside names it.</summary>
        public string Name => Brought.Key?.CredentialId ?? Base64Url.EncodeToString(Passkey!.CredentialId);
    }

    /// <summary>Verifies all that is brought against one challenge.</summary>
    /// <param name="act">The act.</param>
    /// <param name="brought">What is brought.</param>
    /// <param name="challenge">The challenge that was sent, ASCII.</param>
    /// <param name="party">For whom; null for an application without a relying-party id, which takes no passkeys.</param>
    /// <param name="userHandle">The user handle of its passkeys, where that is another product's id of the account; null for our own.</param>
    /// <returns>
    /// What may be bound, in order; or <see cref="RefusalCode.ChallengeRefused"/>, <see cref="RefusalCode.PasskeyRefused"/>,
    /// <see cref="RefusalCode.KeyRefused"/>, <see cref="RefusalCode.CredentialTaken"/>.
    /// </returns>
    public async Task<Result<IReadOnlyList<Verified>>> Verify(Act act, NewCredentials brought, string challenge, RelyingParty? party, byte[]? userHandle)
    {
        var verified = new List<Verified>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (credential, isRecovery) in new[] { (brought.First, false), (brought.Second, false), (brought.RecoveryKey, true) })
        {
            if (credential is null)
            {
                continue;
            }

            var one = await VerifyOne(act, new OneCredential(credential, isRecovery), challenge, party, userHandle);
            if (one.Refusal is { } refusal)
            {
                return refusal;
            }

            if (!names.Add(one.Value.Name))
            {
                return RefusalCode.CredentialTaken;
            }

            verified.Add(one.Value);
        }

        return verified;
    }

    /// <summary>Verifies one credential.</summary>
    /// <param name="act">The act.</param>
    /// <param name="one">What is brought.</param>
    /// <param name="challenge">The challenge that was sent, ASCII.</param>
    /// <param name="party">For whom; null for an application without a relying-party id.</param>
    /// <param name="userHandle">The user handle of a passkey, where that is another product's id of the account; null for our own.</param>
    /// <returns>What may be bound; or the same refusals.</returns>
    public async Task<Result<Verified>> VerifyOne(
        Act act, OneCredential one, string challenge, RelyingParty? party, byte[]? userHandle)
    {
        var verified = one.Brought.Key is { } key ? VerifyKey(one.Brought, key, one.IsRecoveryKey, challenge, party)
            : one.IsRecoveryKey ? RefusalCode.KeyRefused
            : VerifyPasskey(one.Brought, challenge, party, userHandle, act.Now);
        return verified.Refusal is null && await credentials.IsTaken(act.Db, act.Tenant, verified.Value.Name)
            ? RefusalCode.CredentialTaken
            : verified;
    }

    /// <summary>Binds what was verified in this act.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">To whom.</param>
    /// <param name="verified">What was verified.</param>
    /// <param name="party">For whom.</param>
    /// <param name="recovery">The recovery that binds it; null for none.</param>
    /// <returns>The credentials, in order.</returns>
    public async Task<IReadOnlyList<Credential>> Bind(
        Act act, AccountId account, IReadOnlyList<Verified> verified, RelyingParty? party, RecoveryId? recovery)
    {
        var bound = new List<Credential>();
        foreach (var (brought, kind, passkey) in verified)
        {
            bound.Add(passkey is not null
                ? await passkeys.Add(act, account, passkey, brought.Name, recovery)
                : await keys.Add(act, account, kind, brought.Key!, party, brought.Name, recovery));
        }

        return bound;
    }

    private static Result<Verified> VerifyKey(
        NewCredential brought, NewKey key, bool isRecovery, string challenge, RelyingParty? party) =>
        KeyCeremonies.VerifyRegistration(key, challenge, party?.Origins ?? []) switch
        {
            null => new Verified(brought, isRecovery ? CredentialKind.RecoveryKey : CredentialKind.Key, null),
            KeyFault.WrongChallenge => RefusalCode.ChallengeRefused,
            _ => RefusalCode.KeyRefused,
        };

    private static Result<Verified> VerifyPasskey(
        NewCredential brought, string challenge, RelyingParty? party, byte[]? userHandle, DateTimeOffset now)
    {
        if (party is null || brought.Passkey?.ToResponse() is not { } response)
        {
            return RefusalCode.PasskeyRefused;
        }

        var expected = new CeremonyExpectation(System.Text.Encoding.UTF8.GetBytes(challenge), party.Id, party.Origins) { RawChallenge = challenge };
        var verdict = PasskeyCeremonies.VerifyRegistration(response, expected, CoseAlgorithms.Offered, AttestationPolicy.Open, now);
        return verdict.Value is { } passkey ? new Verified(brought, CredentialKind.Passkey, passkey with { UserHandle = userHandle })
            : verdict.Fault == PasskeyFault.WrongChallenge ? RefusalCode.ChallengeRefused
            : RefusalCode.PasskeyRefused;
    }
}
