using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Knows whose key is in escrow, here or on another server.</summary>
/// <param name="policies">Whether there is an escrow.</param>
/// <param name="enrolments">Who is enrolled.</param>
/// <param name="companions">Other servers.</param>
internal sealed class InEscrow(EscrowPolicyStore policies, EnrolmentStore enrolments, IEnumerable<ICompanionServer> companions)
{
    /// <summary>Whether a person's key can be given back to them.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">The person.</param>
    public async Task<bool> Holds(DbSession db, TenantId tenant, Account account)
    {
        foreach (var companion in companions)
        {
            if (await companion.Knows(db, tenant, account.Id))
            {
                return true;
            }
        }

        return (await policies.Current(db, tenant)).IsEnabled && await HoldsHere(db, tenant, account.Id);
    }

    /// <summary>Whether a person is enrolled here.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">The person.</param>
    public async Task<bool> HoldsHere(DbSession db, TenantId tenant, AccountId account) =>
        await enrolments.Find(db, tenant, account) is { Status: EnrolmentStatus.Approved };
}
