using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

public sealed class SqliteDatabaseTests : DatabaseContract
{
    private TestDatabase _files = null!;

    protected override async Task<Database> Open()
    {
        _files = await TestDatabase.Create();
        return _files.Database;
    }

    protected override ValueTask Close() => _files.DisposeAsync();
}
