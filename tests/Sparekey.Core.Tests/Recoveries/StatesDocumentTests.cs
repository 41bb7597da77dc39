using System.Text.Json;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Tests.Architecture;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>
/// The diagram in <c>docs/states.md</c> is compared with the machine itself: every arrow that walking the machine finds is
/// drawn, and every drawn arrow is found.
/// </summary>
public sealed class StatesDocumentTests
{
    private static readonly string Document = Repository.Read("docs/states.md");

    [Fact]
    public void The_diagram_has_the_machines_arrows_and_no_others()
    {
        var drawn = Drawn().Order(StringComparer.Ordinal).ToList();
        var found = Found().Order(StringComparer.Ordinal).ToList();

        drawn.ShouldBeUnique();
        found.Except(drawn, StringComparer.Ordinal).ShouldBeEmpty("not drawn");
        drawn.Except(found, StringComparer.Ordinal).ShouldBeEmpty("drawn, but impossible");
    }

    [Fact]
    public void Every_state_requirement_and_command_is_explained()
    {
        foreach (var name in WireName.All<RecoveryState>().Concat(WireName.All<RequirementKind>()).Concat(Commands()))
        {
            Document.ShouldContain($"| `{name}` |");
        }
    }

    [Fact]
    public void The_limits_are_the_machines()
    {
        Document.ShouldContain($"| a recovery stays open, after the last waiting time | {RecoveryLimits.OpenFor.TotalHours} hours,");
        Document.ShouldContain($"| a redemption lasts | {RecoveryLimits.RedemptionFor.TotalMinutes} minutes,");
        Document.ShouldContain($"recovered in the last {RecoveryLimits.DecidesAgainAfter.TotalHours} hours");
        Document.ShouldContain($"| redemptions of one secret | {RecoveryLimits.RedemptionsPerSecret} |");
        Document.ShouldContain($"| wrong tries of one secret, in all | {RecoveryLimits.Tries} |");
        Document.ShouldContain($"| of these, by whoever holds the recovery's own handle | {RecoveryLimits.TriesByHandle} |");
        foreach (var channel in Enum.GetValues<Channel>())
        {
            Document.ShouldContain(
                $"| `{WireName.Of(channel)}` | {Duration.Format(RecoveryLimits.DefaultLifetime(channel))} | {Duration.Format(RecoveryLimits.LongestLifetime(channel))} |");
        }
    }

    private static IEnumerable<string> Commands() =>
        typeof(RecoveryCommand).GetNestedTypes().Select(t => JsonNamingPolicy.SnakeCaseLower.ConvertName(t.Name));

    // "    from --> to: command, command"
    private static IEnumerable<string> Drawn() =>
        from line in Document.Split('\n')
        where line.Contains(" --> ", StringComparison.Ordinal) && line.Contains(": ", StringComparison.Ordinal)
        let ends = line[..line.IndexOf(": ", StringComparison.Ordinal)].Trim().Split(" --> ")
        from command in line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..].Split(", ")
        select $"{ends[0]} --> {ends[1]}: {command.Trim()}";

    // Walks the machine breadth first. Time is let pass on its own before each command, so that an arrow is one thing.
    private static HashSet<string> Found()
    {
        var arrows = new HashSet<string>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Queue<(Recovery Recovery, TimeSpan At)>();
        void Reach(string from, string command, Recovery next, TimeSpan at)
        {
            if (from != WireName.Of(next.State))
            {
                arrows.Add($"{from} --> {WireName.Of(next.State)}: {command}");
            }

            if (seen.Add(KeyOf(next, at)))
            {
                waiting.Enqueue((next, at));
            }
        }

        foreach (var open in Openings())
        {
            if (((Recovery?)null).Decide(open) is Decision.Accepted opened)
            {
                Reach("[*]", "open", opened.Next, TimeSpan.Zero);
            }
        }

        while (waiting.TryDequeue(out var node))
        {
            var from = WireName.Of(node.Recovery.State);
            foreach (var at in new[] { node.At, TimeSpan.FromHours(2), TimeSpan.FromHours(80) }.Where(t => t >= node.At).Distinct())
            {
                if (node.Recovery.Decide(new RecoveryCommand.Tick(), after: at) is Decision.Accepted ticked)
                {
                    Reach(from, "tick", ticked.Next, at);
                    continue;
                }

                foreach (var (command, policy) in From(node.Recovery))
                {
                    // Every wrong try is the last one: the tries before it stay where they are and are not drawn.
                    var recovery = command is RecoveryCommand.Redeem { Matches: false } && node.Recovery.Secret is { } secret
                        ? node.Recovery with { Secret = secret with { HandleTries = RecoveryLimits.TriesByHandle - 1 } }
                        : node.Recovery;
                    if (recovery.Decide(command, policy, at) is Decision.Accepted accepted)
                    {
                        Reach(from, JsonNamingPolicy.SnakeCaseLower.ConvertName(command.GetType().Name), accepted.Next, at);
                    }
                }
            }
        }

        return arrows;
    }

    private static IEnumerable<RecoveryCommand.Open> Openings() =>
        from means in new[] { Means.Link, Means.Escrow }
        from demands in new Requirement[][]
        {
            [],
            [new(RequirementKind.Reason)],
            [new(RequirementKind.Confirmation)],
            [new(RequirementKind.Approvals)],
            [new(RequirementKind.Evidence) { EvidenceKind = "id_card" }],
            [new(RequirementKind.Authorization)],
            [new(RequirementKind.SecondProof)],
            [new(RequirementKind.Wait) { Until = Now + TimeSpan.FromHours(1) }],
        }
        from key in means == Means.Escrow ? [null, RequestKey] : new string?[] { null }
        select Open(Request(means) with { Lifetime = TimeSpan.FromHours(3), RequestKeyFingerprint = key }, extra: demands);

    private static IEnumerable<(RecoveryCommand Command, Policy Policy)> From(Recovery r) =>
        from policy in new[] { Nothing, OneApproval }
        from command in new RecoveryCommand[]
        {
            new RecoveryCommand.AddReason(Requester, r.Request.Reason == LostPhone ? new Reason("other", null, null) : LostPhone),
            new RecoveryCommand.Confirm(Person, r.Digest),
            new RecoveryCommand.GiveEvidence(Approver, r.Digest, "id_card"),
            new RecoveryCommand.Authorize(Requester),
            new RecoveryCommand.Prove(Person, ProofMethod.BoundAuthenticator),
            new RecoveryCommand.Approve(Approver, r.Digest, null),
            new RecoveryCommand.Deny(Approver, r.Digest),
            new RecoveryCommand.Issue(Requester, Facts),
            new RecoveryCommand.Issue(Requester, Facts, Ahead: true),
            Redeem(),
            Redeem(matches: false),
            new RecoveryCommand.Complete(RedemptionOne, Facts),
            new RecoveryCommand.CompleteDirectly(Requester, Facts),
            new RecoveryCommand.BindKey(Person, RequestKey),
            new RecoveryCommand.Cancel(Requester),
        }
        select (command, policy);

    // What decides about the future, without what only counts up (versions, numbers of generations, which of two reasons).
    private static string KeyOf(Recovery r, TimeSpan at) => string.Join(
        '|',
        r.Request.Means, r.Request.RequestKeyFingerprint, r.State, at,
        string.Join(',', r.Requirements.Select(q => $"{q.Kind}{q.Count}{q.Met.Length}")),
        r.Secret is null ? "" : $"{r.Secret.Usable}{r.Secret.ExpiresAt}",
        r.Redemption?.ExpiresAt.ToString());
}
