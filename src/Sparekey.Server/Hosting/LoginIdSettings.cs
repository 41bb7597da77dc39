using Sparekey.Core;
using Sparekey.Server.Dialects.LoginId;

namespace Sparekey.Server.Hosting;

/// <summary>Reads the settings of the doors for LoginID's clients, <c>SPAREKEY_LOGINID__…</c>.</summary>
internal static class LoginIdSettings
{
    /// <summary>Reads them.</summary>
    /// <param name="settings">All settings.</param>
    /// <exception cref="SettingsException">One says something impossible.</exception>
    public static LoginIdOptions Read(IConfiguration settings) => new()
    {
        Enabled = Flag(settings, "ENABLED", usual: true),
        RevealUnknown = Flag(settings, "REVEAL_UNKNOWN", usual: false),
        OldPasskeys = settings["LOGINID:OLD_PASSKEYS"] is not { } text ? OldPasskeys.Keep
            : WireName.TryParse<OldPasskeys>(text, out var known) ? known
            : throw new SettingsException($"SPAREKEY_LOGINID__OLD_PASSKEYS: one of {string.Join(", ", WireName.All<OldPasskeys>())}."),
    };

    private static bool Flag(IConfiguration settings, string name, bool usual) => settings[$"LOGINID:{name}"] switch
    {
        null => usual,
        "true" => true,
        "false" => false,
        _ => throw new SettingsException($"SPAREKEY_LOGINID__{name}: true or false."),
    };
}
