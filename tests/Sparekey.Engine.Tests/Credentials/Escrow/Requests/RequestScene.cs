using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Testing;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Tests.Credentials.Escrow.Requests;

/// <summary>Ada, whose key is in escrow, two reviewers, and the device on which Ada begins anew.</summary>
internal sealed class RequestScene : IAsyncDisposable
{
    public static readonly Visitor Device = new(TenantId.Default, "192.0.2.1", "request-4");

    // By wrapped secret, request key and organisation key: each costs four uses of large keys.
    private static readonly ConcurrentDictionary<(string Password, string RequestKey, string Organisation), string> Answers = new();

    private RequestScene(EscrowScene escrow) => Escrow = escrow;

    public EscrowScene Escrow { get; }

    public EscrowPerson Ada { get; private set; } = null!;

    /// <summary>The key that Ada's device makes.</summary>
    public PgpSecretKey DeviceKey { get; private set; } = null!;

    public PgpSecretKey OtherDeviceKey { get; private set; } = null!;

    public PgpSecretKey ReviewerKey { get; private set; } = null!;

    /// <summary>An operator who may review.</summary>
    public Caller Reviewer { get; private set; } = null!;

    public Caller Second { get; private set; } = null!;

    public Acts Acts => Escrow.Acts;

    public static async Task<RequestScene> Create(DemandDocument? demand = null, Action<IServiceCollection>? more = null)
    {
        var scene = new RequestScene(await EscrowScene.Create(more: more))
        {
            DeviceKey = await VectorKeys.Secret("ecdsa_p521"),
            OtherDeviceKey = await VectorKeys.Secret("ecdsa_secp256k1"),
            ReviewerKey = await VectorKeys.Secret("metadataKey"),
        };
        await scene.Get<EnsureDefaultApplication>().Run(TenantId.Default, new Uri(EscrowScene.Domain), CancellationToken.None);
        scene.Ada = await scene.Escrow.Enrolled("ada");
        scene.Reviewer = await scene.Operator("rita");
        scene.Second = await scene.Operator("simon");
        await scene.Use(demand ?? new DemandDocument(Confirmation: true, Approvals: 1));
        return scene;
    }

    public T Get<T>()
        where T : notnull => Escrow.Get<T>();

    public Task Use(DemandDocument demand) => Escrow.Write(async act =>
    {
        var document = new PolicyDocument(RankOrder.Default.Roles, null, [new RuleDocument("escrow", new ConditionDocument(Means: ["escrow"]), demand)]);
        var current = await Get<PolicyStore>().Current(act.Db, act.Tenant);
        await Get<PolicyStore>().Add(act, current.Version + 1, Policy.From(document).Value, Principal.LocalOperator);
        return true;
    });

    /// <summary>An operator as a person: an account, with what a reviewer may do.</summary>
    public async Task<Caller> Operator(string name)
    {
        var account = new Account(NewId.Make<AccountId>(), "admin", Acts.Now, 1)
        {
            Username = name,
            Addresses = [new Address(NewId.Make<AddressId>(), AddressKind.Email, $"{name}@example.com", Acts.Now, true, null)],
        };
        var permissions = PermissionSet.Of(
            Permission.RecoveryRead, Permission.RecoveryApprove, Permission.RecoveryComplete, Permission.RecoveryRequest, Permission.EscrowManage);
        await Escrow.Write(async act =>
        {
            await Get<AccountStore>().Insert(act, account);
            await Get<OperatorStore>().Put(act, new Operator(account.Id, permissions, "admin", null, act.Now, "local-operator"));
            return true;
        });
        return new Caller(TenantId.Default, "192.0.2.9", "request-5", new Grant(Principal.Of(account.Id), permissions, "admin", null));
    }

    /// <summary>Asks for the mail, and takes the token out of it.</summary>
    public async Task<string> Token()
    {
        (await Get<SendEscrowToken>().Run(Device, "ada@example.com", EscrowTokenReason.Default, CancellationToken.None)).ShouldBeNull();
        return TokenIn((await Mails(MessageKind.EscrowToken))[^1]["secret"]);
    }

