using System.Buffers;
using System.Globalization;
using System.Text;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>A span of time as Go writes it: <c>1h30m</c>, <c>1.5h</c>, <c>500ms</c>, <c>-1h</c>.</summary>
/// <param name="Nanoseconds">How long.</param>
internal readonly record struct GoDuration(long Nanoseconds)
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    private static readonly (string Unit, long Nanoseconds)[] Units =
    [
        ("ns", 1), ("us", 1_000), ("\u00B5s", 1_000), ("\u03BCs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];

    /// <summary>The span of a time of ours.</summary>
    /// <param name="span">The span, up to 292 years.</param>
    public static GoDuration Of(TimeSpan span) => new(span.Ticks * 100);

    /// <summary>The span, cut to tenths of microseconds.</summary>
    public TimeSpan ToTimeSpan() => new(Nanoseconds / 100);

    /// <summary>
    /// Reads a span: an optional sign, then one or more of a decimal number and a unit; or a bare <c>0</c>. False for anything else and
    /// for what has no room in 63 bits of nanoseconds.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="value">The span.</param>
    public static bool TryParse(string text, out GoDuration value)
    {
        value = default;
        var rest = text.AsSpan();
        var isNegative = rest is ['-', ..];
        rest = rest is ['-' or '+', ..] ? rest[1..] : rest;
        if (rest is "0")
        {
            return true;
        }

        if (rest.IsEmpty || rest.Length > 256)
        {
            return false;
        }

        decimal total = 0;
        while (!rest.IsEmpty)
        {
            if (!TryTakeNumber(ref rest, out var number) || !TryTakeUnit(ref rest, out var unit))
            {
                return false;
            }

            total += decimal.Truncate(number * unit);
            if (total > long.MaxValue)
            {
                return false;
            }
        }

        value = new GoDuration(isNegative ? -(long)total : (long)total);
        return true;
    }

    /// <summary>The span as Go prints it: <c>1h0m0s</c>, <c>1.5s</c>, <c>500ms</c>, <c>0s</c>.</summary>
    public override string ToString()
    {
        var size = Math.Abs((decimal)Nanoseconds);
        var sign = Nanoseconds < 0 ? "-" : "";
        if (size < 1_000_000_000)
        {
            return size == 0 ? "0s"
                : size < 1_000 ? $"{sign}{Plain(size)}ns"
                : size < 1_000_000 ? $"{sign}{Plain(size / 1_000)}µs"
                : $"{sign}{Plain(size / 1_000_000)}ms";
        }

        var (hours, minutes) = (decimal.Truncate(size / Units[^1].Nanoseconds), decimal.Truncate(size % Units[^1].Nanoseconds / Units[^2].Nanoseconds));
        var text = new StringBuilder(sign);
        if (hours > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Plain(hours)}h");
        }

        if (hours > 0 || minutes > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Plain(minutes)}m");
        }

        return text.Append(CultureInfo.InvariantCulture, $"{Plain(size % Units[^2].Nanoseconds / 1_000_000_000)}s").ToString();
    }

    private static string Plain(decimal number) => number.ToString("0.#########", CultureInfo.InvariantCulture);

    private static bool TryTakeNumber(ref ReadOnlySpan<char> rest, out decimal number)
    {
        var end = rest.IndexOfAnyExcept(NumberCharacters);
        var digits = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[end..];
        number = 0;
        return digits.Count('.') <= 1 && digits.ContainsAnyExcept('.') && digits.Length <= 40
            && (!digits.Contains('.') ? digits.Length : digits.IndexOf('.')) <= 19
            && decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number);
    }

    private static bool TryTakeUnit(ref ReadOnlySpan<char> rest, out long nanoseconds)
    {
        var end = rest.IndexOfAny(NumberCharacters);
        var unit = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[end..];
        foreach (var known in Units)
        {
            if (unit.SequenceEqual(known.Unit))
            {
                nanoseconds = known.Nanoseconds;
                return true;
            }
        }

        nanoseconds = 0;
        return false;
    }
}
