using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Sparekey.Core.Access;

namespace Sparekey.Core.Recoveries;

/// <summary>What policy may demand before a secret is usable.</summary>
public enum RequirementKind
{
    /// <summary>A reason is written down.</summary>
    Reason,

    /// <summary>A ticket is named.</summary>
    Ticket,

    /// <summary>The person says that it is them who asks.</summary>
    Confirmation,

    /// <summary>Other people agree.</summary>
    Approvals,

    /// <summary>Somebody saw proof of who the person is.</summary>
    Evidence,

    /// <summary>Time passes, in which the person can say no.</summary>
    Wait,

    /// <summary>The caller that made the secret ahead of time authorises it.</summary>
    Authorization,

    /// <summary>The person proves themselves in a second, different way.</summary>
    SecondProof,

    /// <summary>The secret is in two halves that reach the person in two ways. It asks nobody for anything, so it is always met.</summary>
    SplitSecret,
}

/// <summary>Who met a requirement, how and when.</summary>
/// <param name="By">The principal.</param>
/// <param name="How">In one word: <c>reason</c>, <c>confirmation</c>, <c>approval</c>, the kind of evidence.</param>
/// <param name="At">When.</param>
public sealed record MetBy(Principal By, string How, DateTimeOffset At)
{
    /// <summary>For a confirmation: over which channel, where that was named.</summary>
    public string? Over { get; init; }

    /// <summary>The passkey that signed it; null where none did.</summary>
    public DecisionSignature? Signature { get; init; }
}

/// <summary>One demand of policy on one recovery. Requirements are a set: met in any order.</summary>
/// <param name="Kind">What is demanded.</param>
public sealed record Requirement(RequirementKind Kind)
{
    internal const string ByConfirmation = "confirmation";

    /// <summary>The kind of evidence that is a second proof: the person was proofed again as when they enrolled (SP 800-63B-4 §4.2.2.2).</summary>
    public const string RepeatedProofing = "repeated_proofing";

    /// <summary>For a reason: the codes that count; empty when every reason does.</summary>
    public ImmutableArray<string> ReasonCodes { get; init; } = [];

    /// <summary>For a ticket: the expression it must match as a whole; null when every ticket does.</summary>
    public string? TicketPattern { get; init; }

    /// <summary>For a confirmation: whether evidence of any kind may stand in for it.</summary>
    public bool OrEvidence { get; init; }

    /// <summary>For a confirmation: the channels over which it counts; empty when every one does.</summary>
    public ImmutableArray<string> Over { get; init; } = [];

    /// <summary>For evidence: its kind.</summary>
    public string? EvidenceKind { get; init; }

    /// <summary>For approvals: the groups of which one must be theirs who agree; empty when everybody counts.</summary>
    public ImmutableArray<string> FromGroups { get; init; } = [];

    /// <summary>For approvals: whether they count only from people of a group who share none with the requester.</summary>
    public bool FromAnotherGroup { get; init; }

    /// <summary>For approvals: whether only the manager of the person counts.</summary>
    public bool ByManager { get; init; }

    /// <summary>For approvals: whether everybody's counts who may approve at all.</summary>
    public bool IsByAnybody => FromGroups.IsEmpty && !FromAnotherGroup && !ByManager;

    /// <summary>For approvals: whether they count only where a passkey signed them.</summary>
    public bool Signed { get; init; }

    /// <summary>How many principals must meet it.</summary>
    public int Count { get; init; } = 1;

    /// <summary>For waiting: when it ends.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Who met it so far.</summary>
    public ImmutableArray<MetBy> Met { get; init; } = [];

    /// <summary>Whether people decide it: then it stands or falls with the digest they saw.</summary>
    public bool IsDecidedByPeople =>
        Kind is RequirementKind.Confirmation or RequirementKind.Approvals or RequirementKind.Evidence;

    /// <summary>Whether it is met.</summary>
    /// <param name="now">The time.</param>
    public bool IsMet(DateTimeOffset now) => Kind switch
    {
        RequirementKind.Wait => Until <= now,
        RequirementKind.SplitSecret => true,
        _ => Met.Length >= Count,
    };

    /// <summary>Whether two requirements are the same demand, of which only the stricter counts.</summary>
    /// <param name="other">The other.</param>
    public bool IsSameDemandAs(Requirement other) =>
        Kind == other.Kind && EvidenceKind == other.EvidenceKind && TicketPattern == other.TicketPattern
        && FromAnotherGroup == other.FromAnotherGroup && ByManager == other.ByManager
        && ReasonCodes.SequenceEqual(other.ReasonCodes, StringComparer.Ordinal)
        && Over.SequenceEqual(other.Over, StringComparer.Ordinal)
        && FromGroups.SequenceEqual(other.FromGroups, StringComparer.Ordinal);

