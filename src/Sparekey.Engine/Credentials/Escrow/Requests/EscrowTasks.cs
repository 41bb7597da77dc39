using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Puts together what is needed to answer a request, from our own escrow or from another server's.</summary>
/// <param name="acts">Reads.</param>
/// <param name="passwords">The wrapped secrets.</param>
/// <param name="policies">The organisation keys.</param>
/// <param name="people">People's keys.</param>
/// <param name="links">The names of this server.</param>
/// <param name="companions">Other servers.</param>
internal sealed class EscrowTasks(
    Acts acts, WrappedSecrets passwords, EscrowPolicyStore policies, PersonKeyStore people, EscrowLinks links,
    IEnumerable<ICompanionServer> companions)
{
    /// <summary>Reads it anew. Another server is asked: never inside an act.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="stored">The request.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The task; or <see cref="RefusalCode.EscrowDisabled"/>, <c>not_enrolled</c>, or what another server says.</returns>
    public async Task<Result<EscrowTask>> Read(TenantId tenant, StoredEscrowRequest stored, CancellationToken cancellationToken) =>
        stored.Remote is { } remote
            ? await Ask(tenant, stored, remote, cancellationToken)
            : await acts.Read(db => Read(db, tenant, stored), cancellationToken);

    private async Task<Result<EscrowTask>> Ask(
        TenantId tenant, StoredEscrowRequest stored, RemoteRequest remote, CancellationToken cancellationToken)
    {
        if (companions.FirstOrDefault() is not { } companion)
        {
            return new Refusal(RefusalCode.WrongState, "It was pulled from another server, and the companion is off.");
        }

        var read = await companion.Read(tenant, stored.Request, remote.Id, cancellationToken);
        if (read.Refusal is { } refusal)
        {
            return refusal;
        }

        var now = read.Value;
        return new EscrowTask(
            stored.Request.Recovery, now.RequestKey, stored.Request.Fingerprint, now.Password, [.. now.Expected.Domains], now.Expected.UserId,
            now.Expected.Fingerprint, [.. now.Expected.Signers.Select(s => s.Armored)], now.ResponderKey);
    }

    private async Task<Result<EscrowTask>> Read(DbSession db, TenantId tenant, StoredEscrowRequest stored)
    {
        if (await policies.Current(db, tenant) is not { Key: { } key })
        {
            return RefusalCode.EscrowDisabled;
        }

        if (await passwords.Find(db, tenant, stored) is not { } password
            || await people.Find(db, tenant, stored.Request.Account) is not { } person)
        {
            return EscrowFaults.Refuse(EscrowFault.NotEnrolled);
        }

        var organisation = await policies.Signers(db, tenant);
        return new EscrowTask(
            stored.Request.Recovery, stored.Request.RequestKey, stored.Request.Fingerprint, password, await links.Domains(db, tenant),
            stored.Request.Account.Value, person.Fingerprint, [person.Armored, .. organisation], key.Id.Value);
    }
}
