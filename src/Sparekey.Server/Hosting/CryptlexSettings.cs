using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Server.Dialects.Cryptlex;

namespace Sparekey.Server.Hosting;

/// <summary>Reads the settings of the doors for Cryptlex's clients, <c>SPAREKEY_CRYPTLEX__…</c>.</summary>
internal static class CryptlexSettings
{
    /// <summary>Reads them.</summary>
    /// <param name="settings">All settings.</param>
    /// <exception cref="SettingsException">One says something impossible.</exception>
    public static CryptlexOptions Read(IConfiguration settings) => new()
    {
        Enabled = settings["CRYPTLEX:ENABLED"] switch
        {
            null or "true" => true,
            "false" => false,
            _ => throw new SettingsException("SPAREKEY_CRYPTLEX__ENABLED: true or false."),
        },
        TokenLifetime = Lifetime(settings["CRYPTLEX:TOKEN_LIFETIME"]),
        Roles = Roles(settings["CRYPTLEX:ROLES"]),
    };

    private static TimeSpan Lifetime(string? text)
    {
        var longest = RecoveryLimits.LongestLifetime(Channel.Return);
        return text is null ? RecoveryLimits.DefaultLifetime(Channel.Return)
            : Duration.TryParse(text, out var lifetime) && lifetime >= TimeSpan.FromMinutes(1) && lifetime <= longest ? lifetime
            : throw new SettingsException($"SPAREKEY_CRYPTLEX__TOKEN_LIFETIME: a duration from 1m to {Duration.Format(longest)}.");
    }

    private static Dictionary<string, string> Roles(string? text)
    {
        var roles = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (pair.Split('=', StringSplitOptions.TrimEntries) is not [{ Length: > 0 } name, { Length: > 0 } role]
                || name == RoleNames.User || !roles.TryAdd(name, role))
            {
                throw new SettingsException(
                    "SPAREKEY_CRYPTLEX__ROLES: pairs like organization-admin=operator,admin=admin, each name once, without user, which is the lowest role.");
            }
        }

        return roles;
    }
}
