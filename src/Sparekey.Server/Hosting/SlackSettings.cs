using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Slack;

namespace Sparekey.Server.Hosting;

/// <summary>
/// Reads the settings of Slack, <c>SPAREKEY_SLACK__…</c>: the app of the tenant <c>default</c>, put in force with every start. Other
/// tenants' apps, and those that nobody set here, are the API's.
/// </summary>
internal static class SlackSettings
{
    /// <summary>Reads them.</summary>
    /// <param name="settings">All settings.</param>
    /// <returns>What the app shall be; null when no bot token is set.</returns>
    /// <exception cref="SettingsException">A setting says something impossible.</exception>
    public static SlackOrder? Read(IConfiguration settings)
    {
        var (token, secret) = (settings["SLACK:BOT_TOKEN"], settings["SLACK:SIGNING_SECRET"]);
        if (string.IsNullOrEmpty(token) != string.IsNullOrEmpty(secret))
        {
            throw new SettingsException("SPAREKEY_SLACK__BOT_TOKEN and SPAREKEY_SLACK__SIGNING_SECRET belong together.");
        }

        return string.IsNullOrEmpty(token) ? null : new SlackOrder
        {
            BaseUrl = settings["SLACK:BASE_URL"],
            BotToken = new SecretText(token),
            SigningSecret = new SecretText(secret!),
            Channel = settings["SLACK:CHANNEL"],
            ApproverGroup = settings["SLACK:APPROVER_GROUP"],
            ApproveInChat = settings["SLACK:APPROVE_IN_CHAT"] switch
            {
                null => null,
                "true" => true,
                "false" => false,
                _ => throw new SettingsException("SPAREKEY_SLACK__APPROVE_IN_CHAT: true or false."),
            },
        };
    }

    /// <summary>Puts them in force.</summary>
    /// <param name="services">The engine's.</param>
    /// <param name="order">What the app shall be.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="SettingsException">A setting says something impossible.</exception>
    public static async Task Apply(IServiceProvider services, SlackOrder order, CancellationToken cancellationToken)
    {
        var visitor = new Visitor(TenantId.Default, "local", "start");
        var local = (await services.GetRequiredService<Authentication>().LocalOperator(visitor, cancellationToken)).Value;
        if ((await services.GetRequiredService<ManageSlack>().Put(local, order, cancellationToken)).Refusal is { } refusal)
        {
            throw new SettingsException(string.Join(
                ' ', refusal.Faults.Select(f => $"SPAREKEY_SLACK__{f.Pointer.TrimStart('/').ToUpperInvariant()}: {f.Detail}")
                    .DefaultIfEmpty($"SPAREKEY_SLACK: {WireName.Of(refusal.Code)}")));
        }
    }
}
