using Sparekey.Core;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Passbolt;
using Sparekey.Engine.Storage;

namespace Sparekey.Server.Hosting;

/// <summary>Reads the settings of the companion of a Passbolt server, <c>SPAREKEY_PASSBOLT__COMPANION__…</c>.</summary>
internal static class CompanionSettings
{
    /// <summary>Reads them.</summary>
    /// <param name="settings">All settings.</param>
    /// <returns>The settings; null where no server is named.</returns>
    /// <exception cref="SettingsException">One says something impossible, or one that belongs to it is missing.</exception>
    public static CompanionOptions? Read(IConfiguration settings)
    {
        if (settings["PASSBOLT:COMPANION:SERVER"] is not { Length: > 0 } server)
        {
            return null;
        }

        var address = settings["PASSBOLT:COMPANION:ADDRESS"] is { Length: > 0 } other ? UrlOf("ADDRESS", other) : null;
        using var egress = new Egress(new EgressOptions
        {
            PrivateHosts = [.. (settings["EGRESS:PRIVATE_HOSTS"] ?? "").ToLowerInvariant()
                .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)],
        });
        if (!egress.MayCall(address ?? UrlOf("SERVER", server)))
        {
            throw Wrong(address is null ? "SERVER" : "ADDRESS", "without TLS, or by an address that is not public, it must stand in SPAREKEY_EGRESS__PRIVATE_HOSTS.");
        }

        var recoveryKey = File(settings, "RECOVERY_KEY_FILE");
        var recoveryPassphrase = File(settings, "RECOVERY_PASSPHRASE_FILE");
        if (recoveryPassphrase is not null && recoveryKey is null)
        {
            throw Wrong("RECOVERY_PASSPHRASE_FILE", "it belongs to RECOVERY_KEY_FILE, which is missing.");
        }

        return new CompanionOptions(
            UrlOf("SERVER", server), UserOf(settings), File(settings, "USER_KEY_FILE") ?? throw Wrong("USER_KEY_FILE", "the file of the user's private key is missing."),
            File(settings, "USER_PASSPHRASE_FILE") ?? throw Wrong("USER_PASSPHRASE_FILE", "the file of its passphrase is missing."))
        {
            Address = address,
            RecoveryKeyFile = recoveryKey,
            RecoveryPassphraseFile = recoveryPassphrase,
            TotpSecretFile = File(settings, "TOTP_SECRET_FILE"),
            Poll = TimeSpan.FromSeconds(ServerOptions.Number(settings, "PASSBOLT:COMPANION:POLL_SECONDS", 30, 1, 3600)),
            DomainAliases = [.. (settings["PASSBOLT:COMPANION:DOMAIN_ALIASES"] ?? "")
                .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)],
            Tenant = settings["PASSBOLT:COMPANION:TENANT"] is not { Length: > 0 } tenant ? TenantId.Default
                : TenantId.TryParse(tenant, out var id) ? id
                : throw Wrong("TENANT", $"{tenant} is no name of a tenant."),
        };
    }

    private static Uri UrlOf(string name, string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "https" or "http" && url.UserInfo.Length == 0
            && url.Query.Length == 0 && url.Fragment.Length == 0
            ? url
            : throw Wrong(name, "it is not a URL like https://passbolt.example.com.");

    private static Guid UserOf(IConfiguration settings) =>
        Guid.TryParseExact(settings["PASSBOLT:COMPANION:USER_ID"], "D", out var id)
            ? id
            : throw Wrong("USER_ID", "the id of the companion's user on that server, a UUID, is missing.");

    private static string? File(IConfiguration settings, string name) => SecretFile.PathOf(settings[$"PASSBOLT:COMPANION:{name}"]);

    private static SettingsException Wrong(string name, string why) => new($"SPAREKEY_PASSBOLT__COMPANION__{name}: {why}");
}
