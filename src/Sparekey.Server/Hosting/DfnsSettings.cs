using Sparekey.Core;
using Sparekey.Server.Dialects.Dfns;

namespace Sparekey.Server.Hosting;

/// <summary>Reads the settings of the doors for Dfns's clients, <c>SPAREKEY_DFNS__…</c>.</summary>
internal static class DfnsSettings
{
    /// <summary>Reads them.</summary>
    /// <param name="settings">All settings.</param>
    /// <exception cref="SettingsException">One says something impossible.</exception>
    public static DfnsOptions Read(IConfiguration settings) => new()
    {
        Enabled = Flag(settings, "ENABLED", usual: true),
        RevealUnknown = Flag(settings, "REVEAL_UNKNOWN", usual: false),
        OldPasskeys = settings["DFNS:OLD_PASSKEYS"] is not { } text ? OldPasskeys.Archive
            : WireName.TryParse<OldPasskeys>(text, out var known) ? known
            : throw new SettingsException($"SPAREKEY_DFNS__OLD_PASSKEYS: one of {string.Join(", ", WireName.All<OldPasskeys>())}."),
    };

    private static bool Flag(IConfiguration settings, string name, bool usual) => settings[$"DFNS:{name}"] switch
    {
        null => usual,
        "true" => true,
        "false" => false,
        _ => throw new SettingsException($"SPAREKEY_DFNS__{name}: true or false."),
    };
}
