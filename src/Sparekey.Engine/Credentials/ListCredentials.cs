using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials;

/// <summary>Lists what an account proves itself with. Nothing that verifies a credential is in it.</summary>
public sealed class ListCredentials
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly CredentialStore _credentials;
    private readonly RecoveryCodeStore _codes;

    internal ListCredentials(Acts acts, AccountStore accounts, CredentialStore credentials, RecoveryCodeStore codes)
    {
        _acts = acts;
        _accounts = accounts;
        _credentials = credentials;
        _codes = codes;
    }

    /// <summary>All credentials of an account, oldest first.</summary>
    /// <param name="caller">Who reads; holds <c>account:read</c>.</param>
    /// <param name="account">Whose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The credentials, or <see cref="RefusalCode.AccountNotFound"/>.</returns>
    public Task<Result<IReadOnlyList<Credential>>> Run(Caller caller, AccountId account, CancellationToken cancellationToken) =>
        _acts.Read<Result<IReadOnlyList<Credential>>>(
            async db => await _accounts.Find(db, caller.Tenant, account) is null
                ? RefusalCode.AccountNotFound
                : new List<Credential>(await List(db, caller.Tenant, account)),
            cancellationToken);

    /// <summary>A person's own, oldest first.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Credential>> Run(SessionCaller caller, CancellationToken cancellationToken) =>
        _acts.Read(db => List(db, caller.Tenant, caller.Session.Account), cancellationToken);

    private async Task<IReadOnlyList<Credential>> List(DbSession db, TenantId tenant, AccountId account)
    {
        var all = new List<Credential>();
        foreach (var credential in await _credentials.List(db, tenant, account))
        {
            all.Add(credential.Kind == CredentialKind.RecoveryCodes
                ? credential with { CodesLeft = await _codes.Left(db, tenant, credential.Id) }
                : credential);
        }

        return all;
    }
}
