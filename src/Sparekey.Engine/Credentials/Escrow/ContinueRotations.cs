using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>
/// Does the work of rotations where the server holds the organisation key. It keeps nothing in mind: whatever stopped it, the next round
/// finds what is left. Several processes may do it side by side; a lease saves them from doing the same twice. What stands in the way is
/// said once, and looked at again more and more rarely.
/// </summary>
public sealed partial class ContinueRotations : BackgroundService
{
    private const int AtATime = 20;
    private const string Lease = "escrow_rotation";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Leased = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    private readonly Acts _acts;
    private readonly RotationStore _rotations;
    private readonly RotationSteps _steps;
    private readonly HeldOrganisationKey _held;
    private readonly Leases _leases;
    private readonly TimeProvider _time;
    private readonly ILogger<ContinueRotations> _log;
    private readonly ConcurrentDictionary<TenantId, Hindrance> _hindrances = new();

    internal ContinueRotations(
        Acts acts, RotationStore rotations, RotationSteps steps, HeldOrganisationKey held, Leases leases, TimeProvider time,
        ILogger<ContinueRotations> log)
    {
        _acts = acts;
        _rotations = rotations;
        _steps = steps;
        _held = held;
        _leases = leases;
        _time = time;
        _log = log;
    }

    /// <summary>One round over all tenants.</summary>
    /// <param name="cancellationToken">Stops between two acts.</param>
    public async Task RunOnce(CancellationToken cancellationToken)
    {
        foreach (var tenant in await _acts.Read(RotationStore.Tenants, cancellationToken))
        {
            if (IsDue(tenant) && _held.IsHeld(tenant)
                && await _acts.Write(tenant, act => _leases.Take(act, Lease, Leased), cancellationToken))
            {
                await RunOrLog(tenant, cancellationToken);
            }
        }
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.Run("Rotation of the organisation key", RunOnce, Pause, _time, _log, stoppingToken);

    // What one tenant's rotation stumbles over keeps no other's waiting.
    private async Task RunOrLog(TenantId tenant, CancellationToken cancellationToken)
    {
        try
        {
            Note(tenant, await Run(tenant, cancellationToken));
        }
        catch (Exception e) when (e is not StorageUnavailableException && !cancellationToken.IsCancellationRequested)
        {
            LogFailed(_log, e, tenant);
            Note(tenant, [new(null, "failed")]);
        }
    }

    private bool IsDue(TenantId tenant) => !_hindrances.TryGetValue(tenant, out var found) || found.Until <= _acts.Now;

    // Each of them costs opening a private key and decryptions: what nobody puts right is not looked at every other second.
    private void Note(TenantId tenant, IReadOnlyList<Hindrance.Fault> faults)
    {
        if (faults.Count == 0)
        {
            _hindrances.TryRemove(tenant, out _);
            return;
        }

        var former = _hindrances.GetValueOrDefault(tenant);
        var pause = former is null ? Pause : former.Pause * 2;
        pause = pause < LongestPause ? pause : LongestPause;
        foreach (var fault in faults.Where(f => former?.Faults.Contains(f) != true))
        {
            if (fault.PrivateKey is { } escrow)
            {
                LogEscrow(_log, tenant, escrow, fault.Why);
            }
            else
            {
                LogKey(_log, tenant, fault.Why);
            }
        }

        _hindrances[tenant] = new Hindrance(faults.ToHashSet(), pause, _acts.Now + pause);
    }

    private static string Rule(Refusal refusal) => refusal.Faults is [{ Rule: { } rule }, ..] ? rule : WireName.Of(refusal.Code);

    private async Task<IReadOnlyList<Hindrance.Fault>> Run(TenantId tenant, CancellationToken cancellationToken)
    {
        var keys = await _held.Open(tenant, cancellationToken);
        if (keys.Refusal is { } unreadable)
        {
            return [new(null, Rule(unreadable))];
        }

        using var opened = keys.Value;
        return await Stage(tenant, opened, cancellationToken);
    }

    private async Task<IReadOnlyList<Hindrance.Fault>> Stage(TenantId tenant, OpenedOrganisationKey keys, CancellationToken cancellationToken)
    {
        var faults = new List<Hindrance.Fault>();
        Core.Escrow.PrivateKeyId? after = null;
        EscrowRewrapping? rewrapping = null;
        while (await _acts.Read(db => _rotations.Underway(db, tenant), cancellationToken) is { } rotation)
        {
            var read = await _acts.Read(db => _steps.Tasks(db, tenant, rotation.Id, after, AtATime), cancellationToken);
            if (read.Refusal is not null)
            {
                return faults;
            }

            if (read.Value.Tasks.Count == 0)
            {
                await Finish(tenant, read.Value.Rotation, keys, cancellationToken);
                return faults;
            }

            if (rewrapping is null)
            {
                var made = EscrowRewrapping.For(RewrappingWork.Of(read.Value), keys.Organisation, keys.Reviewer, _acts.Now);
                if (made.Refusal is { } wrong)
                {
                    return [new(null, Rule(wrong))];
                }

                rewrapping = made.Value;
            }

            foreach (var task in read.Value.Tasks)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var message = rewrapping.Run(task.Password.Armored, task.Password.Account, task.Fingerprint, task.PersonKey, _acts.Now);
                if (message.Refusal is { } fault)
                {
                    faults.Add(new(task.Password.PrivateKey.Value, Rule(fault)));
                }
                else
                {
                    await _acts.Write(
                        tenant, act => _steps.Stage(act, rotation.Id, task.Password.Id, message.Value, read.Value.Rotation.StartedBy), cancellationToken);
                }

                after = task.Password.PrivateKey;
            }

            await _acts.Write(tenant, act => _leases.Take(act, Lease, Leased), cancellationToken);
        }

        return faults;
    }

    private async Task Finish(TenantId tenant, Rotation rotation, OpenedOrganisationKey keys, CancellationToken cancellationToken)
    {
        // What could not be opened, or came in behind, is still to be done: then the next round begins from the start.
        if (rotation.Staged != rotation.Total || keys.Organisation.Public.Fingerprint != rotation.From.Fingerprint)
        {
            return;
        }

        var revoked = PgpRevocation.Revoke(keys.Organisation, _acts.Now);
        var visitor = new Visitor(tenant, "", $"rotation-{rotation.Id}");
        var done = await _acts.Write(
            tenant, act => _steps.Finish(act, visitor, rotation.StartedBy, rotation.Id, revoked, mode: null), cancellationToken);
        if (done.Refusal is null)
        {
            LogFinished(_log, tenant, rotation.To.Fingerprint);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The organisation key of {Tenant} cannot be used for its rotation: {Why}")]
    private static partial void LogKey(ILogger logger, TenantId tenant, string why);

    [LoggerMessage(Level = LogLevel.Error, Message = "The escrow {PrivateKey} of {Tenant} stands in the way of a rotation: {Why}")]
    private static partial void LogEscrow(ILogger logger, TenantId tenant, Guid privateKey, string why);

    private sealed record Hindrance(IReadOnlySet<Hindrance.Fault> Faults, TimeSpan Pause, DateTimeOffset Until)
    {
        public sealed record Fault(Guid? PrivateKey, string Why);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The rotation of {Tenant} failed")]
    private static partial void LogFailed(ILogger logger, Exception exception, TenantId tenant);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The organisation key of {Tenant} is now {Fingerprint}: put it where the former one was")]
    private static partial void LogFinished(ILogger logger, TenantId tenant, string fingerprint);
}
