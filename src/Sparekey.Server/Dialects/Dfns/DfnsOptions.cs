using Sparekey.Core.Recoveries;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>How the doors for Dfns's clients are set.</summary>
internal sealed record DfnsOptions
{
    /// <summary>Whether they are open.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Whether a stranger is told that a name is nobody's, as the vendor does.</summary>
    public bool RevealUnknown { get; init; }

    /// <summary>What becomes of the person's other passkeys when a recovery completes.</summary>
    public OldPasskeys OldPasskeys { get; init; }

    /// <summary>What ends with a recovery; the recovery key that was used ends in any case.</summary>
    public IReadOnlyList<Revocation> Revoke => OldPasskeys switch
    {
        OldPasskeys.Archive => [.. Always, Revocation.Passkeys],
        OldPasskeys.Suspend => [.. Always, Revocation.PasskeysForNow],
        OldPasskeys.Keep => [Revocation.Sessions],
    };

    private static readonly Revocation[] Always =
        [Revocation.Sessions, Revocation.Passwords, Revocation.Keys, Revocation.RecoveryKeys, Revocation.RecoveryCodes];
}

/// <summary>What becomes of passkeys.</summary>
internal enum OldPasskeys
{
    /// <summary>They end, as the vendor has it.</summary>
    Archive,

    /// <summary>They rest, until their person makes them active again.</summary>
    Suspend,

    /// <summary>They stay, and with them every other credential.</summary>
    Keep,
}
