using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Ledger;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Reminders;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine;

/// <summary>
/// What happens without anybody asking: recoveries expire, people are reminded, ledger entries get positions, uses of tokens are noted, what is over
/// is deleted. Nothing depends on it for safety. A round that fails is logged and tried again; the next one finds the same work.
/// </summary>
public sealed class Housekeeping : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan MaintainEvery = TimeSpan.FromMinutes(1);

    private readonly Acts _acts;
    private readonly Database _database;
    private readonly SweepRecoveries _recoveries;
    private readonly LedgerSequencer _sequencer;
    private readonly Authentication _authentication;
    private readonly SecurityEvents _events;
    private readonly RemindOfExpiry _reminders;
    private readonly SweepEscrow _escrow;
    private readonly TimeProvider _time;
    private readonly ILogger<Housekeeping> _log;
    private DateTimeOffset _maintained;
    private long _lastRound;

    /// <summary>The round's parts.</summary>
    /// <param name="acts">Runs acts.</param>
    /// <param name="database">Is maintained.</param>
    /// <param name="recoveries">Lets recoveries expire.</param>
    /// <param name="sequencer">Gives positions.</param>
    /// <param name="authentication">Knows which tokens were used.</param>
    /// <param name="events">Knows what was refused.</param>
    /// <param name="reminders">Reminds of what is about to end.</param>
    /// <param name="escrow">Deletes what was in escrow.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The log.</param>
    public Housekeeping(
        Acts acts, Database database, SweepRecoveries recoveries, LedgerSequencer sequencer, Authentication authentication, SecurityEvents events,
        RemindOfExpiry reminders, SweepEscrow escrow, TimeProvider time, ILogger<Housekeeping> log)
    {
        _acts = acts;
        _database = database;
        _recoveries = recoveries;
        _sequencer = sequencer;
        _authentication = authentication;
        _events = events;
        _reminders = reminders;
        _escrow = escrow;
        _time = time;
        _log = log;
    }

    /// <summary>When the last whole round ended; null before the first did.</summary>
    public DateTimeOffset? LastRound =>
        Interlocked.Read(ref _lastRound) is var at and not 0 ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null;

    /// <summary>One round over all tenants.</summary>
    /// <param name="cancellationToken">Stops between two acts.</param>
    public async Task RunOnce(CancellationToken cancellationToken)
    {
        await _database.FollowGrowth(cancellationToken);
        await _authentication.WriteUses(cancellationToken);
        await _events.Write(cancellationToken);
        var isTimeToMaintain = _acts.Now - _maintained >= MaintainEvery;
        foreach (var tenant in await _acts.Read(db => db.List<string>("SELECT id FROM tenants ORDER BY id"), cancellationToken))
        {
            var id = TenantId.Parse(tenant);
            await _recoveries.Run(id, cancellationToken);
            await _sequencer.Run(id, cancellationToken);
            await DeleteWhatIsOver(id, cancellationToken);
            if (isTimeToMaintain)
            {
                await _reminders.Run(id, cancellationToken);
                await _escrow.Run(id, cancellationToken);
            }
        }

        if (isTimeToMaintain)
        {
            _maintained = _acts.Now;
            await _database.Maintain(cancellationToken);
        }

        Interlocked.Exchange(ref _lastRound, _acts.Now.ToUnixTimeMilliseconds());
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.Run("Housekeeping", RunOnce, Pause, _time, _log, stoppingToken);

    private async Task DeleteWhatIsOver(TenantId tenant, CancellationToken cancellationToken)
    {
        var now = new { tenant = tenant.ToString(), now = _acts.Now.ToUnixTimeMilliseconds(), window = (_acts.Now - Throttle.LongestWindow).ToUnixTimeMilliseconds(), month = (_acts.Now - TimeSpan.FromDays(30)).ToUnixTimeMilliseconds(), quarter = (_acts.Now - TimeSpan.FromDays(100)).ToUnixTimeMilliseconds() };
        string[] over =
        [
            "FROM idempotency WHERE tenant_id = @tenant AND expires_at <= @now",
            "FROM ceremonies WHERE tenant_id = @tenant AND expires_at <= @now",
            "FROM sessions WHERE tenant_id = @tenant AND expires_at <= @now",
            "FROM throttles WHERE tenant_id = @tenant AND window_start < @window",
            "FROM velocity_uses WHERE tenant_id = @tenant AND used_at <= @month",
            "FROM velocity_alarms WHERE tenant_id = @tenant AND known_until <= @now",
            "FROM reminders WHERE tenant_id = @tenant AND sent_at <= @quarter",
            "FROM dead_letters WHERE tenant_id = @tenant AND died_at <= @month",
            "FROM escrow_tokens WHERE tenant_id = @tenant AND expires_at <= @month",
            "FROM slack_presses WHERE tenant_id = @tenant AND pressed_at <= @month",
            "FROM slack_messages WHERE tenant_id = @tenant AND created_at <= @month AND due_at IS NULL",
            "FROM webhook_deliveries WHERE tenant_id = @tenant AND created_at <= @month AND due_at IS NULL",
        ];
        foreach (var rows in over)
        {
            // Looking costs a read; only what is there costs a commit.
            if (await _acts.Read(db => db.Scalar<long>($"SELECT COUNT(*) {rows}", now), cancellationToken) > 0)
            {
                await _acts.Write(tenant, act => act.Db.Execute($"DELETE {rows}", now), cancellationToken);
            }
        }
    }
}
