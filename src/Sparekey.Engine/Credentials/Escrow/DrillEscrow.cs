using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>A drill that began.</summary>
/// <param name="Drill">The drill; passed already where the server holds the key, and it fits.</param>
/// <param name="Fingerprint">The organisation key's fingerprint.</param>
/// <param name="Escrow">The test escrow, for whoever holds the key.</param>
public sealed record StartedDrill(Drill Drill, string Fingerprint, TestEscrow Escrow);

/// <summary>
/// Finds out, before somebody needs it, whether the organisation key opens what is encrypted to it. A test escrow is made as a person's device
/// would; whoever holds the key opens it and sends back what is in it. Nobody's escrow is touched.
/// </summary>
public sealed class DrillEscrow
{
    /// <summary>How long a drill can be passed: the key may lie in a safe.</summary>
    public static readonly TimeSpan Lasts = TimeSpan.FromDays(7);

    private const int MostTries = 10;

    private readonly EscrowActs _acts;
    private readonly EscrowPolicyStore _policies;
    private readonly DrillStore _drills;
    private readonly HeldOrganisationKey _held;

    internal DrillEscrow(EscrowActs acts, EscrowPolicyStore policies, DrillStore drills, HeldOrganisationKey held)
    {
        _acts = acts;
        _policies = policies;
        _drills = drills;
        _held = held;
    }

    /// <summary>Begins a drill. A server that holds the key ends it at once.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c> and the highest role as ceiling.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The drill; or <see cref="RefusalCode.EscrowDisabled"/>, <see cref="RefusalCode.OpenpgpUnavailable"/>,
    /// <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.VersionConflict"/> when
    /// another key came into force meanwhile.
    /// </returns>
    public async Task<Result<StartedDrill>> Start(Caller caller, CancellationToken cancellationToken)
    {
        var policy = await _acts.ReadWhole<EscrowPolicy>(caller, async db => await _policies.Current(db, caller.Tenant), cancellationToken);
        if (policy.Refusal is { } refused)
        {
            return refused;
        }

        if (policy.Value.Key is not { } key)
        {
            return RefusalCode.EscrowDisabled;
        }

        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var (escrow, proof) = TestEscrow.Make(PgpKey.Read(key.Armored).Value, _acts.Now);
        var drill = await _acts.Write(caller, act => Add(act, caller, key, proof), cancellationToken);
        if (drill.Refusal is { } notMade)
        {
            return notMade;
        }

        var done = await Self(caller, drill.Value, escrow, cancellationToken);
        return new StartedDrill(done, key.Fingerprint, escrow);
    }

    /// <summary>Takes what came back.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c>.</param>
    /// <param name="id">The drill.</param>
    /// <param name="proof">What the test escrow held.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The drill; or <see cref="RefusalCode.DrillNotFound"/> for one that is over, <see cref="RefusalCode.DrillFailed"/>,
    /// <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<Drill>> Answer(Caller caller, DrillId id, string proof, CancellationToken cancellationToken) =>
        _acts.Write(caller, act => Answer(act, caller, caller.Principal, id, proof), cancellationToken);

    /// <summary>The last drills, newest first.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c>.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Result<ImmutableArray<Drill>>> List(Caller caller, int limit, CancellationToken cancellationToken) =>
        _acts.Read<ImmutableArray<Drill>>(
            caller, async db => (ImmutableArray<Drill>)[.. await _drills.List(db, caller.Tenant, limit)], cancellationToken);

    private async Task<Result<Drill>> Add(Act act, Caller caller, EscrowKey key, string proof)
    {
        if ((await _policies.Current(act.Db, act.Tenant)).Key?.Id != key.Id)
        {
            return RefusalCode.VersionConflict;
        }

        var drill = await _drills.Add(act, key.Id, proof, Lasts, caller.Principal);
        await act.Record(EscrowActs.Entry(
            LedgerEvent.EscrowDrillStarted, caller, caller.Principal, ("drill", drill.Id.ToString()), ("key", key.Fingerprint)));
        return drill;
    }

    // OpenPGP work, and reading the key, between two acts: if the process dies here, the drill stays open.
    private async Task<Drill> Self(Caller caller, Drill drill, TestEscrow escrow, CancellationToken cancellationToken)
    {
        if (!_held.IsHeld(caller.Tenant))
        {
            return drill;
        }

        var keys = await _held.Open(caller.Tenant, cancellationToken);
        var proof = keys.Refusal is { } unreadable ? unreadable : Prove(keys.Value, escrow);
        var done = await _acts.Write(
            caller,
            act => Answer(act, caller, Principal.System, drill.Id, proof.Refusal is null ? proof.Value : "", proof.Refusal?.Code), cancellationToken);
        return done.Refusal is null ? done.Value : drill;
    }

    private Result<string> Prove(OpenedOrganisationKey keys, TestEscrow escrow)
    {
        using (keys)
        {
            return escrow.Prove(keys.Organisation, _acts.Now);
        }
    }

    private async Task<Result<Drill>> Answer(Act act, Visitor visitor, Principal by, DrillId id, string proof, RefusalCode? why = null)
    {
        if (await _drills.Find(act.Db, act.Tenant, id) is not { State: DrillState.Open } open || open.ExpiresAt <= act.Now)
        {
            return RefusalCode.DrillNotFound;
        }

        var drill = await _drills.Try(act, id, proof, MostTries, by);
        var passed = drill.State == DrillState.Passed;
        var key = await _policies.FindKey(act.Db, act.Tenant, drill.Key);
        await act.Record(EscrowActs.Entry(
            passed ? LedgerEvent.EscrowDrillPassed : LedgerEvent.EscrowDrillFailed, visitor, by, ("drill", id.ToString()),
            ("key", key?.Fingerprint), ("why", why is { } code ? WireName.Of(code) : null)));
        return passed ? drill : RefusalCode.DrillFailed;
    }
}
