namespace Sparekey.Timing;

/// <summary>How long the answers of one class took, in milliseconds, in the order in which they were measured.</summary>
/// <param name="name">What the answers have in common.</param>
internal sealed class Samples(string name)
{
    private readonly List<double> _all = [];

    public string Name => name;

    public IReadOnlyList<double> All => _all;

    public void Add(double milliseconds) => _all.Add(milliseconds);

    /// <summary>A quantile, by the nearest rank.</summary>
    public double Quantile(double q) => _all.Order().ElementAt(Math.Clamp((int)Math.Ceiling(q * _all.Count) - 1, 0, _all.Count - 1));

    /// <summary>The class in two random halves: what is between them is noise.</summary>
    public (Samples One, Samples Other) Halves(Random order)
    {
        var shuffled = _all.ToArray();
        order.Shuffle(shuffled);
        var (one, other) = (new Samples($"{name}, half"), new Samples($"{name}, other half"));
        foreach (var (value, index) in shuffled.Select((v, i) => (v, i)))
        {
            (index % 2 == 0 ? one : other).Add(value);
        }

        return (one, other);
    }
}

/// <summary>Whether two classes can be told apart.</summary>
/// <param name="Auc">
/// The chance that an answer of the first took longer than one of the second, ties halved (Mann and Whitney, 1947): what an attacker
/// with one sample of each would win with. 0.5 tells nothing.
/// </param>
/// <param name="Z">How many standard deviations that is from 0.5, were there no difference.</param>
/// <param name="Ks">The largest distance of the two distribution functions (Kolmogorov and Smirnov).</param>
/// <param name="KsP">How likely such a distance is without a difference, by the asymptotic distribution.</param>
internal sealed record Comparison(double Auc, double Z, double Ks, double KsP)
{
    public static Comparison Of(Samples first, Samples second)
    {
        var (a, b) = (first.All.Order().ToArray(), second.All.Order().ToArray());
        double u = 0;
        foreach (var x in a)
        {
            var below = Below(b, x);
            u += below + ((NotAbove(b, x) - below) / 2.0);
        }

        double n = a.Length, m = b.Length;
        var deviation = Math.Sqrt((n + m + 1) / (12 * n * m));
        var auc = u / (n * m);
        var distance = a.Concat(b).Max(x => Math.Abs((NotAbove(a, x) / n) - (NotAbove(b, x) / m)));
        return new Comparison(auc, (auc - 0.5) / deviation, distance, Kolmogorov(distance * Math.Sqrt(n * m / (n + m))));
    }

    // How many values are smaller, and how many are not greater: the array is sorted.
    private static int Below(double[] sorted, double x)
    {
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = sorted[middle] < x ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private static int NotAbove(double[] sorted, double x) => Below(sorted, Math.BitIncrement(x));

    // The chance of a greater value: 2 Σ (-1)^(k-1) exp(-2 k² λ²).
    private static double Kolmogorov(double lambda)
    {
        if (lambda < 0.2)
        {
            return 1;
        }

        var sum = Enumerable.Range(1, 100).Sum(k => (k % 2 == 1 ? 1 : -1) * Math.Exp(-2.0 * k * k * lambda * lambda));
        return Math.Clamp(2 * sum, 0, 1);
    }
}
