using FsCheck;
using FsCheck.Fluent;

namespace Sparekey.Core.Tests;

/// <summary>Turns one number into as many small choices as wanted, always the same ones (SplitMix64).</summary>
internal sealed class Choices(ulong seed)
{
    private ulong _state = seed;

    public int Next(int below)
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (int)((z ^ (z >> 31)) % (ulong)below);
    }

    public bool Chance(int percent) => Next(100) < percent;

    public T Of<T>(params ReadOnlySpan<T> options) => options[Next(options.Length)];

    /// <summary>Some of the options, in their order.</summary>
    public List<T> Some<T>(IEnumerable<T> options, int percent = 40) => [.. options.Where(_ => Chance(percent))];

    /// <summary>Sequences of seeds, one for every step of a story. A shorter story is simpler, so steps are left out to shrink.</summary>
    public static Arbitrary<ulong[]> Stories(int longest) => Arb.From(
        Gen.Choose(0, int.MaxValue).Select(i => (ulong)i).ArrayOf(longest),
        Shorter);

    private static IEnumerable<ulong[]> Shorter(ulong[] story)
    {
        for (var cut = story.Length / 2; cut >= 1; cut /= 2)
        {
            for (var from = 0; from + cut <= story.Length; from += cut)
            {
                yield return [.. story[..from], .. story[(from + cut)..]];
            }
        }
    }
}
