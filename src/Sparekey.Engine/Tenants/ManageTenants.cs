using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;

namespace Sparekey.Engine.Tenants;

/// <summary>A tenant and when it was made.</summary>
/// <param name="Name">Its name.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record Tenant(TenantId Name, DateTimeOffset CreatedAt);

/// <summary>Makes and lists tenants. No tenant's own authority reaches beyond it: this is the machine's operator's alone.</summary>
public sealed class ManageTenants
{
    private readonly Acts _acts;
    private readonly TenantStore _store;
    private readonly TenantHosts _hosts;
    private readonly EnsureDefaultApplication _applications;

    internal ManageTenants(Acts acts, TenantStore store, TenantHosts hosts, EnsureDefaultApplication applications)
    {
        _acts = acts;
        _store = store;
        _hosts = hosts;
        _applications = applications;
    }

    /// <summary>
    /// Makes a tenant with its default application. From the second tenant on, a host that no application lists is refused.
    /// </summary>
    /// <param name="caller">The local operator.</param>
    /// <param name="name">Its name.</param>
    /// <param name="origin">The origin by which requests reach it: https, or http on this machine.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The tenant; or <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.InvalidRequest"/>,
    /// <see cref="RefusalCode.NameTaken"/>.
    /// </returns>
    public async Task<Result<Tenant>> Create(Caller caller, string name, string origin, CancellationToken cancellationToken)
    {
        if (Forbidden(caller) is { } forbidden)
        {
            return forbidden;
        }

        var faults = new List<FieldFault>();
        if (!TenantId.TryParse(name, out var tenant))
        {
            faults.Add(new FieldFault("/name", "1 to 32 lower-case letters, digits and hyphens, not beginning with a hyphen."));
        }

        if (ApplicationRules.Origin(origin) is not { } uri)
        {
            faults.Add(new FieldFault("/origin", "https://host, or http on this machine; no path."));
            return AccountRules.Invalid(faults);
        }

        if (faults.Count > 0)
        {
            return AccountRules.Invalid(faults);
        }

        var made = await _acts.Write(tenant, act => Create(act, caller, uri), cancellationToken);
        _hosts.Changed();
        return made;
    }

    /// <summary>All tenants, by name.</summary>
    /// <param name="caller">The local operator.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The tenants, or <see cref="RefusalCode.PermissionMissing"/>.</returns>
    public async Task<Result<List<Tenant>>> List(Caller caller, CancellationToken cancellationToken) =>
        Forbidden(caller) is { } forbidden
            ? forbidden
            : (await _acts.Read(_store.Rows, cancellationToken)).ToList();

    private static Refusal? Forbidden(Caller caller) =>
        caller.Principal.Kind == PrincipalKind.LocalOperator
            ? null
            : new Refusal(RefusalCode.PermissionMissing, "Tenants are the machine's operator's to make.");

    private async Task<Result<Tenant>> Create(Act act, Caller caller, Uri origin)
    {
        if (await _hosts.IsTaken(act, origin.Authority))
        {
            return AccountRules.Invalid([new FieldFault("/origin", "This host belongs to another tenant.")]);
        }

        if (!await _store.Create(act))
        {
            return RefusalCode.NameTaken;
        }

        await act.Record(new LedgerEntry(LedgerEvent.TenantCreated, caller.Principal)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal) { ["correlation_id"] = caller.CorrelationId },
            Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["source"] = caller.Source },
        });
        await _applications.Make(act, caller.Principal, origin);
        return new Tenant(act.Tenant, act.Now);
    }
}
