using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Engine;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Testing;

/// <summary>
/// Sets tenants up for clients that speak OpenPGP, with keys that are made once for all tests of a process: making them takes seconds, and
/// is tested by itself.
/// </summary>
public static class OpenPgpServers
{
    private static readonly Lazy<IReadOnlyList<NewServerKey>> Keys = new(Make);

    /// <summary>Sets one up.</summary>
    /// <param name="services">The server's services.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="domain">The URL that clients know it by.</param>
    /// <returns>The fingerprint of its key.</returns>
    public static Task<string> SetUp(IServiceProvider services, TenantId tenant, string domain)
    {
        var store = services.GetRequiredService<OpenPgpServerStore>();
        return services.GetRequiredService<Acts>().Write(
            tenant,
            async act =>
            {
                await store.SetDomain(act, domain, []);
                foreach (var key in Keys.Value)
                {
                    await store.Insert(act, key);
                }

                return Keys.Value[0].Fingerprint;
            },
            CancellationToken.None);
    }

    private static List<NewServerKey> Make()
    {
        using var key = PgpSecretKey.Generate("Sparekey <server@example.com>", new DateTimeOffset(2026, 11, 21, 7, 0, 0, TimeSpan.Zero), 3072);
        using var exported = key.ExportUnprotected();
        using var access = RSA.Create(2048);
        return
        [
            new NewServerKey(ServerKeyPurpose.Openpgp, key.Public.Fingerprint, key.Public.Armored, exported.Span.ToArray()),
            new NewServerKey(
                ServerKeyPurpose.Access, Convert.ToHexString(SHA256.HashData(access.ExportSubjectPublicKeyInfo())), access.ExportSubjectPublicKeyInfoPem() + "\n",
                access.ExportPkcs8PrivateKey()),
        ];
    }
}
