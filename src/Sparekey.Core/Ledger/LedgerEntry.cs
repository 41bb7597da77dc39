using System.Security.Cryptography;
using System.Text;
using Sparekey.Core.Access;

namespace Sparekey.Core.Ledger;

/// <summary>Everything the ledger records. The wire name of a member is what the entry holds; members are never renamed.</summary>
public enum LedgerEvent
{
    TenantCreated,
    IdentitySchemaSet,
    PolicyChanged,
    PolicyChangeProposed,
    PolicyChangeApproved,
    PolicyChangeDenied,
    RecoveriesStopped,
    RecoveriesResumed,
    VelocityExceeded,
    KeysRotated,
    ApplicationCreated,
    ApplicationChanged,
    ApplicationDeleted,
    AccountCreated,
    AccountChanged,
    AccountDeleted,
    AddressAdded,
    AddressChanged,
    AddressRemoved,
    AddressConfirmed,
    CredentialAdded,
    CredentialRenamed,
    CredentialStateChanged,
    CredentialRevoked,
    PasswordChanged,
    ServiceAccountCreated,
    ServiceAccountDeleted,
    TokenCreated,
    TokenRevoked,
    OperatorChanged,
    OperatorRemoved,
    SessionOpened,
    SessionDelegated,
    SessionEnded,
    SignInRefused,
    SignInCodeIssued,
    SignInCodeAuthorized,
    SignInCodesEnded,
    RecoveryRequested,
    RecoveryOpened,
    RecoveryReasonAdded,
    RecoveryKeyBound,
    RecoveryRequirementMet,
    RecoveryReady,
    RecoveryDecisionVoided,
    RecoveryRequirementsRaised,
    RecoveryDenied,
    RecoveryIssued,
    RecoveryRedeemed,
    RecoveryTryRefused,
    RecoveryLocked,
    RecoveryCompleted,
    RecoveryCancelled,
    RecoveryExpired,
    RecoveryRepudiated,
    IncidentOpened,
    IncidentClosed,
    AccountFrozen,
    AccountLiftAsked,
    AccountLiftDenied,
    AccountUnfrozen,
    ReminderSent,
    RecoveryCodeSpent,
    RecoveryCodeReplaced,
    MessageSent,
    MessageUndeliverable,
    MailTextChanged,
    MailTextRemoved,
    MailSettingsChanged,
    MailTestSent,
    MessageRetried,
    WebhookCreated,
    WebhookChanged,
    WebhookSecretRotated,
    WebhookDeleted,
    WebhookGone,
    SlackChanged,
    SlackRemoved,
    EscrowTokenSent,
    EscrowRequestRead,
    EscrowRequestGuessed,
    EscrowAnswerHeld,
    EscrowAnswerRefused,
    EscrowFetched,
    EscrowFinished,
    EscrowAborted,
    EscrowTakenBack,
    EscrowPolicyChanged,
    EscrowDisableUndone,
    EscrowTruncated,
    EscrowEnrolled,
    EscrowDeclined,
    EscrowWithdrawn,
    EscrowRotationStarted,
    EscrowRotated,
    EscrowRotationCancelled,
    EscrowPasswordsRead,
    EscrowDrillStarted,
    EscrowDrillPassed,
    EscrowDrillFailed,
    PersonKeySet,
    OpenpgpServerChanged,
    CompanionAlarmRaised,
    CompanionAlarmEnded,
    CompanionRequestRefused,
    CompanionAnswerTold,
    CompanionServerTrusted,
    Refused,
}

/// <summary>
/// One ledger entry before it is written. Facts are ids, closed names and numbers and stay readable for ever; texts are
/// personal (addresses, reasons, sources) and stand in the entry as salted commitments only, so that dropping a text and its
/// salt erases it without breaking the record.
/// </summary>
/// <param name="Event">What happened.</param>
/// <param name="Actor">Who did it; never null (an anonymous person is <see cref="Principal.Anonymous"/>).</param>
/// <param name="Account">Whom it concerns.</param>
/// <param name="Recovery">Which recovery it belongs to.</param>
public sealed record LedgerEntry(LedgerEvent Event, Principal Actor, AccountId? Account = null, RecoveryId? Recovery = null)
{
    /// <summary>Facts: string, bool, int, long, lists of strings.</summary>
    public IReadOnlyDictionary<string, object?> Facts { get; init; } = new Dictionary<string, object?>(StringComparer.Ordinal);

    /// <summary>Personal texts by name.</summary>
    public IReadOnlyDictionary<string, string> Texts { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// The entry's canonical bytes: what is stored, hashed and, later, put under a Merkle tree (RFC 6962 leaf input).
    /// </summary>
    /// <param name="id">The entry's id.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="at">When it happened, to the millisecond.</param>
    /// <param name="salts">For every text 16 random bytes.</param>
    public byte[] Canonical(EntryId id, TenantId tenant, DateTimeOffset at, IReadOnlyDictionary<string, byte[]> salts)
    {
        var members = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["v"] = 1,
            ["id"] = id.ToString(),
            ["tenant"] = tenant.ToString(),
            ["at"] = at.ToUnixTimeMilliseconds(),
            ["event"] = WireName.Of(Event),
            ["actor"] = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["kind"] = WireName.Of(Actor.Kind),
                ["id"] = Actor.Id,
                ["owner"] = Actor.OwnerId,
            },
            ["account"] = Account?.ToString(),
            ["recovery"] = Recovery?.ToString(),
            ["facts"] = Facts,
            ["texts"] = Texts.ToDictionary(t => t.Key, t => (object?)Commitment(salts[t.Key], t.Value), StringComparer.Ordinal),
        };
        return CanonicalJson.Write(members);
    }

    /// <summary>What stands for a personal text: SHA-256 over salt and text, in hexadecimal.</summary>
    /// <param name="salt">16 random bytes, kept beside the text.</param>
    /// <param name="text">The text.</param>
    public static string Commitment(byte[] salt, string text) =>
        Convert.ToHexStringLower(SHA256.HashData([.. salt, .. Encoding.UTF8.GetBytes(text)]));

    /// <summary>The leaf hash of RFC 6962 §2.1 over canonical bytes.</summary>
    /// <param name="canonical">The entry's canonical bytes.</param>
    public static byte[] LeafHash(byte[] canonical) => SHA256.HashData([0, .. canonical]);
}
