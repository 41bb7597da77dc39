using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;

namespace Sparekey.Core.Recoveries;

/// <summary>What policy and the state machine know of the account at this moment.</summary>
/// <param name="Id">The account.</param>
/// <param name="Version">Its version.</param>
/// <param name="Role">Its role.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Status">Whether it may be used.</param>
/// <param name="Groups">Its groups.</param>
public sealed record AccountFacts(
    AccountId Id, int Version, string Role, AccountKind Kind, AccountStatus Status, ImmutableArray<string> Groups)
{
    /// <summary>Who is responsible for the person.</summary>
    public AccountId? Manager { get; init; }

    /// <summary>The highest level that the account's credentials reach.</summary>
    public AssuranceLevel Level { get; init; }

    /// <summary>When recoveries of the account were opened in the last 90 days, the one that is decided on not among them.</summary>
    public ImmutableArray<DateTimeOffset> Opened { get; init; } = [];

    /// <summary>Why a recovery of the account takes more approvals now than the rules demand.</summary>
    public ImmutableArray<Tightening> Tightenings { get; init; } = [];

    /// <summary>What a recovery of the account, asked for by this requester, counts against limits of velocity.</summary>
    public ImmutableArray<LimitUse> Uses { get; init; } = [];

    /// <summary>How many recoveries were opened since a time.</summary>
    /// <param name="since">The time.</param>
    public int OpenedSince(DateTimeOffset since) => Opened.Count(at => at >= since);

    /// <summary>The facts of an account, as far as it tells them itself.</summary>
    /// <param name="account">The account.</param>
    public static AccountFacts Of(Account account) =>
        new(account.Id, account.Version, account.Role, account.Kind, account.Status, account.Groups) { Manager = account.Manager };
}

/// <summary>A second way in which a person proves themselves, beside the recovery's own means.</summary>
public enum ProofMethod
{
    /// <summary>A recovery code that they had saved.</summary>
    SavedCode,

    /// <summary>A passkey or key that is still bound to the account.</summary>
    BoundAuthenticator,

    /// <summary>The account's password, which the person themselves had chosen.</summary>
    Password,
}

/// <summary>What a try to redeem knew.</summary>
public enum TryOrigin
{
    /// <summary>Only the account's name: a stranger could have sent it, so it voids nothing before the hundredth.</summary>
    Account,

    /// <summary>The recovery's or flow's own handle, or a service token.</summary>
    Handle,
}

/// <summary>Everything that can be asked of a recovery. The set is closed: a nested record per command.</summary>
public abstract record RecoveryCommand
{
    private RecoveryCommand()
    {
    }

    /// <summary>Opens a recovery.</summary>
    /// <param name="Id">The new id.</param>
    /// <param name="Tenant">The tenant.</param>
    /// <param name="Request">What is asked for.</param>
    /// <param name="By">Who asks.</param>
    /// <param name="Account">The account as it is now.</param>
    /// <param name="Extra">Requirements the caller asks for beyond policy.</param>
    public sealed record Open(
        RecoveryId Id, TenantId Tenant, RecoveryRequest Request, Principal By, AccountFacts Account, ImmutableArray<Requirement> Extra)
        : RecoveryCommand
    {
        /// <summary>From which network address it is asked for; null when nobody knows.</summary>
        public string? Source { get; init; }
    }

    /// <summary>Writes the reason down, or another one. Decisions on the older digest fall.</summary>
    /// <param name="By">Who.</param>
    /// <param name="Reason">The reason.</param>
    public sealed record AddReason(Principal By, Reason Reason) : RecoveryCommand
    {
        /// <summary>Whether it is written for a person who asked where no reason can be given: on another server.</summary>
        public bool ForPerson { get; init; }
    }

    /// <summary>The person says that it is them who asks.</summary>
    /// <param name="By">The person, or who witnessed it.</param>
    /// <param name="Digest">What they saw.</param>
    public sealed record Confirm(Principal By, string Digest) : RecoveryCommand
    {
        /// <summary>Over which channel they said so; null when nobody names one.</summary>
        public string? Over { get; init; }

        /// <summary>What is said beside it, and whether a passkey signed it.</summary>
        public DecisionNote Note { get; init; } = DecisionNote.None;
    }

    /// <summary>The person proves themselves in a second, different way.</summary>
    /// <param name="By">The person.</param>
    /// <param name="Method">How.</param>
    public sealed record Prove(Principal By, ProofMethod Method) : RecoveryCommand;

