using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Tests.Sessions;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Recoveries;

/// <summary>Jane, who has two addresses, a password, a passkey and saved codes; a help desk; and what policy asks.</summary>
internal sealed class ProofScene : IAsyncDisposable
{
    private const string Origin = "https://recover.example.com";
    private const string RpId = "recover.example.com";

    private static readonly string[] MessageKinds = ["recovery_link", "recovery_code", "recovery_token", "recovery_second_half"];

    private readonly SessionScene _scene;

    private ProofScene(SessionScene scene) => _scene = scene;

    public SessionScene Scene => _scene;

    public AccountId Jane { get; private set; }

    public IReadOnlyList<string> Codes { get; private set; } = [];

    public SoftwareAuthenticator Authenticator { get; } = new(RpId);

    public Caller Desk { get; } = CallerOf("desk", "boss", [.. Enum.GetValues<Permission>()]);

    public static async Task<ProofScene> Create(DemandDocument demand, params string[] addresses)
    {
        var scene = new ProofScene(await SessionScene.Create());
        await scene._scene.Get<EnsureDefaultApplication>().Run(TenantId.Default, new Uri(Origin), CancellationToken.None);
        await scene._scene.Write(act => act.Db.Execute("UPDATE applications SET rp_id = 'recover.example.com', origins = '[\"https://recover.example.com\"]'"));
        scene.Jane = await scene.Account("jane", addresses.Length == 0 ? ["jane@example.com", "jane@example.org"] : addresses);
        await scene._scene.SetPassword(scene.Jane, SessionScene.Password);
        scene.Codes = [.. (await scene.MakeCodes("jane")).Select(c => c.Reveal())];
        await scene.AddPasskey(scene.Jane, scene.Authenticator);
        await scene._scene.UsePolicy(new RuleDocument("demand", null, demand));
        scene._scene.Time.Advance(TimeSpan.FromMinutes(1));
        return scene;
    }

    public static Caller CallerOf(string id, string owner, params Permission[] permissions) => new(
        TenantId.Default, "192.0.2.9", "request-2",
        new Grant(new Principal(PrincipalKind.ServiceAccount, id, owner), PermissionSet.Of(permissions), "admin", null));

    public static Caller CallerOf(AccountId person, params Permission[] permissions) => new(
        TenantId.Default, "192.0.2.9", "request-3", new Grant(Principal.Of(person), PermissionSet.Of(permissions), "admin", null));

    public T Get<T>()
        where T : notnull => _scene.Get<T>();

    public async Task<AccountId> Account(string username, string[] addresses, string[]? groups = null, AccountId? manager = null)
    {
        var account = new Account(NewId.Make<AccountId>(), "user", _scene.Acts.Now, 1)
        {
            Username = username,
            Groups = [.. groups ?? []],
            Manager = manager,
            Addresses = [.. addresses.Select(a => new Address(
                NewId.Make<AddressId>(), a.StartsWith('+') ? AddressKind.Phone : AddressKind.Email, a, _scene.Acts.Now, GivenAtCreation: true, ConfirmedAt: null))],
        };
        await _scene.Write(async act =>
        {
            await Get<AccountStore>().Insert(act, account);
            return true;
        });
        return account.Id;
    }

    public async Task<IReadOnlyList<SecretText>> MakeCodes(string name) => (await Get<MakeRecoveryCodes>().Run(
        _scene.CallerOf((await _scene.SignedIn(name)).Session), CancellationToken.None)).Value.Codes;

    public Task<Result<Happened<IssuedSecret>>> Open(
        Means means = Means.Link, Channel channel = Channel.Return, Caller? by = null, IReadOnlyList<Revocation>? revoke = null) =>
        Get<OpenRecovery>().Run(
            by ?? Desk, new RecoveryOrder(new AccountName(Jane, null), means) { Channel = channel, Revoke = revoke }, null, CancellationToken.None);

    public async Task<Recovery> Opened(Means means = Means.Link, Channel channel = Channel.Return, Caller? by = null) =>
        (await Open(means, channel, by)).Value.Fresh!.Recovery;

    public Task<Result<Happened<IssuedSecret>>> Issue(RecoveryId id, Caller? by = null) =>
        Get<IssueRecovery>().Run(by ?? Desk, id, null, CancellationToken.None);

    public async Task<Recovery> Find(RecoveryId id) =>
        (await _scene.Acts.Read(db => Get<RecoveryStore>().Find(db, TenantId.Default, id), CancellationToken.None)).ShouldNotBeNull();

