using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Tests.Access;

public sealed class ServiceAccountTests : IAsyncLifetime
{
    private AccessScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccessScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Who_makes_one_is_the_person_behind_it()
    {
        var person = await _scene.AddPerson();
        var caller = await _scene.NewCaller("first", person);

        (await Create(caller, "second")).Value.Fresh!.OwnerId.ShouldBe(person.ToString());
        (await Create(AccessScene.Operator(), "third")).Value.Fresh!.OwnerId.ShouldBe("local-operator");
        (await Create(AccessScene.Operator(), "fourth", person.ToString())).Value.Fresh!.OwnerId.ShouldBe(person.ToString());
    }

    [Fact]
    public async Task An_owner_is_a_person_with_an_account_in_this_tenant()
    {
        var gone = await _scene.AddPerson();
        await _scene.DeletePerson(gone);
        var neighbour = await _scene.AddPerson(AccessScene.Neighbour);
        var programme = (await _scene.Mint()).Token.ServiceAccount;

        foreach (var owner in new[] { gone.ToString(), neighbour.ToString(), programme.ToString(), "system", "anonymous", "" })
        {
            (await Create(AccessScene.Operator(), "portal", owner)).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.AccountNotFound, owner);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(" portal")]
    [InlineData("por\ntal")]
    [InlineData("por\u202etal")]
    public async Task A_name_is_printable(string name)
    {
        var refusal = (await Create(AccessScene.Operator(), name)).Refusal.ShouldNotBeNull();

        refusal.Code.ShouldBe(RefusalCode.InvalidRequest);
        refusal.Faults.Single().Pointer.ShouldBe("/name");
    }

    [Fact]
    public async Task A_name_holds_no_half_of_a_character() => // An attribute cannot carry one.
        (await Create(AccessScene.Operator(), "portal" + (char)0xD800)).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.InvalidRequest);

    [Fact]
    public async Task A_name_has_64_characters_at_most()
    {
        (await Create(AccessScene.Operator(), new string('n', 64))).Refusal.ShouldBeNull();
        (await Create(AccessScene.Operator(), new string('n', 65))).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.InvalidRequest);
    }

    [Fact]
    public async Task A_name_is_unique_among_the_living_of_a_tenant()
    {
        var first = (await Create(AccessScene.Operator(), "portal")).Value.Fresh!;

        (await Create(AccessScene.Operator(), "portal")).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.NameTaken);
        (await Create(AccessScene.Operator(AccessScene.Neighbour), "portal")).Refusal.ShouldBeNull();
        (await Delete(AccessScene.Operator(), first.Id)).ShouldBeNull();
        (await Create(AccessScene.Operator(), "portal")).Value.Fresh!.Id.ShouldNotBe(first.Id);
    }

    [Fact]
    public async Task A_hundred_who_want_one_name_at_once_make_one()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Create(AccessScene.Operator(), "portal")));

        made.Count(m => m.Refusal is null).ShouldBe(1);
        made.Where(m => m.Refusal is not null).ShouldAllBe(m => m.Refusal!.Code == RefusalCode.NameTaken);
    }

    [Fact]
    public async Task A_neighbours_service_account_is_unknown()
    {
        var theirs = (await Create(AccessScene.Operator(AccessScene.Neighbour), "portal")).Value.Fresh!;

        (await Delete(AccessScene.Operator(), theirs.Id)).ShouldNotBeNull().Code.ShouldBe(RefusalCode.ServiceAccountNotFound);
        (await Read(AccessScene.Operator(), theirs.Id)).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.ServiceAccountNotFound);
        (await Read(AccessScene.Operator(AccessScene.Neighbour), theirs.Id)).Value.ShouldBe(theirs);
    }

    [Fact]
    public async Task Only_its_own_person_or_the_local_operator_ends_one()
    {
        var (one, other) = (await _scene.AddPerson(), await _scene.AddPerson());
        var theirs = (await Create(AccessScene.Operator(), "theirs", other.ToString())).Value.Fresh!;
        var stranger = await _scene.NewCaller("mine", one);

        (await Delete(stranger, theirs.Id)).ShouldNotBeNull().Code.ShouldBe(RefusalCode.SeparationOfDuties);
        (await Delete(await _scene.NewCaller("theirs too", other), theirs.Id)).ShouldBeNull();
        (await Delete(AccessScene.Operator(), theirs.Id)).ShouldNotBeNull().Code.ShouldBe(RefusalCode.ServiceAccountNotFound);
    }

    [Fact]
    public async Task The_ledger_names_making_and_ending_by_id()
    {
        var made = (await Create(AccessScene.Operator(), "a telling name")).Value.Fresh!;
        await Delete(AccessScene.Operator(), made.Id);

        foreach (var happened in new[] { LedgerEvent.ServiceAccountCreated, LedgerEvent.ServiceAccountDeleted })
        {
            var entry = (await _scene.Ledger(happened)).Single();
            entry.ShouldContain(made.Id.ToString());
            entry.ShouldContain("\"owner\":\"local-operator\"");
            entry.ShouldNotContain("a telling name");
        }
    }

    private Task<Result<Happened<ServiceAccount>>> Create(Caller caller, string name, string? owner = null) =>
        _scene.Get<ManageServiceAccounts>().Create(caller, name, owner, null, CancellationToken.None);

    private Task<Refusal?> Delete(Caller caller, ServiceAccountId id) =>
        _scene.Get<ManageServiceAccounts>().Delete(caller, id, CancellationToken.None);

    private Task<Result<ServiceAccount>> Read(Caller caller, ServiceAccountId id) =>
        _scene.Get<ManageServiceAccounts>().Read(caller, id, CancellationToken.None);
}
