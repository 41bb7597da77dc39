using Sparekey.Server.Hosting;

namespace Sparekey.Server.Tests;

/// <summary>The settings of the companion of a Passbolt server.</summary>
public sealed class CompanionSettingsTests
{
    private const string Good = """
        "server":"https://passbolt.example.com/sub/","user_id":"1b6f6a2e-54f1-4c11-8c1d-0b4a5a1c7a10","user_key_file":"/k","user_passphrase_file":"/p"
        """;

    [Fact]
    public void Reads_them()
    {
        Read("{}").Companion.ShouldBeNull();
        var few = Read(Companion(Good)).Companion.ShouldNotBeNull();
        (few.Domain, few.UserId.ToString(), few.UserKeyFile, few.UserPassphraseFile, few.RecoveryKeyFile, few.Poll, few.Tenant.ToString()).ShouldBe(
            ("https://passbolt.example.com/sub", "1b6f6a2e-54f1-4c11-8c1d-0b4a5a1c7a10", "/k", "/p", null, TimeSpan.FromSeconds(30), "default"));
        var all = Read(Companion(
            Good + """
            ,"address":"http://10.0.0.7","recovery_key_file":"/rk","recovery_passphrase_file":"/rp","totp_secret_file":"/t",
            "poll_seconds":"60","domain_aliases":"https://a.example.com, https://b.example.com/x","tenant":"other"
            """,
            ""","egress":{"private_hosts":"10.0.0.7"}""")).Companion.ShouldNotBeNull();
        (all.RecoveryKeyFile, all.RecoveryPassphraseFile, all.TotpSecretFile, all.Poll, all.Tenant.ToString(), all.Address!.Host).ShouldBe(
            ("/rk", "/rp", "/t", TimeSpan.FromMinutes(1), "other", "10.0.0.7"));
        all.Domains.ShouldBe(["https://passbolt.example.com/sub", "https://a.example.com", "https://b.example.com/x"]);
    }

    [Theory]
    [InlineData(""" "server":"passbolt.example.com" """, "SERVER")]
    [InlineData(""" "server":"https://u:p@passbolt.example.com" """, "SERVER")]
    [InlineData(""" "server":"https://passbolt.example.com?x=1" """, "SERVER")]
    [InlineData(""" "server":"https://passbolt.example.com" """, "USER_ID")]
    [InlineData(""" "server":"https://passbolt.example.com","user_id":"me" """, "USER_ID")]
    [InlineData(""" "server":"https://passbolt.example.com","user_id":"1b6f6a2e-54f1-4c11-8c1d-0b4a5a1c7a10" """, "USER_KEY_FILE")]
    [InlineData(""" "server":"https://passbolt.example.com","user_id":"1b6f6a2e-54f1-4c11-8c1d-0b4a5a1c7a10","user_key_file":"/k" """, "USER_PASSPHRASE_FILE")]
    [InlineData(Good + ""","recovery_passphrase_file":"/p" """, "RECOVERY_PASSPHRASE_FILE")]
    [InlineData(Good + ""","poll_seconds":"0" """, "POLL_SECONDS")]
    [InlineData(Good + ""","tenant":"No Tenant!" """, "TENANT")]
    [InlineData(Good + ""","address":"file:///etc" """, "ADDRESS")]
    [InlineData(Good + ""","address":"https://10.0.0.7" """, "ADDRESS")]
    [InlineData(Good + ""","address":"http://passbolt.example.com" """, "ADDRESS")]
    [InlineData(""" "server":"http://passbolt.example.com","user_id":"1b6f6a2e-54f1-4c11-8c1d-0b4a5a1c7a10" """, "SERVER")]
    public void Says_which_is_wrong(string settings, string name) =>
        Should.Throw<SettingsException>(() => Read(Companion(settings))).Message
            .ShouldStartWith($"SPAREKEY_PASSBOLT__COMPANION__{name}:");

    private static string Companion(string settings, string more = "") => """{"passbolt":{"companion":{""" + settings + "}}" + more + "}";

    private static ServerOptions Read(string json)
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-settings-").FullName;
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
