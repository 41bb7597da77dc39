using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Passbolt;

/// <summary>How the companion stands, as operators see it.</summary>
/// <param name="Options">Its settings.</param>
/// <param name="State">What it knows; null where it has not looked yet.</param>
/// <param name="People">How many people of that server may be recovered.</param>
public sealed record CompanionStatus(CompanionOptions Options, CompanionState? State, int People);

/// <summary>Shows how the companion stands, has it look now, and takes the server's new key where somebody says that it is genuine.</summary>
public sealed class ManageCompanion
{
    private readonly Acts _acts;
    private readonly CompanionStore _store;
    private readonly TenantActs _tenant;
    private readonly CompanionOptions? _options;
    private readonly PassboltCompanion? _companion;
    private readonly PassboltClient? _client;

    internal ManageCompanion(
        Acts acts, CompanionStore store, TenantActs tenant, CompanionOptions? options, PassboltCompanion? companion, PassboltClient? client)
    {
        _client = client;
        _acts = acts;
        _store = store;
        _tenant = tenant;
        _options = options;
        _companion = companion;
    }

    /// <summary>How it stands.</summary>
    /// <param name="caller">Who reads; holds <c>escrow:manage</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The status, or <see cref="RefusalCode.CompanionNotFound"/>.</returns>
    public async Task<Result<CompanionStatus>> Read(Caller caller, CancellationToken cancellationToken)
    {
        if (_options is not { } options || options.Tenant != caller.Tenant)
        {
            return RefusalCode.CompanionNotFound;
        }

        return await _acts.Read(
            async db => new CompanionStatus(
                options, await _store.Find(db, caller.Tenant),
                (await _store.ListPeople(db, caller.Tenant)).Count(p => p.State == PersonState.Active)),
            cancellationToken);
    }

    /// <summary>Has it look now. Two looks never run side by side.</summary>
    /// <param name="caller">Who asks; holds <c>escrow:manage</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The status afterwards, or <see cref="RefusalCode.CompanionNotFound"/>.</returns>
    public async Task<Result<CompanionStatus>> Look(Caller caller, CancellationToken cancellationToken)
    {
        if (_companion is null || _options?.Tenant != caller.Tenant)
        {
            return RefusalCode.CompanionNotFound;
        }

        // Whoever asks may have mended what kept it from signing in.
        _client?.TryAgain();
        await _companion.RunOnce(cancellationToken);
        return await Read(caller, cancellationToken);
    }

    /// <summary>
    /// Takes a key for the server's own from now on. Whoever says so lets whoever holds that key be the server, so that they need the
    /// highest role as ceiling.
    /// </summary>
    /// <param name="caller">Who says so; holds <c>tenant:admin</c>.</param>
    /// <param name="fingerprint">The key's fingerprint, as the server's operator says it; blanks and case do not matter.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The status; or <see cref="RefusalCode.CompanionNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>,
    /// <see cref="RefusalCode.InvalidRequest"/> for what is no fingerprint.
    /// </returns>
    public async Task<Result<CompanionStatus>> Trust(Caller caller, string fingerprint, CancellationToken cancellationToken)
    {
        if (_options?.Tenant != caller.Tenant)
        {
            return RefusalCode.CompanionNotFound;
        }

        if (PgpKeyRules.NormalFingerprint(fingerprint) is not { } key)
        {
            return new Refusal(RefusalCode.InvalidRequest)
            {
                Faults = [new FieldFault("/fingerprint", "40 hexadecimal digits; blanks between them do not matter.")],
            };
        }

        // If the process dies after this act, the next look signs in with the new key.
        var trusted = await _tenant.Write(caller, act => Trust(act, caller, key), cancellationToken);
        _client?.TryAgain();
        return trusted.Refusal is { } refusal ? refusal : await Read(caller, cancellationToken);
    }

    private async Task<Result<CompanionState>> Trust(Act act, Caller caller, string key)
    {
        // Also before anybody has looked: then nobody else is believed to be that server, not even the first time.
        if (await _store.Find(act.Db, act.Tenant) is null)
        {
            await _store.Begin(act, _options!, fingerprint: null);
        }

        var state = (await _store.Find(act.Db, act.Tenant))!;
        if (state.ServerKey == key)
        {
            return state;
        }

        var next = state with
        {
            ServerKey = key,
            Alarm = state.Alarm == CompanionAlarm.ServerKeyChanged ? null : state.Alarm,
            AlarmAt = state.Alarm == CompanionAlarm.ServerKeyChanged ? null : state.AlarmAt,
        };
        await _store.Put(act, next);
        await act.Record(new LedgerEntry(LedgerEvent.CompanionServerTrusted, caller.Principal)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["key_before"] = state.ServerKey, ["key_now"] = key, ["correlation_id"] = caller.CorrelationId,
            },
            Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["source"] = caller.Source },
        });
        return next;
    }
}
