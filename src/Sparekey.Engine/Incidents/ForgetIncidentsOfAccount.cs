using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Incidents;

/// <summary>Forgets what people wrote about incidents and freezings of an account that is deleted, and ends the tokens of its notices.</summary>
/// <param name="incidents">The incidents.</param>
/// <param name="freezes">The freezings.</param>
/// <param name="tokens">The tokens.</param>
internal sealed class ForgetIncidentsOfAccount(IncidentStore incidents, FreezeStore freezes, RepudiationTokens tokens) : IAccountDeletionStep
{
    /// <inheritdoc/>
    public async Task Run(Act act, Caller caller, Account account)
    {
        await incidents.Forget(act, account.Id);
        await freezes.Forget(act, account.Id);
        await tokens.DeleteAll(act, account.Id);
    }
}
