using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Keys;

namespace Sparekey.Testing;

/// <summary>A key and its holder, who signs what clients of recovery keys sign.</summary>
/// <param name="name">What the holder calls it.</param>
/// <param name="origin">The page that the holder is on; null for a program, which has none.</param>
public sealed class HeldKey(string name, string? origin = null) : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>What the holder calls it.</summary>
    public string Name => name;

    /// <summary>The public key.</summary>
    public string Pem => _key.ExportSubjectPublicKeyInfoPem();

    /// <summary>Binds it to an account as its recovery key, beside every route.</summary>
    /// <param name="services">The engine.</param>
    /// <param name="account">Whose.</param>
    /// <param name="encrypted">The private key as its holder encrypted it; null for none.</param>
    /// <returns>The credential's id.</returns>
    public async Task<string> BecomeRecoveryKey(IServiceProvider services, string account, string? encrypted = null)
    {
        var made = new NewKey(name, [], Pem, []) { EncryptedPrivateKey = encrypted };
        var keys = services.GetRequiredService<KeyStore>();
        var bound = await services.GetRequiredService<Acts>().Write(
            TenantId.Default,
            act => keys.Add(act, Ids.Parse<AccountId>(account), CredentialKind.RecoveryKey, made, null, null, null),
            CancellationToken.None);
        return bound.Id.ToString();
    }

    /// <summary>Lets a credential of an account rest, beside every route.</summary>
    /// <param name="services">The engine.</param>
    /// <param name="account">Whose.</param>
    /// <param name="credential">The credential's id.</param>
    public static Task<bool> Suspend(IServiceProvider services, string account, string credential)
    {
        var credentials = services.GetRequiredService<CredentialStore>();
        return services.GetRequiredService<Acts>().Write(
            TenantId.Default,
            act => credentials.SetState(act, Ids.Parse<AccountId>(account), Ids.Parse<CredentialId>(credential), CredentialState.Suspended),
            CancellationToken.None);
    }

    /// <summary>Takes a credential of an account away, beside every route.</summary>
    /// <param name="services">The engine.</param>
    /// <param name="account">Whose.</param>
    /// <param name="credential">The credential's id.</param>
    public static Task<bool> Revoke(IServiceProvider services, string account, string credential)
    {
        var credentials = services.GetRequiredService<CredentialStore>();
        return services.GetRequiredService<Acts>().Write(
            TenantId.Default, act => credentials.Revoke(act, Ids.Parse<AccountId>(account), Ids.Parse<CredentialId>(credential)), CancellationToken.None);
    }

    /// <summary>The key as a new credential that answers a challenge.</summary>
    /// <param name="challenge">The challenge.</param>
    public JsonObject Register(string challenge)
    {
        var client = ClientData("key.create", challenge);
        return new JsonObject
        {
            ["kind"] = "key",
            ["credential_id"] = name,
            ["client_data"] = Base64Url.EncodeToString(client),
            ["public_key"] = Pem,
            ["signature"] = Base64Url.EncodeToString(Sign(KeyCeremonies.Fingerprint(client, Pem))),
        };
    }

    /// <summary>What the recovery key says to new credentials.</summary>
    /// <param name="credentials">The new credentials, as the holder's program writes them.</param>
    /// <param name="type">What it is signed for.</param>
    public JsonObject Authorise(string credentials, string type = "key.get")
    {
        var client = ClientData(type, Base64Url.EncodeToString(Encoding.UTF8.GetBytes(credentials)));
        return new JsonObject
        {
            ["credential_id"] = name,
            ["client_data"] = Base64Url.EncodeToString(client),
            ["signature"] = Base64Url.EncodeToString(Sign(client)),
        };
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    private byte[] Sign(byte[] data) => _key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    private byte[] ClientData(string type, string challenge)
    {
        var data = new JsonObject { ["type"] = type, ["challenge"] = challenge };
        if (origin is not null)
        {
            data["origin"] = origin;
            data["crossOrigin"] = false;
        }

        return Encoding.UTF8.GetBytes(data.ToJsonString());
    }
}
