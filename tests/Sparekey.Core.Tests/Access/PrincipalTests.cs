using Sparekey.Core.Access;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Access;

public sealed class PrincipalTests
{
    private static readonly Principal LocalProgramme = Programme(31, Principal.LocalOperator);

    // Everybody who is one person stands in one line.
    private static readonly Principal[][] People =
    [
        [Person, PersonsProgramme, Programme(32, Person)],
        [Requester, RequestersProgramme],
        [Approver, ApproversProgramme],
        [Principal.LocalOperator, LocalProgramme, Programme(33, Principal.LocalOperator)],
        [Principal.System],
        [Principal.Anonymous],
    ];

    [Fact]
    public void A_person_is_themselves_and_every_programme_they_own_and_nobody_else()
    {
        foreach (var (one, i) in People.SelectMany((p, i) => p.Select(x => (x, i))))
        {
            foreach (var (other, j) in People.SelectMany((p, j) => p.Select(x => (x, j))))
            {
                one.IsSamePersonAs(other).ShouldBe(i == j, $"{one} and {other}");
            }
        }
    }

    [Fact]
    public void Two_principals_without_an_owner_do_not_share_one() => Requester.IsSamePersonAs(Approver).ShouldBeFalse();

    [Fact]
    public void An_account_is_its_person_and_their_programmes()
    {
        People[0].ShouldAllBe(p => p.IsPersonOf(Account));
        People.Skip(1).SelectMany(p => p).ShouldAllBe(p => !p.IsPersonOf(Account));
        Principal.Of(Account).ShouldBe(Person);
    }
}
