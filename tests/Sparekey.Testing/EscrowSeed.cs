using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Testing;

/// <summary>A request for an escrowed key that waits for nothing but the organisation's key.</summary>
/// <param name="Recovery">The recovery, ready.</param>
/// <param name="Request">The request.</param>
/// <param name="Account">Whose key.</param>
/// <param name="Token">The mailed token.</param>
/// <param name="Secret">What opens the escrowed key: 128 characters.</param>
public sealed record ReadyEscrow(RecoveryId Recovery, EscrowRequestId Request, AccountId Account, string Token, string Secret);

/// <summary>Puts Ada's key into escrow on a server of any kind, with the vendor's test keys, and asks for it back.</summary>
public sealed class EscrowSeed
{
    /// <summary>The organisation's key, one of the vendor's: the smallest that is taken, because to use it costs as much as all the rest.</summary>
    public const string OrganisationKey = "rsa_3072";

    /// <summary>The key that Ada's device makes, unless another is named.</summary>
    public const string DeviceKey = "ecdsa_p521";

    private const string AdasKey = "anita";

    private readonly IServiceProvider _services;
    private readonly string _domain;

    private EscrowSeed(IServiceProvider services, string domain) => (_services, _domain) = (services, domain);

    /// <summary>Ada's account.</summary>
    public AccountId Ada { get; private set; }

    private Acts Acts => Get<Acts>();

    /// <summary>Switches escrow on, and enrols Ada.</summary>
    /// <param name="services">The server's services.</param>
    /// <param name="domain">The URL that it is known by.</param>
    public static async Task<EscrowSeed> Plant(IServiceProvider services, string domain)
    {
        var seed = new EscrowSeed(services, domain);
        var organisation = await PassboltVectors.Key(OrganisationKey);
        var enabled = await seed.Get<ChangeEscrowPolicy>().Run(
            seed.Caller("boss"), new EscrowPolicyChange(EscrowMode.OptIn) { NewKey = new GivenKey(organisation.Public, organisation.Fingerprint) },
            CancellationToken.None);
        if (enabled.Refusal is { } refusal)
        {
            throw new InvalidOperationException($"Escrow: {refusal}.");
        }

        await seed.EnrolAda(PgpKey.Read(organisation.Public).Value);
        return seed;
    }

    /// <summary>Asks for Ada's key, from the mail to the last approval.</summary>
    /// <param name="device">The key that Ada's device makes, one of the vendor's.</param>
    public async Task<ReadyEscrow> Ask(string device = DeviceKey)
    {
        var visitor = new Visitor(TenantId.Default, "192.0.2.1", "seed-2");
        await Get<SendEscrowToken>().Run(visitor, "ada", EscrowTokenReason.Default, CancellationToken.None);
        var mail = await Acts.Read(
            db => db.Find<MailRow>($"SELECT id AS Id, sealed AS Envelope FROM outbox WHERE kind = 'escrow_token' ORDER BY created_at DESC, {TestDatabase.InsertionOrder} DESC LIMIT 1", new { }),
            CancellationToken.None);
        var values = MessagePayload.Open(Get<KeyRing>(), TenantId.Default, Ids.Parse<MessageId>(mail!.Id), mail.Envelope)!.Values;
        var token = new Uri(values["secret"]).AbsolutePath.Split('/')[^1];
        var key = await PassboltVectors.Key(device);
        var request = (await Get<OpenEscrowRequest>().Run(
            visitor, new EscrowAsked(Ada.ToString(), token, key.Fingerprint, key.Public), CancellationToken.None)).Value;
        var recovery = (await Acts.Read(db => Get<RecoveryStore>().Find(db, TenantId.Default, request.Recovery), CancellationToken.None))!;
        var approved = await Get<DecideOnRecovery>().Approve(Caller("approver"), recovery.Id, recovery.Digest, CancellationToken.None);
        return approved.Value.State == RecoveryState.Ready
            ? new ReadyEscrow(recovery.Id, request.Id, Ada, token, await Secret())
            : throw new InvalidOperationException($"The recovery is {approved.Value.State}.");
    }

    private async Task EnrolAda(PgpKey organisation)
    {
        var vector = await PassboltVectors.Key(AdasKey);
        using var key = PgpSecretKey.Open(Encoding.UTF8.GetBytes(vector.Unprotected ?? vector.Private), Encoding.UTF8.GetBytes(vector.Unprotected is null ? vector.Passphrase : "")).Value;
        var account = new Account(NewId.Make<AccountId>(), "user", Acts.Now, 1)
        {
            Username = "ada",
            Addresses = [new Address(NewId.Make<AddressId>(), AddressKind.Email, "ada@example.com", Acts.Now, true, null)],
        };
        Ada = account.Id;
        var session = await Acts.Write(
            TenantId.Default,
            async act =>
            {
                await Get<AccountStore>().Insert(act, account);
                _ = (await Get<PersonKeyStore>().Put(act, account.Id, key.Public)).Value;
                return (await Get<SessionStore>().Open(act, new NewSession(account.Id, ["hwk"]))).Session;
            },
            CancellationToken.None);
        var halves = EscrowMessages.Enrol(key, organisation, _domain, account.Id.Value, Acts.Now);
        _ = (await Get<EnrolInEscrow>().Enrol(
            new SessionCaller(TenantId.Default, "192.0.2.1", "seed-1", session),
            new NewEscrow(halves.Blob, [new GivenPassword(null, organisation.Fingerprint, halves.Password)]), CancellationToken.None)).Value;
    }

    private async Task<string> Secret()
    {
        var organisation = await PassboltVectors.Key(OrganisationKey);
        var ada = await PassboltVectors.Key(AdasKey);
        using var key = PgpSecretKey.Open(
            Encoding.UTF8.GetBytes(organisation.Unprotected ?? organisation.Private),
            Encoding.UTF8.GetBytes(organisation.Unprotected is null ? organisation.Passphrase : "")).Value;
        var password = (await Acts.Read(db => Get<EscrowStore>().FindPassword(db, TenantId.Default, Ada), CancellationToken.None))!;
        using var secret = EscrowMessages.Open(
            password.Armored, key, new EscrowExpectation([_domain], Ada.Value, ada.Fingerprint, [PgpKey.Read(ada.Public).Value]), Acts.Now).Value;
        return Encoding.ASCII.GetString(secret.Secret);
    }

    private Caller Caller(string name) => new(
        TenantId.Default, "192.0.2.9", "seed-3",
        new Grant(new Principal(PrincipalKind.ServiceAccount, name, $"owner-of-{name}"), PermissionSet.All, "admin", null));

    private T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    private sealed record MailRow(string Id, byte[] Envelope);
}
