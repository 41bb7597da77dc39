namespace Sparekey.Testing.Fuzzing;

/// <summary>Numbers that come in the same order for the same seed (SplitMix64). They protect nothing.</summary>
/// <param name="seed">The seed.</param>
public sealed class Dice(ulong seed)
{
    private ulong _state = seed;

    /// <summary>64 bits.</summary>
    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from 0 to one below a bound.</summary>
    /// <param name="bound">The bound; of 0 and less the number is 0.</param>
    public int Below(int bound) => bound <= 1 ? 0 : (int)(Next() % (ulong)bound);

    /// <summary>True once in so many times.</summary>
    /// <param name="times">How many.</param>
    public bool OneIn(int times) => Below(times) == 0;

    /// <summary>One of several.</summary>
    /// <typeparam name="T">What.</typeparam>
    /// <param name="all">All of them; not none.</param>
    public T Pick<T>(IReadOnlyList<T> all) => all[Below(all.Count)];

    /// <summary>Random bytes.</summary>
    /// <param name="count">How many.</param>
    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
        {
            bytes[i] = (byte)Next();
        }

        return bytes;
    }
}
