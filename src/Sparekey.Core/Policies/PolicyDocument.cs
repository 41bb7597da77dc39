namespace Sparekey.Core.Policies;

/// <summary>
/// A tenant's policy as people write it and as <c>GET/PUT /v1/policy</c> carries it. <see cref="Policy.From"/> checks it.
/// </summary>
/// <param name="Roles">Roles from lowest to highest.</param>
/// <param name="OpenFor">How long a recovery stays open, for example <c>72h</c>; null for the default.</param>
/// <param name="Rules">The rules. Every one that matches adds its demands; none loosens another.</param>
/// <param name="Velocity">How many recoveries there may be in how long; null for no limits.</param>
/// <param name="Changes">What it takes to change the policy; null where one writer is enough.</param>
public sealed record PolicyDocument(
    IReadOnlyList<string> Roles, string? OpenFor, IReadOnlyList<RuleDocument> Rules, IReadOnlyList<VelocityDocument>? Velocity = null,
    ChangesDocument? Changes = null);

/// <summary>A limit of velocity. Requests of people for themselves are neither counted nor limited.</summary>
/// <param name="Name">Its name, in refusals and in the ledger.</param>
/// <param name="Per">What is counted: <c>token</c>, <c>operator</c>, <c>group</c> or <c>target</c>.</param>
/// <param name="Count">So many are within the limit, 1 to 10000.</param>
/// <param name="Within">In this time, 30 days at most: <c>1h</c>.</param>
/// <param name="Then">What happens beyond it: <c>approval</c>, one more than the rules demand; or <c>refuse</c>. Null for <c>approval</c>.</param>
/// <param name="Groups">With <c>group</c>: only these groups; null for every one.</param>
public sealed record VelocityDocument(
    string Name, string Per, int Count, string Within, string? Then = null, IReadOnlyList<string>? Groups = null);

/// <summary>What it takes to change the policy.</summary>
/// <param name="Approvals">So many other people with <c>policy:write</c> agree, 1 to 20.</param>
/// <param name="OpenFor">How long a proposed change waits for them, 30 days at most; null for 72 hours.</param>
public sealed record ChangesDocument(int Approvals, string? OpenFor = null);

/// <summary>One rule.</summary>
/// <param name="Name">Its name, shown wherever the rule has an effect.</param>
/// <param name="When">When it applies; null for always.</param>
/// <param name="Require">What it demands; a rule without it is refused.</param>
public sealed record RuleDocument(string Name, ConditionDocument? When = null, DemandDocument? Require = null);

/// <summary>When a rule applies: every member that is present must hold.</summary>
/// <param name="Means">The means is one of these.</param>
/// <param name="Channels">The channel is one of these.</param>
/// <param name="AboveLowestRole">The account's role is above the lowest.</param>
/// <param name="AboveRole">The account's role is above this one.</param>
/// <param name="Roles">The account's role is one of these.</param>
/// <param name="Kinds">The account's kind is one of these.</param>
/// <param name="Groups">The account is in one of these groups.</param>
/// <param name="Applications">The application is one of these ids.</param>
/// <param name="Requesters">The requester's kind is one of these.</param>
/// <param name="RequesterIds">The requester, or the owner of the requesting programme, is one of these principals.</param>
/// <param name="Networks">It was asked for from an address within one of these networks (<c>10.0.0.0/8</c>).</param>
/// <param name="OutsideNetworks">It was asked for from an address in none of these networks, or from nobody knows where.</param>
/// <param name="Hours">It is asked for, or issued, within these hours.</param>
/// <param name="Risks">The caller named one of these signs of risk.</param>
/// <param name="RiskScore">The caller gave a score of at least this, 0 to 100, or none: silence is not a low risk.</param>
/// <param name="RecoveriesLately">So many recoveries of the account were opened before this one.</param>
public sealed record ConditionDocument(
    IReadOnlyList<string>? Means = null,
    IReadOnlyList<string>? Channels = null,
    bool? AboveLowestRole = null,
    string? AboveRole = null,
    IReadOnlyList<string>? Roles = null,
    IReadOnlyList<string>? Kinds = null,
    IReadOnlyList<string>? Groups = null,
    IReadOnlyList<string>? Applications = null,
    IReadOnlyList<string>? Requesters = null,
    IReadOnlyList<string>? RequesterIds = null,
    IReadOnlyList<string>? Networks = null,
    IReadOnlyList<string>? OutsideNetworks = null,
    HoursDocument? Hours = null,
    IReadOnlyList<string>? Risks = null,
    int? RiskScore = null,
    LatelyDocument? RecoveriesLately = null);

