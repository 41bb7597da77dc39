namespace Sparekey.Core.Accounts;

/// <summary>Whether a credential proves anything.</summary>
public enum CredentialState
{
    /// <summary>It does.</summary>
    Active,

    /// <summary>It rests, and can be made active again.</summary>
    Suspended,

    /// <summary>Never again. What verified it is gone; its name stays, so that nobody takes it again.</summary>
    Revoked,
}
