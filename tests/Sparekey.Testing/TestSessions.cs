using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Engine;
using Sparekey.Engine.Sessions;

namespace Sparekey.Testing;

/// <summary>Sessions as other products' protocols have them, without what goes before them.</summary>
public static class TestSessions
{
    /// <summary>Opens one of our own, as signing in does.</summary>
    /// <param name="services">The server's services.</param>
    /// <param name="account">Whose.</param>
    /// <param name="amr">How they proved themselves.</param>
    /// <returns>Its token.</returns>
    public static async Task<string> SignIn(IServiceProvider services, AccountId account, params string[] amr)
    {
        var opened = await services.GetRequiredService<Acts>().Write(
            TenantId.Default, act => services.GetRequiredService<SessionStore>().Open(act, new NewSession(account, amr)), CancellationToken.None);
        return opened.Token.Reveal();
    }

    /// <summary>Opens one.</summary>
    /// <param name="services">The server's services.</param>
    /// <param name="account">Whose.</param>
    /// <param name="lifetime">How long it lasts.</param>
    /// <param name="restriction">What it may be used for; null for everything.</param>
    /// <param name="tenant">Which tenant's; null for the default one.</param>
    /// <returns>Its token.</returns>
    public static Task<string> Open(
        IServiceProvider services, AccountId account, TimeSpan lifetime, SessionRestriction? restriction = SessionRestriction.Recovery,
        TenantId? tenant = null) =>
        services.GetRequiredService<Acts>().Write(
            tenant ?? TenantId.Default,
            async act =>
            {
                var opened = await services.GetRequiredService<SessionStore>().Open(
                    act, new NewSession(account, ["code_recovery"]) { RestrictedTo = restriction, Lifetime = lifetime });
                return (await services.GetRequiredService<SessionAliases>().Mint(act, opened.Session.Id, "ory_st_")).Reveal();
            },
            CancellationToken.None);
}
