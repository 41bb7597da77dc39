using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Policies;

/// <summary>Reads a policy document and collects every fault, each with where it stands.</summary>
internal sealed class PolicyReader
{
    private const int MaxRules = 100;
    private const int MaxRoles = 32;
    private const int MaxNames = 100;

    private readonly List<FieldFault> _faults = [];

    public Result<Policy> Read(PolicyDocument document)
    {
        var roles = ReadRoles(document.Roles);
        var openFor = ReadSpan("/open_for", document.OpenFor) ?? RecoveryLimits.OpenFor;
        Check(openFor <= TimeSpan.FromDays(30), "/open_for", "A recovery stays open for 30 days at most.");
        Check(document.Rules is { Count: <= MaxRules }, "/rules", $"A list of at most {MaxRules} rules.");
        var rules = new List<PolicyRule>();
        for (var i = 0; roles is not null && document.Rules is { Count: <= MaxRules } && i < document.Rules.Count; i++)
        {
            rules.Add(ReadRule($"/rules/{i}", document.Rules[i], roles));
        }

        var names = rules.Select(r => r.Name).Where(n => n.Length > 0).ToList();
        Check(names.Distinct(StringComparer.Ordinal).Count() == names.Count, "/rules", "Every rule has its own name.");
        return _faults.Count == 0
            ? new Policy(document, roles!, openFor, [.. rules])
            : new Refusal(RefusalCode.PolicyInvalid, "The policy was not changed.") { Faults = _faults };
    }

    private RankOrder? ReadRoles(IReadOnlyList<string>? roles)
    {
        var good = roles is { Count: >= 1 and <= MaxRoles } && roles.All(IsName)
            && roles.Distinct(StringComparer.Ordinal).Count() == roles.Count;
        Check(good, "/roles", $"1 to {MaxRoles} different names, lowest first.");
        return good ? new RankOrder([.. roles!]) : null;
    }

    private PolicyRule ReadRule(string at, RuleDocument? rule, RankOrder ranks)
    {
        Check(IsName(rule?.Name), $"{at}/name", "1 to 64 letters, digits, hyphens, dots, colons and underscores.");
        Check(rule?.Require is not null, $"{at}/require", "What the rule demands.");
        if (rule?.Require is null || !IsName(rule.Name))
        {
            return new PolicyRule("");
        }

        var when = rule.When ?? new ConditionDocument();
        Check(when.AboveRole is null || when.AboveLowestRole is null, $"{at}/when/above_role", "Either above_role or above_lowest_role.");
        Check(when.AboveLowestRole is not false, $"{at}/when/above_lowest_role", "true, or leave it out.");
        Check(when.AboveRole is null || ranks.Knows(when.AboveRole), $"{at}/when/above_role", "One of the policy's roles.");
        return new PolicyRule(rule.Name)
        {
            Means = ReadSet<Means>($"{at}/when/means", when.Means),
            Channels = ReadSet<Channel>($"{at}/when/channels", when.Channels),
            AboveRole = when.AboveLowestRole is true ? ranks.Lowest : when.AboveRole,
            Roles = ReadNames($"{at}/when/roles", when.Roles),
            Kinds = ReadSet<AccountKind>($"{at}/when/kinds", when.Kinds),
            Groups = ReadNames($"{at}/when/groups", when.Groups),
            Applications = ReadIds($"{at}/when/applications", when.Applications),
            Requesters = ReadSet<PrincipalKind>($"{at}/when/requesters", when.Requesters),
            Requirements = ReadDemand($"{at}/require", rule.Require),
            Wait = ReadSpan($"{at}/require/wait", rule.Require.Wait),
            MaxLifetime = ReadSpan($"{at}/require/max_lifetime", rule.Require.MaxLifetime),
            Refuses = rule.Require.Refuse is true,
        };
    }

    private ImmutableArray<Requirement> ReadDemand(string at, DemandDocument demand)
    {
        var requirements = new List<Requirement>();
        var codes = ReadNames($"{at}/reason_codes", demand.ReasonCodes);
        if (demand.Reason is true || !codes.IsEmpty)
        {
            requirements.Add(new Requirement(RequirementKind.Reason) { ReasonCodes = [.. codes.Order(StringComparer.Ordinal)] });
        }

        if (demand.Ticket is true || demand.TicketPattern is not null)
        {
            Check(demand.TicketPattern is null || Requirement.IsTicketPattern(demand.TicketPattern), $"{at}/ticket_pattern", "A regular expression of at most 200 characters, without look-around and back-references.");
            requirements.Add(new Requirement(RequirementKind.Ticket) { TicketPattern = demand.TicketPattern });
        }

        if (demand.Confirmation is true || demand.ConfirmationOrEvidence is true)
        {
            requirements.Add(new Requirement(RequirementKind.Confirmation) { OrEvidence = demand.Confirmation is not true });
        }

        if (demand.Approvals is { } approvals)
        {
            Check(approvals is >= 1 and <= 20, $"{at}/approvals", "1 to 20.");
            requirements.Add(new Requirement(RequirementKind.Approvals) { Count = approvals });
        }

        Check(demand.Evidence?.Contains(Requirement.ByConfirmation) is not true, $"{at}/evidence", "A confirmation is no evidence.");
        requirements.AddRange(ReadNames($"{at}/evidence", demand.Evidence)
            .Select(kind => new Requirement(RequirementKind.Evidence) { EvidenceKind = kind }));
        return [.. requirements];
    }

    private ImmutableArray<TEnum> ReadSet<TEnum>(string at, IReadOnlyList<string>? names)
        where TEnum : struct, Enum
    {
        if (names is null)
        {
            return [];
        }

        var values = names.Where(n => WireName.TryParse<TEnum>(n, out _)).Select(WireName.Parse<TEnum>).ToImmutableArray();
        Check(values.Length == names.Count && names.Count > 0, at, $"One or more of: {string.Join(", ", WireName.All<TEnum>())}.");
        return values;
    }

    private ImmutableArray<string> ReadNames(string at, IReadOnlyList<string>? names)
    {
        if (names is null)
        {
            return [];
        }

        // An empty list would read as "always" where somebody meant "never".
        Check(names.Count is >= 1 and <= MaxNames && names.All(IsName), at, $"1 to {MaxNames} names.");
        return [.. names];
    }

    private ImmutableArray<ApplicationId> ReadIds(string at, IReadOnlyList<string>? ids)
    {
        if (ids is null)
        {
            return [];
        }

        var good = ids.Count is >= 1 and <= MaxNames && ids.All(i => Ids.TryParse<ApplicationId>(i, out _));
        Check(good, at, $"1 to {MaxNames} ids of applications.");
        return good ? [.. ids.Select(Ids.Parse<ApplicationId>)] : [];
    }

    private TimeSpan? ReadSpan(string at, string? text)
    {
        if (text is null)
        {
            return null;
        }

        var good = Duration.TryParse(text, out var span);
        Check(good && span <= TimeSpan.FromDays(365), at, "A whole number and s, m, h or d, for example 12h; a year at most.");
        return good ? span : null;
    }

    private static bool IsName(string? name) =>
        name is { Length: >= 1 and <= 64 } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or ':');

    private void Check(bool good, string pointer, string detail)
    {
        if (!good)
        {
            _faults.Add(new FieldFault(pointer, detail));
        }
    }
}
