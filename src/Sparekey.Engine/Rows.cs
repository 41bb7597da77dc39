using System.Collections.Concurrent;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine;

/// <summary>Writes several rows of a table at once, in SQL that both engines understand.</summary>
internal static class Rows
{
    // So many rows in one statement: texts differ by their number, and every text is kept prepared.
    private const int Most = 16;

    private static readonly ConcurrentDictionary<(string Insert, string Row, int Count), string> Known = new();

    /// <summary>Writes rows in their order, with <see cref="DbSession.Post"/>.</summary>
    /// <param name="db">The act's transaction.</param>
    /// <param name="insert">The statement up to its first row.</param>
    /// <param name="row">One row; <c>#</c> stands for its number, in the names of those parameters that differ from row to row.</param>
    /// <param name="shared">The parameters that all rows share, by name.</param>
    /// <param name="items">What the rows are made of; nothing is written for none.</param>
    /// <param name="values">The other parameters of a row, by name without <c>#</c>.</param>
    public static async Task Post<T>(
        DbSession db, string insert, string row, IReadOnlyList<(string Name, object? Value)> shared,
        IEnumerable<T> items, Func<T, IReadOnlyList<(string Name, object? Value)>> values)
    {
        foreach (var some in items.Chunk(Most))
        {
            var parameters = shared.ToDictionary(s => s.Name, s => s.Value, StringComparer.Ordinal);
            foreach (var (i, item) in some.Index())
            {
                foreach (var (name, value) in values(item))
                {
                    parameters.Add($"{name}{i}", value);
                }
            }

            await db.Post(Sql(insert, row, some.Length), parameters);
        }
    }

    private static string Sql(string insert, string row, int count) => Known.GetOrAdd(
        (insert, row, count),
        static key => $"{key.Insert} {string.Join(", ", Enumerable.Range(0, key.Count).Select(i => key.Row.Replace("#", $"{i}", StringComparison.Ordinal)))}");
}
