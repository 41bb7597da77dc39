using System.Globalization;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Access;

/// <summary>What a stranger tries.</summary>
public enum ThrottleKind
{
    /// <summary>Signing in.</summary>
    SignIn,

    /// <summary>Redeeming a code.</summary>
    Redemption,

    /// <summary>Asking for a recovery.</summary>
    RecoveryRequest,

    /// <summary>Giving the current password.</summary>
    PasswordChange,

    /// <summary>Sending a code that confirms an address, and giving it back.</summary>
    AddressConfirmation,

    /// <summary>Registering.</summary>
    Registration,

    /// <summary>Authorising a code.</summary>
    CodeAuthorization,

    /// <summary>Proving oneself in a second way.</summary>
    SecondProof,

    /// <summary>Asking for a recovery in a flow, whoever asks.</summary>
    FlowRequest,

    /// <summary>Giving a wrong code to a flow, whoever gives it.</summary>
    FlowTry,
}

/// <summary>How many tries a time has.</summary>
/// <param name="Tries">How many.</param>
/// <param name="Window">Within which time they are counted together.</param>
public sealed record ThrottleLimit(int Tries, TimeSpan Window);

/// <summary>
/// Slows whoever names one account again and again, per account and source, and alike for accounts that do not exist. It blocks
/// nobody else: the person at another address is not slowed, so nobody can be locked out by a stranger.
/// </summary>
/// <param name="keys">Hides what is counted.</param>
public sealed class Throttle(KeyRing keys)
{
    /// <summary>How long tries are counted together.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    /// <summary>The longest time that anything is counted together: what is older is of no use.</summary>
    public static readonly TimeSpan LongestWindow = TimeSpan.FromHours(1);

    /// <summary>How many tries a window has.</summary>
    public const int TriesPerWindow = 10;

    /// <summary>Counts a try, before it is looked at.</summary>
    /// <param name="act">The act.</param>
    /// <param name="kind">What is tried.</param>
    /// <param name="identifier">What was typed.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="limit">How many there may be; null for the usual.</param>
    /// <returns>Null, or <see cref="RefusalCode.TooManyRequests"/> with when to come back.</returns>
    public async Task<Refusal?> Count(Act act, ThrottleKind kind, string identifier, string source, ThrottleLimit? limit = null)
    {
        var (most, window) = limit ?? Usual;
        var row = new { tenant = act.Tenant.ToString(), key = KeyOf(act.Tenant, kind, identifier, source), start = StartOf(act, window) };
        await act.Db.Execute(
            """
            INSERT INTO throttles (tenant_id, key_hash, window_start, tries) VALUES (@tenant, @key, @start, 1)
            ON CONFLICT (tenant_id, key_hash) DO UPDATE SET
                tries = CASE WHEN throttles.window_start = excluded.window_start THEN throttles.tries + 1 ELSE 1 END,
                window_start = excluded.window_start
            """,
            row);
        var tries = await act.Db.Scalar<long>("SELECT tries FROM throttles WHERE tenant_id = @tenant AND key_hash = @key", row);
        return After(act, tries, most, window);
    }

    /// <summary>Whether there were as many tries as there may be; it counts none.</summary>
    /// <param name="act">The act.</param>
    /// <param name="kind">What is tried.</param>
    /// <param name="identifier">What was typed.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="limit">How many there may be.</param>
    /// <returns>Null, or <see cref="RefusalCode.TooManyRequests"/> with when to come back.</returns>
    public async Task<Refusal?> Look(Act act, ThrottleKind kind, string identifier, string source, ThrottleLimit limit)
    {
        var tries = await act.Db.Scalar<long>(
            "SELECT COALESCE(SUM(tries), 0) FROM throttles WHERE tenant_id = @tenant AND key_hash = @key AND window_start = @start",
            new { tenant = act.Tenant.ToString(), key = KeyOf(act.Tenant, kind, identifier, source), start = StartOf(act, limit.Window) });
        return After(act, tries + 1, limit.Tries, limit.Window);
    }

    private static readonly ThrottleLimit Usual = new(TriesPerWindow, Window);

    private static Refusal? After(Act act, long tries, int most, TimeSpan window) => tries <= most
        ? null
        : new Refusal(RefusalCode.TooManyRequests)
        {
            RetryAfter = TimeSpan.FromMilliseconds(StartOf(act, window) + (long)window.TotalMilliseconds - act.NowMs),
        };

    private static long StartOf(Act act, TimeSpan window) => act.NowMs - (act.NowMs % (long)window.TotalMilliseconds);

    private string KeyOf(TenantId tenant, ThrottleKind kind, string identifier, string source)
    {
        var named = Identifier.Normalize(identifier) ?? "";
        var hash = keys.Hash(KeyPurpose.Throttle, $"{tenant}/{WireName.Of(kind)}/{source}", Encoding.UTF8.GetBytes(named));
        return hash.KeyVersion.ToString(CultureInfo.InvariantCulture) + "." + Convert.ToHexStringLower(hash.Mac);
    }
}
