using System.Data;
using System.Globalization;
using Dapper;

namespace Sparekey.Engine.Storage;

/// <summary>Truth values are stored as 0 and 1, by every engine alike.</summary>
internal sealed class StoredBoolean : SqlMapper.TypeHandler<bool>
{
    /// <summary>Makes Dapper bind them so.</summary>
    public static void Register()
    {
        SqlMapper.RemoveTypeMap(typeof(bool));
        SqlMapper.RemoveTypeMap(typeof(bool?));
        SqlMapper.AddTypeHandler(new StoredBoolean());
    }

    /// <inheritdoc/>
    public override void SetValue(IDbDataParameter parameter, bool value)
    {
        parameter.DbType = DbType.Int64;
        parameter.Value = value ? 1L : 0L;
    }

    /// <inheritdoc/>
    public override bool Parse(object value) => Convert.ToInt64(value, CultureInfo.InvariantCulture) != 0;
}
