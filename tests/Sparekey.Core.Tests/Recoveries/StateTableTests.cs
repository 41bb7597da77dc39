using System.Reflection;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>
/// What every command does in every state. A cell holds the state afterwards, or the refusal; both when a command changes the
/// recovery and is told no. <c>-</c> stands for a state that a means never reaches.
/// </summary>
public sealed class StateTableTests
{
    // The requirements of Pending are a confirmation, an approval, evidence and an authorization; all open.
    private const string SecretTable = """
        link               none                pending             ready             issued                     redeemed                   completed         denied            cancelled         expired           locked
        open               pending             wrong_state         wrong_state       wrong_state                wrong_state                wrong_state       wrong_state       wrong_state       wrong_state       wrong_state
        open_free          ready               wrong_state         wrong_state       wrong_state                wrong_state                wrong_state       wrong_state       wrong_state       wrong_state       wrong_state
        add_reason         recovery_not_found  pending             pending           wrong_state                wrong_state                recovery_closed   denied            recovery_closed   recovery_expired  wrong_state
        confirm            recovery_not_found  pending             not_required      wrong_state                wrong_state                recovery_closed   recovery_closed   recovery_closed   recovery_expired  wrong_state
        give_evidence      recovery_not_found  pending             not_required      wrong_state                wrong_state                recovery_closed   recovery_closed   recovery_closed   recovery_expired  wrong_state
        prove              recovery_not_found  not_required        not_required      wrong_state                wrong_state                recovery_closed   recovery_closed   recovery_closed   recovery_expired  wrong_state
        authorize          recovery_not_found  pending             not_required      wrong_state                wrong_state                recovery_closed   denied            recovery_closed   recovery_expired  wrong_state
        approve            recovery_not_found  pending             already_decided   wrong_state                wrong_state                recovery_closed   recovery_closed   recovery_closed   recovery_expired  wrong_state
        approve_other      recovery_not_found  pending             not_required      wrong_state                wrong_state                recovery_closed   recovery_closed   recovery_closed   recovery_expired  wrong_state
        deny               recovery_not_found  denied              denied            denied                     denied                     recovery_closed   recovery_closed   recovery_closed   recovery_expired  denied
        issue              recovery_not_found  requirements_open   issued            issued                     issued                     recovery_closed   requirements_open recovery_closed   recovery_expired  issued
        issue_ahead        recovery_not_found  pending             issued            issued                     issued                     recovery_closed   requirements_open recovery_closed   recovery_expired  issued
        redeem             recovery_not_found  secret_invalid      secret_invalid    redeemed                   redeemed                   secret_invalid    secret_invalid    secret_invalid    secret_invalid    secret_invalid
        redeem_wrong       recovery_not_found  secret_invalid      secret_invalid    issued+secret_invalid      redeemed+secret_invalid    secret_invalid    secret_invalid    secret_invalid    secret_invalid    secret_invalid
        complete           recovery_not_found  redemption_invalid  redemption_invalid redemption_invalid        completed                  redemption_invalid redemption_invalid redemption_invalid redemption_invalid redemption_invalid
        complete_directly  recovery_not_found  wrong_state         wrong_state       wrong_state                wrong_state                recovery_closed   wrong_state       recovery_closed   recovery_expired  wrong_state
        bind_key           recovery_not_found  wrong_state         wrong_state       wrong_state                wrong_state                recovery_closed   recovery_closed   recovery_closed   recovery_expired  wrong_state
        bind_key_other     recovery_not_found  wrong_state         wrong_state       wrong_state                wrong_state                recovery_closed   wrong_state       recovery_closed   recovery_expired  wrong_state
        cancel             recovery_not_found  cancelled           cancelled         cancelled                  cancelled                  recovery_closed   denied            recovery_closed   recovery_expired  cancelled
        tick               recovery_not_found  wrong_state         wrong_state       wrong_state                wrong_state                wrong_state       wrong_state       wrong_state       wrong_state       wrong_state
        tick_in_a_day      recovery_not_found  wrong_state         wrong_state       wrong_state                wrong_state                wrong_state       wrong_state       wrong_state       wrong_state       wrong_state
        tick_in_a_week     recovery_not_found  expired             expired           expired                    expired                    wrong_state       wrong_state       wrong_state       wrong_state       expired
        """;

