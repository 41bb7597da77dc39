using Sparekey.Core.Secrets;
using Sparekey.Engine.Delivery;

namespace Sparekey.Server.Hosting;

/// <summary>Reads the settings of text messages and calls: <c>SPAREKEY_PHONE__URL</c> and those beside it.</summary>
internal static class PhoneSettings
{
    /// <summary>Reads them.</summary>
    /// <param name="settings">All settings.</param>
    /// <returns>Who is called, or null when no URL is set: telephones are not reached.</returns>
    /// <exception cref="SettingsException">A setting says something impossible.</exception>
    public static PhoneOptions? Read(IConfiguration settings)
    {
        var url = settings["PHONE:URL"]?.Trim();
        if (string.IsNullOrEmpty(url))
        {
            return null;
        }

        if (!Uri.TryCreate(url, UriKind.Absolute, out var where) || where.Scheme is not ("https" or "http")
            || where.UserInfo.Length > 0 || where.Fragment.Length > 0)
        {
            throw new SettingsException("SPAREKEY_PHONE__URL must be an address like https://sms.example.com/send.");
        }

        var (token, secret) = (settings["PHONE:TOKEN"], settings["PHONE:SECRET"]);
        if (string.IsNullOrEmpty(token) && string.IsNullOrEmpty(secret))
        {
            throw new SettingsException("SPAREKEY_PHONE__TOKEN or SPAREKEY_PHONE__SECRET: whoever sends codes must know who asks.");
        }

        if (!string.IsNullOrEmpty(secret) && !PhoneOptions.IsKey(secret))
        {
            throw new SettingsException("SPAREKEY_PHONE__SECRET: whsec_ and the base64 of 24 bytes or more.");
        }

        if (token?.Any(c => c is <= ' ' or >= (char)127) == true)
        {
            throw new SettingsException("SPAREKEY_PHONE__TOKEN: letters, digits and signs without spaces.");
        }

        return new PhoneOptions(where)
        {
            Token = string.IsNullOrEmpty(token) ? null : new SecretText(token),
            Secret = string.IsNullOrEmpty(secret) ? null : new SecretText(secret),
            Calls = settings["PHONE:CALLS"] switch
            {
                null or "false" => false,
                "true" => true,
                _ => throw new SettingsException("SPAREKEY_PHONE__CALLS: true or false."),
            },
        };
    }
}
