using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Tests.Storage;

[Trait("runs", "once")]
public sealed class DataDirectoryTests : IDisposable
{
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Makes_the_directory_and_those_above_it_for_its_owner_alone()
    {
        var path = Path.Combine(_folder, "a", "b");
        using var directory = DataDirectory.Open(path);
        directory.Path.ShouldBe(path);
        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(path).ShouldBe(OwnerFile | UnixFileMode.UserExecute);
            File.GetUnixFileMode(Path.Combine(path, "lock")).ShouldBe(OwnerFile);
        }
    }

    [Fact]
    public void A_second_opening_is_refused_until_the_first_ended()
    {
        var first = DataDirectory.Open(_folder);
        Should.Throw<DataDirectoryException>(() => DataDirectory.Open(_folder)).Message.ShouldContain("in use");
        Should.Throw<DataDirectoryException>(() => DataDirectory.Open(_folder + Path.DirectorySeparatorChar)).Message.ShouldContain("in use");
        first.Dispose();
        using var second = DataDirectory.Open(_folder);
    }

    [Fact]
    public async Task A_process_that_was_killed_holds_nothing()
    {
        // Another process takes the same kind of lock (flock) and is killed. Without -F a child would hold it too, and outlive the kill.
        using (DataDirectory.Open(_folder))
        {
        }

        using var other = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("flock", ["-F", "-x", Path.Combine(_folder, "lock"), "sh", "-c", "echo held; exec sleep 60"])
            {
                RedirectStandardOutput = true,
                UseShellExecute = false,
            })!;
        (await other.StandardOutput.ReadLineAsync()).ShouldBe("held");
        Should.Throw<DataDirectoryException>(() => DataDirectory.Open(_folder)).Message.ShouldContain("in use");
        other.Kill(entireProcessTree: true);
        await other.WaitForExitAsync();
        using var mine = DataDirectory.Open(_folder);
    }

    [Fact]
    public void A_file_in_the_place_of_the_directory_is_refused()
    {
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, string.Empty);
        Should.Throw<DataDirectoryException>(() => DataDirectory.Open(file));
    }

    [Fact]
    public void Replaces_a_private_file_whole_and_keeps_it_private()
    {
        var file = Path.Combine(_folder, "keyring.json");
        PrivateFile.Replace(file, "one, and longer"u8);
        PrivateFile.Replace(file, "two"u8);
        File.ReadAllText(file).ShouldBe("two");
        Directory.GetFiles(_folder).ShouldBe([file]);
        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(file).ShouldBe(OwnerFile);
        }
    }

    [Fact]
    public void A_private_file_never_replaces_one_that_is_there()
    {
        var file = Path.Combine(_folder, "x");
        PrivateFile.Create(file).Dispose();
        Should.Throw<IOException>(() => PrivateFile.Create(file));
    }
}
