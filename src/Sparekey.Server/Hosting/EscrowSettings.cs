using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Storage;

namespace Sparekey.Server.Hosting;

/// <summary>
/// Reads the settings of escrow, <c>SPAREKEY_ESCROW__…</c>: whose organisation keys the server holds, which notices operators do not
/// get, and what is a matter of choice.
/// </summary>
internal static class EscrowSettings
{
    /// <summary>Reads whose keys the server holds.</summary>
    /// <param name="settings">All settings.</param>
    /// <returns>The files by tenant: <c>__KEY_FILE</c> for <c>default</c>, <c>__TENANTS__NAME__KEY_FILE</c> for others.</returns>
    /// <exception cref="SettingsException">A setting says something impossible.</exception>
    public static EscrowKeyOptions Keys(IConfiguration settings)
    {
        var escrow = settings.GetSection("ESCROW");
        var tenants = new Dictionary<TenantId, EscrowKeyFiles>();
        if (Files(escrow, "SPAREKEY_ESCROW") is { } own)
        {
            tenants[TenantId.Default] = own;
        }

        foreach (var section in escrow.GetSection("TENANTS").GetChildren())
        {
            var name = section.Key.ToLowerInvariant();
            if (!TenantId.TryParse(name, out var tenant) || tenants.ContainsKey(tenant))
            {
                throw new SettingsException($"SPAREKEY_ESCROW__TENANTS__{section.Key}: no name of a tenant, or named twice.");
            }

            if (Files(section, $"SPAREKEY_ESCROW__TENANTS__{section.Key}") is { } files)
            {
                tenants[tenant] = files;
            }
        }

        return new EscrowKeyOptions(tenants);
    }

    /// <summary>Reads which notices operators do not get: <c>SPAREKEY_ESCROW__MAILS_OFF</c>, names with commas between.</summary>
    /// <param name="settings">All settings.</param>
    /// <exception cref="SettingsException">There is no such notice.</exception>
    public static EscrowMailOptions Mails(IConfiguration settings) => new(
        (settings["ESCROW:MAILS_OFF"] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(name => WireName.TryParse<EscrowNews>(name, out var news)
                ? news
                : throw new SettingsException(
                    $"SPAREKEY_ESCROW__MAILS_OFF: {name} is none of {string.Join(", ", WireName.All<EscrowNews>())}."))
            .ToHashSet());

    /// <summary>Reads what is a matter of choice: <c>SPAREKEY_ESCROW__UNDO_HOURS</c>, <c>__ACCEPT_UNHASHED_REVOCATION_ISSUER</c>.</summary>
    /// <param name="settings">All settings.</param>
    /// <exception cref="SettingsException">A setting says something impossible.</exception>
    public static EscrowOptions Rules(IConfiguration settings)
    {
        var escrow = settings.GetSection("ESCROW");
        var rules = new EscrowOptions();
        if (escrow["UNDO_HOURS"] is { Length: > 0 } hours)
        {
            rules = int.TryParse(hours, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= 8760
                ? rules with { UndoFor = TimeSpan.FromHours(number) }
                : throw new SettingsException("SPAREKEY_ESCROW__UNDO_HOURS is a number from 1 to 8760.");
        }

        return escrow["ACCEPT_UNHASHED_REVOCATION_ISSUER"] switch
        {
            null or "" => rules,
            var text when bool.TryParse(text, out var accept) => rules with { AcceptUnhashedRevocationIssuer = accept },
            _ => throw new SettingsException("SPAREKEY_ESCROW__ACCEPT_UNHASHED_REVOCATION_ISSUER is true or false."),
        };
    }

    private static EscrowKeyFiles? Files(IConfigurationSection section, string prefix)
    {
        var (key, passphrase) = (File(section, "KEY_FILE"), File(section, "PASSPHRASE_FILE"));
        var (reviewer, reviewerPassphrase) = (File(section, "REVIEWER_KEY_FILE"), File(section, "REVIEWER_PASSPHRASE_FILE"));
        if (key is null)
        {
            return (passphrase ?? reviewer ?? reviewerPassphrase) is null
                ? null
                : throw new SettingsException($"{prefix}__KEY_FILE is missing, to which the others belong.");
        }

        return reviewerPassphrase is not null && reviewer is null
            ? throw new SettingsException($"{prefix}__REVIEWER_KEY_FILE is missing, to which the passphrase belongs.")
            : new EscrowKeyFiles(key, passphrase) { ReviewerKey = reviewer, ReviewerPassphrase = reviewerPassphrase };
    }

    private static string? File(IConfigurationSection section, string name) => SecretFile.PathOf(section[name]);
}
