using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.ExternalLogins;

/// <summary>Somebody as another provider knows them, just proved by that provider.</summary>
/// <param name="Provider">The provider, by the name it has in the settings.</param>
/// <param name="Issuer">Its issuer identifier (OpenID Connect Core §2).</param>
/// <param name="Subject">Who it is there: at most 255 characters, never given to anybody else.</param>
public sealed record ExternalIdentity(string Provider, string Issuer, string Subject)
{
    /// <summary>What the person recognises it by, for example an address at the provider; null when the provider does not say.</summary>
    public string? Label { get; init; }
}

/// <summary>An external login as it is kept.</summary>
/// <param name="Credential">The credential.</param>
/// <param name="Provider">The provider, by its name in the settings.</param>
/// <param name="Subject">Who it is there.</param>
public sealed record ExternalLogin(Credential Credential, string Provider, string Subject);

/// <summary>Accounts at other providers that people proved to be theirs: one of each provider for an account, one account for each.</summary>
/// <param name="credentials">Every credential.</param>
internal sealed class ExternalLoginStore(CredentialStore credentials)
{
    /// <summary>Links one. What a person unlinked may be linked again, by them or by whoever proves it then.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">To whom.</param>
    /// <param name="identity">What the provider proved.</param>
    public async Task<Credential> Add(Act act, AccountId account, ExternalIdentity identity)
    {
        await act.Db.Execute(
            """
            DELETE FROM credentials
            WHERE tenant_id = @tenant AND kind = 'external_login' AND external_id = @external AND state = 'revoked'
            """,
            new { tenant = act.Tenant.ToString(), external = NameOf(identity) });
        var credential = new Credential(NewId.Make<CredentialId>(), account, CredentialKind.ExternalLogin, act.Now)
        {
            Name = identity.Label is { Length: > 0 and <= CredentialName.Longest } label ? label : null,
            ExternalId = NameOf(identity),
        };
        await credentials.Add(act, credential, StoredJson.Write(new Body(identity.Provider, identity.Issuer, identity.Subject)));
        return credential;
    }

    /// <summary>An account's external logins, oldest first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    public async Task<IReadOnlyList<ExternalLogin>> List(DbSession db, TenantId tenant, AccountId account)
    {
        var all = new List<ExternalLogin>();
        foreach (var credential in (await credentials.List(db, tenant, account)).Where(c => c.Kind == CredentialKind.ExternalLogin))
        {
            var body = StoredJson.Read<Body>((await credentials.BodyOf(db, tenant, credential.Id))!);
            all.Add(new ExternalLogin(credential, body.Provider, body.Subject));
        }

        return all;
    }

    /// <summary>Whose an identity is; null when it is nobody's.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="identity">The identity.</param>
    public async Task<AccountId?> OwnerOf(DbSession db, TenantId tenant, ExternalIdentity identity) =>
        (await credentials.FindExternal(db, tenant, CredentialKind.ExternalLogin, NameOf(identity)))?.Account;

    private static string NameOf(ExternalIdentity identity) => $"{identity.Provider}:{identity.Subject}";

    private sealed record Body(string Provider, string Issuer, string Subject);
}
