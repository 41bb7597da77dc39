using System.Collections.Immutable;
using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>
/// Gives a tenant its own OpenPGP key and the URL that clients know it by. Done again it keeps the keys, and a URL that it had before goes
/// on to be good in escrows.
/// </summary>
public sealed class SetUpOpenPgpServer
{
    private const int KeyBits = 3072;
    private const int LongestDomain = 255;
    private const int MostAliases = 20;

    private readonly Acts _acts;
    private readonly TenantActs _tenants;
    private readonly OpenPgpServerStore _servers;

    internal SetUpOpenPgpServer(Acts acts, TenantActs tenants, OpenPgpServerStore servers) =>
        (_acts, _tenants, _servers) = (acts, tenants, servers);

    /// <summary>Sets up.</summary>
    /// <param name="caller">Who does; holds <c>tenant:admin</c>.</param>
    /// <param name="domain">The URL: http or https, a host, perhaps a port and a path.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>What clients see of it; or <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.OpenpgpUnavailable"/>, <see cref="RefusalCode.PermissionMissing"/>.</returns>
    public async Task<Result<OpenPgpServer>> Run(Caller caller, string domain, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var named = domain.TrimEnd('/');
        if (!IsDomain(named))
        {
            return new Refusal(RefusalCode.InvalidRequest)
            {
                Faults = [new FieldFault("/domain", "A URL such as https://passbolt.example.com, with nothing after its path.")],
            };
        }

        // A key takes a second to make: before the act, and only where there is none.
        var isNew = await _acts.Read(db => _servers.Find(db, caller.Tenant), cancellationToken) is null;
        var made = isNew ? Make(named, _acts.Now) : [];
        try
        {
            return await _tenants.Write(caller, act => SetUp(act, caller, named, made), cancellationToken);
        }
        finally
        {
            foreach (var key in made)
            {
                CryptographicOperations.ZeroMemory(key.SecretKey);
            }
        }
    }

    // If the process dies after this act, the tenant has its keys and is called so.
    private async Task<Result<OpenPgpServer>> SetUp(Act act, Caller caller, string domain, IReadOnlyList<NewServerKey> made)
    {
        var before = await _servers.Find(act.Db, act.Tenant);
        if (before?.Domain == domain)
        {
            return before;
        }

        var aliases = before is null ? [] : before.Domains.Where(d => d != domain).Take(MostAliases).ToImmutableArray();
        await _servers.SetDomain(act, domain, aliases);
        if (before is null)
        {
            foreach (var key in made)
            {
                await _servers.Insert(act, key);
            }
        }

        var server = (await _servers.Find(act.Db, act.Tenant))!;
        await act.Record(new LedgerEntry(LedgerEvent.OpenpgpServerChanged, caller.Principal)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["fingerprint"] = server.Fingerprint,
                ["is_new"] = before is null,
                ["correlation_id"] = caller.CorrelationId,
            },
            Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["domain"] = domain },
        });
        return server;
    }

    private static List<NewServerKey> Make(string domain, DateTimeOffset now)
    {
        using var key = PgpSecretKey.Generate($"Sparekey <server@{new Uri(domain).Host}>", now, KeyBits);
        using var exported = key.ExportUnprotected();
        using var access = RSA.Create(KeyBits);
        var accessPublic = access.ExportSubjectPublicKeyInfo();
        return
        [
            new NewServerKey(ServerKeyPurpose.Openpgp, key.Public.Fingerprint, key.Public.Armored, exported.Span.ToArray()),
            new NewServerKey(
                ServerKeyPurpose.Access, Convert.ToHexString(SHA256.HashData(accessPublic)), access.ExportSubjectPublicKeyInfoPem() + "\n",
                access.ExportPkcs8PrivateKey()),
        ];
    }

    private static bool IsDomain(string text) =>
        text.Length is > 0 and <= LongestDomain && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
        && uri.Host.Length > 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0 && uri.UserInfo.Length == 0
        && text.All(c => c is > ' ' and < '\u007f' and not ('?' or '#' or '"' or '\\' or '<' or '>'));
}