/// <summary>Hours of the week. Hours that pass midnight belong to the day on which they begin.</summary>
/// <param name="From">When they begin, <c>18:00</c>.</param>
/// <param name="To">When they end, <c>08:00</c>; the same as the beginning for a whole day.</param>
/// <param name="Days">On which days, <c>mon</c> to <c>sun</c>; null for every day.</param>
/// <param name="Zone">The time zone by its IANA name, <c>Europe/Berlin</c>; null for UTC.</param>
public sealed record HoursDocument(string From, string To, IReadOnlyList<string>? Days = null, string? Zone = null);

/// <summary>How often within how long.</summary>
/// <param name="Count">So often or more, 1 to 100.</param>
/// <param name="Within">Within this time, at most 90 days: <c>30d</c>.</param>
public sealed record LatelyDocument(int Count, string Within);

/// <summary>What a rule demands.</summary>
/// <param name="Reason">A reason is written down.</param>
/// <param name="ReasonCodes">The reason's code is one of these.</param>
/// <param name="Ticket">A ticket is named.</param>
/// <param name="TicketPattern">The ticket matches this expression as a whole.</param>
/// <param name="Confirmation">The person confirms.</param>
/// <param name="ConfirmationOrEvidence">The person confirms, or somebody saw evidence of any kind.</param>
/// <param name="Approvals">So many other people agree.</param>
/// <param name="Evidence">Evidence of each of these kinds.</param>
/// <param name="Wait">So much time passes first, for example <c>24h</c>.</param>
/// <param name="MaxLifetime">A secret lives no longer than this.</param>
/// <param name="Refuse">It is not done at all.</param>
/// <param name="Means">It is done by one of these means, or not at all.</param>
/// <param name="ConfirmationOver">The person confirms over one of these channels: <c>session</c>, <c>page</c>, <c>slack</c>, or a name of the team's own.</param>
/// <param name="ApprovalsFrom">So many other people of one of these groups agree.</param>
/// <param name="ApprovalFromAnotherGroup">One of those who agree is in a group, and in none of the requester's.</param>
/// <param name="ApprovalByManager">One of those who agree is the manager of the person.</param>
/// <param name="SecondProof">
/// The person proves themselves in a second, different way: <c>always</c>, or <c>below_account</c> where the recovery alone would reach a
/// lower assurance level than the account has (SP 800-63B-4 §4.2.2).
/// </param>
/// <param name="ApprovalsSigned">Who agrees signs it with a passkey; one does where nothing else asks for more.</param>
/// <param name="Notify">Who else is told of it, beside the person.</param>
/// <param name="Split">The secret is in two halves: one goes the usual way, the other by mail to an address that does not carry the first.</param>
public sealed record DemandDocument(
    bool? Reason = null,
    IReadOnlyList<string>? ReasonCodes = null,
    bool? Ticket = null,
    string? TicketPattern = null,
    bool? Confirmation = null,
    bool? ConfirmationOrEvidence = null,
    int? Approvals = null,
    IReadOnlyList<string>? Evidence = null,
    string? Wait = null,
    string? MaxLifetime = null,
    bool? Refuse = null,
    IReadOnlyList<string>? Means = null,
    IReadOnlyList<string>? ConfirmationOver = null,
    IReadOnlyList<ApproversDocument>? ApprovalsFrom = null,
    bool? ApprovalFromAnotherGroup = null,
    bool? ApprovalByManager = null,
    string? SecondProof = null,
    bool? ApprovalsSigned = null,
    NotifyDocument? Notify = null,
    bool? Split = null);

/// <summary>So many people of some groups.</summary>
/// <param name="Count">How many, 1 to 20.</param>
/// <param name="Groups">Of one of these groups.</param>
public sealed record ApproversDocument(int Count, IReadOnlyList<string> Groups);

/// <summary>Who is told of somebody else's recovery: when it is opened, issued, completed and cancelled.</summary>
/// <param name="Groups">The people of these groups; the first 50 of them.</param>
/// <param name="Addresses">These e-mail addresses.</param>
public sealed record NotifyDocument(IReadOnlyList<string>? Groups = null, IReadOnlyList<string>? Addresses = null);
