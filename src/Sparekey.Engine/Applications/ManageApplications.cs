using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Tenants;

namespace Sparekey.Engine.Applications;

/// <summary>
/// Makes, reads, changes and deletes applications. Whoever changes one decides where the links of every account lead, so the
/// caller's ceiling must be the highest role.
/// </summary>
public sealed class ManageApplications
{
    private readonly Acts _acts;
    private readonly ApplicationStore _store;
    private readonly TenantHosts _hosts;
    private readonly TenantActs _tenant;
    private readonly Idempotency _idempotency;

    internal ManageApplications(
        Acts acts, ApplicationStore store, TenantHosts hosts, TenantActs tenant, Idempotency idempotency)
    {
        _acts = acts;
        _store = store;
        _hosts = hosts;
        _tenant = tenant;
        _idempotency = idempotency;
    }

    /// <summary>Makes an application.</summary>
    /// <param name="caller">Who makes it; holds <c>tenant:admin</c> and the highest role as ceiling.</param>
    /// <param name="wanted">What it shall be.</param>
    /// <param name="once">The idempotency key of the call, if it carries one.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The application; or <see cref="RefusalCode.InvalidRequest"/> with every fault, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<Happened<Application>>> Create(
        Caller caller, ApplicationSettings wanted, OnceKey<Application>? once, CancellationToken cancellationToken) =>
        Write(
            caller, act => _idempotency.Run(act, caller, once, () => Create(act, caller, wanted)), cancellationToken);

    /// <summary>One application.</summary>
    /// <param name="caller">Who reads; holds <c>account:read</c>.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The application, or <see cref="RefusalCode.ApplicationNotFound"/>.</returns>
    public async Task<Result<Application>> Read(Caller caller, ApplicationId id, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.AccountRead) is { } missing ? missing
        : await _acts.Read(db => _store.Find(db, caller.Tenant, id), cancellationToken) is { } found ? found
        : RefusalCode.ApplicationNotFound;

    /// <summary>All applications of the tenant, oldest first; there are 100 at most.</summary>
    /// <param name="caller">Who reads; holds <c>account:read</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Application>> List(Caller caller, CancellationToken cancellationToken) =>
        _acts.Read(db => _store.List(db, caller.Tenant), cancellationToken);

    /// <summary>Changes an application.</summary>
    /// <param name="caller">Who changes it; holds <c>tenant:admin</c> and the highest role as ceiling.</param>
    /// <param name="id">Which.</param>
    /// <param name="wanted">What shall be different.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The application afterwards; or <see cref="RefusalCode.ApplicationNotFound"/>, <see cref="RefusalCode.VersionConflict"/>,
    /// <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<Application>> Change(
        Caller caller, ApplicationId id, ApplicationSettings wanted, CancellationToken cancellationToken) =>
        Write(caller, act => Change(act, caller, id, wanted), cancellationToken);

    /// <summary>Deletes an application.</summary>
    /// <param name="caller">Who deletes it; holds <c>tenant:admin</c> and the highest role as ceiling.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Null; or <see cref="RefusalCode.ApplicationNotFound"/>, <see cref="RefusalCode.ApplicationInUse"/> for the default one and
    /// for one with open recoveries, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Refusal?> Delete(Caller caller, ApplicationId id, CancellationToken cancellationToken) =>
        (await Write<Application>(caller, act => Delete(act, caller, id), cancellationToken)).Refusal;

    private async Task<Result<T>> Write<T>(Caller caller, Func<Act, Task<Result<T>>> act, CancellationToken cancellationToken)
    {
        var result = await _tenant.Write(caller, act, cancellationToken);
        _hosts.Changed();
        return result;
    }

    private async Task<Result<Application>> Create(Act act, Caller caller, ApplicationSettings wanted)
    {
        var all = await _store.List(act.Db, act.Tenant);
        if (all.Count >= ApplicationRules.MaxApplications)
        {
            return new Refusal(RefusalCode.InvalidRequest, $"A tenant has at most {ApplicationRules.MaxApplications} applications.");
        }

        var made = ApplicationRules.Apply(
            new Application(NewId.Make<ApplicationId>(), "", null, [], []) { CreatedAt = act.Now }, wanted);
        if (made.Refusal is { } invalid)
        {
            return invalid;
        }

        if (await Conflict(act, made.Value, all) is { } taken)
        {
            return taken;
        }

        await _store.Insert(act, made.Value);
        await _hosts.Sync(act);
        await act.Record(ApplicationLedger.Entry(LedgerEvent.ApplicationCreated, caller.Principal, made.Value, caller));
        return made;
    }

    private async Task<Result<Application>> Change(Act act, Caller caller, ApplicationId id, ApplicationSettings wanted)
    {
        if (await _store.Find(act.Db, act.Tenant, id) is not { } before)
        {
            return RefusalCode.ApplicationNotFound;
        }

        if (wanted.Version is { } seen && seen != before.Version)
        {
            return new Refusal(RefusalCode.VersionConflict, $"The application is at version {before.Version}.");
        }

        var changed = ApplicationRules.Apply(before, wanted);
        if (changed.Refusal is { } invalid)
        {
            return invalid;
        }

        var next = changed.Value with { Version = before.Version + 1 };
        if (await Conflict(act, next, await _store.List(act.Db, act.Tenant)) is { } taken)
        {
            return taken;
        }

        if (!await _store.Update(act, next))
        {
            return RefusalCode.VersionConflict;
        }

        await _hosts.Sync(act);
        await act.Record(ApplicationLedger.Entry(LedgerEvent.ApplicationChanged, caller.Principal, next, caller));
        return next;
    }

    private async Task<Result<Application>> Delete(Act act, Caller caller, ApplicationId id)
    {
        if (await _store.Find(act.Db, act.Tenant, id) is not { } found)
        {
            return RefusalCode.ApplicationNotFound;
        }

        if (found.IsDefault || await _store.HasOpenRecoveries(act.Db, act.Tenant, id))
        {
            return RefusalCode.ApplicationInUse;
        }

        await _store.Delete(act, id);
        await _hosts.Sync(act);
        await act.Record(ApplicationLedger.Entry(LedgerEvent.ApplicationDeleted, caller.Principal, found, caller));
        return found;
    }

    // A host means one tenant and a client id one application, or a request would not know where it belongs.
    private async Task<Refusal?> Conflict(Act act, Application application, IReadOnlyList<Application> all)
    {
        var taken = await _hosts.TakenBy(act, application);
        if (taken.Count > 0)
        {
            var origin = application.Origins.ToList().FindIndex(o => taken.Contains(TenantHosts.Normalize(o.Authority)));
            var host = application.LinkHosts.ToList().FindIndex(h => taken.Contains(TenantHosts.Normalize(h)));
            return AccountRules.Invalid(
                [new FieldFault(origin >= 0 ? $"/origins/{origin}" : $"/link_hosts/{host}", "This host belongs to another tenant.")]);
        }

        return all.Any(a => a.Id != application.Id && a.ClientIds.Intersect(application.ClientIds).Any())
            ? AccountRules.Invalid([new FieldFault("/client_ids", "Another application has one of them.")])
            : null;
    }
}
