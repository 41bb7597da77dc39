using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Applications;

/// <summary>What a page shows of the application that it belongs to.</summary>
/// <param name="Name">What people know it as.</param>
/// <param name="Branding">How it looks.</param>
/// <param name="Home">Where a person goes on afterwards; null when the application says nothing.</param>
public sealed record PageBrand(string Name, Branding Branding, Uri? Home)
{
    /// <summary>Who asks for passkeys on it; null where there are none.</summary>
    public RelyingParty? Party { get; init; }
}

/// <summary>Finds the look of a page.</summary>
public sealed class ReadBranding
{
    private readonly Acts _acts;
    private readonly ApplicationStore _applications;
    private readonly RecoveryPages _pages;

    internal ReadBranding(Acts acts, ApplicationStore applications, RecoveryPages pages)
    {
        _acts = acts;
        _applications = applications;
        _pages = pages;
    }

    /// <summary>The look of a page.</summary>
    /// <param name="visitor">Whose page it is.</param>
    /// <param name="application">The application of the recovery; null as long as there is none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>That of the application, else of the one whose host it was asked from, else of the tenant's default one.</returns>
    public async Task<PageBrand> Run(Visitor visitor, ApplicationId? application, CancellationToken cancellationToken)
    {
        var shown = await _acts.Read(
            async db => (application is { } id ? await _applications.Find(db, visitor.Tenant, id) : null)
                ?? await _applications.OfHost(db, visitor.Tenant, visitor.Host),
            cancellationToken);
        return new PageBrand(_pages.NameOf(shown), shown.Branding, shown.ReturnUrls.Count > 0 ? shown.ReturnUrls[0] : null)
        {
            Party = RelyingParty.Of(shown),
        };
    }
}
