using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>The settings of Slack and of telephones.</summary>
public sealed class ChannelSettingsTests
{
    private const string Key = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    [Fact]
    public void Reads_them()
    {
        var none = Read("{}");
        (none.Phone, none.Slack).ShouldBe((null, null));

        var all = Read(
            $$$"""
            {"phone":{"url":"https://sms.example.com/send?x=1","token":"hidden","secret":"{{{Key}}}","calls":"true"},
             "slack":{"bot_token":"xoxb-hidden","signing_secret":"hidden-secret","channel":"C1","approver_group":"desk","approve_in_chat":"true","base_url":"https://slack.example.com/api/"}}
            """);
        (all.Phone!.Url.Host, all.Phone.Token!.Reveal(), all.Phone.Secret!.Reveal(), all.Phone.Calls).ShouldBe(("sms.example.com", "hidden", Key, true));
        var slack = all.Slack.ShouldNotBeNull();
        (slack.BotToken!.Reveal(), slack.SigningSecret!.Reveal(), slack.Channel, slack.ApproverGroup, slack.ApproveInChat, slack.BaseUrl)
            .ShouldBe(("xoxb-hidden", "hidden-secret", "C1", "desk", true, "https://slack.example.com/api/"));
        (slack.ToString() + all.Phone).ShouldNotContain("hidden");

        var few = Read("""{"phone":{"url":"https://sms.example.com","token":"t"},"slack":{"bot_token":"xoxb-token","signing_secret":"a-secret"}}""");
        (few.Phone!.Calls, few.Phone.Secret, few.Slack!.ApproveInChat, few.Slack.BaseUrl).ShouldBe((false, null, null, null));
    }

    [Theory]
    [InlineData("""{"phone":{"url":"sms.example.com","token":"t"}}""", "SPAREKEY_PHONE__URL")]
    [InlineData("""{"phone":{"url":"ftp://sms.example.com","token":"t"}}""", "SPAREKEY_PHONE__URL")]
    [InlineData("""{"phone":{"url":"https://u:p@sms.example.com","token":"t"}}""", "SPAREKEY_PHONE__URL")]
    [InlineData("""{"phone":{"url":"https://sms.example.com"}}""", "SPAREKEY_PHONE__TOKEN")]
    [InlineData("""{"phone":{"url":"https://sms.example.com","token":"hidden\r\nX-Evil: 1"}}""", "SPAREKEY_PHONE__TOKEN")]
    [InlineData("""{"phone":{"url":"https://sms.example.com","secret":"whsec_hidden"}}""", "SPAREKEY_PHONE__SECRET")]
    [InlineData("""{"phone":{"url":"https://sms.example.com","token":"t","calls":"yes"}}""", "SPAREKEY_PHONE__CALLS")]
    [InlineData("""{"slack":{"bot_token":"hidden"}}""", "SPAREKEY_SLACK__SIGNING_SECRET")]
    [InlineData("""{"slack":{"signing_secret":"hidden"}}""", "SPAREKEY_SLACK__BOT_TOKEN")]
    [InlineData("""{"slack":{"bot_token":"hidden","signing_secret":"hidden","approve_in_chat":"perhaps"}}""", "SPAREKEY_SLACK__APPROVE_IN_CHAT")]
    public void Refuses_what_makes_no_sense_and_quotes_no_secret(string settings, string names)
    {
        var refused = Should.Throw<SettingsException>(() => Read(settings));
        refused.Message.ShouldContain(names);
        refused.Message.ShouldNotContain("hidden");
    }

    [Fact]
    public async Task A_start_puts_the_app_in_force_once_and_says_what_is_wrong_with_it()
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        try
        {
            var port = FreePort.Next();
            var options = new ServerOptions(folder, [$"http://127.0.0.1:{port}"])
            {
                Slack = Read("""{"slack":{"bot_token":"xoxb-the-token","signing_secret":"the-signing-secret","channel":"C1"}}""").Slack,
                Log = Microsoft.Extensions.Logging.Abstractions.NullLoggerProvider.Instance,
            };
            for (var start = 0; start < 2; start++)
            {
                await using var server = await SparekeyServer.Start(options, CancellationToken.None);
                var rows = await server.Installation.Database.Read(
                    db => db.Scalar<long>("SELECT version FROM slack_apps WHERE tenant_id = 'default' AND channel = 'C1'"), CancellationToken.None);
                rows.ShouldBe(1, "The second start changes nothing.");
            }

            var wrong = await Should.ThrowAsync<SettingsException>(() => SparekeyServer.Start(
                options with { Slack = options.Slack! with { BaseUrl = "http://10.0.0.1/" } }, CancellationToken.None));
            wrong.Message.ShouldStartWith("SPAREKEY_SLACK__BASE_URL: ");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ServerOptions Read(string json)
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "sparekey.json"), json);
            return ServerOptions.Read(folder, []);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
