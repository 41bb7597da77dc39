using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Where people's clients begin, go on and review: below the URL that the tenant was set up with, never below a request's host.</summary>
/// <param name="servers">Know that URL.</param>
/// <param name="options">The origin where a tenant was not set up.</param>
internal sealed class EscrowLinks(OpenPgpServerStore servers, EngineOptions options)
{
    /// <summary>Where a person begins.</summary>
    public async Task<string> Start(DbSession db, TenantId tenant, AccountId account, string token, EscrowTokenReason reason) =>
        $"{await Domain(db, tenant)}/setup/recover/start/{account}/{token}?case={(reason == EscrowTokenReason.LostPassphrase ? "lost-passphrase" : "default")}";

    /// <summary>Where a person goes on whose request was approved.</summary>
    public async Task<string> Continue(DbSession db, TenantId tenant, AccountId account, string token) =>
        $"{await Domain(db, tenant)}/account-recovery/continue/{account}/{token}";

    /// <summary>Where a reviewer's client shows a request.</summary>
    public async Task<string> Review(DbSession db, TenantId tenant, EscrowRequestId request) =>
        $"{await Domain(db, tenant)}/app/account-recovery/requests/review/{request}";

    /// <summary>The names that an escrow of this tenant may have been made for, the present one first.</summary>
    public async Task<IReadOnlyList<string>> Domains(DbSession db, TenantId tenant) =>
        await servers.Find(db, tenant) is { } server ? [.. server.Domains] : [options.Origin.GetLeftPart(UriPartial.Path).TrimEnd('/')];

    private async Task<string> Domain(DbSession db, TenantId tenant) => (await Domains(db, tenant))[0];
}
