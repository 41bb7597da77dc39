using Microsoft.Extensions.Configuration;
using Sparekey.Core;
using Sparekey.Server.Hosting;

namespace Sparekey.Server.Tests;

/// <summary>Whose organisation keys the server holds, as its settings say.</summary>
public sealed class EscrowSettingsTests
{
    [Fact]
    public void Reads_whose_keys_the_server_holds()
    {
        EscrowSettings.Keys(Of()).Tenants.ShouldBeEmpty();
        var keys = EscrowSettings.Keys(Of(
            ("KEY_FILE", "/k"), ("PASSPHRASE_FILE", "/p"), ("REVIEWER_KEY_FILE", "/rk"), ("REVIEWER_PASSPHRASE_FILE", "/rp"),
            ("TENANTS:OTHER:KEY_FILE", "/other"), ("TENANTS:EMPTY:KEY_FILE", ""))).Tenants;
        keys.Count.ShouldBe(2);
        var own = keys[TenantId.Default];
        (own.Key, own.Passphrase, own.ReviewerKey, own.ReviewerPassphrase).ShouldBe(("/k", "/p", "/rk", "/rp"));
        var other = keys[TenantId.Parse("other")];
        (other.Key, other.Passphrase, other.ReviewerKey).ShouldBe(("/other", null, null));
    }

    [Theory]
    [InlineData("SPAREKEY_ESCROW__KEY_FILE is missing", "PASSPHRASE_FILE")]
    [InlineData("SPAREKEY_ESCROW__KEY_FILE is missing", "REVIEWER_KEY_FILE")]
    [InlineData("SPAREKEY_ESCROW__REVIEWER_KEY_FILE is missing", "KEY_FILE", "REVIEWER_PASSPHRASE_FILE")]
    [InlineData("SPAREKEY_ESCROW__TENANTS__OTHER__KEY_FILE is missing", "TENANTS:OTHER:PASSPHRASE_FILE")]
    [InlineData("named twice", "KEY_FILE", "TENANTS:DEFAULT:KEY_FILE")]
    [InlineData("no name of a tenant", "TENANTS:No Tenant!:KEY_FILE")]
    public void Says_which_is_wrong(string said, params string[] names) =>
        Should.Throw<SettingsException>(() => EscrowSettings.Keys(Of([.. names.Select(n => (n, "/file"))]))).Message.ShouldContain(said);

    [Fact]
    public void A_name_without_a_slash_is_a_credential_where_there_is_one_of_that_name()
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-credentials-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "organisation"), "x");
            EscrowSettings.Keys(Of(("KEY_FILE", "organisation"))).Tenants[TenantId.Default].Key.ShouldBe("organisation");
            Environment.SetEnvironmentVariable("CREDENTIALS_DIRECTORY", folder);
            var keys = EscrowSettings.Keys(Of(("KEY_FILE", "organisation"), ("PASSPHRASE_FILE", "passphrase"), ("REVIEWER_KEY_FILE", "/organisation")));
            var own = keys.Tenants[TenantId.Default];
            (own.Key, own.Passphrase, own.ReviewerKey).ShouldBe((Path.Combine(folder, "organisation"), "passphrase", "/organisation"));
        }
        finally
        {
            Environment.SetEnvironmentVariable("CREDENTIALS_DIRECTORY", null);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IConfiguration Of(params (string Name, string Value)[] settings) => new ConfigurationBuilder()
        .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create("ESCROW:" + s.Name, (string?)s.Value))).Build();
}
