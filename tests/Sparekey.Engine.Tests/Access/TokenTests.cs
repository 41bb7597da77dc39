using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Access;

public sealed class TokenTests : IAsyncLifetime
{
    private static readonly PermissionSet Some = PermissionSet.Of(Permission.TokenWrite, Permission.RecoveryRequest);

    private AccessScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccessScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task A_token_is_weak_and_short_unless_more_is_asked_for()
    {
        var made = (await _scene.Order(AccessScene.Operator(), new TokenOrder(null, "portal", Some))).Value.Fresh!.Token;

        made.Ceiling.ShouldBe("user");
        made.ExpiresAt.ShouldBe(_scene.Acts.Now + TimeSpan.FromDays(90));
        made.PerMinute.ShouldBe(600);
    }

    [Fact]
    public async Task A_token_passes_on_every_permission_it_has_and_none_it_lacks()
    {
        foreach (var lacking in Enum.GetValues<Permission>())
        {
            var held = PermissionSet.Of(Enum.GetValues<Permission>().Where(p => p != lacking));
            var caller = await _scene.NewCaller(permissions: held);

            (await Order(caller, PermissionSet.Of(lacking))).ShouldBe(RefusalCode.StrongerThanCreator);
            (await Order(caller, PermissionSet.All)).ShouldBe(RefusalCode.StrongerThanCreator);
            (await Order(caller, held)).ShouldBeNull();
        }
    }

    [Theory]
    [InlineData("user", "user", null)]
    [InlineData("operator", "user", null)]
    [InlineData("operator", "operator", null)]
    [InlineData("operator", "admin", RefusalCode.StrongerThanCreator)]
    [InlineData("user", "operator", RefusalCode.StrongerThanCreator)]
    [InlineData("admin", "superuser", RefusalCode.UnknownRole)]
    [InlineData("admin", "", RefusalCode.UnknownRole)]
    [InlineData("admin", "ADMIN", RefusalCode.UnknownRole)]
    public async Task A_token_never_has_a_higher_ceiling_than_its_creator(string creators, string wanted, RefusalCode? refused)
    {
        var caller = await _scene.NewCaller(ceiling: creators);

        (await Order(caller, Some, o => o with { Ceiling = wanted })).ShouldBe(refused);
    }

    [Fact]
    public async Task A_token_never_outlives_its_creator()
    {
        var caller = await _scene.NewCaller(expiresIn: TimeSpan.FromHours(2));
        _scene.Time.Advance(TimeSpan.FromHours(1));

        (await Order(caller, Some, o => o with { ExpiresIn = TimeSpan.FromHours(1) + TimeSpan.FromMilliseconds(1) }))
            .ShouldBe(RefusalCode.StrongerThanCreator);
        (await Order(caller, Some, o => o with { ExpiresIn = TimeSpan.FromHours(1) })).ShouldBeNull();
        var unsaid = await _scene.Order(caller, new TokenOrder(null, "programme", Some));
        unsaid.Value.Fresh!.Token.ExpiresAt.ShouldBe(caller.Grant.ExpiresAt!.Value);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(-1L)]
    [InlineData(367L * 24 * 60 * 60)]
    [InlineData(900_000_000_000L)]
    public async Task A_token_lives_more_than_nothing_and_no_longer_than_a_year(long seconds)
    {
        var refusal = await Refused(AccessScene.Operator(), Some, o => o with { ExpiresIn = TimeSpan.FromSeconds(seconds) });

        refusal.Code.ShouldBe(RefusalCode.InvalidRequest);
        refusal.Faults.Single().Pointer.ShouldBe("/expires_in");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(10_000_001)]
    public async Task A_token_has_an_allowance_within_bounds(int perMinute)
    {
        var refusal = await Refused(AccessScene.Operator(), Some, o => o with { PerMinute = perMinute });

        refusal.Faults.Single().Pointer.ShouldBe("/per_minute");
    }

    [Fact]
    public async Task A_token_without_a_permission_is_refused()
    {
        var refusal = await Refused(AccessScene.Operator(), default, o => o);

        refusal.Faults.Single().Pointer.ShouldBe("/permissions");
    }

    [Fact]
    public async Task Nobody_makes_a_token_for_another_persons_programme()
    {
        var (one, other) = (await _scene.AddPerson(), await _scene.AddPerson());
        var theirs = await _scene.Mint("theirs", other);
        var caller = await _scene.NewCaller("mine", one);

        (await Code(caller, new TokenOrder(theirs.Token.ServiceAccount, null, Some))).ShouldBe(RefusalCode.SeparationOfDuties);
        (await Code(caller, new TokenOrder(null, "theirs", Some))).ShouldBe(RefusalCode.SeparationOfDuties);
        (await Code(caller, new TokenOrder(null, "new", Some) { Owner = other.ToString() })).ShouldBe(RefusalCode.SeparationOfDuties);
        (await Code(caller, new TokenOrder(null, "new", Some) { Owner = "local-operator" })).ShouldBe(RefusalCode.SeparationOfDuties);
        (await Code(caller, new TokenOrder(null, "new", Some))).ShouldBeNull();
        (await Code(AccessScene.Operator(), new TokenOrder(theirs.Token.ServiceAccount, null, Some))).ShouldBeNull();
    }

