using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.ExternalLogins;

/// <summary>Shows a signed-in person with which providers they linked their account.</summary>
public sealed class OwnExternalLogins
{
    private readonly Acts _acts;
    private readonly ExternalLoginStore _logins;

    internal OwnExternalLogins(Acts acts, ExternalLoginStore logins) => (_acts, _logins) = (acts, logins);

    /// <summary>Lists them, oldest first.</summary>
    /// <param name="caller">Whose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<ExternalLogin>> Run(SessionCaller caller, CancellationToken cancellationToken) =>
        _acts.Read(db => _logins.List(db, caller.Tenant, caller.Session.Account), cancellationToken);
}
