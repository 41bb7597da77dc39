using Sparekey.Core.Access;
using Sparekey.Core.Policies;

namespace Sparekey.Core.Tests.Policies;

/// <summary>A good policy, one thing changed, and the pointer to it in the refusal.</summary>
public sealed class PolicyReaderTests
{
    private static readonly PolicyDocument Good = new(RankOrder.Default.Roles, "72h", [Rule()]);
    private static readonly string[] TooMany = [.. Enumerable.Range(0, 101).Select(i => $"n{i}")];

    private static readonly (string Pointer, PolicyDocument Document)[] Bad =
    [
        ("/roles", Good with { Roles = null! }),
        ("/roles", Good with { Roles = [] }),
        ("/roles", Good with { Roles = ["a", "a"] }),
        ("/roles", Good with { Roles = ["a", ""] }),
        ("/roles", Good with { Roles = ["a", null!] }),
        ("/roles", Good with { Roles = ["a b"] }),
        ("/roles", Good with { Roles = ["ä"] }),
        ("/roles", Good with { Roles = TooMany[..33] }),
        ("/open_for", Good with { OpenFor = "" }),
        ("/open_for", Good with { OpenFor = "soon" }),
        ("/open_for", Good with { OpenFor = "0h" }),
        ("/open_for", Good with { OpenFor = "31d" }),
        ("/open_for", Good with { OpenFor = "366d" }),
        ("/rules", Good with { Rules = null! }),
        ("/rules", Good with { Rules = [.. TooMany.Select(n => Rule(n))] }),
        ("/rules", Good with { Rules = [Rule("a"), Rule("b"), Rule("a")] }),
        ("/rules/0/name", Good with { Rules = [null!] }),
        ("/rules/0/name", Good with { Rules = [Rule(null!)] }),
        ("/rules/0/name", Good with { Rules = [Rule("")] }),
        ("/rules/0/name", Good with { Rules = [Rule("a b")] }),
        ("/rules/0/name", Good with { Rules = [Rule("a\n")] }),
        ("/rules/0/name", Good with { Rules = [Rule(new string('a', 65))] }),
        ("/rules/0/require", Good with { Rules = [Rule() with { Require = null! }] }),
        ("/rules/0/when/means", When(new(Means: ["fax"]))),
        ("/rules/0/when/means", When(new(Means: ["link", "Link"]))),
        ("/rules/0/when/means", When(new(Means: []))),
        ("/rules/0/when/means", When(new(Means: [null!]))),
        ("/rules/0/when/channels", When(new(Channels: ["post"]))),
        ("/rules/0/when/above_lowest_role", When(new(AboveLowestRole: false))),
        ("/rules/0/when/above_role", When(new(AboveRole: "unlisted"))),
        ("/rules/0/when/above_role", When(new(AboveRole: "user", AboveLowestRole: true))),
        ("/rules/0/when/roles", When(new(Roles: []))),
        ("/rules/0/when/roles", When(new(Roles: [null!]))),
        ("/rules/0/when/kinds", When(new(Kinds: ["robot"]))),
        ("/rules/0/when/groups", When(new(Groups: []))),
        ("/rules/0/when/groups", When(new(Groups: TooMany))),
        ("/rules/0/when/groups", When(new(Groups: ["a b"]))),
        ("/rules/0/when/applications", When(new(Applications: []))),
        ("/rules/0/when/applications", When(new(Applications: ["web"]))),
        ("/rules/0/when/applications", When(new(Applications: ["00000000-0000-4000-8000-00000000000A"]))),
        ("/rules/0/when/requesters", When(new(Requesters: ["bot"]))),
        ("/rules/0/when/requester_ids", When(new(RequesterIds: []))),
        ("/rules/0/when/networks", When(new(Networks: []))),
        ("/rules/0/when/networks", When(new(Networks: ["10.0.0.0"]))),
        ("/rules/0/when/networks", When(new(Networks: [null!]))),
        ("/rules/0/when/outside_networks", When(new(OutsideNetworks: ["everywhere"]))),
        ("/rules/0/when/hours/from", When(new(Hours: new HoursDocument("8:00", "18:00")))),
        ("/rules/0/when/hours/from", When(new(Hours: new HoursDocument(null!, "18:00")))),
        ("/rules/0/when/hours/to", When(new(Hours: new HoursDocument("08:00", "24:00")))),
        ("/rules/0/when/hours/days", When(new(Hours: new HoursDocument("08:00", "18:00", [])))),
        ("/rules/0/when/hours/days", When(new(Hours: new HoursDocument("08:00", "18:00", ["Mon"])))),
        ("/rules/0/when/hours/zone", When(new(Hours: new HoursDocument("08:00", "18:00", null, "Nowhere/Land")))),
        ("/rules/0/when/risks", When(new(Risks: ["a b"]))),
        ("/rules/0/when/risk_score", When(new(RiskScore: 0))),
        ("/rules/0/when/risk_score", When(new(RiskScore: 101))),
        ("/rules/0/when/recoveries_lately/count", When(new(RecoveriesLately: new LatelyDocument(0, "30d")))),
        ("/rules/0/when/recoveries_lately/within", When(new(RecoveriesLately: new LatelyDocument(1, "91d")))),
        ("/rules/0/when/recoveries_lately/within", When(new(RecoveriesLately: new LatelyDocument(1, null!)))),
        ("/rules/0/require/means", Require(new(Means: []))),
        ("/rules/0/require/means", Require(new(Means: ["fax"]))),
        ("/rules/0/require/confirmation_over", Require(new(ConfirmationOver: []))),
        ("/rules/0/require/confirmation_over", Require(new(ConfirmationOver: ["a b"]))),
        ("/rules/0/require/approvals_from", Require(new(ApprovalsFrom: []))),
        ("/rules/0/require/approvals_from/0", Require(new(ApprovalsFrom: [null!]))),
        ("/rules/0/require/approvals_from/0", Require(new(ApprovalsFrom: [new ApproversDocument(0, ["a"])]))),
        ("/rules/0/require/approvals_from/0", Require(new(ApprovalsFrom: [new ApproversDocument(1, null!)]))),
        ("/rules/0/require/approvals_from/0/groups", Require(new(ApprovalsFrom: [new ApproversDocument(1, [])]))),
        ("/rules/0/require/second_proof", Require(new(SecondProof: "sometimes"))),
        ("/rules/0/require/notify", Require(new(Notify: new NotifyDocument()))),
        ("/rules/0/require/notify/groups", Require(new(Notify: new NotifyDocument(Groups: [])))),
        ("/rules/0/require/notify/addresses", Require(new(Notify: new NotifyDocument(Addresses: ["nobody"])))),
        ("/rules/0/require/reason_codes", Require(new(ReasonCodes: []))),
        ("/rules/0/require/reason_codes", Require(new(ReasonCodes: ["a b"]))),
        ("/rules/0/require/ticket_pattern", Require(new(TicketPattern: ""))),
        ("/rules/0/require/ticket_pattern", Require(new(TicketPattern: "("))),
        ("/rules/0/require/ticket_pattern", Require(new(TicketPattern: "a)|(?:b"))),
        ("/rules/0/require/ticket_pattern", Require(new(TicketPattern: "(?=a)b"))),
        ("/rules/0/require/ticket_pattern", Require(new(TicketPattern: "((a{99}){99}){99}"))),
        ("/rules/0/require/ticket_pattern", Require(new(TicketPattern: new string('a', 201)))),
        ("/rules/0/require/approvals", Require(new(Approvals: 0))),
        ("/rules/0/require/approvals", Require(new(Approvals: -1))),
        ("/rules/0/require/approvals", Require(new(Approvals: 21))),
        ("/rules/0/require/evidence", Require(new(Evidence: []))),
        ("/rules/0/require/evidence", Require(new(Evidence: ["id card"]))),
        ("/rules/0/require/evidence", Require(new(Evidence: ["confirmation"]))),
        ("/rules/0/require/wait", Require(new(Wait: "1w"))),
        ("/rules/0/require/wait", Require(new(Wait: "366d"))),
        ("/rules/0/require/max_lifetime", Require(new(MaxLifetime: "-1h"))),
    ];

