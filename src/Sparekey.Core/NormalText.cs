using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace Sparekey.Core;

/// <summary>
/// Unicode normalisation form C. The program runs without ICU, and without it <see cref="string.Normalize()"/> silently returns
/// its argument: "é" typed on one keyboard would be another name, and another password, than "é" typed on the next.
/// </summary>
public static class NormalText
{
    // The first character that form C can change or that combines with one before it.
    private const char FirstAffected = '\u0300';

    // Unicode 14 §3.12: Hangul syllables are computed.
    private const int SBase = 0xAC00;
    private const int LBase = 0x1100;
    private const int VBase = 0x1161;
    private const int TBase = 0x11A7;
    private const int LCount = 19;
    private const int VCount = 21;
    private const int TCount = 28;
    private const int SCount = LCount * VCount * TCount;

    /// <summary>A text in form C. Unpaired surrogates stay where they are.</summary>
    /// <param name="text">The text.</param>
    public static string Compose(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange(FirstAffected, '\uffff'))
        {
            return text;
        }

        var characters = Decompose(text);
        Order(characters);
        return Write(Recompose(characters));
    }

    private static List<int> Decompose(string text)
    {
        var characters = new List<int>(text.Length);
        for (var i = 0; i < text.Length;)
        {
            var paired = Rune.TryGetRuneAt(text, i, out var rune);
            Decompose(paired ? rune.Value : text[i], characters);
            i += paired ? rune.Utf16SequenceLength : 1;
        }

        return characters;
    }

    private static void Decompose(int character, List<int> to)
    {
        var syllable = character - SBase;
        if (syllable is >= 0 and < SCount)
        {
            to.Add(LBase + (syllable / (VCount * TCount)));
            to.Add(VBase + (syllable % (VCount * TCount) / TCount));
            if (syllable % TCount > 0)
            {
                to.Add(TBase + (syllable % TCount));
            }
        }
        else if (Tables.Decompositions.TryGetValue(character, out var parts))
        {
            Decompose(parts.First, to);
            if (parts.Second != 0)
            {
                Decompose(parts.Second, to);
            }
        }
        else
        {
            to.Add(character);
        }
    }

    // §3.11 D109: marks that follow each other are sorted by their classes, and those of one class keep their order. Each run
    // is sorted as a whole: swapping neighbours would take quadratic time for a text that is all marks.
    private static void Order(List<int> characters)
    {
        for (var start = 0; start < characters.Count; start++)
        {
            var end = start;
            while (end < characters.Count && ClassOf(characters[end]) != 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                var sorted = characters.GetRange(start, end - start).OrderBy(ClassOf).ToList();
                for (var i = start; i < end; i++)
                {
                    characters[i] = sorted[i - start];
                }
            }

            start = Math.Max(start, end - 1);
        }
    }

    // §3.11 D117: a character joins the last starter unless one of its class or higher, or another starter, stands between.
    private static List<int> Recompose(List<int> characters)
    {
        var written = new List<int>(characters.Count);
        var starter = -1;
        var lastClass = -1;
        foreach (var character in characters)
        {
            var combining = ClassOf(character);
            if (starter >= 0 && lastClass < combining && Joined(written[starter], character) is { } composite)
            {
                written[starter] = composite;
                continue;
            }

            if (combining == 0)
            {
                starter = written.Count;
                lastClass = -1;
            }
            else
            {
                lastClass = combining;
            }

            written.Add(character);
        }

        return written;
    }

    private static int? Joined(int first, int second)
    {
        if (first is >= LBase and < LBase + LCount && second is >= VBase and < VBase + VCount)
        {
            return SBase + ((((first - LBase) * VCount) + (second - VBase)) * TCount);
        }

        if (first is >= SBase and < SBase + SCount && (first - SBase) % TCount == 0 && second is > TBase and < TBase + TCount)
        {
            return first + (second - TBase);
        }

        return Tables.Compositions.TryGetValue((first, second), out var composite) ? composite : null;
    }

    private static int ClassOf(int character) => character < FirstAffected ? 0 : Tables.Classes.GetValueOrDefault(character);

    private static string Write(List<int> characters)
    {
        var text = new StringBuilder(characters.Count);
        foreach (var character in characters)
        {
            _ = Rune.TryCreate(character, out var rune) ? text.Append(rune.ToString()) : text.Append((char)character);
        }

        return text.ToString();
    }

    // Read on first use, in a type of their own: most texts never need them.
    private static class Tables
    {
        private static readonly Dictionary<int, (int First, int Second, bool Joins)> Pairs = ReadPairs();

        public static readonly FrozenDictionary<int, (int First, int Second)> Decompositions =
            Pairs.ToFrozenDictionary(p => p.Key, p => (p.Value.First, p.Value.Second));

        public static readonly FrozenDictionary<(int First, int Second), int> Compositions =
            Pairs.Where(p => p.Value.Joins).ToFrozenDictionary(p => (p.Value.First, p.Value.Second), p => p.Key);

        public static readonly FrozenDictionary<int, byte> Classes = ReadClasses().ToFrozenDictionary();

        private static Dictionary<int, (int First, int Second, bool Joins)> ReadPairs()
        {
            var pairs = new Dictionary<int, (int, int, bool)>();
            var next = 0;
            foreach (var token in Tokens(NormalTextData.Decompositions))
            {
                if (token.EndsWith(':'))
                {
                    next = Hex(token[..^1]);
                    continue;
                }

                var parts = token.TrimStart('!').Split('.');
                pairs.Add(next++, (Hex(parts[0]), parts.Length > 1 ? Hex(parts[1]) : 0, parts.Length > 1 && token[0] != '!'));
            }

            return pairs;
        }

        private static Dictionary<int, byte> ReadClasses()
        {
            var classes = new Dictionary<int, byte>();
            foreach (var token in Tokens(NormalTextData.Classes))
            {
                var sides = token.Split('=');
                var ends = sides[0].Split('-');
                for (var character = Hex(ends[0]); character <= Hex(ends[^1]); character++)
                {
                    classes.Add(character, byte.Parse(sides[1], CultureInfo.InvariantCulture));
                }
            }

            return classes;
        }

        private static string[] Tokens(string data) => data.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);

        private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
