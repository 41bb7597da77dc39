using FsCheck;
using FsCheck.Fluent;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>
/// Honest people and attackers decide in any order, while the policy changes under them and the requester asks for the secret after
/// every step. A bookkeeper that knows nothing of the machine's requirements writes down what people did; the secret may be usable only
/// where the books hold everything that any policy of the story's demands so far asked for.
/// </summary>
public sealed class OrderOfDecisionsTests
{
    private const int Longest = 40;

    [Fact]
    public void T3_No_order_of_decisions_yields_a_usable_secret_while_a_requirement_is_open() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(300),
        Prop.ForAll(Choices.Stories(Longest), seeds =>
        {
            var play = new Play(new Choices(seeds.Length == 0 ? 0 : seeds[0]));
            foreach (var seed in seeds.Skip(1))
            {
                play.Step(new Choices(seed));
            }

            play.EndsWell();
        }));

    private sealed class Play
    {
        private readonly List<DemandDocument> _demands = [];
        private readonly List<Policy> _policies;
        private readonly HashSet<string> _approvers = new(StringComparer.Ordinal);
        private readonly HashSet<string> _approversOfSecurity = new(StringComparer.Ordinal);
        private readonly HashSet<string> _evidence = new(StringComparer.Ordinal);
        private bool _byManager;
        private bool _fromAnother;
        private bool _confirmed;
        private bool _confirmedOverSlack;
        private bool _proved;
        private bool _explained;
        private int _now;
        private int _reasons;
        private Recovery _recovery;
        private DateTimeOffset _waitsUntil;

        public Play(Choices choices)
        {
            var means = choices.Of(Means.Link, Means.Code, Means.Token, Means.RecoveryKey);
            var rules = Enumerable.Range(0, 3).Select(i => new RuleDocument($"rule{i}", null, DemandOf(choices))).ToList();
            _policies = [.. rules.Select(r => PolicyOf(r))];
            _demands.Add(rules[0].Require!);
            _recovery = ((Recovery?)null).Then(Open(Request(means)), _policies[0]);
            Count(rules[0].Require!);
        }

        public void Step(Choices choices)
        {
            Do(choices.Next(18));
            Ask(_policies[choices.Chance(70) ? 0 : choices.Next(3)], choices.Chance(20));
        }

        // Whatever came before, honest people get it through in the end: a machine that says no to everything is safe and useless.
        public void EndsWell()
        {
            for (var round = 0; round < 3 && !_recovery.IsClosed; round++)
            {
                for (var act = 1; act < 10; act++)
                {
                    Do(act);
                }

                Ask(_policies[0], ahead: false);
            }

            if (_recovery.State is not (RecoveryState.Expired or RecoveryState.Issued))
            {
                throw new InvalidOperationException($"It never ends: {_recovery.State}, {string.Join(' ', _recovery.Requirements)}");
            }
        }

        private void Do(int act)
        {
            switch (act)
            {
                case 0:
                    // Another reason: what people decided falls.
                    if (Says(new RecoveryCommand.AddReason(Requester, LostPhone with { Ticket = $"HELP-{_reasons++}" })))
                    {
                        _explained = true;
                        _confirmed = _confirmedOverSlack = _byManager = _fromAnother = false;
                        _approvers.Clear();
                        _approversOfSecurity.Clear();
                        _evidence.Clear();
                    }

                    break;
                case 1 when !_explained:
                    Do(0);
                    break;
                case 2:
                    _confirmed |= Says(new RecoveryCommand.Confirm(Person, _recovery.Digest));
                    break;
                case 3:
                    if (Says(new RecoveryCommand.Confirm(PersonsProgramme, _recovery.Digest) { Over = "slack" }))
                    {
                        _confirmed = _confirmedOverSlack = true;
                    }

                    break;
                case 4 or 5:
                    var kind = act == 4 ? "id_card" : "call_back";
                    if (Says(new RecoveryCommand.GiveEvidence(Other, _recovery.Digest, kind)))
                    {
                        _evidence.Add(kind);
                    }

                    break;
                case 6:
                    Approve(Approver, "a", ["security"]);
                    break;
                case 7:
                    Approve(Other, "o", ["help_desk"]);
                    break;
                case 8:
                    Approve(Programme(41, Principal.Of(Id<AccountId>(40))), "m", [], manager: true);
                    break;
                case 9:
                    _proved |= Says(new RecoveryCommand.Prove(Person, ProofMethod.BoundAuthenticator));
                    _now += 60;
                    break;
                case 10:
                    Approve(ApproversProgramme, "a", ["security", "help_desk"]);
                    break;

                // From here on nobody may, and it must count for nothing.
                case 11:
                    Never(new RecoveryCommand.Approve(Requester, _recovery.Digest, null) { Groups = ["security"], ManagerOfTarget = Id<AccountId>(5) });
                    Never(new RecoveryCommand.Approve(RequestersProgramme, _recovery.Digest, null) { Groups = ["security"] });
                    break;
                case 12:
                    Never(new RecoveryCommand.Approve(Person, _recovery.Digest, null) { Groups = ["security"], ManagerOfTarget = Sample.Account });
                    Never(new RecoveryCommand.Approve(PersonsProgramme, _recovery.Digest, null) { Groups = ["security"] });
                    break;
                case 13:
                    Never(new RecoveryCommand.Approve(Principal.LocalOperator, "stale", null) { Groups = ["security"] });
                    Never(new RecoveryCommand.Approve(Principal.LocalOperator, _recovery.Digest, Time - TimeSpan.FromHours(1)) { Groups = ["security"] });
                    break;
                case 14:
                    Never(new RecoveryCommand.Confirm(Requester, _recovery.Digest) { Over = "slack" });
                    Never(new RecoveryCommand.Prove(Approver, ProofMethod.SavedCode));
                    break;
                case 15:
                    Never(new RecoveryCommand.GiveEvidence(RequestersProgramme, _recovery.Digest, "id_card"));
                    Never(new RecoveryCommand.GiveEvidence(Person, _recovery.Digest, "call_back"));
                    break;
                case 16:
                    Never(new RecoveryCommand.AddReason(Other, new Reason("other", "story", "HELP-1")));
                    Never(new RecoveryCommand.Issue(Other, Facts));
                    break;
                default:
                    _now += 20;
                    break;
            }
        }

        private DateTimeOffset Time => Now + TimeSpan.FromMinutes(_now);

        private void Approve(Principal by, string person, string[] groups, bool manager = false)
        {
            if (Says(new RecoveryCommand.Approve(by, _recovery.Digest, null)
                {
                    Groups = [.. groups], RequesterGroups = ["help_desk"], ManagerOfTarget = Id<AccountId>(40),
                }))
            {
                _approvers.Add(person);
                _byManager |= manager;
                _fromAnother |= groups.Length > 0 && !groups.Contains("help_desk");
                if (groups.Contains("security"))
                {
                    _approversOfSecurity.Add(person);
                }
            }
        }

        // The requester asks for it; where they get one, everything must be in the books.
        private void Ask(Policy policy, bool ahead)
        {
            Count(policy.Document.Rules[0].Require!);
            Says(new RecoveryCommand.Issue(Requester, Facts, ahead), policy);
            if (_recovery.Secret is { Usable: true })
            {
                var missing = _demands.SelectMany(Missing).ToList();
                if (missing.Count > 0)
                {
                    throw new InvalidOperationException($"Usable without: {string.Join(", ", missing)}");
                }

                RecoveryMachine.Decide(_recovery, Redeem(), policy, Time).ShouldBeOfType<Decision.Accepted>().Answer.ShouldBeNull();
            }
            else
            {
                var redeemed = RecoveryMachine.Decide(_recovery, Redeem(), policy, Time);
                (redeemed is Decision.Accepted { Answer: null }).ShouldBeFalse();
            }
        }

        private void Count(DemandDocument demand)
        {
            _demands.Add(demand);
            if (demand.Wait is not null && _waitsUntil < Now + TimeSpan.FromHours(2))
            {
                _waitsUntil = Now + TimeSpan.FromHours(2);
            }
        }

        private IEnumerable<string> Missing(DemandDocument demand)
        {
            var needed = new (bool Needed, bool There, string What)[]
            {
                (demand.Reason is true || demand.TicketPattern is not null, _explained, "reason"),
                (demand.Confirmation is true, _confirmed, "confirmation"),
                (demand.ConfirmationOrEvidence is true, _confirmed || _evidence.Count > 0, "confirmation or evidence"),
                (demand.ConfirmationOver is not null, _confirmedOverSlack, "confirmation over slack"),
                (demand.Evidence is not null, demand.Evidence?.All(_evidence.Contains) is true, "evidence"),
                (demand.Approvals is not null, _approvers.Count >= demand.Approvals, "approvals"),
                (demand.ApprovalsFrom is not null, _approversOfSecurity.Count >= 1, "approvals of security"),
                (demand.ApprovalFromAnotherGroup is true, _fromAnother, "another group"),
                (demand.ApprovalByManager is true, _byManager, "manager"),
                (demand.SecondProof is not null, _proved, "second proof"),
                (demand.Wait is not null, Time >= _waitsUntil, "wait"),
            };
            return needed.Where(n => n.Needed && !n.There).Select(n => n.What);
        }

        private void Never(RecoveryCommand command) => Says(command).ShouldBeFalse();

        private bool Says(RecoveryCommand command, Policy? policy = null)
        {
            if (RecoveryMachine.Decide(_recovery, command, policy ?? _policies[0], Time) is not Decision.Accepted accepted)
            {
                return false;
            }

            _recovery = accepted.Next;
            return accepted.Answer is null;
        }

        private static DemandDocument DemandOf(Choices choices) => new(
            Reason: choices.Chance(30) ? true : null,
            TicketPattern: choices.Chance(15) ? "HELP-[0-9]+" : null,
            Confirmation: choices.Chance(20) ? true : null,
            ConfirmationOrEvidence: choices.Chance(20) ? true : null,
            Approvals: choices.Chance(50) ? choices.Of(1, 2, 3) : null,
            Evidence: choices.Chance(25) ? choices.Of<string[]>(["id_card"], ["id_card", "call_back"]) : null,
            Wait: choices.Chance(20) ? "2h" : null,
            ConfirmationOver: choices.Chance(20) ? ["slack"] : null,
            ApprovalsFrom: choices.Chance(20) ? [new ApproversDocument(1, ["security"])] : null,
            ApprovalFromAnotherGroup: choices.Chance(20) ? true : null,
            ApprovalByManager: choices.Chance(20) ? true : null,
            SecondProof: choices.Chance(25) ? "always" : null,
            Split: choices.Chance(20) ? true : null);
    }
}
