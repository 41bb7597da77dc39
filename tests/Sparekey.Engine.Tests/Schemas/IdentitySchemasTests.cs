using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Schemas;
using Sparekey.Engine.Schemas;
using Sparekey.Engine.Tests.Accounts;

namespace Sparekey.Engine.Tests.Schemas;

/// <summary>The schemas of a tenant: there is always one, and only who stands highest sets another.</summary>
public sealed class IdentitySchemasTests : IAsyncLifetime
{
    private const string Document = """{"properties":{"traits":{"type":"object","required":["email"]}}}""";

    private AccountScene _scene = null!;
    private IdentitySchemas _schemas = null!;

    public async ValueTask InitializeAsync()
    {
        _scene = await AccountScene.Create();
        _schemas = _scene.Get<IdentitySchemas>();
    }

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task There_is_always_a_default_one()
    {
        (await Find(null)).ShouldNotBeNull().Schema.ShouldBe(IdentitySchema.Default);
        (await Find("")).ShouldNotBeNull().Id.ShouldBe("default");
        (await Find("other")).ShouldBeNull();
        (await _schemas.List(TenantId.Default, CancellationToken.None)).Select(s => s.Id).ShouldBe(["default"]);
    }

    [Fact]
    public async Task One_is_set_and_replaced_and_nobody_elses()
    {
        await _scene.AddTenant(AccountScene.Neighbour);
        (await Set(AccountScene.LocalOperator, "customer", Document)).Refusal.ShouldBeNull();
        (await Find("customer")).ShouldNotBeNull().Schema.Text.ShouldBe(Document);
        (await Set(AccountScene.LocalOperator, "customer", Document.Replace("email", "name", StringComparison.Ordinal))).Refusal.ShouldBeNull();
        (await Find("customer")).ShouldNotBeNull().Schema.Text.ShouldContain("name");
        (await Set(AccountScene.LocalOperator, "default", Document)).Refusal.ShouldBeNull();
        (await Find(null)).ShouldNotBeNull().Schema.Text.ShouldBe(Document);

        (await _schemas.List(TenantId.Default, CancellationToken.None)).Select(s => s.Id).ShouldBe(["customer", "default"]);
        (await _schemas.Find(AccountScene.Neighbour, "customer", CancellationToken.None)).ShouldBeNull();
        (await _schemas.Find(AccountScene.Neighbour, null, CancellationToken.None)).ShouldNotBeNull().Schema.ShouldBe(IdentitySchema.Default);
        (await _scene.Ledger(LedgerEvent.IdentitySchemaSet)).Count.ShouldBe(3);
    }

    [Fact]
    public async Task Only_who_stands_highest_sets_one()
    {
        (await Set(AccountScene.Desk("operator"), "a", Document)).Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        (await Set(AccountScene.Desk("admin", permissions: PermissionSet.Of([Permission.AccountWrite])), "a", Document))
            .Refusal!.Code.ShouldBe(RefusalCode.PermissionMissing);
        (await Find("a")).ShouldBeNull();
        (await _scene.Ledger(LedgerEvent.IdentitySchemaSet)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("", Document)]
    [InlineData("a/b", Document)]
    [InlineData("a b", Document)]
    [InlineData("ä", Document)]
    [InlineData("a", "{}")]
    [InlineData("a", "")]
    public async Task Refuses_what_is_none(string id, string document) =>
        (await Set(AccountScene.LocalOperator, id, document)).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);

    [Fact]
    public async Task There_is_a_bounded_number()
    {
        for (var i = 0; i < IdentitySchemas.Most; i++)
        {
            (await Set(AccountScene.LocalOperator, $"s{i}", Document)).Refusal.ShouldBeNull();
        }

        (await Set(AccountScene.LocalOperator, "one-more", Document)).Refusal!.Code.ShouldBe(RefusalCode.InvalidRequest);
        (await Set(AccountScene.LocalOperator, "s0", Document)).Refusal.ShouldBeNull();
    }

    private Task<NamedSchema?> Find(string? id) => _schemas.Find(TenantId.Default, id, CancellationToken.None);

    private Task<Result<NamedSchema>> Set(Engine.Access.Caller caller, string id, string document) =>
        _schemas.Set(caller, id, document, CancellationToken.None);
}