    public Task<Result<Recovery>> Prove(RecoveryId id, PresentedProof proof, string source = "192.0.2.1") =>
        Get<ProveRecovery>().Run(SessionScene.From(source), id, proof, CancellationToken.None);

    public Task<Result<Recovery>> ProveByCode(RecoveryId id, string code, string source = "192.0.2.1") =>
        Prove(id, new PresentedProof.SavedCode(new SecretText(code)), source);

    public Task<Result<Recovery>> ProveByPassword(RecoveryId id, string password = SessionScene.Password, string source = "192.0.2.1") =>
        Prove(id, new PresentedProof.Password(new SecretText(password)), source);

    public async Task<PasskeyAssertion> Assert(RecoveryId id, SoftwareAuthenticator? authenticator = null)
    {
        var request = (await Get<ProveRecovery>().Begin(SessionScene.From(), id, CancellationToken.None)).Value;
        var (client, data, signature) = (authenticator ?? Authenticator).Assert(Base64Url.DecodeFromChars(request.Challenge), Origin);
        return new PasskeyAssertion(
            Base64Url.EncodeToString((authenticator ?? Authenticator).CredentialId), Base64Url.EncodeToString(client),
            Base64Url.EncodeToString(data), Base64Url.EncodeToString(signature), null);
    }

    public Task<Result<OpenedRedemption>> Redeem(PresentedSecret presented, string source = "192.0.2.1") =>
        Get<RedeemSecret>().Run(SessionScene.From(source), presented, CancellationToken.None);

    public Task<Result<OpenedRedemption>> RedeemLink(string link, string? half = null) =>
        Redeem(new PresentedSecret.Long(Means.Link, new SecretText(link[(link.IndexOf('#', StringComparison.Ordinal) + 1)..])) { Half = Text(half) });

    public Task<Result<OpenedRedemption>> RedeemCode(string code, string? half = null, string name = "jane", string source = "192.0.2.1") =>
        Redeem(new PresentedSecret.Code(new SecretText(code), name) { Half = Text(half) }, source);

    public Task<Result<CompletedRecovery>> SetPassword(OpenedRedemption redemption) => Get<SetNewPassword>().Run(
        SessionScene.From(), redemption.Token, new SecretText("a password that was never used"), CancellationToken.None);

    public async Task AddPasskey(AccountId account, SoftwareAuthenticator authenticator)
    {
        var challenge = new byte[32];
        var parts = authenticator.Register(challenge, Origin);
        var verified = PasskeyCeremonies.VerifyRegistration(
            new RegistrationResponse(parts.CredentialId, parts.ClientDataBytes, parts.AttestationObject, []),
            new CeremonyExpectation(challenge, RpId, [Origin]), CoseAlgorithms.Offered, AttestationPolicy.Open, _scene.Acts.Now).Value.ShouldNotBeNull();
        await _scene.Write(act => Get<PasskeyStore>().Add(act, account, verified, null, null));
    }

    /// <summary>The secrets that wait in the outbox: of which kind, to whom, and the text.</summary>
    public async Task<IReadOnlyList<(string Kind, string To, string Secret, string? Code)>> Sent()
    {
        var rows = await _scene.Acts.Read(
            db => db.List<Row>("SELECT id AS Id, kind AS Kind, sealed AS Sealed FROM outbox ORDER BY created_at, id"), CancellationToken.None);
        return [.. rows.Where(r => MessageKinds.Contains(r.Kind)).Select(r =>
        {
            var payload = MessagePayload.Open(Get<KeyRing>(), TenantId.Default, Ids.Parse<MessageId>(r.Id), r.Sealed).ShouldNotBeNull();
            return (r.Kind, payload.To.ShouldHaveSingleItem().Value, payload.Values["secret"], payload.Values.GetValueOrDefault("code"));
        })];
    }

    // Whatever a test did, no recovery and its code may contradict each other.
    public async ValueTask DisposeAsync()
    {
        (await Consistency.Faults(Get<Engine.Storage.Database>())).Where(f => f.StartsWith("recovery ", StringComparison.Ordinal)).ShouldBeEmpty();
        Authenticator.Dispose();
        await _scene.DisposeAsync();
    }

    private static SecretText? Text(string? text) => text is null ? null : new SecretText(text);

    private sealed record Row(string Id, string Kind, byte[] Sealed);
}
