using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>Acts on the escrow of a whole tenant: for whoever holds <c>escrow:manage</c> and the highest role as ceiling.</summary>
/// <param name="acts">Runs acts.</param>
/// <param name="policies">Knows the roles.</param>
internal sealed class EscrowActs(Acts acts, PolicyStore policies)
{
    /// <summary>The clock of acts.</summary>
    public DateTimeOffset Now => acts.Now;

    /// <summary>Runs an act.</summary>
    /// <typeparam name="T">What comes of it.</typeparam>
    /// <param name="caller">Who acts.</param>
    /// <param name="act">What is done.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>What the act returns; or <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public async Task<Result<T>> Write<T>(Caller caller, Func<Act, Task<Result<T>>> act, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.EscrowManage) is { } missing
            ? missing
            : await acts.Write(
                caller.Tenant,
                async inner =>
                {
                    var ranks = await policies.Ranks(inner.Db, inner.Tenant);
                    return ranks.Covers(caller.Grant.Ceiling, ranks.Highest) ? await act(inner) : RefusalCode.AboveCeiling;
                },
                cancellationToken);

    /// <summary>Reads.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="caller">Who reads; holds <c>escrow:manage</c>, of any ceiling.</param>
    /// <param name="read">What to read.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<T>> Read<T>(Caller caller, Func<Storage.DbSession, Task<Result<T>>> read, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.EscrowManage) is { } missing ? missing : await acts.Read(read, cancellationToken);

    /// <summary>Reads what whoever acts on the whole tenant's escrow needs for that.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="caller">Who reads; holds <c>escrow:manage</c> and the highest role as ceiling.</param>
    /// <param name="read">What to read.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Result<T>> ReadWhole<T>(Caller caller, Func<Storage.DbSession, Task<Result<T>>> read, CancellationToken cancellationToken) => Read<T>(
        caller,
        async db =>
        {
            var ranks = await policies.Ranks(db, caller.Tenant);
            return ranks.Covers(caller.Grant.Ceiling, ranks.Highest) ? await read(db) : RefusalCode.AboveCeiling;
        },
        cancellationToken);

    /// <summary>An entry of the ledger about the escrow of the tenant.</summary>
    /// <param name="happened">What happened.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="by">Who did it.</param>
    /// <param name="facts">What there is to say; what is null is left out.</param>
    public static LedgerEntry Entry(LedgerEvent happened, Visitor visitor, Principal by, params (string Name, object? Value)[] facts) =>
        new(happened, by)
        {
            Facts = facts.Where(f => f.Value is not null).Append(("correlation_id", visitor.CorrelationId))
                .ToDictionary(f => f.Item1, f => f.Item2, StringComparer.Ordinal),
        };
}
