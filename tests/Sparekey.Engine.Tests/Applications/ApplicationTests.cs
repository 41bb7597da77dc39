using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Tests.Accounts;
using ApplicationId = Sparekey.Core.ApplicationId;

namespace Sparekey.Engine.Tests.Applications;

/// <summary>Where links lead is decided here, so nothing is taken as it comes and few may change it.</summary>
public sealed class ApplicationTests : IAsyncLifetime
{
    private AccountScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccountScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Keeps_everything_that_was_given()
    {
        var made = await Made(new ApplicationSettings
        {
            Name = "Portal",
            RpId = new("example.com"),
            Origins = ["https://portal.example.com", "http://localhost:3000"],
            LinkHosts = ["go.example.com", "go.example.com:8443"],
            ReturnUrls = ["https://portal.example.com/back?x=1"],
            ClientIds = [new ExternalId("loginid", "client-1")],
        });
        var read = (await Manage.Read(AccountScene.Desk(), made.Id, CancellationToken.None)).Value;
        read.Name.ShouldBe("Portal");
        read.RpId.ShouldBe("example.com");
        read.Origins.ShouldBe([new Uri("https://portal.example.com"), new Uri("http://localhost:3000")]);
        read.LinkHosts.ShouldBe(["go.example.com", "go.example.com:8443"]);
        read.ReturnUrls.ShouldBe([new Uri("https://portal.example.com/back?x=1")]);
        read.ClientIds.ShouldBe([new ExternalId("loginid", "client-1")]);
        (read.IsDefault, read.Version).ShouldBe((false, 1));
        (await Manage.List(AccountScene.Desk(), CancellationToken.None)).Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("/origins/0", "http://portal.example.com")]
    [InlineData("/origins/0", "https://portal.example.com/path")]
    [InlineData("/origins/0", "https://portal.example.com?")]
    [InlineData("/origins/0", "https://portal.example.com#")]
    [InlineData("/origins/0", "https://user@portal.example.com")]
    [InlineData("/origins/0", "https://portal.example.com\\@evil.example.org")]
    [InlineData("/origins/0", "https://")]
    [InlineData("/origins/0", "javascript:alert(1)")]
    [InlineData("/origins/0", "//portal.example.com")]
    [InlineData("/origins/0", "file:///etc/passwd")]
    [InlineData("/link_hosts/0", "evil.example.org/recover")]
    [InlineData("/link_hosts/0", "user@evil.example.org")]
    [InlineData("/link_hosts/0", "EVIL.example.org")]
    [InlineData("/link_hosts/0", "evil.example.org:443")]
    [InlineData("/link_hosts/0", "evil.example.org#")]
    [InlineData("/link_hosts/0", "evil example.org")]
    [InlineData("/link_hosts/0", "")]
    [InlineData("/return_urls/0", "http://portal.example.com/back")]
    [InlineData("/return_urls/0", "https://portal.example.com/back#fragment")]
    [InlineData("/return_urls/0", "/back")]
    [InlineData("/return_urls/0", "https://portal.example.com/\u0000")]
    [InlineData("/rp_id", "com")]
    [InlineData("/rp_id", "ample.com")]
    [InlineData("/rp_id", "other.example.com")]
    [InlineData("/rp_id", "EXAMPLE.com")]
    [InlineData("/name", "")]
    [InlineData("/name", "a\nb")]
    public async Task T12_Refuses_what_links_must_not_be_built_from(string pointer, string value)
    {
        var wanted = new ApplicationSettings { Name = "Portal", Origins = ["https://portal.example.com"] };
        wanted = pointer.Split('/')[1] switch
        {
            "origins" => wanted with { Origins = [value] },
            "link_hosts" => wanted with { LinkHosts = [value] },
            "return_urls" => wanted with { ReturnUrls = [value] },
            "rp_id" => wanted with { RpId = new(value) },
            _ => wanted with { Name = value },
        };
        (await Create(wanted)).Refusal!.Faults.ShouldHaveSingleItem().Pointer.ShouldBe(pointer);
    }

    [Fact]
    public async Task A_change_replaces_lists_and_leaves_the_rest()
    {
        var made = await Made(new ApplicationSettings { Name = "Portal", Origins = ["https://a.example.com"], RpId = new("example.com") });
        var changed = (await Change(made.Id, new ApplicationSettings { Origins = ["https://b.example.com"] })).Value;
        changed.Origins.ShouldBe([new Uri("https://b.example.com")]);
        (changed.Name, changed.RpId, changed.Version).ShouldBe(("Portal", "example.com", 2));
        (await Change(made.Id, new ApplicationSettings { RpId = new(null), Version = 2 })).Value.RpId.ShouldBeNull();
        (await Change(made.Id, new ApplicationSettings { Name = "Late", Version = 2 })).Refusal!.Code.ShouldBe(RefusalCode.VersionConflict);
    }

