using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>The steps of a rotation, whoever takes them: a caller who holds the key, or the server that does.</summary>
/// <param name="policies">Policies and keys.</param>
/// <param name="escrows">Messages.</param>
/// <param name="rotations">Rotations.</param>
/// <param name="people">People's keys.</param>
/// <param name="links">Know what the tenant is called.</param>
/// <param name="moves">Makes the switch.</param>
internal sealed class RotationSteps(
    EscrowPolicyStore policies, EscrowStore escrows, RotationStore rotations, PersonKeyStore people, EscrowLinks links,
    EscrowPolicyMoves moves)
{
    /// <summary>A part of what is still to be done.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The rotation.</param>
    /// <param name="after">Only private keys after this one; null from the beginning.</param>
    /// <param name="limit">How many at most.</param>
    public async Task<Result<RotationPart>> Tasks(DbSession db, TenantId tenant, RotationId id, PrivateKeyId? after, int limit)
    {
        if (await rotations.Running(db, tenant) is not { } rotation || rotation.Id != id)
        {
            return RefusalCode.RotationNotFound;
        }

        var tasks = new List<RotationTask>();
        foreach (var password in await escrows.Unstaged(db, tenant, rotation.From.Id, rotation.To.Id, after, limit))
        {
            var fingerprint = (await escrows.FingerprintOf(db, tenant, password.PrivateKey))!;
            tasks.Add(new RotationTask(password, fingerprint, (await people.Find(db, tenant, fingerprint))?.Armored));
        }

        return new RotationPart(rotation, tasks, await policies.Signers(db, tenant), await links.Domains(db, tenant));
    }

    /// <summary>Keeps a message to the next key, whose form was checked.</summary>
    /// <param name="act">The act. If the process dies after it, this message need not be made again; before it, it is made again.</param>
    /// <param name="id">The rotation.</param>
    /// <param name="former">The message to the key in force that it stands for.</param>
    /// <param name="message">The message.</param>
    /// <param name="by">Who made it.</param>
    /// <returns>What it stands for; or <see cref="RefusalCode.RotationNotFound"/>, <see cref="RefusalCode.EnrolmentNotFound"/>.</returns>
    public async Task<Result<EscrowPassword>> Stage(Act act, RotationId id, EscrowPasswordId former, string message, Principal by)
    {
        if (await rotations.Underway(act.Db, act.Tenant) is not { } rotation || rotation.Id != id)
        {
            return RefusalCode.RotationNotFound;
        }

        if (await escrows.FindPassword(act.Db, act.Tenant, former) is not { } password || password.Key != rotation.From.Id)
        {
            return RefusalCode.EnrolmentNotFound;
        }

        await escrows.AddPassword(act, password.PrivateKey, rotation.To.Id, rotation.To.Fingerprint, message, by);
        return password;
    }

    /// <summary>Makes the switch.</summary>
    /// <param name="act">The act. If the process dies after it, the rotation is over; before it, nothing has changed.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="by">Who.</param>
    /// <param name="id">The rotation.</param>
    /// <param name="revoked">The former key with its revocation, which was checked.</param>
    /// <param name="mode">Another mode; null to leave it.</param>
    /// <returns>The policy in force; or <see cref="RefusalCode.RotationNotFound"/>, <see cref="RefusalCode.RotationUnfinished"/>.</returns>
    public async Task<Result<EscrowPolicy>> Finish(Act act, Visitor visitor, Principal by, RotationId id, string revoked, EscrowMode? mode)
    {
        var policy = await policies.Current(act.Db, act.Tenant);
        if (await rotations.Running(act.Db, act.Tenant) is not { } rotation || rotation.Id != id || policy.Key?.Id != rotation.From.Id)
        {
            return RefusalCode.RotationNotFound;
        }

        if (rotation.Staged != rotation.Total)
        {
            return new Refusal(RefusalCode.RotationUnfinished, $"{rotation.Total - rotation.Staged} of {rotation.Total} escrows have no message to the next key.");
        }

        await rotations.End(act, id, RotationState.Finished);
        return await moves.Switch(act, visitor, by, policy, mode ?? policy.Mode, rotation.To, revoked);
    }
}
