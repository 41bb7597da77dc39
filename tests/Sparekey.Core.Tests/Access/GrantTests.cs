using Sparekey.Core.Access;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Access;

public sealed class GrantTests
{
    private static readonly RankOrder Ranks = RankOrder.Default;
    private static readonly DateTimeOffset Soon = Now + TimeSpan.FromHours(1);
    private static readonly PermissionSet Two = PermissionSet.Of(Permission.RecoveryRequest, Permission.TokenWrite);

    private static Grant Held(Principal? by = null, string ceiling = "operator") => new(by ?? Requester, Two, ceiling, Soon);

    [Fact]
    public void Demands_the_permission_itself_and_names_it()
    {
        Held().Demand(Permission.RecoveryRequest).ShouldBeNull();
        var refusal = Held().Demand(Permission.RecoveryIssue).ShouldNotBeNull();
        refusal.Code.ShouldBe(RefusalCode.PermissionMissing);
        refusal.Detail.ShouldNotBeNull().ShouldContain("recovery:issue");
    }

    [Fact]
    public void No_permission_implies_another()
    {
        foreach (var held in Enum.GetValues<Permission>())
        {
            var grant = Held() with { Permissions = PermissionSet.Of(held) };
            Enum.GetValues<Permission>().Where(p => grant.Demand(p) is null).ShouldBe([held]);
        }
    }

    [Theory]
    [InlineData("user", "user", null)]
    [InlineData("operator", "operator", null)]
    [InlineData("user", "operator", null)]
    [InlineData("operator", "user", null)]
    [InlineData("admin", "user", RefusalCode.AboveCeiling)]
    [InlineData("user", "admin", RefusalCode.AboveCeiling)]
    [InlineData("admin", "admin", RefusalCode.AboveCeiling)]
    [InlineData("unlisted", "user", RefusalCode.AboveCeiling)]
    [InlineData("user", "unlisted", RefusalCode.AboveCeiling)]
    public void Acts_on_nobody_above_the_ceiling_before_or_after(string before, string after, RefusalCode? refusal) =>
        (Held().MayActOn(Account, Core.Accounts.AccountKind.Customer, before, after, Ranks)?.Code).ShouldBe(refusal);

    [Fact]
    public void Nobody_acts_on_themselves_also_not_through_a_programme_of_theirs()
    {
        Held(Person, "admin").MayActOn(Account, Core.Accounts.AccountKind.Customer, "user", "user", Ranks)!.Code.ShouldBe(RefusalCode.OwnAccount);
        Held(PersonsProgramme, "admin").MayActOn(Account, Core.Accounts.AccountKind.Customer, "user", "user", Ranks)!.Code.ShouldBe(RefusalCode.OwnAccount);
        Held(Approver, "admin").MayActOn(Account, Core.Accounts.AccountKind.Customer, "user", "user", Ranks).ShouldBeNull();
    }

    [Theory]
    [InlineData("user", null)]
    [InlineData("operator", null)]
    [InlineData("admin", RefusalCode.AboveCeiling)]
    [InlineData("unlisted", RefusalCode.AboveCeiling)]
    public void Creates_nobody_above_the_ceiling(string role, RefusalCode? refusal) => (Held().MayCreate(Core.Accounts.AccountKind.Customer, role, Ranks)?.Code).ShouldBe(refusal);

    [Fact]
    public void An_unlisted_ceiling_empowers_nobody()
    {
        var grant = Held(ceiling: "unlisted");

        grant.MayActOn(Account, Core.Accounts.AccountKind.Customer, "user", "user", Ranks)!.Code.ShouldBe(RefusalCode.AboveCeiling);
        grant.MayCreate(Core.Accounts.AccountKind.Customer, "user", Ranks)!.Code.ShouldBe(RefusalCode.AboveCeiling);
        grant.MayMint(Two, "user", Soon, Ranks, [])!.Code.ShouldBe(RefusalCode.StrongerThanCreator);
    }

    public static TheoryData<Permission[], string, int, RefusalCode?> Mints { get; } = new()
    {
        { [Permission.RecoveryRequest, Permission.TokenWrite], "operator", 0, null },
        { [Permission.RecoveryRequest], "user", -1, null },
        { [], "user", -1, null },
        { [Permission.RecoveryIssue], "user", -1, RefusalCode.StrongerThanCreator },
        { [Permission.RecoveryRequest, Permission.TokenWrite, Permission.TenantAdmin], "user", -1, RefusalCode.StrongerThanCreator },
        { [Permission.RecoveryRequest], "admin", -1, RefusalCode.StrongerThanCreator },
        { [Permission.RecoveryRequest], "unlisted", -1, RefusalCode.UnknownRole },
        { [Permission.RecoveryRequest], "user", 1, RefusalCode.StrongerThanCreator },
    };

    [Theory]
    [MemberData(nameof(Mints))]
    public void A_token_never_exceeds_its_creator(Permission[] permissions, string ceiling, int secondsAfter, RefusalCode? refusal) =>
        (Held().MayMint(PermissionSet.Of(permissions), ceiling, Soon.AddSeconds(secondsAfter), Ranks, [])?.Code).ShouldBe(refusal);

    [Fact]
    public void A_creator_without_an_end_may_make_a_token_with_any() =>
        (Held() with { ExpiresAt = null }).MayMint(Two, "user", Now.AddYears(100), Ranks, []).ShouldBeNull();

    [Fact]
    public void Programmes_are_made_for_oneself_or_by_the_local_operator()
    {
        Held(Requester).MayActForOwner(Requester.Id).ShouldBeNull();
        Held(RequestersProgramme).MayActForOwner(Requester.Id).ShouldBeNull();
        Held(Principal.LocalOperator).MayActForOwner(Requester.Id).ShouldBeNull();
        foreach (var by in new[] { Approver, ApproversProgramme, Programme(31, Principal.LocalOperator), Principal.Anonymous })
        {
            Held(by).MayActForOwner(Requester.Id)!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
        }

        Held(RequestersProgramme).MayActForOwner(RequestersProgramme.Id)!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
    }

    [Fact]
    public void The_set_of_all_permissions_is_within_itself_and_in_no_smaller_one()
    {
        PermissionSet.All.IsWithin(PermissionSet.All).ShouldBeTrue();
        PermissionSet.All.IsWithin(Two).ShouldBeFalse();
        default(PermissionSet).IsWithin(Two).ShouldBeTrue();
        default(PermissionSet).Contains(Permission.RecoveryRequest).ShouldBeFalse();
        PermissionSet.Of(Permission.TokenWrite, Permission.RecoveryRequest).ShouldBe(Two);
    }

    [Fact]
    public void A_token_for_some_kinds_of_people_acts_on_no_others()
    {
        var grant = Held() with { Kinds = [Core.Accounts.AccountKind.Customer] };

        grant.MayActOn(Account, Core.Accounts.AccountKind.Customer, "user", "user", Ranks).ShouldBeNull();
        grant.MayActOn(Account, Core.Accounts.AccountKind.Employee, "user", "user", Ranks)!.Code.ShouldBe(RefusalCode.PermissionMissing);
        grant.MayCreate(Core.Accounts.AccountKind.Customer, "user", Ranks).ShouldBeNull();
        grant.MayCreate(Core.Accounts.AccountKind.Partner, "user", Ranks)!.Code.ShouldBe(RefusalCode.PermissionMissing);
    }
}