    [Fact]
    public async Task Only_the_highest_ceiling_decides_where_links_lead()
    {
        var made = await Made(new ApplicationSettings { Name = "Portal" });
        foreach (var (caller, code) in new[]
        {
            (AccountScene.Desk("operator"), RefusalCode.AboveCeiling),
            (AccountScene.Desk("admin", permissions: PermissionSet.Of(Permission.AccountWrite)), RefusalCode.PermissionMissing),
        })
        {
            (await Create(new ApplicationSettings { Name = "Mine" }, caller)).Refusal!.Code.ShouldBe(code);
            (await Change(made.Id, new ApplicationSettings { LinkHosts = ["evil.example.org"] }, caller)).Refusal!.Code.ShouldBe(code);
            (await Delete(made.Id, caller))!.Code.ShouldBe(code);
        }

        (await Manage.Read(AccountScene.Desk(), made.Id, CancellationToken.None)).Value.LinkHosts.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_neighbours_application_is_not_found()
    {
        await _scene.AddTenant(AccountScene.Neighbour);
        var made = await Made(new ApplicationSettings { Name = "Portal" });
        var neighbour = AccountScene.Desk("admin", AccountScene.Neighbour);
        (await Manage.Read(neighbour, made.Id, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.ApplicationNotFound);
        (await Change(made.Id, new ApplicationSettings { Name = "Mine" }, neighbour)).Refusal!.Code.ShouldBe(RefusalCode.ApplicationNotFound);
        (await Delete(made.Id, neighbour))!.Code.ShouldBe(RefusalCode.ApplicationNotFound);
        (await Manage.List(neighbour, CancellationToken.None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_default_one_and_one_in_use_stay()
    {
        var standard = (await Manage.List(AccountScene.Desk(), CancellationToken.None)).ShouldHaveSingleItem();
        (await Delete(standard.Id))!.Code.ShouldBe(RefusalCode.ApplicationInUse);

        var made = await Made(new ApplicationSettings { Name = "Portal" });
        var person = await _scene.Person();
        await _scene.Execute(
            """
            INSERT INTO recoveries (tenant_id, id, account_id, application_id, requested_by, state, version, created_at, due_at, body)
            VALUES ('default', 'r', @account, @application, 'desk', 'issued', 1, 0, 1, '{}')
            """,
            new { account = person.Id.ToString(), application = made.Id.ToString() });
        (await Delete(made.Id))!.Code.ShouldBe(RefusalCode.ApplicationInUse);
        await _scene.Execute("UPDATE recoveries SET due_at = NULL, closed_at = 2");
        (await Delete(made.Id)).ShouldBeNull();
        (await Delete(made.Id))!.Code.ShouldBe(RefusalCode.ApplicationNotFound);
    }

    [Fact]
    public async Task A_client_id_belongs_to_one_application()
    {
        await Made(new ApplicationSettings { Name = "One", ClientIds = [new ExternalId("loginid", "x")] });
        (await Create(new ApplicationSettings { Name = "Two", ClientIds = [new ExternalId("loginid", "x")] })).Refusal!
            .Faults.ShouldHaveSingleItem().Pointer.ShouldBe("/client_ids");
    }

    [Fact]
    public async Task The_ledger_says_where_links_lead()
    {
        var made = await Made(new ApplicationSettings { Name = "Portal", LinkHosts = ["go.example.com"] });
        await Change(made.Id, new ApplicationSettings { LinkHosts = ["elsewhere.example.com"] });
        await Delete(made.Id);
        (await _scene.Ledger(LedgerEvent.ApplicationChanged)).ShouldHaveSingleItem()
            .GetProperty("facts").GetProperty("link_hosts")[0].GetString().ShouldBe("elsewhere.example.com");
        (await _scene.Ledger(LedgerEvent.ApplicationDeleted)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task The_default_one_follows_the_installations_origin()
    {
        var ensure = _scene.Get<EnsureDefaultApplication>();
        await ensure.Run(TenantId.Default, new Uri("https://recover.example.com"), CancellationToken.None);
        var before = (await Manage.List(AccountScene.Desk(), CancellationToken.None)).ShouldHaveSingleItem();
        (before.IsDefault, before.RpId, before.Version).ShouldBe((true, "recover.example.com", 1));

        await Change(before.Id, new ApplicationSettings { Origins = ["https://recover.example.com", "https://app.example.com"] });
        await ensure.Run(TenantId.Default, new Uri("http://127.0.0.1:4800"), CancellationToken.None);

        var after = (await Manage.List(AccountScene.Desk(), CancellationToken.None)).ShouldHaveSingleItem();
        after.Id.ShouldBe(before.Id);
        after.Origins.ShouldBe([new Uri("http://127.0.0.1:4800"), new Uri("https://app.example.com")]);
        after.RpId.ShouldBeNull(); // An IP address is no relying-party id.
    }

    private ManageApplications Manage => _scene.Get<ManageApplications>();

    private async Task<Result<Application>> Create(ApplicationSettings wanted, Caller? caller = null)
    {
        var made = await Manage.Create(caller ?? AccountScene.Desk("admin"), wanted, null, CancellationToken.None);
        return made.Refusal is { } refusal ? refusal : made.Value.Fresh!;
    }

    private async Task<Application> Made(ApplicationSettings wanted) => (await Create(wanted)).Value;

    private Task<Result<Application>> Change(ApplicationId id, ApplicationSettings wanted, Caller? caller = null) =>
        Manage.Change(caller ?? AccountScene.Desk("admin"), id, wanted, CancellationToken.None);

    private Task<Refusal?> Delete(ApplicationId id, Caller? caller = null) =>
        Manage.Delete(caller ?? AccountScene.Desk("admin"), id, CancellationToken.None);
}
