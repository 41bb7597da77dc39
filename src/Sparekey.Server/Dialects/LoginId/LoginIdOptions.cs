using Sparekey.Core.Recoveries;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>What becomes of a user's passkeys when a recovery completes.</summary>
internal enum OldPasskeys
{
    /// <summary>They stay, as with the vendor: applications add devices the same way.</summary>
    Keep,

    /// <summary>They rest, and can be made active again.</summary>
    Suspend,

    /// <summary>They go for good.</summary>
    Revoke,
}

/// <summary>Settings of the doors for LoginID's clients.</summary>
internal sealed record LoginIdOptions
{
    /// <summary>Whether there are any.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Whether a stranger who names an unknown user is told so, as the vendor's service does.</summary>
    public bool RevealUnknown { get; init; }

    /// <summary>What becomes of a user's passkeys when a recovery completes.</summary>
    public OldPasskeys OldPasskeys { get; init; }

    /// <summary>What ends with a recovery of these doors.</summary>
    public IReadOnlyList<Revocation> Revoke => OldPasskeys switch
    {
        OldPasskeys.Keep => [Revocation.Sessions],
        OldPasskeys.Suspend => [Revocation.Sessions, Revocation.PasskeysForNow],
        OldPasskeys.Revoke => [Revocation.Sessions, Revocation.Passkeys],
    };
}
