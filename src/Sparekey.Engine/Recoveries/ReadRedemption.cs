using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Recoveries;

/// <summary>Reads the live redemption of a token. Reading consumes nothing and prolongs nothing.</summary>
public sealed class ReadRedemption
{
    private readonly Acts _acts;
    private readonly Redemptions _redemptions;

    internal ReadRedemption(Acts acts, Redemptions redemptions)
    {
        _acts = acts;
        _redemptions = redemptions;
    }

    /// <summary>Reads.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The redemption's token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What the person may know, or <see cref="RefusalCode.RedemptionInvalid"/>.</returns>
    public Task<Result<RedemptionView>> Run(Visitor visitor, SecretText token, CancellationToken cancellationToken) =>
        _acts.Read<Result<RedemptionView>>(
            async db =>
            {
                var live = await _redemptions.Find(db, visitor.Tenant, token, _acts.Now);
                return live.Refusal is { } refusal ? refusal : await _redemptions.View(db, visitor.Tenant, live.Value);
            },
            cancellationToken);
}