    /// <summary>Somebody saw proof of who the person is.</summary>
    /// <param name="By">Who saw it.</param>
    /// <param name="Digest">What they saw of the request.</param>
    /// <param name="Kind">The kind of evidence.</param>
    public sealed record GiveEvidence(Principal By, string Digest, string Kind) : RecoveryCommand
    {
        /// <summary>What is said beside it, and whether a passkey signed it.</summary>
        public DecisionNote Note { get; init; } = DecisionNote.None;
    }

    /// <summary>Authorises a secret that was made ahead of time.</summary>
    /// <param name="By">Who.</param>
    public sealed record Authorize(Principal By) : RecoveryCommand;

    /// <summary>Somebody who was asked agrees.</summary>
    /// <param name="By">Who.</param>
    /// <param name="Digest">What they saw.</param>
    /// <param name="RecoveredAt">When this principal's own account, or its owner's, was last recovered.</param>
    public sealed record Approve(Principal By, string Digest, DateTimeOffset? RecoveredAt) : RecoveryCommand
    {
        /// <summary>The groups of the person who agrees.</summary>
        public ImmutableArray<string> Groups { get; init; } = [];

        /// <summary>The groups of the person who asked.</summary>
        public ImmutableArray<string> RequesterGroups { get; init; } = [];

        /// <summary>Who is the manager of the person whose account it is.</summary>
        public AccountId? ManagerOfTarget { get; init; }

        /// <summary>The person who made the one who agrees an operator: a principal's id, a programme's owner; null where nobody did.</summary>
        public string? GrantedBy { get; init; }

        /// <summary>What is said beside it, and whether a passkey signed it.</summary>
        public DecisionNote Note { get; init; } = DecisionNote.None;
    }

    /// <summary>Somebody who was asked says no.</summary>
    /// <param name="By">Who.</param>
    /// <param name="Digest">What they saw.</param>
    public sealed record Deny(Principal By, string Digest) : RecoveryCommand
    {
        /// <summary>What is said beside it, and whether a passkey signed it.</summary>
        public DecisionNote Note { get; init; } = DecisionNote.None;
    }

    /// <summary>Makes the next generation of the secret.</summary>
    /// <param name="By">Who.</param>
    /// <param name="Account">The account as it is now.</param>
    /// <param name="Ahead">Whether it may be made, unusable, while requirements are open.</param>
    public sealed record Issue(Principal By, AccountFacts Account, bool Ahead = false) : RecoveryCommand;

    /// <summary>Somebody presents a secret.</summary>
    /// <param name="Matches">Whether it is the secret of the live generation.</param>
    /// <param name="Origin">What the try knew.</param>
    /// <param name="Redemption">The id of the redemption it would open.</param>
    public sealed record Redeem(bool Matches, TryOrigin Origin, RedemptionId Redemption) : RecoveryCommand;

    /// <summary>A credential is bound under a redemption.</summary>
    /// <param name="Redemption">The redemption.</param>
    /// <param name="Account">The account as it is now.</param>
    /// <param name="ByRecoveryKey">Whether the person's recovery key signed what is bound.</param>
    /// <param name="IntoSession">Whether a session is opened instead, in which the person sets a credential within its short time.</param>
    public sealed record Complete(
        RedemptionId Redemption, AccountFacts Account, bool ByRecoveryKey = false, bool IntoSession = false) : RecoveryCommand;

    /// <summary>A means that ends in no redemption (escrow) reaches its end.</summary>
    /// <param name="By">Who.</param>
    /// <param name="Account">The account as it is now.</param>
    public sealed record CompleteDirectly(Principal By, AccountFacts Account) : RecoveryCommand;

    /// <summary>
    /// Names the key that the person's device made, where an escrow recovery was opened before there was one: once. Decisions on the
    /// older digest fall.
    /// </summary>
    /// <param name="By">The person, or Sparekey for what their device sent.</param>
    /// <param name="Fingerprint">The key's fingerprint: 40 upper-case hexadecimal digits.</param>
    public sealed record BindKey(Principal By, string Fingerprint) : RecoveryCommand;

    /// <summary>Ends it.</summary>
    /// <param name="By">Who.</param>
    /// <param name="Why">Why, for the ledger.</param>
    public sealed record Cancel(Principal By, string? Why = null) : RecoveryCommand;

    /// <summary>Time passed.</summary>
    public sealed record Tick : RecoveryCommand;
}