    /// <summary>
    /// The stricter of two that are the same demand. Whoever met either is kept, unless it was evidence and only the person's
    /// own word counts now.
    /// </summary>
    /// <param name="other">The other.</param>
    public Requirement StricterOf(Requirement other)
    {
        var met = Met.Length >= other.Met.Length ? Met : other.Met;
        var orEvidence = OrEvidence && other.OrEvidence;
        var stricter = this with
        {
            Count = Math.Max(Count, other.Count),
            OrEvidence = orEvidence,
            Until = Until > other.Until || other.Until is null ? Until : other.Until,
            Met = Kind == RequirementKind.Confirmation && !orEvidence ? met.RemoveAll(m => m.How != ByConfirmation) : met,
        };
        return Signed || other.Signed ? stricter.OnlySigned() : stricter;
    }

    /// <summary>Whether an approval counts here.</summary>
    /// <param name="approval">Who agrees, and what is known of them.</param>
    public bool CountsApprovalOf(RecoveryCommand.Approve approval) =>
        Kind == RequirementKind.Approvals
        && (FromGroups.IsEmpty || FromGroups.Any(g => approval.Groups.Contains(g, StringComparer.Ordinal)))
        && (!FromAnotherGroup || (!approval.Groups.IsEmpty && !approval.Groups.Any(g => approval.RequesterGroups.Contains(g, StringComparer.Ordinal))))
        && (!ByManager || (approval.ManagerOfTarget is { } manager && approval.By.IsPersonOf(manager)))
        && (!Signed || approval.Note.Signature is not null);

    /// <summary>
    /// Whether a text can name a kind of evidence: 1 to 64 ASCII letters, digits, hyphens, dots, colons and underscores, and
    /// not the word that stands for the person's own confirmation.
    /// </summary>
    /// <param name="kind">The text.</param>
    public static bool IsEvidenceKind(string? kind) =>
        kind is { Length: >= 1 and <= 64 } && kind != ByConfirmation
        && kind.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or ':');

    /// <summary>Whether a reason or ticket requirement is met by a reason.</summary>
    /// <param name="reason">The reason.</param>
    public bool IsMetBy(Reason? reason) => Kind switch
    {
        RequirementKind.Reason => reason is not null && (ReasonCodes.IsEmpty
            ? !string.IsNullOrWhiteSpace(reason.Code) || !string.IsNullOrWhiteSpace(reason.Text)
            : reason.Code is not null && ReasonCodes.Contains(reason.Code, StringComparer.Ordinal)),
        RequirementKind.Ticket => !string.IsNullOrWhiteSpace(reason?.Ticket)
            && (TicketPattern is null || Matches(TicketPattern, reason.Ticket)),
        _ => false,
    };

    /// <summary>
    /// The union of two sets of demands: none is lost, and of two that are the same only the stricter counts.
    /// </summary>
    /// <param name="first">One set.</param>
    /// <param name="second">The other.</param>
    public static ImmutableArray<Requirement> Union(IEnumerable<Requirement> first, IEnumerable<Requirement> second)
    {
        var union = new List<Requirement>();
        foreach (var demand in first.Concat(second))
        {
            var at = union.FindIndex(demand.IsSameDemandAs);
            if (at < 0)
            {
                union.Add(demand);
            }
            else
            {
                union[at] = union[at].StricterOf(demand);
            }
        }

        // Where signatures are demanded of some who agree, they are of all: else who has no passkey would be counted beside.
        var signed = union.Exists(r => r is { Kind: RequirementKind.Approvals, Signed: true });
        return [.. union.Select(r => signed && r.Kind == RequirementKind.Approvals ? r.OnlySigned() : r).OrderBy(r => r.Kind)];
    }

    private Requirement OnlySigned() => this with { Signed = true, Met = Met.RemoveAll(m => m.Signature is null) };

    /// <summary>Whether an expression can be a ticket's pattern.</summary>
    /// <param name="pattern">The expression, at most 200 characters.</param>
    public static bool IsTicketPattern(string pattern)
    {
        if (pattern.Length is 0 or > 200)
        {
            return false;
        }

        try
        {
            // On its own first: "a)|(?:b" is whole only inside the brackets, and would escape them.
            _ = new Regex(pattern, PatternOptions);
            _ = new Regex(Whole(pattern), PatternOptions);
            return true;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return false;
        }
    }

    // NonBacktracking: a pattern comes from policy, the ticket from a caller; neither may burn the processor.
    private const RegexOptions PatternOptions = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;

    // \z, because $ also holds before a line break at the end.
    private static string Whole(string pattern) => $@"\A(?:{pattern})\z";

    private static bool Matches(string pattern, string ticket) => Regex.IsMatch(ticket, Whole(pattern), PatternOptions);
}
