using Sparekey.Core.Recoveries;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>How the doors for Dfns's clients are set.</summary>
internal sealed record DfnsOptions
{
    /// <summary>Whether they are open.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Whether a stranger is told that a name is nobody's, as the vendor does.</summary>
    public bool RevealUnknown { get; init; }

    /// <summary>Whether a recovery leaves the person's other credentials as they are.</summary>
    public bool KeepCredentials { get; init; }

    /// <summary>What ends with a recovery.</summary>
    public IReadOnlyList<Revocation> Revoke => KeepCredentials
        ? [Revocation.Sessions]
        : [Revocation.Sessions, Revocation.Passwords, Revocation.Passkeys, Revocation.Keys, Revocation.RecoveryKeys, Revocation.RecoveryCodes];
}
