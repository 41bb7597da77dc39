using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Recoveries;

/// <summary>Writes a recovery that is opened and counts it against the limits of velocity, in one act. Nothing else writes a new one.</summary>
/// <param name="writer">Writes decisions.</param>
/// <param name="limits">The limits.</param>
internal sealed class RecoveryOpening(RecoveryWriter writer, VelocityLimits limits)
{
    /// <summary>Writes it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="command">What was decided on.</param>
    /// <param name="accepted">The decision.</param>
    /// <param name="visitor">Where the command came from.</param>
    public async Task<Recovery> Write(Act act, RecoveryCommand.Open command, Decision.Accepted accepted, Visitor visitor)
    {
        var recovery = await writer.Write(act, null, accepted, visitor);
        await limits.Count(act, command.Account.Uses, command.By, visitor, command.Request.Account, recovery.Id);
        return recovery;
    }

    /// <summary>Notes that it was refused because of a limit; other refusals are not noted here.</summary>
    /// <param name="act">The act.</param>
    /// <param name="command">What was decided on.</param>
    /// <param name="refusal">The refusal.</param>
    /// <param name="visitor">Where the command came from.</param>
    public Task Refused(Act act, RecoveryCommand.Open command, Refusal refusal, Visitor visitor) =>
        refusal.Code == RefusalCode.VelocityExceeded
            ? limits.Alarm(act, command.Account.Uses, command.By, visitor, command.Request.Account, recovery: null)
            : Task.CompletedTask;
}
