namespace Sparekey.Server.Dialects.Dfns;

/// <summary>Puts the dialect together.</summary>
internal static class DfnsRegistration
{
    /// <summary>Registers what its doors need.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">How it is set.</param>
    public static void AddDfns(this IServiceCollection services, DfnsOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<DfnsTokens>();
        services.AddSingleton<DfnsGate>();
    }
}