    public static TheoryData<int, string> Cases { get; } = [.. Bad.Select((b, i) => new TheoryDataRow<int, string>(i, b.Pointer))];

    [Fact]
    public void Accepts_the_good_one() => Policy.From(Good).Refusal.ShouldBeNull();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Points_at_the_fault(int index, string pointer)
    {
        var refusal = Policy.From(Bad[index].Document).Refusal.ShouldNotBeNull();

        refusal.Code.ShouldBe(RefusalCode.PolicyInvalid);
        refusal.Faults.Select(f => f.Pointer).Distinct().ShouldContain(pointer);
        refusal.Faults.ShouldAllBe(f => f.Detail.Length > 0);
    }

    [Fact]
    public void Every_member_that_can_be_wrong_has_a_case()
    {
        // A boolean cannot be wrong but for above_lowest_role, whose "false" would read as "never above".
        var members = typeof(ConditionDocument).GetProperties().Select(p => ("/rules/0/when/", p))
            .Concat(typeof(DemandDocument).GetProperties().Select(p => ("/rules/0/require/", p)))
            .Where(m => m.p.CanWrite && (m.p.PropertyType != typeof(bool?) || m.p.Name == nameof(ConditionDocument.AboveLowestRole)))
            .Select(m => m.Item1 + System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(m.p.Name));

        members.Where(m => !Bad.Any(b => b.Pointer == m || b.Pointer.StartsWith(m + "/", StringComparison.Ordinal))).ShouldBeEmpty();
    }

    [Fact]
    public void Reports_every_fault_of_every_rule_at_once()
    {
        var refusal = Policy.From(new PolicyDocument(
            ["user"], "soon",
            [
                new RuleDocument("a", new ConditionDocument(Means: ["fax"]), new DemandDocument(Approvals: 0)),
                new RuleDocument("", null, new DemandDocument()),
                new RuleDocument("", null, new DemandDocument()),
                new RuleDocument("c", null, new DemandDocument(Wait: "x")),
            ])).Refusal!;

        refusal.Faults.Select(f => f.Pointer).ShouldBe(
            ["/open_for", "/rules/0/when/means", "/rules/0/require/approvals", "/rules/1/name", "/rules/2/name", "/rules/3/require/wait"]);
    }

    private static RuleDocument Rule(string name = "a") => new(name, new ConditionDocument(Means: ["link"]), new DemandDocument(Approvals: 1));

    private static PolicyDocument When(ConditionDocument when) => Good with { Rules = [Rule() with { When = when }] };

    private static PolicyDocument Require(DemandDocument require) => Good with { Rules = [Rule() with { Require = require }] };
}
