using System.Globalization;

namespace Sparekey.Core;

/// <summary>
/// How spans of time are written: a whole number and a unit, <c>90s</c>, <c>10m</c>, <c>12h</c>, <c>30d</c>.
/// </summary>
public static class Duration
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(3660);

    /// <summary>Reads a span. False when it is written otherwise, is zero, or is longer than ten years.</summary>
    /// <param name="text">The text.</param>
    /// <param name="value">The span.</param>
    public static bool TryParse(string? text, out TimeSpan value)
    {
        value = default;
        if (text is not { Length: >= 2 and <= 10 }
            || !long.TryParse(text.AsSpan(..^1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || number == 0)
        {
            return false;
        }

        long seconds = text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        if (seconds == 0 || number > Longest.TotalSeconds / seconds)
        {
            return false;
        }

        value = TimeSpan.FromSeconds(number * seconds);
        return true;
    }

    /// <summary>Writes a span in its largest whole unit.</summary>
    /// <param name="value">The span, in whole seconds.</param>
    public static string Format(TimeSpan value)
    {
        var seconds = (long)value.TotalSeconds;
        return seconds switch
        {
            > 0 when seconds % 86400 == 0 => $"{seconds / 86400}d",
            > 0 when seconds % 3600 == 0 => $"{seconds / 3600}h",
            > 0 when seconds % 60 == 0 => $"{seconds / 60}m",
            _ => $"{seconds}s",
        };
    }
}
