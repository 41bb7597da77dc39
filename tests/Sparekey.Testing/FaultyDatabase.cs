using Sparekey.Engine.Storage;

namespace Sparekey.Testing;

/// <summary>How a commit goes wrong. The caller is told the same in both cases.</summary>
public enum Fault
{
    /// <summary>The act ran and was rolled back: nothing of it exists.</summary>
    Lost,

    /// <summary>The act was committed, but the answer was lost.</summary>
    Kept,
}

/// <summary>A database whose commits fail when a test says so. Every failure is a <see cref="StorageUnavailableException"/>.</summary>
/// <param name="inner">The database below; disposed with this one.</param>
public sealed class FaultyDatabase(Database inner) : Database
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, Fault> _planned = [];
    private Func<Fault?> _chance = () => null;
    private long _commits;

    /// <inheritdoc/>
    public override SqlDialect Dialect => inner.Dialect;

    /// <summary>
    /// Whether every act is run once in vain before it counts, as an engine does that lost a race: whatever it does outside of its session
    /// is then done twice, and whatever it used up there is gone.
    /// </summary>
    public bool RunsActsTwice { get; init; }

    /// <summary>How many acts began to be committed, failed ones too. Acts that threw do not count.</summary>
    public long Commits
    {
        get
        {
            lock (_lock)
            {
                return _commits;
            }
        }
    }

    /// <summary>The next commit fails.</summary>
    /// <param name="fault">How.</param>
    public void FailNext(Fault fault) => FailNth(1, fault);

    /// <summary>A commit to come fails.</summary>
    /// <param name="n">Which, counted from now; 1 is the next.</param>
    /// <param name="fault">How.</param>
    public void FailNth(int n, Fault fault)
    {
        lock (_lock)
        {
            _planned[_commits + n] = fault;
        }
    }

    /// <summary>From now on every commit fails with a chance of one in <paramref name="oneIn"/>, lost or kept by half.</summary>
    /// <param name="oneIn">The chance; 1 fails all.</param>
    /// <param name="seed">The same seed chooses the same commits.</param>
    public void FailRandomly(int oneIn, uint seed)
    {
        var state = seed | 1;
        lock (_lock)
        {
            _chance = () => Next(ref state) % oneIn == 0 ? (Next(ref state) % 2 == 0 ? Fault.Lost : Fault.Kept) : null;
        }
    }

    /// <summary>No commit fails any more.</summary>
    public void Heal()
    {
        lock (_lock)
        {
            _planned.Clear();
            _chance = () => null;
        }
    }

    /// <inheritdoc/>
    public override async Task<T> Write<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken)
    {
        if (RunsActsTwice)
        {
            await RunInVain(act, cancellationToken);
        }

        Fault? fault = null;
        T result;
        try
        {
            result = await inner.Write(
                async db =>
                {
                    var returned = await act(db);
                    fault = OfThisCommit();

                    // Thrown after the act did all its work, so that the real engine rolls real effects back.
                    return fault is Fault.Lost ? throw new LostException() : returned;
                },
                cancellationToken);
        }
        catch (LostException e)
        {
            throw new StorageUnavailableException("The commit was lost on purpose.", e);
        }

        return fault is Fault.Kept ? throw new StorageUnavailableException("The commit's answer was lost on purpose.") : result;
    }

    /// <inheritdoc/>
    public override Task<T> Read<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken) =>
        inner.Read(act, cancellationToken);

    /// <inheritdoc/>
    public override Task<T> ReadOne<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken) =>
        inner.ReadOne(act, cancellationToken);

    /// <inheritdoc/>
    public override Task Maintain(CancellationToken cancellationToken) => inner.Maintain(cancellationToken);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => inner.DisposeAsync();

    // Xorshift: a test must be able to repeat its choice of commits, which a cryptographic generator cannot.
    private static uint Next(ref uint state)
    {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        return state >> 8;
    }

    private async Task RunInVain<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken)
    {
        try
        {
            await inner.Write<T>(
                async db =>
                {
                    await act(db);
                    throw new LostException();
                },
                cancellationToken);
        }
        catch (LostException)
        {
            // As if another one had been first.
        }
    }

    private Fault? OfThisCommit()
    {
        lock (_lock)
        {
            _commits++;
            return _planned.Remove(_commits, out var planned) ? planned : _chance();
        }
    }

    private sealed class LostException : Exception;
}
