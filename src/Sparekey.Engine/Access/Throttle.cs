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
}

/// <summary>
/// Slows whoever names one account again and again, per account and source, and alike for accounts that do not exist. It blocks
/// nobody else: the person at another address is not slowed, so nobody can be locked out by a stranger.
/// </summary>
/// <param name="keys">Hides what is counted.</param>
public sealed class Throttle(KeyRing keys)
{
    /// <summary>How long tries are counted together.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    /// <summary>How many tries a window has.</summary>
    public const int TriesPerWindow = 10;

    /// <summary>Counts a try, before it is looked at.</summary>
    /// <param name="act">The act.</param>
    /// <param name="kind">What is tried.</param>
    /// <param name="identifier">What was typed.</param>
    /// <param name="source">Where it came from.</param>
    /// <returns>Null, or <see cref="RefusalCode.TooManyRequests"/> with when to come back.</returns>
    public async Task<Refusal?> Count(Act act, ThrottleKind kind, string identifier, string source)
    {
        var named = Identifier.Normalize(identifier) ?? "";
        var hash = keys.Hash(KeyPurpose.Throttle, $"{act.Tenant}/{WireName.Of(kind)}/{source}", Encoding.UTF8.GetBytes(named));
        var window = (long)Window.TotalMilliseconds;
        var start = act.NowMs - (act.NowMs % window);
        var key = new
        {
            tenant = act.Tenant.ToString(),
            key = hash.KeyVersion.ToString(CultureInfo.InvariantCulture) + "." + Convert.ToHexStringLower(hash.Mac),
            start,
        };
        await act.Db.Execute(
            """
            INSERT INTO throttles (tenant_id, key_hash, window_start, tries) VALUES (@tenant, @key, @start, 1)
            ON CONFLICT (tenant_id, key_hash) DO UPDATE SET
                tries = CASE WHEN throttles.window_start = excluded.window_start THEN throttles.tries + 1 ELSE 1 END,
                window_start = excluded.window_start
            """,
            key);
        var tries = await act.Db.Scalar<long>("SELECT tries FROM throttles WHERE tenant_id = @tenant AND key_hash = @key", key);
        return tries <= TriesPerWindow
            ? null
            : new Refusal(RefusalCode.TooManyRequests) { RetryAfter = TimeSpan.FromMilliseconds(start + window - act.NowMs) };
    }
}
