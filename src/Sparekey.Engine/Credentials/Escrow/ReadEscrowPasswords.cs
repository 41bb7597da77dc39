using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>
/// Reads the second halves of every escrow, for whoever rotates the organisation key elsewhere. With the organisation key, and a copy of
/// the database and the key ring, they open everything: the ledger says who took them.
/// </summary>
public sealed class ReadEscrowPasswords
{
    private readonly EscrowActs _acts;
    private readonly EscrowPolicyStore _policies;
    private readonly EscrowStore _escrows;

    internal ReadEscrowPasswords(EscrowActs acts, EscrowPolicyStore policies, EscrowStore escrows) =>
        (_acts, _policies, _escrows) = (acts, policies, escrows);

    /// <summary>All messages to the organisation key in force, by creation; none while escrow is disabled.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c> and the highest role as ceiling.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The messages; or <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public async Task<Result<ImmutableArray<EscrowPassword>>> Run(Caller caller, CancellationToken cancellationToken)
    {
        var read = await _acts.ReadWhole<ImmutableArray<EscrowPassword>>(
            caller,
            async db => await _policies.Current(db, caller.Tenant) is { Key: { } key }
                ? [.. await _escrows.PasswordsTo(db, caller.Tenant, key.Id)]
                : ImmutableArray<EscrowPassword>.Empty,
            cancellationToken);
        if (read.Refusal is { } refused)
        {
            return refused;
        }

        // Opening all of them takes long: the writer does not wait for it. If the process dies before this act, nobody is shown anything.
        return await _acts.Write<ImmutableArray<EscrowPassword>>(
            caller,
            async act =>
            {
                if (await _policies.Current(act.Db, act.Tenant) is not { Key: { } key })
                {
                    return ImmutableArray<EscrowPassword>.Empty;
                }

                await act.Record(EscrowActs.Entry(
                    LedgerEvent.EscrowPasswordsRead, caller, caller.Principal, ("key", key.Fingerprint), ("escrows", read.Value.Length)));
                return read.Value;
            },
            cancellationToken);
    }
}