    /// <summary>The token in a mailed link.</summary>
    public static string TokenIn(string link) => new Uri(link).AbsolutePath.Split('/')[^1];

    public Task<Result<EscrowRequest>> Ask(string token, PgpSecretKey? key = null) => Get<OpenEscrowRequest>().Run(
        Device, new EscrowAsked(Ada.Account.ToString(), token, (key ?? DeviceKey).Public.Fingerprint, (key ?? DeviceKey).Public.Armored),
        CancellationToken.None);

    /// <summary>A request that waits for its reviewer, and its token.</summary>
    public async Task<(EscrowRequest Request, string Token)> Asked(PgpSecretKey? key = null)
    {
        var token = await Token();
        return ((await Ask(token, key)).Value, token);
    }

    /// <summary>The answer, as a reviewer's client makes it.</summary>
    public async Task<string> Answer(EscrowRequest request, PgpSecretKey? organisation = null)
    {
        var stored = (await Acts.Read(db => Get<EscrowRequestStore>().Find(db, TenantId.Default, request.Id), CancellationToken.None))!;
        var task = (await Get<EscrowTasks>().Read(TenantId.Default, stored, CancellationToken.None)).Value;
        organisation ??= Escrow.Organisation;
        return Answers.GetOrAdd((task.Password.Data, request.Fingerprint, organisation.Public.Fingerprint), _ =>
        {
            using var key = organisation.ExportUnprotected();
            using var reviewer = ReviewerKey.ExportUnprotected();
            var made = task.Answer(new EscrowKeyMaterial(key.Span.ToArray(), default, reviewer.Span.ToArray(), default), VectorKeys.Now);
            made.Refusal.ShouldBeNull();
            return made.Value;
        });
    }

    /// <summary>A message of an answer's shape, which gives nothing back.</summary>
    public string Junk() => PgpMessages.Encrypt("{}"u8, DeviceKey.Public, VectorKeys.Now);

    /// <summary>What somebody says who reads a notice and did not ask.</summary>
    public async Task<Repudiation> Repudiate(RecoveryId recovery)
    {
        var token = await Escrow.Write(act => Get<RepudiationTokens>().Mint(act, Ada.Account, recovery, act.Now));
        return (await Get<RepudiateRecovery>().Run(Device, token, CancellationToken.None)).Value;
    }

    /// <summary>Puts the next organisation key in force.</summary>
    public async Task Rotate()
    {
        var rotate = Get<RotateEscrow>();
        var rotation = (await rotate.Start(Escrow.Manager, EscrowScene.Given(Escrow.Next), CancellationToken.None)).Value;
        var part = (await rotate.Tasks(Escrow.Manager, rotation.Id, null, 10, CancellationToken.None)).Value;
        var work = EscrowRewrapping.For(RewrappingWork.Of(part), Escrow.Organisation, null, Acts.Now).Value;
        foreach (var task in part.Tasks)
        {
            var message = work.Run(task.Password.Armored, task.Password.Account, task.Fingerprint, task.PersonKey, Acts.Now).Value;
            (await rotate.Stage(Escrow.Manager, rotation.Id, task.Password.Id, message, CancellationToken.None)).ShouldBeNull();
        }

        (await rotate.Finish(Escrow.Manager, rotation.Id, EscrowScene.Revoked(Escrow.Organisation), null, CancellationToken.None)).Refusal.ShouldBeNull();
    }

    public async Task<Result<EscrowAnswered>> Respond(EscrowRequest request, Caller? by = null, string status = "approved", string? data = null)
    {
        var key = (await Escrow.Policy()).Key!.Id.ToString();
        return await Get<AnswerEscrowRequest>().Run(
            by ?? Reviewer,
            new EscrowAnswerGiven(request.Id.ToString(), status, key, status == "approved" ? data ?? await Answer(request) : data),
            CancellationToken.None);
    }

