using Sparekey.Engine.Storage.Postgres;

namespace Sparekey.Server.Hosting;

/// <summary>An installation in a database that several processes use.</summary>
/// <param name="Database">The database.</param>
/// <param name="KeyFile">The key file; a copy of the same one on every host.</param>
/// <param name="ConfigFile">The settings; null when they all come from the environment.</param>
internal sealed record SharedPlace(PostgresConnections Database, string KeyFile, string? ConfigFile);
