using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>Invitations to make the first OpenPGP key of an account. Each stands under its hash and ends when it is used.</summary>
/// <param name="ceremonies">Where they stand.</param>
internal sealed class SetUpInvitations(CeremonyStore ceremonies)
{
    private const string Kind = "openpgp.setup";

    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(10);

    /// <summary>Makes one.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <returns>Its token, which is nowhere else.</returns>
    public async Task<SecretText> Begin(Act act, AccountId account)
    {
        var token = NewId.Make<EntryId>().ToString();
        await ceremonies.Begin(act, Kind, token, new Ceremony<bool>(account, null, State: true, 1), act.Now + Lifetime);
        return new SecretText(token);
    }

    /// <summary>Finds one.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose it should be.</param>
    /// <param name="token">Its token.</param>
    /// <param name="now">The time.</param>
    /// <returns>Its version; null where there is none.</returns>
    public async Task<int?> Find(DbSession db, TenantId tenant, AccountId account, string token, DateTimeOffset now) =>
        await ceremonies.Find<bool>(db, tenant, Kind, token, now) is { } found && found.Account == account ? found.Version : null;

    /// <summary>Ends one by using it. True exactly once.</summary>
    /// <param name="act">The act.</param>
    /// <param name="token">Its token.</param>
    /// <param name="version">The version that was found.</param>
    public Task<bool> Consume(Act act, string token, int version) => ceremonies.Consume(act, Kind, token, version);
}
