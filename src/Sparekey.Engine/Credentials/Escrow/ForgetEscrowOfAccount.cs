using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>Deletes the escrow of an account that is deleted, in reach or parked, and its public keys.</summary>
/// <param name="escrows">Escrows.</param>
/// <param name="people">People's keys.</param>
/// <param name="ends">What others do when an escrow ends.</param>
internal sealed class ForgetEscrowOfAccount(EscrowStore escrows, PersonKeyStore people, IEnumerable<IEscrowEndStep> ends) : IAccountDeletionStep
{
    /// <inheritdoc/>
    public async Task Run(Act act, Caller caller, Account account)
    {
        foreach (var step in ends)
        {
            await step.Run(act, caller, caller.Principal, account.Id);
        }

        await escrows.DeleteAll(act, account.Id);
        await people.DeleteAll(act, account.Id);
    }
}
