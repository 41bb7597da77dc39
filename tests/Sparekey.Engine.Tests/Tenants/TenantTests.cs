using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Tenants;
using Sparekey.Engine.Tests.Accounts;

namespace Sparekey.Engine.Tests.Tenants;

/// <summary>Which tenant a host means, and that nobody draws another's requests to themselves.</summary>
public sealed class TenantTests : IAsyncLifetime
{
    private static readonly TenantId Second = TenantId.Parse("second");

    private AccountScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccountScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Every_host_is_the_only_tenants()
    {
        (await Of("recover.example.com")).Value.ShouldBe(TenantId.Default);
        (await Of("anything.example.org:1234")).Value.ShouldBe(TenantId.Default);
        (await Of("")).Value.ShouldBe(TenantId.Default);
    }

    [Fact]
    public async Task From_the_second_tenant_on_an_unlisted_host_is_refused_at_once()
    {
        (await Of("elsewhere.example.org")).Value.ShouldBe(TenantId.Default);
        (await Create("second", "https://second.example.org")).Value.Name.ShouldBe(Second);
        (await Of("elsewhere.example.org")).Refusal!.Code.ShouldBe(RefusalCode.UnknownHost);
        (await Of("")).Refusal!.Code.ShouldBe(RefusalCode.UnknownHost);
        (await Of("second.example.org")).Value.ShouldBe(Second);
        (await Of("recover.example.com")).Value.ShouldBe(TenantId.Default);
    }

    [Theory]
    [InlineData("second.example.org:443", true)]
    [InlineData("SECOND.example.org", true)]
    [InlineData("second.example.org:8443", false)]
    [InlineData("second.example.org.evil.example.com", false)]
    [InlineData("xsecond.example.org", false)]
    public async Task Hosts_are_compared_without_case_and_default_port(string host, bool known)
    {
        await Create("second", "https://second.example.org");
        ((await Of(host)).Refusal is null).ShouldBe(known);
    }

    [Fact]
    public async Task Every_application_of_a_tenant_names_it_until_it_is_gone()
    {
        await Create("second", "https://second.example.org");
        var manage = _scene.Get<ManageApplications>();
        var made = (await manage.Create(
            AccountScene.Desk("admin", Second), new ApplicationSettings { Name = "Portal", LinkHosts = ["go.example.org:8443"] }, null,
            CancellationToken.None)).Value.Fresh!;
        (await Of("go.example.org:8443")).Value.ShouldBe(Second);
        await manage.Delete(AccountScene.Desk("admin", Second), made.Id, CancellationToken.None);
        (await Of("go.example.org:8443")).Refusal!.Code.ShouldBe(RefusalCode.UnknownHost);
    }

    [Fact]
    public async Task Nobody_takes_a_host_that_is_anothers()
    {
        await Create("second", "https://second.example.org");
        (await Create("third", "https://SECOND.example.org")).Refusal!.Faults.ShouldHaveSingleItem().Pointer.ShouldBe("/origin");
        (await Create("third", "https://recover.example.com:443")).Refusal!.Faults.ShouldHaveSingleItem().Pointer.ShouldBe("/origin");
        var manage = _scene.Get<ManageApplications>();
        (await manage.Create(
            AccountScene.Desk("admin", Second),
            new ApplicationSettings { Name = "Mine", Origins = ["https://a.example.org", "https://recover.example.com"] }, null,
            CancellationToken.None)).Refusal!.Faults.ShouldHaveSingleItem().Pointer.ShouldBe("/origins/1");
        (await manage.Create(
            AccountScene.Desk("admin", Second), new ApplicationSettings { Name = "Mine", LinkHosts = ["recover.example.com"] }, null,
            CancellationToken.None)).Refusal!.Faults.ShouldHaveSingleItem().Pointer.ShouldBe("/link_hosts/0");
        (await Of("recover.example.com")).Value.ShouldBe(TenantId.Default);
        (await _scene.Get<TenantOfHost>().Exists(TenantId.Parse("third"), CancellationToken.None)).ShouldBeFalse();
    }

    [Fact]
    public async Task What_another_process_changed_is_seen_within_seconds()
    {
        await Create("second", "https://second.example.org");
        (await Of("moved.example.org")).Refusal.ShouldNotBeNull();
        await _scene.Execute("UPDATE tenant_hosts SET host = 'moved.example.org' WHERE tenant_id = 'second'");
        (await Of("moved.example.org")).Refusal.ShouldNotBeNull();
        _scene.Time.Advance(TenantOfHost.KeptFor);
        (await Of("moved.example.org")).Value.ShouldBe(Second);
        (await Of("second.example.org")).Refusal!.Code.ShouldBe(RefusalCode.UnknownHost);
    }

    [Theory]
    [InlineData("", "https://x.example.org", "/name")]
    [InlineData("Second", "https://x.example.org", "/name")]
    [InlineData("-x", "https://x.example.org", "/name")]
    [InlineData("second", "http://x.example.org", "/origin")]
    [InlineData("second", "", "/origin")]
    public async Task Refuses_what_is_no_tenant(string name, string origin, string pointer) =>
        (await Create(name, origin)).Refusal!.Faults.ShouldHaveSingleItem().Pointer.ShouldBe(pointer);

    [Fact]
    public async Task A_name_is_taken_once_and_the_tenant_is_complete()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Create("second", $"https://s{i}.example.org")));
        made.Count(m => m.Refusal is null).ShouldBe(1);
        made.Where(m => m.Refusal is not null).ShouldAllBe(m => m.Refusal!.Code == RefusalCode.NameTaken);
        (await _scene.Acts.Read(db => _scene.Get<ApplicationStore>().Default(db, Second), CancellationToken.None)).IsDefault.ShouldBeTrue();
        (await _scene.Ledger(LedgerEvent.TenantCreated)).ShouldHaveSingleItem().GetProperty("tenant").GetString().ShouldBe("second");
        (await _scene.Get<ManageTenants>().List(AccountScene.LocalOperator, CancellationToken.None)).Value.Select(t => t.Name.ToString())
            .ShouldBe(["default", "second"]);
    }

    [Fact]
    public async Task Only_the_machines_operator_makes_tenants()
    {
        var manage = _scene.Get<ManageTenants>();
        (await manage.Create(AccountScene.Desk("admin"), "second", "https://x.example.org", CancellationToken.None)).Refusal!.Code
            .ShouldBe(RefusalCode.PermissionMissing);
        (await manage.List(AccountScene.Desk("admin"), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.PermissionMissing);
    }

    private Task<Result<TenantId>> Of(string host) => _scene.Get<TenantOfHost>().Resolve(host, CancellationToken.None);

    private Task<Result<Tenant>> Create(string name, string origin) =>
        _scene.Get<ManageTenants>().Create(AccountScene.LocalOperator, name, origin, CancellationToken.None);
}
