using System.Collections.Concurrent;
using Sparekey.Core;

namespace Sparekey.Engine.Access;

/// <summary>
/// How much a token may do in a minute, so that a stolen one does not empty the house before anybody looks. Allowances are
/// leased from the database in blocks and spent in memory. A crash loses the rest of a block, which errs towards refusal.
/// </summary>
public sealed class Velocity
{
    private const int BlocksPerMinute = 10;

    // A process that starts again and again must not lose a large token's whole minute to a few crashes.
    private const int LargestBlock = 1000;

    // Minutes that machines may differ by. What was leased further ahead was leased by a clock that has been put right since:
    // it must not shut the token out until that time comes.
    private const int ClocksDiffer = 5;

    private readonly Acts _acts;
    private readonly ConcurrentDictionary<(TenantId, TokenId), Allowance> _allowances = new();

    /// <summary>Allowances.</summary>
    /// <param name="acts">Leases blocks.</param>
    public Velocity(Acts acts) => _acts = acts;

    /// <summary>Spends one call.</summary>
    /// <param name="caller">Who calls.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null, or <see cref="RefusalCode.VelocityExceeded"/> with when to come back.</returns>
    public async Task<Refusal?> Spend(Caller caller, CancellationToken cancellationToken)
    {
        if (caller.Token is not { } token || caller.PerMinute == 0)
        {
            return null;
        }

        var allowance = _allowances.GetOrAdd((caller.Tenant, token), _ => new Allowance());
        var now = _acts.Now.ToUnixTimeSeconds();
        if (allowance.TrySpend(now / 60))
        {
            return null;
        }

        if (allowance.IsExhausted(now / 60))
        {
            return TooMany(now);
        }

        await allowance.Turn.WaitAsync(cancellationToken);
        try
        {
            return await SpendInTurn(caller, token, allowance, cancellationToken);
        }
        finally
        {
            allowance.Turn.Release();
        }
    }

    private async Task<Refusal?> SpendInTurn(Caller caller, TokenId token, Allowance allowance, CancellationToken cancellationToken)
    {
        while (true)
        {
            // Read again each time: while it waited, the next minute may have begun.
            var now = _acts.Now.ToUnixTimeSeconds();
            if (allowance.TrySpend(now / 60))
            {
                return null;
            }

            if (allowance.IsExhausted(now / 60))
            {
                return TooMany(now);
            }

            allowance.Fill(now / 60, await Lease(caller, token, now / 60, cancellationToken));
        }
    }

    private static Refusal TooMany(long now) =>
        new(RefusalCode.VelocityExceeded) { RetryAfter = TimeSpan.FromSeconds(60 - (now % 60)) };

    // If the process dies after this act, what was granted and not spent is gone until the next minute.
    private Task<int> Lease(Caller caller, TokenId token, long minute, CancellationToken cancellationToken) =>
        _acts.Write(
            caller.Tenant,
            async act =>
            {
                var key = new { tenant = act.Tenant.ToString(), token = token.ToString(), minute, differ = ClocksDiffer };
                await act.Db.Execute(
                    """
                    INSERT INTO velocity_leases (tenant_id, token_id, minute, granted) VALUES (@tenant, @token, @minute, 0)
                    ON CONFLICT (tenant_id, token_id) DO UPDATE SET minute = excluded.minute, granted = 0
                    WHERE velocity_leases.minute < excluded.minute OR velocity_leases.minute > excluded.minute + @differ
                    """,
                    key);
                var before = await act.Db.Scalar<long?>(
                    "SELECT granted FROM velocity_leases WHERE tenant_id = @tenant AND token_id = @token AND minute = @minute", key);
                var granted = Math.Min(Math.Clamp(caller.PerMinute / BlocksPerMinute, 1, LargestBlock), caller.PerMinute - (int)(before ?? caller.PerMinute));
                if (granted <= 0)
                {
                    return 0;
                }

                await act.Db.Execute(
                    """
                    UPDATE velocity_leases SET granted = granted + @granted
                    WHERE tenant_id = @tenant AND token_id = @token AND minute = @minute
                    """,
                    new { key.tenant, key.token, key.minute, granted });
                return granted;
            },
            cancellationToken);

    private sealed class Allowance
    {
        private readonly Lock _lock = new();
        private long _minute = -1;
        private int _left;
        private bool _exhausted;

        public SemaphoreSlim Turn { get; } = new(1, 1);

        public bool TrySpend(long minute)
        {
            lock (_lock)
            {
                if (_minute != minute || _left == 0)
                {
                    return false;
                }

                _left--;
                return true;
            }
        }

        public bool IsExhausted(long minute)
        {
            lock (_lock)
            {
                return _minute == minute && _exhausted;
            }
        }

        public void Fill(long minute, int granted)
        {
            lock (_lock)
            {
                _minute = minute;
                _left = granted;
                _exhausted = granted == 0;
            }
        }
    }
}
