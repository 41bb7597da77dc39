using System.Globalization;
using System.Text;

namespace Sparekey.Server.Tests;

/// <summary>Looks for texts in the memory of another process.</summary>
internal static class ProcessMemory
{
    private const int Piece = 1 << 20;

    /// <summary>Which of some texts are in what the process can write to.</summary>
    /// <param name="process">The process, a child of this one.</param>
    /// <param name="encoding">How they would stand there: as .NET keeps strings, two bytes a character, or as they travel.</param>
    /// <param name="texts">The texts.</param>
    public static bool[] Find(int process, Encoding encoding, params string[] texts)
    {
        var patterns = texts.Select(encoding.GetBytes).ToList();
        var found = new bool[texts.Length];
        var overlap = patterns.Max(p => p.Length);
        using var memory = new FileStream($"/proc/{process}/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        var buffer = new byte[Piece + overlap];
        foreach (var line in File.ReadLines($"/proc/{process}/maps"))
        {
            var parts = line.Split(' ', 3);
            var ends = parts[0].Split('-');
            if (!parts[1].StartsWith("rw", StringComparison.Ordinal)
                || !long.TryParse(ends[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var start)
                || !long.TryParse(ends[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var end))
            {
                continue;
            }

            for (var at = start; at < end; at += Piece)
            {
                var length = (int)Math.Min(buffer.Length, end - at);
                try
                {
                    memory.Position = at;
                    length = memory.ReadAtLeast(buffer.AsSpan(0, length), length, throwOnEndOfStream: false);
                }
                catch (IOException)
                {
                    continue; // A page that is promised and not there.
                }

                for (var i = 0; i < patterns.Count; i++)
                {
                    found[i] |= buffer.AsSpan(0, length).IndexOf(patterns[i]) >= 0;
                }
            }
        }

        return found;
    }
}
