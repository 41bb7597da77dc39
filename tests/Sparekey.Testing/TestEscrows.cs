using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow;

namespace Sparekey.Testing;

/// <summary>Escrows as if people had enrolled, without their devices: making keys for many would cost minutes.</summary>
public static class TestEscrows
{
    /// <summary>Makes a person who is enrolled.</summary>
    /// <param name="services">The server's services.</param>
    /// <param name="account">The person's id.</param>
    /// <param name="fingerprint">The fingerprint of their key.</param>
    /// <param name="message">Their secret, encrypted to the organisation key in force.</param>
    public static async Task Add(IServiceProvider services, AccountId account, string fingerprint, string message) =>
        await services.GetRequiredService<Acts>().Write(
            TenantId.Default,
            async act =>
            {
                var policy = await services.GetRequiredService<EscrowPolicyStore>().Current(act.Db, act.Tenant);
                await services.GetRequiredService<AccountStore>().Insert(act, new Account(account, "user", act.Now, 1) { Username = $"p{account}" });
                var enrolment = await services.GetRequiredService<EnrolmentStore>().Put(act, account, EnrolmentStatus.Approved);
                return await services.GetRequiredService<EscrowStore>().Add(
                    act, account, enrolment, fingerprint, new CheckedEscrow(policy.Key!.Id, "blob", message), policy.Key.Fingerprint);
            },
            CancellationToken.None);

    /// <summary>A new id of a person.</summary>
    public static AccountId NewPerson() => Ids.FromRandom<AccountId>(RandomNumberGenerator.GetBytes(16));
}
