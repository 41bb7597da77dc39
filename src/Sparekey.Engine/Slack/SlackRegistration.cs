using Microsoft.Extensions.DependencyInjection;

namespace Sparekey.Engine.Slack;

/// <summary>Registers what asks people in Slack.</summary>
internal static class SlackRegistration
{
    /// <summary>Registers it.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddSlack(this IServiceCollection services) => services
        .AddSingleton<SlackAppStore>()
        .AddSingleton<SlackMessageStore>()
        .AddSingleton<SlackPressStore>()
        .AddSingleton<SlackClient>()
        .AddSingleton<SlackPeople>()
        .AddSingleton<SlackQuestions>()
        .AddSingleton<AnswerSlackPress>()
        .AddUseCase<ManageSlack>()
        .AddUseCase<ReceiveSlackPress>()
        .AddUseCase<TellSlack>();
}
