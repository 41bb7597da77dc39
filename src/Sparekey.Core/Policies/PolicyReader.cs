using System.Collections.Immutable;
using System.Globalization;
using System.Net;
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
    private const int MostApprovals = 20;
    private const int MaxLimits = 20;
    private const string Approval = "approval";
    private const string Refuse = "refuse";
    private const string Always = "always";
    private const string BelowAccount = "below_account";

    /// <summary>How far back a rule may count recoveries.</summary>
    public static readonly TimeSpan FactsReachBack = TimeSpan.FromDays(90);

    private static readonly string[] DayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

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
        var limits = ReadLimits(document.Velocity);
        var changes = ReadChanges(document.Changes);
        return _faults.Count == 0
            ? new Policy(document, roles!, openFor, [.. rules]) { Velocity = limits, Changes = changes }
            : new Refusal(RefusalCode.PolicyInvalid, "The policy was not changed.") { Faults = _faults };
    }

    private ImmutableArray<VelocityLimit> ReadLimits(IReadOnlyList<VelocityDocument>? limits)
    {
        Check(limits is null or { Count: <= MaxLimits }, "/velocity", $"A list of at most {MaxLimits} limits.");
        var read = limits is { Count: <= MaxLimits } ? limits.Select((l, i) => ReadLimit($"/velocity/{i}", l)).ToList() : [];
        Check(read.Select(l => l.Name).Distinct(StringComparer.Ordinal).Count() == read.Count, "/velocity", "Every limit has its own name.");
        return [.. read];
    }

    private VelocityLimit ReadLimit(string at, VelocityDocument? limit)
    {
        Check(limit is not null, at, "A limit.");
        Check(IsName(limit?.Name), $"{at}/name", "1 to 64 letters, digits, hyphens, dots, colons and underscores.");
        Check(WireName.TryParse<VelocityScope>(limit?.Per, out var per), $"{at}/per", $"One of: {string.Join(", ", WireName.All<VelocityScope>())}.");
        Check(limit?.Count is >= 1 and <= VelocityLimit.Most, $"{at}/count", $"1 to {VelocityLimit.Most}.");
        var within = limit?.Within is { } text ? ReadSpan($"{at}/within", text) : null;
        Check(within > TimeSpan.Zero && within <= VelocityLimit.Longest, $"{at}/within", $"More than nothing, {Duration.Format(VelocityLimit.Longest)} at most.");
        Check(limit?.Then is null or Approval or Refuse, $"{at}/then", $"{Approval} or {Refuse}.");
        Check(limit?.Groups is null || per == VelocityScope.Group, $"{at}/groups", "Only with per: group.");
        return new VelocityLimit(limit?.Name ?? at, per, limit?.Count ?? 0, within ?? default, limit?.Then == Refuse)
        {
            Groups = ReadNames($"{at}/groups", limit?.Groups),
        };
    }

    private PolicyChangeRule? ReadChanges(ChangesDocument? changes)
    {
        if (changes is null)
        {
            return null;
        }

        var openFor = ReadSpan("/changes/open_for", changes.OpenFor) ?? PolicyChangeRule.UsualTime;
        Check(changes.Approvals is >= 1 and <= MostApprovals, "/changes/approvals", $"1 to {MostApprovals}.");
        Check(openFor > TimeSpan.Zero && openFor <= TimeSpan.FromDays(30), "/changes/open_for", "More than nothing, 30 days at most.");
        return new PolicyChangeRule(changes.Approvals, openFor);
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
            RequesterIds = ReadNames($"{at}/when/requester_ids", when.RequesterIds),
            Networks = ReadNetworks($"{at}/when/networks", when.Networks),
            OutsideNetworks = ReadNetworks($"{at}/when/outside_networks", when.OutsideNetworks),
            Hours = ReadHours($"{at}/when/hours", when.Hours),
            Risks = ReadNames($"{at}/when/risks", when.Risks),
            RiskScore = Checked(when.RiskScore, when.RiskScore is null or (>= 1 and <= 100), $"{at}/when/risk_score", "1 to 100."),
            RecoveriesLately = ReadLately($"{at}/when/recoveries_lately", when.RecoveriesLately),
            Requirements = ReadDemand($"{at}/require", rule.Require),
            Wait = ReadSpan($"{at}/require/wait", rule.Require.Wait),
            MaxLifetime = ReadSpan($"{at}/require/max_lifetime", rule.Require.MaxLifetime),
            OnlyMeans = ReadSet<Means>($"{at}/require/means", rule.Require.Means),
            ReachesAccountsLevel = rule.Require.SecondProof == BelowAccount,
            Refuses = rule.Require.Refuse is true,
            Watchers = ReadWatchers($"{at}/require/notify", rule.Require.Notify),
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

        if (ReadNames($"{at}/confirmation_over", demand.ConfirmationOver) is { IsEmpty: false } over)
        {
            requirements.Add(new Requirement(RequirementKind.Confirmation) { Over = [.. over.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)] });
        }

        requirements.AddRange(ReadApprovals(at, demand));
        Check(demand.SecondProof is null or Always or BelowAccount, $"{at}/second_proof", $"{Always} or {BelowAccount}.");
        if (demand.SecondProof == Always)
        {
            requirements.Add(new Requirement(RequirementKind.SecondProof));
        }

        if (demand.Split is true)
        {
            requirements.Add(new Requirement(RequirementKind.SplitSecret));
        }

        Check(demand.Evidence?.Contains(Requirement.ByConfirmation) is not true, $"{at}/evidence", "A confirmation is no evidence.");
        requirements.AddRange(ReadNames($"{at}/evidence", demand.Evidence)
            .Select(kind => new Requirement(RequirementKind.Evidence) { EvidenceKind = kind }));
        return [.. requirements];
    }

    private List<Requirement> ReadApprovals(string at, DemandDocument demand)
    {
        var requirements = new List<Requirement>();
        if (demand.Approvals is { } approvals)
        {
            Check(approvals is >= 1 and <= MostApprovals, $"{at}/approvals", $"1 to {MostApprovals}.");
            requirements.Add(new Requirement(RequirementKind.Approvals) { Count = approvals });
        }

        Check(demand.ApprovalsFrom is null or { Count: >= 1 and <= 10 }, $"{at}/approvals_from", "1 to 10 sets.");
        for (var i = 0; demand.ApprovalsFrom is { Count: <= 10 } sets && i < sets.Count; i++)
        {
            var groups = ReadNames($"{at}/approvals_from/{i}/groups", sets[i]?.Groups);
            var good = sets[i] is { Count: >= 1 and <= MostApprovals, Groups: not null };
            Check(good, $"{at}/approvals_from/{i}", $"A count of 1 to {MostApprovals}, and groups.");
            if (good)
            {
                requirements.Add(new Requirement(RequirementKind.Approvals)
                {
                    Count = sets[i].Count, FromGroups = [.. groups.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
                });
            }
        }

        if (demand.ApprovalFromAnotherGroup is true)
        {
            requirements.Add(new Requirement(RequirementKind.Approvals) { FromAnotherGroup = true });
        }

        if (demand.ApprovalByManager is true)
        {
            requirements.Add(new Requirement(RequirementKind.Approvals) { ByManager = true });
        }

        return demand.ApprovalsSigned is not true ? requirements
            : requirements.Count == 0 ? [new Requirement(RequirementKind.Approvals) { Signed = true }]
            : [.. requirements.Select(r => r with { Signed = true })];
    }

    private ImmutableArray<IPNetwork> ReadNetworks(string at, IReadOnlyList<string>? networks)
    {
        if (networks is null)
        {
            return [];
        }

        var good = networks.Count is >= 1 and <= MaxNames && networks.All(n => n is not null && n.Contains('/') && IPNetwork.TryParse(n, out _));
        Check(good, at, $"1 to {MaxNames} networks: 10.0.0.0/8, 2001:db8::/32.");
        return good ? [.. networks.Select(IPNetwork.Parse)] : [];
    }

    private WeeklyHours? ReadHours(string at, HoursDocument? hours)
    {
        if (hours is null)
        {
            return null;
        }

        var from = ReadTime($"{at}/from", hours.From);
        var to = ReadTime($"{at}/to", hours.To);
        var days = hours.Days?.Select(d => Array.IndexOf(DayNames, d)).ToList() ?? [.. Enumerable.Range(0, 7)];
        Check(days.Count is >= 1 and <= 7 && !days.Contains(-1), $"{at}/days", $"One or more of: {string.Join(", ", DayNames)}.");
        var known = TimeZoneInfo.TryFindSystemTimeZoneById(hours.Zone ?? "UTC", out var zone);
        Check(known, $"{at}/zone", "An IANA name of a time zone that this machine knows: Europe/Berlin.");
        return known ? new WeeklyHours([.. days.Where(d => d >= 0).Select(d => (DayOfWeek)d)], from, to, zone!) : null;
    }

    private TimeOnly ReadTime(string at, string? text)
    {
        var good = TimeOnly.TryParseExact(text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time);
        Check(good, at, "Hours and minutes: 18:00.");
        return time;
    }

    private (int Count, TimeSpan Within)? ReadLately(string at, LatelyDocument? lately)
    {
        if (lately is null)
        {
            return null;
        }

        var within = ReadSpan($"{at}/within", lately.Within);
        Check(lately.Count is >= 1 and <= 100, $"{at}/count", "1 to 100.");
        Check(within is not null && within <= FactsReachBack, $"{at}/within", $"At most {Duration.Format(FactsReachBack)}.");
        return (lately.Count, within ?? FactsReachBack);
    }

    private Watchers? ReadWatchers(string at, NotifyDocument? notify)
    {
        if (notify is null)
        {
            return null;
        }

        Check(notify is not { Groups: null, Addresses: null }, at, "Groups or addresses.");
        var good = notify.Addresses is null or { Count: >= 1 and <= MaxNames } && notify.Addresses?.All(a => a is not null && Identifier.IsEmail(a)) is not false;
        Check(good, $"{at}/addresses", $"1 to {MaxNames} e-mail addresses.");
        return new Watchers(ReadNames($"{at}/groups", notify.Groups), good ? [.. notify.Addresses ?? []] : []);
    }

    private T Checked<T>(T value, bool good, string pointer, string detail)
    {
        Check(good, pointer, detail);
        return value;
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

    /// <summary>Whether a text is a name: 1 to 64 ASCII letters, digits, hyphens, dots, colons and underscores.</summary>
    /// <param name="name">The text.</param>
    public static bool IsName(string? name) =>
        name is { Length: >= 1 and <= 64 } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or ':');

    private void Check(bool good, string pointer, string detail)
    {
        if (!good)
        {
            _faults.Add(new FieldFault(pointer, detail));
        }
    }
}
