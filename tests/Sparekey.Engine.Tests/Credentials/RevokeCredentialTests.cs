using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Tests.Sessions;

namespace Sparekey.Engine.Tests.Credentials;

public sealed class RevokeCredentialTests
{
    private static readonly RuleDocument OnlyLinks =
        new("links", new ConditionDocument(Means: ["link"]), new DemandDocument(Approvals: 1));

    [Fact]
    public async Task Is_a_recovery_under_the_default_policy()
    {
        await using var scene = await SessionScene.Create();
        var password = (await scene.StoredPassword(scene.Ada))!.Id;

        var refusal = (await Revoke(scene, password)).Refusal!;

        refusal.Code.ShouldBe(RefusalCode.PolicyRefuses);
        refusal.Detail.ShouldNotBeNull().ShouldContain("recovery of means force");
        (await scene.SignIn()).Refusal.ShouldBeNull();
        (await scene.Ledgered(LedgerEvent.CredentialRevoked)).ShouldBe(0);
    }

    [Fact]
    public async Task A15_Removes_what_policy_does_not_protect_and_ends_the_sessions_it_opened()
    {
        await using var scene = await SessionScene.Create();
        await scene.UsePolicy(OnlyLinks);
        var opened = await scene.SignedIn();
        var passkey = await AddPasskey(scene);
        var byPasskey = await scene.Write(act => scene.Sessions.Open(
            act, new NewSession(scene.Ada, ["hwk"]) { Credential = passkey }));

        (await Revoke(scene, opened.Session.Credential!.Value)).Value.Kind.ShouldBe(CredentialKind.Password);

        (await scene.Authenticate(opened)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.Authenticate(byPasskey)).Refusal.ShouldBeNull();
        (await scene.SignIn()).Refusal!.Code.ShouldBe(RefusalCode.SignInFailed);
        (await scene.Ledgered(LedgerEvent.CredentialRevoked)).ShouldBe(1);
        (await scene.Count("SELECT COUNT(*) FROM outbox WHERE kind = 'credential_changed_notice'")).ShouldBe(1);
        (await Revoke(scene, opened.Session.Credential.Value)).Refusal!.Code.ShouldBe(RefusalCode.CredentialNotFound);
    }

    [Fact]
    public async Task A_provisional_password_may_go_without_asking()
    {
        await using var scene = await SessionScene.Create();
        var password = await scene.SetPassword(scene.Ada, SessionScene.Password, provisional: true);
        var restricted = await scene.SignedIn();

        (await Revoke(scene, password)).Refusal.ShouldBeNull();

        (await scene.Authenticate(restricted, SessionRestriction.PasswordChange)).Refusal!.Code.ShouldBe(RefusalCode.SessionInvalid);
    }

    [Fact]
    public async Task Nobody_above_the_ceiling()
    {
        await using var scene = await SessionScene.Create();
        await scene.UsePolicy(OnlyLinks);
        var boss = await scene.AddAccount("boss", "admin");
        var password = await scene.SetPassword(boss, SessionScene.Password);

        var refusal = (await Run(scene, scene.Operator(ceiling: "operator"), boss, password)).Refusal!;

        refusal.Code.ShouldBe(RefusalCode.AboveCeiling);
    }

    [Fact]
    public async Task Nobody_their_own()
    {
        await using var scene = await SessionScene.Create();
        await scene.UsePolicy(OnlyLinks);
        var password = (await scene.StoredPassword(scene.Ada))!.Id;
        var programme = scene.Operator() with
        {
            Grant = scene.Operator().Grant with { Principal = new Principal(PrincipalKind.ServiceAccount, "desk", scene.Ada.ToString()) },
        };

        (await Run(scene, programme, scene.Ada, password)).Refusal!.Code.ShouldBe(RefusalCode.OwnAccount);
    }

    [Fact]
    public async Task Nobody_without_the_permission()
    {
        await using var scene = await SessionScene.Create();
        await scene.UsePolicy(OnlyLinks);
        var password = (await scene.StoredPassword(scene.Ada))!.Id;

        (await Run(scene, scene.Operator(permission: Permission.AccountWrite), scene.Ada, password)).Refusal!.Code
            .ShouldBe(RefusalCode.PermissionMissing);
    }

    [Fact]
    public async Task Nothing_under_anothers_name()
    {
        await using var scene = await SessionScene.Create();
        await scene.UsePolicy(OnlyLinks);
        var password = (await scene.StoredPassword(scene.Ada))!.Id;
        var eve = await scene.AddAccount("eve");
        var neighbour = TenantId.Parse("neighbour");
        await scene.AddTenant(neighbour);

        (await Run(scene, scene.Operator(), eve, password)).Refusal!.Code.ShouldBe(RefusalCode.CredentialNotFound);
        (await Run(scene, scene.Operator() with { Tenant = neighbour }, scene.Ada, password)).Refusal!.Code
            .ShouldBe(RefusalCode.AccountNotFound);
    }

    [Fact]
    public async Task A_list_holds_nothing_that_verifies()
    {
        await using var scene = await SessionScene.Create();
        await AddPasskey(scene);

        var list = (await scene.Get<ListCredentials>().Run(scene.Operator(), scene.Ada, CancellationToken.None)).Value;

        list.Select(c => c.Kind).ShouldBe([CredentialKind.Password, CredentialKind.Passkey], ignoreOrder: true);
        string.Join('\n', list).ShouldNotContain((await scene.StoredPassword(scene.Ada))!.Hash);
    }

    [Fact]
    public async Task An_account_has_one_password()
    {
        await using var scene = await SessionScene.Create();
        var second = new Credential(NewId.Make<CredentialId>(), scene.Ada, CredentialKind.Password, scene.Acts.Now);

        var thrown = await Should.ThrowAsync<Exception>(() => scene.Write(act => scene.Credentials.Add(act, second, "{}")));

        scene.Dialect.IsUniqueViolation(thrown).ShouldBeTrue();
    }

    [Fact]
    public async Task All_of_a_kind_go_but_one()
    {
        await using var scene = await SessionScene.Create();
        var kept = await AddPasskey(scene);
        await AddPasskey(scene);
        await AddPasskey(scene);

        (await scene.Write(act => scene.Credentials.RevokeKind(act, scene.Ada, CredentialKind.Passkey, kept))).ShouldBe(2);

        (await scene.StoredPassword(scene.Ada)).ShouldNotBeNull();
        (await scene.Write(act => scene.Credentials.RevokeKind(act, scene.Ada, CredentialKind.Passkey))).ShouldBe(1);
    }

    private static async Task<CredentialId> AddPasskey(SessionScene scene)
    {
        var passkey = new Credential(NewId.Make<CredentialId>(), scene.Ada, CredentialKind.Passkey, scene.Acts.Now);
        await scene.Write(act => scene.Credentials.Add(act, passkey, "{}"));
        return passkey.Id;
    }

    private static Task<Result<Credential>> Revoke(SessionScene scene, CredentialId credential) =>
        Run(scene, scene.Operator(), scene.Ada, credential);

    private static Task<Result<Credential>> Run(SessionScene scene, Caller caller, AccountId account, CredentialId credential) =>
        scene.Get<RevokeCredential>().Run(caller, account, credential, CancellationToken.None);
}