    private const string DirectTable = """
        escrow             none                pending             ready             issued  redeemed  completed          denied             cancelled          expired            locked
        open               pending             wrong_state         wrong_state       -       -         wrong_state        wrong_state        wrong_state        wrong_state        -
        open_free          ready               wrong_state         wrong_state       -       -         wrong_state        wrong_state        wrong_state        wrong_state        -
        add_reason         recovery_not_found  pending             pending           -       -         recovery_closed    denied             recovery_closed    recovery_expired   -
        confirm            recovery_not_found  pending             not_required      -       -         recovery_closed    recovery_closed    recovery_closed    recovery_expired   -
        give_evidence      recovery_not_found  pending             not_required      -       -         recovery_closed    recovery_closed    recovery_closed    recovery_expired   -
        prove              recovery_not_found  not_required        not_required      -       -         recovery_closed    recovery_closed    recovery_closed    recovery_expired   -
        authorize          recovery_not_found  pending             not_required      -       -         recovery_closed    denied             recovery_closed    recovery_expired   -
        approve            recovery_not_found  pending             already_decided   -       -         recovery_closed    recovery_closed    recovery_closed    recovery_expired   -
        approve_other      recovery_not_found  pending             not_required      -       -         recovery_closed    recovery_closed    recovery_closed    recovery_expired   -
        deny               recovery_not_found  denied              denied            -       -         recovery_closed    recovery_closed    recovery_closed    recovery_expired   -
        issue              recovery_not_found  wrong_state         wrong_state       -       -         recovery_closed    wrong_state        recovery_closed    recovery_expired   -
        issue_ahead        recovery_not_found  wrong_state         wrong_state       -       -         recovery_closed    wrong_state        recovery_closed    recovery_expired   -
        redeem             recovery_not_found  secret_invalid      secret_invalid    -       -         secret_invalid     secret_invalid     secret_invalid     secret_invalid     -
        redeem_wrong       recovery_not_found  secret_invalid      secret_invalid    -       -         secret_invalid     secret_invalid     secret_invalid     secret_invalid     -
        complete           recovery_not_found  redemption_invalid  redemption_invalid -      -         redemption_invalid redemption_invalid redemption_invalid redemption_invalid -
        complete_directly  recovery_not_found  requirements_open   completed         -       -         recovery_closed    requirements_open  recovery_closed    recovery_expired   -
        bind_key           recovery_not_found  already_decided     already_decided   -       -         recovery_closed    recovery_closed    recovery_closed    recovery_expired   -
        bind_key_other     recovery_not_found  separation_of_duties separation_of_duties -   -         recovery_closed    separation_of_duties recovery_closed  recovery_expired   -
        cancel             recovery_not_found  cancelled           cancelled         -       -         recovery_closed    denied             recovery_closed    recovery_expired   -
        tick               recovery_not_found  wrong_state         wrong_state       -       -         wrong_state        wrong_state        wrong_state        wrong_state        -
        tick_in_a_day      recovery_not_found  wrong_state         wrong_state       -       -         wrong_state        wrong_state        wrong_state        wrong_state        -
        tick_in_a_week     recovery_not_found  expired             expired           -       -         wrong_state        wrong_state        wrong_state        wrong_state        -
        """;

    private static readonly Dictionary<string, Func<Recovery?, RecoveryCommand>> Commands = new(StringComparer.Ordinal)
    {
        ["open"] = _ => Open(extra: [.. EveryDecision]),
        ["open_free"] = _ => Open(),
        ["add_reason"] = _ => new RecoveryCommand.AddReason(Requester, LostPhone),
        ["confirm"] = r => new RecoveryCommand.Confirm(Person, r?.Digest ?? ""),
        ["give_evidence"] = r => new RecoveryCommand.GiveEvidence(Other, r?.Digest ?? "", "id_card"),
        ["prove"] = _ => new RecoveryCommand.Prove(Person, ProofMethod.SavedCode),
        ["authorize"] = _ => new RecoveryCommand.Authorize(Requester),
        ["approve"] = r => new RecoveryCommand.Approve(Approver, r?.Digest ?? "", null),
        ["approve_other"] = r => new RecoveryCommand.Approve(Other, r?.Digest ?? "", null),
        ["deny"] = r => new RecoveryCommand.Deny(Approver, r?.Digest ?? ""),
        ["issue"] = _ => new RecoveryCommand.Issue(Requester, Facts),
        ["issue_ahead"] = _ => new RecoveryCommand.Issue(Requester, Facts, Ahead: true),
        ["redeem"] = _ => Redeem(),
        ["redeem_wrong"] = _ => Redeem(matches: false),
        ["complete"] = _ => new RecoveryCommand.Complete(RedemptionOne, Facts),
        ["complete_directly"] = _ => new RecoveryCommand.CompleteDirectly(Requester, Facts),
        ["bind_key"] = _ => new RecoveryCommand.BindKey(Person, RequestKey),
        ["bind_key_other"] = _ => new RecoveryCommand.BindKey(Requester, RequestKey),
        ["cancel"] = _ => new RecoveryCommand.Cancel(Requester),
        ["tick"] = _ => new RecoveryCommand.Tick(),
        ["tick_in_a_day"] = _ => new RecoveryCommand.Tick(),
        ["tick_in_a_week"] = _ => new RecoveryCommand.Tick(),
    };

