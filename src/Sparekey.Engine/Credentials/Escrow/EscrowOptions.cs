namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>What is a matter of choice about escrow.</summary>
public sealed record EscrowOptions
{
    /// <summary>
    /// Whether a revocation counts that names its issuer outside of what is signed: what widespread software makes. The revocation itself
    /// is verified in any case.
    /// </summary>
    public bool AcceptUnhashedRevocationIssuer { get; init; } = true;

    /// <summary>How long disabling can be undone.</summary>
    public TimeSpan UndoFor { get; init; } = TimeSpan.FromHours(72);
}
