namespace Sparekey.Core.Policies;

/// <summary>
/// A tenant's policy as people write it and as <c>GET/PUT /v1/policy</c> carries it. <see cref="Policy.From"/> checks it.
/// </summary>
/// <param name="Roles">Roles from lowest to highest.</param>
/// <param name="OpenFor">How long a recovery stays open, for example <c>72h</c>; null for the default.</param>
/// <param name="Rules">The rules. Every one that matches adds its demands; none loosens another.</param>
public sealed record PolicyDocument(IReadOnlyList<string> Roles, string? OpenFor, IReadOnlyList<RuleDocument> Rules);

/// <summary>One rule.</summary>
/// <param name="Name">Its name, shown wherever the rule has an effect.</param>
/// <param name="When">When it applies; null for always.</param>
/// <param name="Require">What it demands.</param>
public sealed record RuleDocument(string Name, ConditionDocument? When, DemandDocument Require);

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
public sealed record ConditionDocument(
    IReadOnlyList<string>? Means = null,
    IReadOnlyList<string>? Channels = null,
    bool? AboveLowestRole = null,
    string? AboveRole = null,
    IReadOnlyList<string>? Roles = null,
    IReadOnlyList<string>? Kinds = null,
    IReadOnlyList<string>? Groups = null,
    IReadOnlyList<string>? Applications = null,
    IReadOnlyList<string>? Requesters = null);

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
    bool? Refuse = null);
