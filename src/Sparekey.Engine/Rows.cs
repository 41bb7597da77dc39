using System.Collections.Concurrent;

namespace Sparekey.Engine;

/// <summary>The rows of an INSERT that writes several, in SQL that both engines understand.</summary>
internal static class Rows
{
    private static readonly ConcurrentDictionary<(string Row, int Count), string> Known = new();

    /// <summary>A row again and again, with the number of each in the names of its parameters.</summary>
    /// <param name="count">How many rows; few, for every number is a statement of its own that is kept prepared.</param>
    /// <param name="row">One row; <c>#</c> stands for its number.</param>
    public static string Of(int count, string row) => Known.GetOrAdd(
        (row, count),
        static key => string.Join(", ", Enumerable.Range(0, key.Count).Select(i => key.Row.Replace("#", $"{i}", StringComparison.Ordinal))));
}
