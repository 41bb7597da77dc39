namespace Sparekey.Core.Accounts;

/// <summary>What an account can prove itself with.</summary>
public enum CredentialKind
{
    /// <summary>A password, stored as a slow hash; an account has one at most.</summary>
    Password,

    /// <summary>A passkey (WebAuthn).</summary>
    Passkey,

    /// <summary>A key that signs.</summary>
    Key,

    /// <summary>A key the person keeps offline, which authorises a new credential.</summary>
    RecoveryKey,

    /// <summary>Saved recovery codes.</summary>
    RecoveryCodes,

    /// <summary>An account at another provider (OpenID Connect).</summary>
    ExternalLogin,

    /// <summary>A secret that the organisation's recovery key can release.</summary>
    Escrow,
}