    [Fact]
    public async Task A_programme_of_the_local_operator_stands_for_no_other_person()
    {
        var person = await _scene.AddPerson();
        var caller = await _scene.NewCaller("machine");
        caller.Principal.OwnerId.ShouldBe("local-operator");

        (await Code(caller, new TokenOrder(null, "new", Some) { Owner = person.ToString() })).ShouldBe(RefusalCode.SeparationOfDuties);
    }

    [Fact]
    public async Task A_name_is_not_taken_over_by_naming_another_owner()
    {
        var (one, other) = (await _scene.AddPerson(), await _scene.AddPerson());
        await _scene.Mint("portal", one);

        (await Code(AccessScene.Operator(), new TokenOrder(null, "portal", Some) { Owner = other.ToString() }))
            .ShouldBe(RefusalCode.NameTaken);
    }

    [Fact]
    public async Task A_token_is_for_exactly_one_service_account()
    {
        var made = await _scene.Mint();
        (await Code(AccessScene.Operator(), new TokenOrder(null, null, Some))).ShouldBe(RefusalCode.InvalidRequest);
        (await Code(AccessScene.Operator(), new TokenOrder(made.Token.ServiceAccount, "programme", Some)))
            .ShouldBe(RefusalCode.InvalidRequest);
    }

    [Fact]
    public async Task A_neighbours_ids_are_unknown()
    {
        var theirs = await _scene.Mint(tenant: AccessScene.Neighbour);
        var tokens = _scene.Get<ManageTokens>();

        (await Code(AccessScene.Operator(), new TokenOrder(theirs.Token.ServiceAccount, null, Some)))
            .ShouldBe(RefusalCode.ServiceAccountNotFound);
        (await tokens.Read(AccessScene.Operator(), theirs.Token.Id, CancellationToken.None)).Refusal.ShouldNotBeNull().Code
            .ShouldBe(RefusalCode.TokenNotFound);
        (await tokens.Revoke(AccessScene.Operator(), theirs.Token.Id, CancellationToken.None)).ShouldNotBeNull().Code
            .ShouldBe(RefusalCode.TokenNotFound);
        (await tokens.Page(AccessScene.Operator(), null, null, 50, CancellationToken.None)).ShouldBeEmpty();
        (await _scene.Authenticate(theirs.Secret.Reveal(), AccessScene.Neighbour)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A_token_that_was_revoked_while_its_call_waited_leaves_no_other_behind()
    {
        var minted = await _scene.Mint();
        var caller = await _scene.CallerOf(minted);
        var victim = await _scene.Mint("victim");
        await _scene.Get<ManageTokens>().Revoke(AccessScene.Operator(), minted.Token.Id, CancellationToken.None);
        var before = await _scene.Tokens();

        (await Order(caller, Some)).ShouldBe(RefusalCode.Unauthenticated);
        (await _scene.Get<ManageServiceAccounts>().Create(caller, "new", null, null, CancellationToken.None)).Refusal.ShouldNotBeNull().Code
            .ShouldBe(RefusalCode.Unauthenticated);
        (await _scene.Get<ManageTokens>().Revoke(caller, victim.Token.Id, CancellationToken.None)).ShouldNotBeNull().Code
            .ShouldBe(RefusalCode.Unauthenticated);
        (await _scene.Get<ManageServiceAccounts>().Delete(caller, victim.Token.ServiceAccount, CancellationToken.None)).ShouldNotBeNull().Code
            .ShouldBe(RefusalCode.Unauthenticated);
        (await _scene.Tokens()).ShouldBe(before);
    }

    [Fact]
    public async Task Only_its_own_person_or_the_local_operator_revokes_a_token()
    {
        var (one, other) = (await _scene.AddPerson(), await _scene.AddPerson());
        var theirs = await _scene.Mint("theirs", other);
        var stranger = await _scene.NewCaller("mine", one);
        var owner = await _scene.NewCaller("theirs too", other);
        var tokens = _scene.Get<ManageTokens>();

        (await tokens.Revoke(stranger, theirs.Token.Id, CancellationToken.None)).ShouldNotBeNull().Code.ShouldBe(RefusalCode.SeparationOfDuties);
        (await _scene.Authenticate(theirs.Secret.Reveal())).Refusal.ShouldBeNull();
        (await tokens.Revoke(owner, theirs.Token.Id, CancellationToken.None)).ShouldBeNull();
        (await _scene.Authenticate(theirs.Secret.Reveal())).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.Unauthenticated);
    }

    [Fact]
    public async Task A_token_is_revoked_once_however_often_it_is_asked()
    {
        var minted = await _scene.Mint();
        var first = _scene.Acts.Now;
        for (var i = 0; i < 3; i++)
        {
            (await _scene.Get<ManageTokens>().Revoke(AccessScene.Operator(), minted.Token.Id, CancellationToken.None)).ShouldBeNull();
            _scene.Time.Advance(TimeSpan.FromMinutes(1));
        }

        (await _scene.Ledger(LedgerEvent.TokenRevoked)).Count.ShouldBe(1);
        (await _scene.Get<ManageTokens>().Read(AccessScene.Operator(), minted.Token.Id, CancellationToken.None)).Value.RevokedAt
            .ShouldBe(first);
    }

    [Fact]
    public async Task The_ledger_says_what_was_granted_and_never_the_secret()
    {
        var minted = await _scene.Mint(permissions: Some, ceiling: "operator");

        var entry = (await _scene.Ledger(LedgerEvent.TokenCreated)).Single();

        entry.ShouldContain(minted.Token.Id.ToString());
        entry.ShouldContain(minted.Token.ServiceAccount.ToString());
        entry.ShouldContain("\"permissions\":[\"recovery:request\",\"token:write\"]");
        entry.ShouldContain("\"ceiling\":\"operator\"");
        entry.ShouldContain($"\"expires_at\":{minted.Token.ExpiresAt.ToUnixTimeMilliseconds()}");
        entry.ShouldContain("\"local-operator\"");
        entry.ShouldNotContain("programme");
        entry.ShouldNotContain(minted.Secret.Reveal()[^49..]);
    }

    [Fact]
    public async Task A_refused_order_leaves_nothing_behind()
    {
        var caller = await _scene.NewCaller(permissions: Some);
        var entries = await _scene.Count("SELECT COUNT(*) FROM ledger_entries");

        (await Code(caller, new TokenOrder(null, "fresh name", PermissionSet.All))).ShouldBe(RefusalCode.StrongerThanCreator);

        (await _scene.Count("SELECT COUNT(*) FROM service_accounts WHERE name = 'fresh name'")).ShouldBe(0);
        (await _scene.Count("SELECT COUNT(*) FROM ledger_entries")).ShouldBe(entries);
    }

    [Fact]
    public async Task A_lost_commit_leaves_neither_token_nor_service_account_nor_entry()
    {
        _scene.Faults.FailNext(Fault.Lost);

        await Should.ThrowAsync<StorageUnavailableException>(() => _scene.Mint());

        (await _scene.Tokens()).ShouldBe(0);
        (await _scene.Count("SELECT COUNT(*) FROM service_accounts")).ShouldBe(0);
        (await _scene.Count("SELECT COUNT(*) FROM ledger_entries")).ShouldBe(0);
    }

    [Fact]
    public async Task Pages_hold_every_token_once_also_those_made_in_one_millisecond()
    {
        var made = new List<TokenId>();
        for (var i = 0; i < 9; i++)
        {
            made.Add((await _scene.Mint()).Token.Id);
            if (i % 4 == 3)
            {
                _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
            }
        }

        var seen = new List<AccessToken>();
        while (true)
        {
            var page = await _scene.Get<ManageTokens>().Page(
                AccessScene.Operator(), seen.LastOrDefault()?.CreatedAt.ToUnixTimeMilliseconds(), seen.LastOrDefault()?.Id.ToString(), 2,
                CancellationToken.None);
            if (page.Count == 0)
            {
                break;
            }

            seen.AddRange(page);
        }

        seen.Select(t => t.Id).ShouldBe(made, ignoreOrder: true);
        seen.Select(t => t.CreatedAt).ShouldBeInOrder();
    }

    private async Task<RefusalCode?> Code(Caller caller, TokenOrder order) => (await _scene.Order(caller, order)).Refusal?.Code;

    private Task<RefusalCode?> Order(Caller caller, PermissionSet permissions, Func<TokenOrder, TokenOrder>? change = null) =>
        Code(caller, (change ?? (o => o))(new TokenOrder(null, "programme", permissions)));

    private async Task<Refusal> Refused(Caller caller, PermissionSet permissions, Func<TokenOrder, TokenOrder> change)
    {
        var refusal = (await _scene.Order(caller, change(new TokenOrder(null, "programme", permissions)))).Refusal;
        (await _scene.Tokens()).ShouldBe(0);
        return refusal.ShouldNotBeNull();
    }
}
