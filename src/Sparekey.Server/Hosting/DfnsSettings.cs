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
        KeepCredentials = Flag(settings, "KEEP_CREDENTIALS", usual: false),
    };

    private static bool Flag(IConfiguration settings, string name, bool usual) => settings[$"DFNS:{name}"] switch
    {
        null => usual,
        "true" => true,
        "false" => false,
        _ => throw new SettingsException($"SPAREKEY_DFNS__{name}: true or false."),
    };
}
