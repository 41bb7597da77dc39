using Npgsql;

namespace Sparekey.Engine.Storage.Postgres;

/// <summary>PostgreSQL's side of the differences.</summary>
public sealed class PostgresDialect : SqlDialect
{
    /// <inheritdoc/>
    public override string Name => "Postgres";

    /// <inheritdoc/>
    public override string CountTables =>
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = @name";

    /// <inheritdoc/>
    public override string BeforeMigration => "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0";

    /// <inheritdoc/>
    public override bool IsUniqueViolation(Exception exception) =>
        exception is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation };
}
