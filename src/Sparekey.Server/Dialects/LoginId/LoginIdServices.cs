namespace Sparekey.Server.Dialects.LoginId;

/// <summary>Registers the doors for LoginID's clients.</summary>
internal static class LoginIdServices
{
    /// <summary>Registers what the doors need.</summary>
    /// <param name="services">The services.</param>
    /// <param name="options">Their settings.</param>
    public static IServiceCollection AddLoginId(this IServiceCollection services, LoginIdOptions options) => services
        .AddSingleton(options)
        .AddSingleton<ClientGate>()
        .AddSingleton<PasskeySignIn>()
        .AddSingleton<IdToken>()
        .AddSingleton<AnswerWriter>();
}
