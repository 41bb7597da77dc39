using System.Runtime.InteropServices;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

[Trait("runs", "once")]
public sealed class SqliteLibraryTests
{
    private const string Bundled = "e_sqlite3";

    [Fact]
    public async Task Says_which_version_really_runs()
    {
        await using var files = await SqliteTestDatabase.Create();
        var running = await files.Database.Read(db => db.Scalar<string>("SELECT sqlite_version()"), CancellationToken.None);
        SqliteLibrary.Version.ShouldBe(running);
        Version.Parse(SqliteLibrary.Version).ShouldBeGreaterThanOrEqualTo(new Version(3, 35, 5), "the bundled one at least");
    }

    [Fact]
    public void The_systems_is_used_exactly_when_it_is_newer_than_the_bundled()
    {
        SqliteLibrary.Use();
        if (!NativeLibrary.TryLoad("libsqlite3.so.0", out var system))
        {
            SqliteLibrary.IsSystem.ShouldBeFalse();
            return;
        }

        var (_, isSystem) = SqliteLibrary.Newer("libsqlite3.so.0", Bundled);
        NativeLibrary.Free(system);
        _ = SqliteLibrary.Version;
        SqliteLibrary.IsSystem.ShouldBe(isSystem);
    }

    [Theory]
    [InlineData("libno-such-library.so", Bundled, false)]
    [InlineData("libc.so.6", Bundled, false)]
    [InlineData(Bundled, Bundled, false)]
    [InlineData(Bundled, "libno-such-library.so", true)]
    public void A_library_that_is_missing_no_sqlite_or_not_newer_is_not_taken(string system, string bundled, bool takesSystem)
    {
        var (handle, isSystem) = SqliteLibrary.Newer(system, bundled);
        handle.ShouldNotBe(0);
        isSystem.ShouldBe(takesSystem);
    }
}
