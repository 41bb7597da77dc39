using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials;

/// <summary>A credential with what its owner may see of its keys. Nothing of it proves anybody.</summary>
/// <param name="Credential">The credential.</param>
/// <param name="Fingerprint">Which public key it has: <c>SHA256:</c> and base64; null for a credential without one.</param>
/// <param name="RpId">For which relying party it was made; null when that is not known.</param>
/// <param name="Origin">Where it was made; null when that is not known.</param>
/// <param name="IsProtected">Whether its private half was left with us, encrypted.</param>
public sealed record DescribedCredential(Credential Credential, string? Fingerprint, string? RpId, string? Origin, bool IsProtected);

/// <summary>Shows a signed-in person what they prove themselves with, keys and all.</summary>
public sealed class DescribeCredentials
{
    private readonly Acts _acts;
    private readonly CredentialStore _credentials;
    private readonly ApplicationStore _applications;

    internal DescribeCredentials(Acts acts, CredentialStore credentials, ApplicationStore applications) =>
        (_acts, _credentials, _applications) = (acts, credentials, applications);

    /// <summary>All of the person's credentials, resting ones too, oldest first.</summary>
    /// <param name="caller">The person.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<DescribedCredential>> Run(SessionCaller caller, CancellationToken cancellationToken) =>
        _acts.Read<IReadOnlyList<DescribedCredential>>(
            async db =>
            {
                var application = caller.Session.Application is { } id ? await _applications.Find(db, caller.Tenant, id) : null;
                var all = new List<DescribedCredential>();
                foreach (var credential in await _credentials.List(db, caller.Tenant, caller.Session.Account))
                {
                    all.Add(await Describe(db, caller.Tenant, credential, application));
                }

                return all;
            },
            cancellationToken);

    /// <summary>A credential that was just bound.</summary>
    /// <param name="visitor">Whose.</param>
    /// <param name="credential">The credential.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<DescribedCredential> One(Visitor visitor, Credential credential, CancellationToken cancellationToken) =>
        _acts.Read(db => Describe(db, visitor.Tenant, credential, null), cancellationToken);

    private async Task<DescribedCredential> Describe(DbSession db, TenantId tenant, Credential credential, Application? application)
    {
        var body = await _credentials.BodyOf(db, tenant, credential.Id);
        switch (credential.Kind)
        {
            case CredentialKind.Key or CredentialKind.RecoveryKey when body is not null:
                var key = StoredJson.Read<KeyBody>(body);
                return new DescribedCredential(
                    credential, SigningPublicKey.Parse(key.PublicKey)?.Fingerprint, key.RpId, key.Origin,
                    credential.Kind == CredentialKind.Key && key.EncryptedPrivateKey is not null);
            case CredentialKind.Passkey when body is not null:
                var encoded = StoredJson.Read<Passkey>(body).PublicKey;
                return new DescribedCredential(
                    credential, "SHA256:" + Convert.ToBase64String(SHA256.HashData(encoded)), application?.RpId,
                    application?.Origins is [var first, ..] ? first.GetLeftPart(UriPartial.Authority) : null, IsProtected: false);
            default:
                return new DescribedCredential(credential, null, null, null, IsProtected: false);
        }
    }
}
