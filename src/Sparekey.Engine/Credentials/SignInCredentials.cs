using System.Buffers.Text;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials;

/// <summary>What somebody proves themselves with: exactly one of passkey and key.</summary>
/// <param name="Passkey">What a browser proved.</param>
/// <param name="Key">What a key signed.</param>
public sealed record FactorProof(PasskeyAssertion? Passkey, KeyProof? Key);

/// <summary>A key whose private half its holder left with us, encrypted.</summary>
/// <param name="CredentialId">What its holder calls it.</param>
/// <param name="EncryptedPrivateKey">The private key, byte for byte.</param>
public sealed record ProtectedKey(string CredentialId, string EncryptedPrivateKey);

/// <summary>The credentials that may answer a challenge.</summary>
/// <param name="Passkeys">Passkeys.</param>
/// <param name="Keys">Keys that their holder keeps.</param>
/// <param name="ProtectedKeys">Keys that their holder left with us, encrypted.</param>
public sealed record AllowedCredentials(
    IReadOnlyList<PasskeyDescriptor> Passkeys, IReadOnlyList<string> Keys, IReadOnlyList<ProtectedKey> ProtectedKeys)
{
    /// <summary>Whether none may.</summary>
    public bool IsEmpty => Passkeys.Count + Keys.Count + ProtectedKeys.Count == 0;
}

/// <summary>Lists and verifies what an account signs in and acts with. A recovery key is never among it.</summary>
/// <param name="passkeys">Passkeys.</param>
/// <param name="keys">Keys.</param>
/// <param name="credentials">Every credential.</param>
internal sealed class SignInCredentials(PasskeyStore passkeys, KeyStore keys, CredentialStore credentials)
{
    /// <summary>The active credentials of an account.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose; an id of nobody has none, and costs the same.</param>
    public async Task<AllowedCredentials> Of(DbSession db, TenantId tenant, AccountId account)
    {
        var held = await keys.List(db, tenant, account, CredentialKind.Key);
        return new AllowedCredentials(
            [.. (await passkeys.List(db, tenant, account, activeOnly: true))
                .Select(p => new PasskeyDescriptor(Base64Url.EncodeToString(p.CredentialId), p.Transports))],
            [.. held.Where(k => k.Body.EncryptedPrivateKey is null).Select(k => k.Credential.ExternalId!)],
            [.. held.Where(k => k.Body.EncryptedPrivateKey is not null)
                .Select(k => new ProtectedKey(k.Credential.ExternalId!, k.Body.EncryptedPrivateKey!))]);
    }

    /// <summary>Verifies a proof and notes that the credential was used.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose it must be; null for whoever's it is.</param>
    /// <param name="proof">The proof.</param>
    /// <param name="challenge">The challenge that was sent, ASCII.</param>
    /// <param name="party">For whom; null for an application without a relying-party id, which takes no passkeys.</param>
    /// <returns>The credential; null when anything is wrong.</returns>
    public Task<Credential?> Verify(Act act, AccountId? account, FactorProof proof, string challenge, RelyingParty? party) =>
        proof.Key is { } key ? VerifyKey(act, account, key, challenge, party)
        : proof.Passkey is { } passkey && party is not null ? VerifyPasskey(act, account, passkey, challenge, party)
        : Task.FromResult<Credential?>(null);

    private async Task<Credential?> VerifyKey(Act act, AccountId? account, KeyProof proof, string challenge, RelyingParty? party)
    {
        // A key does not say whose it is.
        if (account is not { } known || await keys.Find(act.Db, act.Tenant, known, CredentialKind.Key, proof.CredentialId) is not { } stored
            || KeyCeremonies.VerifyAssertion(proof, stored.Body.PublicKey, challenge, party?.Origins ?? []) is not null)
        {
            return null;
        }

        await credentials.MarkUsed(act, stored.Credential.Id);
        return stored.Credential;
    }

    private async Task<Credential?> VerifyPasskey(
        Act act, AccountId? account, PasskeyAssertion proof, string challenge, RelyingParty party)
    {
        if (proof.ToResponse() is not { } response || await passkeys.Find(act.Db, act.Tenant, response.CredentialId) is not { } stored
            || (account is { } known && stored.Credential.Account != known))
        {
            return null;
        }

        var expected = new CeremonyExpectation(Encoding.UTF8.GetBytes(challenge), party.Id, party.Origins) { RawChallenge = challenge };
        var verified = PasskeyCeremonies.VerifyAssertion(
            response, stored.Passkey, PasskeyChallenge.HandleOf(stored.Credential.Account), expected);
        return verified.Value is { } passkey && await passkeys.MarkUsed(act, stored, passkey) ? stored.Credential : null;
    }
}
