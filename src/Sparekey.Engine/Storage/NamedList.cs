using System.Globalization;

namespace Sparekey.Engine.Storage;

/// <summary>Lists in conditions: every engine takes one name for each value.</summary>
internal static class NamedList
{
    /// <summary>Adds the values to a statement's parameters.</summary>
    /// <typeparam name="T">What they are.</typeparam>
    /// <param name="parameters">The parameters.</param>
    /// <param name="values">The values.</param>
    /// <returns>What stands behind <c>IN</c>; of no values, what nothing is in.</returns>
    public static string Of<T>(Dictionary<string, object?> parameters, IEnumerable<T> values)
        where T : notnull
    {
        var names = new List<string>();
        foreach (var value in values)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"in{names.Count}");
            parameters[name] = value.ToString();
            names.Add("@" + name);
        }

        return names.Count == 0 ? "(NULL)" : $"({string.Join(", ", names)})";
    }
}
