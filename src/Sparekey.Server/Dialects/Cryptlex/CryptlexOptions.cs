namespace Sparekey.Server.Dialects.Cryptlex;

/// <summary>How the doors for Cryptlex's clients are set.</summary>
internal sealed record CryptlexOptions
{
    /// <summary>Whether they are open.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>How long a reset token lives where the call does not say and policy's limit is not shorter.</summary>
    public TimeSpan TokenLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Which roles of the tenant the vendor's stand for. Its <c>user</c> is always the lowest one; a role that is neither named here nor
    /// the tenant's own stands for the highest.
    /// </summary>
    public IReadOnlyDictionary<string, string> Roles { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
