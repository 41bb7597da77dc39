using Sparekey.Engine.Access;

namespace Sparekey.Engine.Applications;

/// <summary>Finds the application whose look a page has: the tenant's own.</summary>
public sealed class ReadBranding
{
    private readonly Acts _acts;
    private readonly ApplicationStore _applications;

    internal ReadBranding(Acts acts, ApplicationStore applications)
    {
        _acts = acts;
        _applications = applications;
    }

    /// <summary>The application.</summary>
    /// <param name="visitor">Whose page it is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Application> Run(Visitor visitor, CancellationToken cancellationToken) =>
        _acts.Read(db => _applications.Default(db, visitor.Tenant), cancellationToken);
}
