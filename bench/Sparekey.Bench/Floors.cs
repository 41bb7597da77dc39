using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Sparekey.Bench;

/// <summary>The same rows written by nothing but the database: what a server could reach that costs nothing itself.</summary>
internal static class Floors
{
    /// <summary>
    /// The same statements in one connection to SQLite, as the server opens it, with so many turns in each commit as clients could wait.
    /// </summary>
    /// <param name="folder">The folder of the floors.</param>
    /// <param name="name">Which one.</param>
    /// <param name="group">Turns in a commit.</param>
    /// <param name="length">How long.</param>
    public static Run Sqlite(string folder, string name, int group, TimeSpan length)
    {
        var data = Directory.CreateTempSubdirectory("sparekey-bench-floor-").FullName;
        try
        {
            using var connection = new SqliteConnection($"Data Source={data}/floor.db;Pooling=False");
            connection.Open();
            connection.CreateFunction("gen_random_uuid", () => Guid.NewGuid().ToString());
            Execute("PRAGMA journal_mode=WAL");
            Execute("PRAGMA synchronous=FULL");
            Execute("PRAGMA foreign_keys=ON");
            Execute("PRAGMA secure_delete=ON");
            Execute("PRAGMA cache_size=-8000");
            foreach (var statement in Statements(Path.Combine(folder, "schema.sql")))
            {
                Execute(statement);
            }

            var file = Path.Combine(folder, $"{name}.sql");
            var drawn = Drawn(file);
            var commands = Statements(file).ConvertAll(s =>
            {
                var command = connection.CreateCommand();
                command.CommandText = s;
                foreach (var (variable, _) in drawn.Where(d => s.Contains($":{d.Name} ", StringComparison.Ordinal)))
                {
                    command.Parameters.AddWithValue($":{variable}", 0L);
                }

                command.Prepare();
                return command;
            });
            var times = new List<double>();
            var (began, count) = (Stopwatch.GetTimestamp(), 0);
            while (Stopwatch.GetElapsedTime(began) < length)
            {
                var begun = Stopwatch.GetTimestamp();
                Execute("BEGIN IMMEDIATE");
                for (var i = 0; i < group; i++, count++)
                {
                    var values = drawn.ToDictionary(d => $":{d.Name}", d => (object)Random.Shared.NextInt64(1, d.Most + 1));
                    foreach (var command in commands)
                    {
                        foreach (SqliteParameter parameter in command.Parameters)
                        {
                            parameter.Value = values[parameter.ParameterName];
                        }

                        using var rows = command.ExecuteReader();
                        while (rows.Read())
                        {
                        }
                    }
                }

                Execute("COMMIT");
                times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            }

            times.Sort();
            commands.ForEach(c => c.Dispose());
            return new Run(
                count, Stopwatch.GetElapsedTime(began).TotalSeconds, times[times.Count / 2], times[(int)(times.Count * 0.99)], 0, 0);

            void Execute(string sql)
            {
                using var command = connection.CreateCommand();
                command.CommandText = sql;
                command.ExecuteNonQuery();
            }
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    // Lines such as: \set account random(1, 100000)
    private static List<(string Name, long Most)> Drawn(string file) =>
    [
        .. from line in File.ReadLines(file)
           where line.StartsWith("\\set ", StringComparison.Ordinal)
           select line.Split([' ', ',', ')'], StringSplitOptions.RemoveEmptyEntries) into words
           select (words[1], long.Parse(words[^1], CultureInfo.InvariantCulture)),
    ];

    // The statements of a file, without comments, what is meant for pgbench, and the ends of its transaction.
    private static List<string> Statements(string file) =>
    [
        .. string.Join('\n', File.ReadLines(file).Where(l => !l.StartsWith("--", StringComparison.Ordinal) && !l.StartsWith('\\')))
            .Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(s => s is not ("BEGIN" or "COMMIT")),
    ];
}
