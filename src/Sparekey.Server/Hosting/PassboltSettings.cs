using Sparekey.Server.Dialects.Passbolt;

namespace Sparekey.Server.Hosting;

/// <summary>Reads the settings of the doors for Passbolt's clients, <c>SPAREKEY_PASSBOLT__…</c>.</summary>
internal static class PassboltSettings
{
    /// <summary>Reads them.</summary>
    /// <param name="settings">All settings.</param>
    /// <exception cref="SettingsException">One says something impossible.</exception>
    public static PassboltOptions Read(IConfiguration settings) => new()
    {
        Enabled = settings["PASSBOLT:ENABLED"] switch
        {
            null or "true" => true,
            "false" => false,
            _ => throw new SettingsException("SPAREKEY_PASSBOLT__ENABLED: true or false."),
        },
    };
}
