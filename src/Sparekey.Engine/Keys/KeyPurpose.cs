namespace Sparekey.Engine.Keys;

/// <summary>What a subkey of the key ring is for. A key made for one purpose is useless for every other.</summary>
public enum KeyPurpose
{
    /// <summary>Hashes of access tokens.</summary>
    AccessToken,

    /// <summary>Hashes of recovery links, codes and reset tokens.</summary>
    RecoverySecret,

    /// <summary>Hashes of saved recovery codes.</summary>
    SavedCode,

    /// <summary>Hashes of redemption tokens.</summary>
    Redemption,

    /// <summary>Hashes of session tokens.</summary>
    Session,

    /// <summary>Hashes of address confirmation codes.</summary>
    AddressConfirmation,

    /// <summary>Hashes and seals of ceremonies.</summary>
    Ceremony,

    /// <summary>Fingerprints of requests with an idempotency key.</summary>
    Idempotency,

    /// <summary>Hashes of identifiers and sources that throttling counts.</summary>
    Throttle,

    /// <summary>Seals of queued messages.</summary>
    Outbox,

    /// <summary>Seals of signing keys.</summary>
    SigningKey,

    /// <summary>Hashes of the tokens by which people say "this was not me".</summary>
    NotMe,

    /// <summary>Hashes of the tokens by which people say "this was me".</summary>
    Confirmation,

    /// <summary>What is shown for names that are nobody's.</summary>
    Decoy,

    /// <summary>Seals of the secrets that sign what webhooks are told.</summary>
    Webhook,

    /// <summary>Seals of the secrets of tenants' apps in Slack.</summary>
    Slack,

    /// <summary>Seals of tenants' own OpenPGP keys and of the keys that sign access tokens for their clients.</summary>
    OpenpgpServer,

    /// <summary>Seals of people's private keys in escrow, which their own secrets encrypt already.</summary>
    EscrowBlob,

    /// <summary>Seals of the messages that hold those secrets for the organisation's key.</summary>
    EscrowPassword,

    /// <summary>Seals and hashes of drills.</summary>
    EscrowDrill,

    /// <summary>Seals of answers to requests for escrowed keys.</summary>
    EscrowAnswer,

    /// <summary>Seals of what a request for an escrowed key needs again: its mailed token, what another server said.</summary>
    EscrowRequest,
}