    public Task<Result<EscrowReleased>> Fetch(EscrowRequest request, string token) =>
        Get<ReadEscrowAnswer>().Run(Device, request.Id.ToString(), Ada.Account.ToString(), token, CancellationToken.None);

    public Task<Refusal?> Finish(EscrowRequest request, string token, PgpSecretKey? key = null) => Get<FinishEscrow>().Run(
        Device, Ada.Account.ToString(), token, (key ?? Ada.Key).Public.Armored, request.Id.ToString(), "sample browser", CancellationToken.None);

    /// <summary>What Ada's device does with what it fetched; the fingerprint of the key that it got.</summary>
    public string Open(EscrowReleased released, PgpSecretKey? device = null)
    {
        using var plaintext = PgpMessages.Decrypt(
            released.Answer!.Data!, device ?? DeviceKey, [Escrow.Organisation.Public, ReviewerKey.Public], Acts.Now).Value;
        plaintext.Signatures.Count(s => s.Validity == PgpValidity.Valid).ShouldBe(2);
        using var secret = Sparekey.Engine.Credentials.Escrow.EscrowSecret.Read(plaintext.Bytes).Value;
        using var key = Sparekey.Engine.Credentials.Escrow.EscrowMessages.Recover(released.Blob!, secret, Ada.Key.Public, Acts.Now).Value;
        return key.Public.Fingerprint;
    }

    public async Task<Recovery> Recovery(EscrowRequest request) =>
        (await Acts.Read(db => Get<RecoveryStore>().Find(db, TenantId.Default, request.Recovery), CancellationToken.None))!;

    public async Task<EscrowRequest> Now(EscrowRequest request) =>
        (await Acts.Read(db => Get<EscrowRequestStore>().Find(db, TenantId.Default, request.Id), CancellationToken.None))!.Request;

    public async Task<StoredEscrowAnswer?> Stored(EscrowRequest request) =>
        await Acts.Read(db => Get<EscrowAnswerStore>().Find(db, TenantId.Default, request.Id), CancellationToken.None);

    /// <summary>What queued mails of a kind say, oldest first.</summary>
    public async Task<IReadOnlyList<IReadOnlyDictionary<string, string>>> Mails(MessageKind kind, AccountId? to = null)
    {
        var rows = await Acts.Read(
            db => db.List<MailRow>(
                $"SELECT id AS Id, account_id AS Account, sealed AS Envelope FROM outbox WHERE kind = @kind ORDER BY created_at, {TestDatabase.InsertionOrder}",
                new { kind = WireName.Of(kind) }),
            CancellationToken.None);
        return [.. rows.Where(r => to is null || r.Account == to.ToString())
            .Select(r => MessagePayload.Open(Get<Sparekey.Engine.Keys.KeyRing>(), TenantId.Default, Ids.Parse<MessageId>(r.Id), r.Envelope)!.Values)];
    }

    /// <summary>What operators were told, by name.</summary>
    public async Task<IReadOnlyList<string>> News(Caller to) =>
        [.. (await Mails(MessageKind.EscrowOperatorNotice, Ids.Parse<AccountId>(to.Principal.Id))).Select(m => m["news"])];

    /// <summary>The facts of the ledger's entries of one kind, oldest first.</summary>
    public async Task<IReadOnlyList<JsonObject>> Facts(Core.Ledger.LedgerEvent happened) =>
        [.. (await Acts.Read(
            db => db.List<byte[]>(
                $"SELECT body FROM ledger_entries WHERE event = @happened ORDER BY {TestDatabase.InsertionOrder}", new { happened = WireName.Of(happened) }),
            CancellationToken.None)).Select(b => JsonNode.Parse(b)!["facts"]!.AsObject())];

    public void Advance(TimeSpan time) => Escrow.Engine.Time.Advance(time);

    public async Task Sweep() => await Get<SweepRecoveries>().Run(TenantId.Default, CancellationToken.None);

    public ValueTask DisposeAsync() => Escrow.DisposeAsync();

    private sealed record MailRow(string Id, string Account, byte[] Envelope);
}