    public static TheoryData<string, string, string, string> Cells()
    {
        var cells = new TheoryData<string, string, string, string>();
        foreach (var (means, command, state, expected) in Rows(SecretTable).Concat(Rows(DirectTable)).Where(c => c.Expected != "-"))
        {
            cells.Add(means, command, state, expected);
        }

        return cells;
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void Every_command_in_every_state_has_its_answer(string means, string command, string state, string expected)
    {
        var recovery = state == "none" ? null : In(WireName.Parse<RecoveryState>(state), WireName.Parse<Means>(means));
        var after = command switch
        {
            "tick_in_a_day" => TimeSpan.FromDays(1),
            "tick_in_a_week" => TimeSpan.FromDays(7),
            _ => TimeSpan.Zero,
        };

        var asked = Commands[command](recovery);
        if (asked is RecoveryCommand.Open open)
        {
            asked = open with { Request = Request(WireName.Parse<Means>(means)) };
        }

        Describe(recovery.Decide(asked, after: after)).ShouldBe(expected);
    }

    [Fact]
    public void The_tables_have_a_row_for_every_command_and_a_column_for_every_state()
    {
        var kinds = typeof(RecoveryCommand).GetNestedTypes(BindingFlags.Public | BindingFlags.NonPublic)
            .Where(t => t.IsSubclassOf(typeof(RecoveryCommand))).ToList();
        kinds.ShouldNotBeEmpty();
        Commands.Values.Select(make => make(null).GetType()).Distinct().ShouldBe(kinds, ignoreOrder: true);

        foreach (var table in new[] { SecretTable, DirectTable })
        {
            Rows(table).Select(c => c.Command).Distinct().ShouldBe(Commands.Keys, ignoreOrder: true);
            Rows(table).Select(c => c.State).Distinct().ShouldBe(WireName.All<RecoveryState>().Prepend("none"), ignoreOrder: true);
        }
    }

    [Theory]
    [InlineData(RecoveryState.Issued, RecoveryState.Expired)]
    [InlineData(RecoveryState.Redeemed, RecoveryState.Expired)]
    [InlineData(RecoveryState.Locked, RecoveryState.Expired)]
    public void A_live_secret_or_redemption_outlives_the_request_and_then_it_expires(RecoveryState from, RecoveryState to)
    {
        var late = TimeSpan.FromHours(71) + TimeSpan.FromMinutes(55);
        var ready = In(RecoveryState.Ready);
        var issued = ready.Then(new RecoveryCommand.Issue(Requester, Facts), after: late);
        var recovery = from == RecoveryState.Issued ? issued : issued.Then(Redeem(), after: late);
        for (var i = 0; from == RecoveryState.Locked && i < RecoveryLimits.TriesByHandle; i++)
        {
            recovery = recovery.ThenNot(Redeem(matches: false), RefusalCode.SecretInvalid, after: late);
        }

        recovery.State.ShouldBe(from);
        recovery.Decide(new RecoveryCommand.Tick(), after: TimeSpan.FromHours(72) + TimeSpan.FromMinutes(1))
            .ShouldBeOfType<Decision.Refused>();
        recovery.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RecoveryExpired, after: TimeSpan.FromHours(72))
            .ShouldBe(recovery);
        recovery.Then(new RecoveryCommand.Tick(), after: TimeSpan.FromHours(73)).State.ShouldBe(to);
    }

    private static string Describe(Decision decision) => decision switch
    {
        Decision.Accepted { Answer: null } a => WireName.Of(a.Next.State),
        Decision.Accepted a => $"{WireName.Of(a.Next.State)}+{WireName.Of(a.Answer!.Code)}",
        Decision.Refused r => WireName.Of(r.Refusal.Code),
        _ => throw new InvalidOperationException("A decision is accepted or refused."),
    };

    private static IEnumerable<(string Means, string Command, string State, string Expected)> Rows(string table)
    {
        var lines = table.Split('\n').Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToList();
        lines.ShouldAllBe(l => l.Length == lines[0].Length);
        return lines.Skip(1).SelectMany(l => l.Skip(1).Select((cell, i) => (lines[0][0], l[0], lines[0][i + 1], cell)));
    }
}
