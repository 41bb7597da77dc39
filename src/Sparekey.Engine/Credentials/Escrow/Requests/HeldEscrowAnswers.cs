using Sparekey.Core;
using Sparekey.Core.Access;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Knows answers that came before everything was met that policy demands.</summary>
/// <param name="requests">The requests.</param>
/// <param name="answers">Their answers.</param>
internal sealed class HeldEscrowAnswers(EscrowRequestStore requests, EscrowAnswerStore answers)
{
    /// <summary>Who gave the answer that a recovery holds back; null where there is none.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery.</param>
    public async Task<Principal?> Of(Act act, RecoveryId recovery) =>
        await requests.FindOf(act.Db, act.Tenant, recovery) is { } request
        && await answers.Find(act.Db, act.Tenant, request.Id) is { Answer: { IsHeld: true, IsApproved: true } } answer
            ? answer.By
            : null;
}
