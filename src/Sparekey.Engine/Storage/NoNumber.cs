using System.Data;
using Dapper;

namespace Sparekey.Engine.Storage;

/// <summary>
/// A number that is not there, where values have no declared type: an engine that keeps statements prepared knows each by the types of its
/// values. Without it, a null is a text that is not there.
/// </summary>
internal sealed class NoNumber : SqlMapper.ICustomQueryParameter
{
    private NoNumber()
    {
    }

    /// <summary>The one there is.</summary>
    public static NoNumber Value { get; } = new();

    /// <summary>A number, or that it is not there.</summary>
    /// <param name="number">The number.</param>
    public static object Or(long? number) => number is { } there ? there : Value;

    /// <inheritdoc/>
    public void AddParameter(IDbCommand command, string name)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.DbType = DbType.Int64;
        parameter.Value = DBNull.Value;
        command.Parameters.Add(parameter);
    }
}
