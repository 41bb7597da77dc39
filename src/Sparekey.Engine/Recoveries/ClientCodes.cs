using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>A code of a recovery, with its recovery.</summary>
/// <param name="Stored">The code.</param>
/// <param name="Recovery">The recovery.</param>
internal sealed record ClientCode(StoredSecret Stored, Recovery Recovery);

/// <summary>The codes of recoveries that applications of one group have for an account, by their form.</summary>
/// <param name="store">The recoveries.</param>
/// <param name="applications">Knows groups.</param>
/// <param name="secrets">Compares.</param>
internal sealed class ClientCodes(RecoveryStore store, ApplicationStore applications, RecoverySecrets secrets)
{
    /// <summary>The codes that are there; some may be expired or not usable yet.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    /// <param name="group">The group.</param>
    /// <param name="format">Their form.</param>
    public async Task<IReadOnlyList<ClientCode>> Of(DbSession db, TenantId tenant, Account account, string group, CodeFormat format)
    {
        var ofGroup = (await applications.List(db, tenant)).Where(a => a.Group == group).Select(a => a.Id).ToHashSet();
        var found = new List<ClientCode>();
        foreach (var stored in await store.CodesOf(db, tenant, account.Id))
        {
            if (await store.Find(db, tenant, stored.Recovery) is { Request.Means: Means.Code } recovery
                && recovery.Request.CodeFormat == format && ofGroup.Contains(recovery.Request.Application))
            {
                found.Add(new ClientCode(stored, recovery));
            }
        }

        return found;
    }

    /// <summary>The code among some that a text is.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="codes">The codes.</param>
    /// <param name="normal">The text in the form to compare.</param>
    public ClientCode? Match(TenantId tenant, IReadOnlyList<ClientCode> codes, string normal)
    {
        if (codes.Count == 0)
        {
            secrets.Matches(tenant, null, normal);
        }

        return codes.FirstOrDefault(c => secrets.Matches(tenant, c.Stored, normal));
    }
}
