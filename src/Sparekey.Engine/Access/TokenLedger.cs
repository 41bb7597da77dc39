using Sparekey.Core.Ledger;

namespace Sparekey.Engine.Access;

/// <summary>What the ledger keeps of tokens.</summary>
internal static class TokenLedger
{
    /// <summary>Writes down that a token was made or revoked.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who did it.</param>
    /// <param name="happened">What happened.</param>
    /// <param name="token">The token.</param>
    public static Task Record(Act act, Caller caller, LedgerEvent happened, AccessToken token) =>
        act.Record(new LedgerEntry(happened, caller.Principal)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["token"] = token.Id.ToString(),
                ["service_account"] = token.ServiceAccount.ToString(),
                ["permissions"] = token.Permissions.Names().ToList(),
                ["ceiling"] = token.Ceiling,
                ["expires_at"] = token.ExpiresAt.ToUnixTimeMilliseconds(),
                ["correlation_id"] = caller.CorrelationId,
            },
            Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["source"] = caller.Source },
        });
}
