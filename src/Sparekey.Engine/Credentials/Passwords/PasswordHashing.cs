using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Sparekey.Core;
using Sparekey.Engine.Telemetry;

namespace Sparekey.Engine.Credentials.Passwords;

/// <summary>What came of checking a password.</summary>
public enum PasswordVerdict
{
    /// <summary>It is the password.</summary>
    Match,

    /// <summary>It is the password, and its hash should be made again with today's cost.</summary>
    MatchRehash,

    /// <summary>It is not the password.</summary>
    Mismatch,

    /// <summary>Too many are being checked: come back.</summary>
    Busy,
}

/// <summary>
/// Hashes passwords with ASP.NET Core's <see cref="PasswordHasher{TUser}"/> (PBKDF2-HMAC-SHA-512, ASVS appendix C) on a bounded
/// pool: a hash costs a tenth of a second of a processor, so whoever may cause one must not be able to cause a thousand at once, and
/// whoever waits for none must not wait for theirs.
/// </summary>
public sealed class PasswordHashing : IDisposable
{
    /// <summary>What is answered when too many wait for a hash.</summary>
    public static Refusal Busy { get; } = new(RefusalCode.Busy) { RetryAfter = TimeSpan.FromSeconds(2) };

    /// <summary>The fewest iterations (ASVS 5.0 appendix C for PBKDF2-HMAC-SHA-512).</summary>
    public const int FewestIterations = 210_000;

    internal const int Waiting = 64;
    private static readonly object Nobody = new();

    private readonly PasswordHasher<object> _hasher;
    private readonly SemaphoreSlim _processors;
    private readonly HashingThreads _threads;
    private readonly string _decoy;
    private readonly int _iterations;
    private readonly int _most;
    private int _inside;

    /// <summary>A pool as large as the machine.</summary>
    public PasswordHashing()
        : this(FewestIterations, Environment.ProcessorCount, Waiting)
    {
    }

    internal PasswordHashing(int iterations, int processors, int waiting)
    {
        _hasher = new PasswordHasher<object>(Options.Create(new PasswordHasherOptions { IterationCount = iterations }));
        _processors = new SemaphoreSlim(processors, processors);
        _threads = new HashingThreads(processors);
        _iterations = iterations;
        _most = processors + waiting;
        _decoy = Decoy(iterations);
    }

    /// <summary>Hashes a new password.</summary>
    /// <param name="password">The password.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The hash with its own parameters and salt; null when too many wait.</returns>
    public Task<string?> Hash(string password, CancellationToken cancellationToken) =>
        Run<string?>(() => _hasher.HashPassword(Nobody, PasswordRules.Normalize(password)), null, cancellationToken);

    /// <summary>Checks a password.</summary>
    /// <param name="storedHash">The stored hash; null costs the same and never matches.</param>
    /// <param name="password">The password.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<PasswordVerdict> Verify(string? storedHash, string password, CancellationToken cancellationToken) =>
        Run(() => Verify(storedHash, password), PasswordVerdict.Busy, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        _threads.End();
        _processors.Dispose();
    }

    // No password has to match it: so it need not cost at every start what checking it costs.
    private static string Decoy(int iterations)
    {
        var cheap = new PasswordHasher<object>(Options.Create(new PasswordHasherOptions { IterationCount = 1 }));
        var hash = Convert.FromBase64String(cheap.HashPassword(Nobody, Convert.ToHexString(RandomNumberGenerator.GetBytes(32))));
        BinaryPrimitives.WriteUInt32BigEndian(hash.AsSpan(5), (uint)iterations);
        return Convert.ToBase64String(hash);
    }

    private PasswordVerdict Verify(string? storedHash, string password)
    {
        try
        {
            var form = PasswordRules.Normalize(password);
            var result = _hasher.VerifyHashedPassword(Nobody, storedHash ?? _decoy, form);
            SpendWhatIsMissing(storedHash, form);
            return storedHash is null ? PasswordVerdict.Mismatch : result switch
            {
                PasswordVerificationResult.Success => PasswordVerdict.Match,
                PasswordVerificationResult.SuccessRehashNeeded => PasswordVerdict.MatchRehash,
                PasswordVerificationResult.Failed => PasswordVerdict.Mismatch,
            };
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            // A stored hash that is none, or a text with unpaired surrogates, matches nothing.
            return PasswordVerdict.Mismatch;
        }
    }

    // A hash that was imported may be cheaper than today's: without this, a quick answer would tell that its account exists.
    private void SpendWhatIsMissing(string? storedHash, string password)
    {
        if (storedHash is null || Convert.FromBase64String(storedHash) is not { Length: > 9 } stored)
        {
            return;
        }

        var missing = _iterations - (long)BinaryPrimitives.ReadUInt32BigEndian(stored.AsSpan(5));
        if (missing > 0)
        {
            Rfc2898DeriveBytes.Pbkdf2(password, stored, (int)missing, HashAlgorithmName.SHA512, 32);
        }
    }

    private async Task<T> Run<T>(Func<T> work, T busy, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _inside) > _most)
        {
            Interlocked.Decrement(ref _inside);
            Measures.PasswordsRefused.Add(1);
            return busy;
        }

        Measures.PasswordsInside.Add(1);
        try
        {
            await _processors.WaitAsync(cancellationToken);
            try
            {
                return await _threads.Run(work);
            }
            finally
            {
                _processors.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _inside);
            Measures.PasswordsInside.Add(-1);
        }
    }
}
