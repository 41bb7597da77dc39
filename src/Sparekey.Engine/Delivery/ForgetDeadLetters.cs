using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;

namespace Sparekey.Engine.Delivery;

/// <summary>What messages of a deleted account said is gone, also of those that never left.</summary>
internal sealed class ForgetDeadLetters : IAccountDeletionStep
{
    /// <inheritdoc/>
    public Task Run(Act act, Caller caller, Account account) => act.Db.Execute(
        "UPDATE dead_letters SET sealed = NULL WHERE tenant_id = @tenant AND account_id = @account",
        new { tenant = act.Tenant.ToString(), account = account.Id.ToString() });
}
