using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Tests.Recoveries;

namespace Sparekey.Core.Tests.Policies;

public sealed class DefaultPolicyTests
{
    // What is demanded of whom; "-" is nothing. A role that nobody listed ranks highest.
    private const string Table = """
        means         user                    operator                admin                   unlisted
        link          -                       confirmation+approvals  confirmation+approvals  confirmation+approvals
        code          -                       confirmation+approvals  confirmation+approvals  confirmation+approvals
        token         -                       confirmation+approvals  confirmation+approvals  confirmation+approvals
        recovery_key  -                       confirmation+approvals  confirmation+approvals  confirmation+approvals
        saved_code    -                       confirmation+approvals  confirmation+approvals  confirmation+approvals
        escrow        confirmation+approvals  confirmation+approvals  confirmation+approvals  confirmation+approvals
        force         confirmation+approvals  confirmation+approvals  confirmation+approvals  confirmation+approvals
        """;

    public static TheoryData<string, string, string> Cells()
    {
        var lines = Table.Split('\n').Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToList();
        var cells = new TheoryData<string, string, string>();
        foreach (var (line, i) in lines.Skip(1).SelectMany(l => Enumerable.Range(1, 4).Select(i => (l, i))))
        {
            cells.Add(line[0], lines[0][i], line[i]);
        }

        return cells;
    }

    [Fact]
    public void The_table_has_a_row_for_every_means() =>
        Cells().Select(c => c.Data.Item1).Distinct().ShouldBe(WireName.All<Means>(), ignoreOrder: true);

    [Theory]
    [MemberData(nameof(Cells))]
    public void Demands_by_means_and_role_whatever_channel_and_requester(string means, string role, string demanded)
    {
        foreach (var channel in Enum.GetValues<Channel>())
        {
            foreach (var requester in Enum.GetValues<PrincipalKind>())
            {
                var answer = Policy.Default.Evaluate(
                    new PolicyQuestion(WireName.Parse<Means>(means), channel, Sample.Application, requester, Sample.Facts with { Role = role }),
                    Sample.Now);

                var kinds = string.Join('+', answer.Requirements.Select(r => WireName.Of(r.Kind)));
                (kinds.Length == 0 ? "-" : kinds).ShouldBe(demanded);
                answer.RefusedBy.ShouldBeNull();
                answer.LongestLifetime.ShouldBe(RecoveryLimits.LongestLifetime(channel));
                answer.Requirements.ShouldAllBe(r => r.Count == 1 && (r.Kind != RequirementKind.Confirmation || r.OrEvidence));
            }
        }
    }

    [Fact]
    public void Keeps_a_recovery_open_for_72_hours() => Policy.Default.OpenFor.ShouldBe(TimeSpan.FromHours(72));
}
