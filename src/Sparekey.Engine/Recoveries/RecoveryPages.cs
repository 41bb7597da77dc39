using Sparekey.Core;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>Where the person's pages are. They are built from what the application configured, never from a request's own host.</summary>
/// <param name="applications">The applications.</param>
/// <param name="options">The origin where an application has none.</param>
internal sealed class RecoveryPages(ApplicationStore applications, EngineOptions options)
{
    /// <summary>The page that takes a secret.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The application.</param>
    public async Task<Uri> Recover(DbSession db, TenantId tenant, ApplicationId id) =>
        Recover(await applications.Find(db, tenant, id));

    /// <summary>The page that takes a secret.</summary>
    /// <param name="application">The application; null when it is gone.</param>
    public Uri Recover(Application? application) => new(OriginOf(application), "/recover");

    /// <summary>The page that takes the token of a notice.</summary>
    /// <param name="application">The application; null when it is gone.</param>
    public Uri NotMe(Application? application) => new(OriginOf(application), "/recover/not-me");

    /// <summary>The page on which operators decide on a recovery: <c>/operate/recoveries/{id}</c>, on the tenant's own origin.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="recovery">The recovery.</param>
    public async Task<Uri> Operate(DbSession db, TenantId tenant, RecoveryId recovery) =>
        new(OriginOf(await applications.FindDefault(db, tenant)), $"/operate/recoveries/{recovery}");

    /// <summary>The page on which the person confirms that a recovery is theirs; the token goes into its fragment.</summary>
    /// <param name="application">The application; null when it is gone.</param>
    public Uri Confirm(Application? application) => new(OriginOf(application), "/recover/confirm");

    /// <summary>What people know an application as: its name, or the host of its pages as long as nobody gave it one.</summary>
    /// <param name="application">The application; null when it is gone.</param>
    public string NameOf(Application? application) =>
        application is null or { IsDefault: true, Name: "Default" } ? OriginOf(application).Host : application.Name;

    /// <summary>The origin that links of an application begin with.</summary>
    /// <param name="application">The application; null when it is gone.</param>
    public Uri OriginOf(Application? application) => application switch
    {
        { LinkHosts: [var host, ..] } => new Uri($"https://{host}"),
        { Origins: [var first, ..] } => first,
        _ => options.Origin,
    };
}
