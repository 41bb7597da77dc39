using System.Text;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Tests.Storage;

/// <summary>Files that hold a secret, and who else may read them.</summary>
[Trait("runs", "once")]
public sealed class SecretFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-secrets-").FullName;

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(UnixFileMode.UserRead)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    public void Reads_what_only_its_owner_may_read(UnixFileMode mode)
    {
        using var file = SecretFile.Read(Write("key", "line\nline\n", mode));
        Encoding.UTF8.GetString(file.Bytes).ShouldBe("line\nline\n");
        using var passphrase = SecretFile.Passphrase(Path.Combine(_folder, "key"));
        Encoding.UTF8.GetString(passphrase.Bytes).ShouldBe("line");
    }

    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserExecute)]
    public void Refuses_what_others_may_read(UnixFileMode mode)
    {
        var path = Write("key", "x", mode);
        Should.Throw<SecretFileException>(() => SecretFile.Read(path)).Message.ShouldStartWith($"{path}: others");
        Should.Throw<SecretFileException>(() => SecretFile.Passphrase(path));
    }

    // As systemd hands over LoadCredential= to a service that has a user of its own: root's, 0440, and an access list.
    [Fact]
    public void Reads_what_systemd_gives_to_the_service_alone()
    {
        var path = Write("key", "x", UnixFileMode.UserRead | UnixFileMode.GroupRead);
        foreach (var directory in new[] { _folder, _folder + "/" })
        {
            using var file = SecretFile.Read(path, firstLine: false, directory);
            file.Bytes.Length.ShouldBe(1);
        }

        Directory.CreateDirectory(Path.Combine(_folder, "below"));
        var below = Write("below/key", "x", UnixFileMode.UserRead | UnixFileMode.GroupRead);
        var open = Write("open", "x", UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        var writable = Write("writable", "x", UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        Should.Throw<SecretFileException>(() => SecretFile.Read(below, firstLine: false, _folder));
        Should.Throw<SecretFileException>(() => SecretFile.Read(open, firstLine: false, _folder));
        Should.Throw<SecretFileException>(() => SecretFile.Read(writable, firstLine: false, _folder));
        Should.Throw<SecretFileException>(() => SecretFile.Read(Path.Combine(_folder, "below", "..", "below", "key"), firstLine: false, _folder));
        Should.Throw<SecretFileException>(() => SecretFile.Read(path, firstLine: false, Path.Combine(_folder, "below")));
    }

    [Fact]
    public void Refuses_what_is_missing_empty_or_too_large()
    {
        Should.Throw<SecretFileException>(() => SecretFile.Read(Path.Combine(_folder, "none"))).Message.ShouldContain("cannot be read");
        Should.Throw<SecretFileException>(() => SecretFile.Read(_folder));
        Should.Throw<SecretFileException>(() => SecretFile.Read("\0"));
        Should.Throw<SecretFileException>(() => SecretFile.Read(Write("empty", "", UnixFileMode.UserRead))).Message.ShouldContain("empty");
        Should.Throw<SecretFileException>(() => SecretFile.Read(Write("large", new string('x', 256 * 1024 + 1), UnixFileMode.UserRead)));
        using var largest = SecretFile.Read(Write("largest", new string('x', 256 * 1024), UnixFileMode.UserRead));
        largest.Bytes.Length.ShouldBe(256 * 1024);
    }

    [Fact]
    public void Finds_a_credential_by_its_name()
    {
        Write("key", "x", UnixFileMode.UserRead);
        SecretFile.PathOf("key", _folder).ShouldBe(Path.Combine(_folder, "key"));
        SecretFile.PathOf("key", null).ShouldBe("key");
        SecretFile.PathOf("other", _folder).ShouldBe("other");
        SecretFile.PathOf("./key", _folder).ShouldBe("./key");
        SecretFile.PathOf("", _folder).ShouldBeNull();
        SecretFile.PathOf(null, _folder).ShouldBeNull();
    }

    private string Write(string name, string text, UnixFileMode mode)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, mode);
        return path;
    }
}
