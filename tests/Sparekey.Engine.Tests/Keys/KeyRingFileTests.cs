using System.Text.Json.Nodes;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Tests.Keys;

[Trait("runs", "once")]
public sealed class KeyRingFileTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
    private readonly string _path;
    private readonly KeyRingFile _file;

    public KeyRingFileTests()
    {
        _path = Path.Combine(_folder, "keyring.json");
        _file = new KeyRingFile(_path);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Makes_one_random_key_for_its_owner_alone()
    {
        _file.Exists.ShouldBeFalse();
        _file.CreateWhenMissing(Now);

        var other = new KeyRingFile(Path.Combine(_folder, "other.json"));
        other.CreateWhenMissing(Now);
        var (ring, another) = (_file.Load(), other.Load());

        ring.Versions.ShouldBe([1]);
        ring.ActiveVersion.ShouldBe(1);
        ring.KeyCheckValue(1).ShouldNotBe(another.KeyCheckValue(1));
        File.GetUnixFileMode(_path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        JsonNode.Parse(File.ReadAllText(_path))!["format"]!.GetValue<string>().ShouldBe("sparekey-keyring-1");
        Directory.GetFiles(_folder).Length.ShouldBe(2, "no temporary file stays behind");
    }

    [Fact]
    public void Reads_a_file_as_it_always_was()
    {
        Put("""
            { "format": "sparekey-keyring-1", "active": 1, "keys": [ {
                "version": 1, "secret": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                "check": "54f702fddcd8642a85dd170bd1eb7087", "created_at": "2026-11-21T08:00:00+00:00" } ] }
            """);

        Convert.ToHexStringLower(_file.Load().Hash(KeyPurpose.Session, "default/row", "secret"u8).Mac)
            .ShouldBe("9b2fa171dc7b38a7bcd73f4195eff49df7ac35b77d4133678e68680e08f7d1c1");
    }

    [Fact]
    public void Never_writes_over_a_key()
    {
        _file.CreateWhenMissing(Now);
        var before = File.ReadAllBytes(_path);

        _file.CreateWhenMissing(Now);
        new KeyRingFile(_path).CreateWhenMissing(Now);

        File.ReadAllBytes(_path).ShouldBe(before);
        File.WriteAllText(_path, "");
        _file.CreateWhenMissing(Now);
        File.ReadAllText(_path).ShouldBeEmpty();
    }

    [Fact]
    public void Adds_activates_and_retires()
    {
        _file.CreateWhenMissing(Now);
        var first = _file.Load().KeyCheckValue(1);

        _file.Add(Now).ShouldBe(2);
        (_file.Load().ActiveVersion, _file.Load().Versions.Count).ShouldBe((1, 2));
        _file.Activate(2);
        _file.Load().ActiveVersion.ShouldBe(2);
        _file.Load().KeyCheckValue(1).ShouldBe(first);
        var secret = Json()["keys"]![0]!["secret"]!.GetValue<string>();
        _file.Retire(1);

        _file.Load().Versions.ShouldBe([2]);
        File.ReadAllText(_path).ShouldNotContain(secret);
        File.GetUnixFileMode(_path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public void A_number_is_given_once()
    {
        _file.CreateWhenMissing(Now);
        _file.Add(Now).ShouldBe(2);
        _file.Retire(2);

        _file.Add(Now).ShouldBe(3, "what was stored under the destroyed key 2 must never be checked with another");
        _file.Load().Versions.ShouldBe([1, 3]);
        Should.Throw<KeyRingException>(() => _file.Activate(2));
        Should.Throw<KeyRingException>(() => _file.Retire(2));
    }

    [Fact]
    public void Refuses_to_retire_the_active_key_or_one_that_is_not_there()
    {
        _file.CreateWhenMissing(Now);
        var before = File.ReadAllBytes(_path);

        Should.Throw<KeyRingException>(() => _file.Retire(1)).Message.ShouldContain("active");
        Should.Throw<KeyRingException>(() => _file.Retire(7));
        Should.Throw<KeyRingException>(() => _file.Activate(7));
        Should.Throw<KeyRingException>(() => _file.Activate(0));

        File.ReadAllBytes(_path).ShouldBe(before);
    }

    [Fact]
    public void A_missing_file_is_named_and_not_made_up()
    {
        foreach (var use in new Action[] { () => _file.Load(), () => _file.Add(Now), () => _file.Activate(1), () => _file.Retire(1) })
        {
            Should.Throw<KeyRingException>(use).Message.ShouldContain(_path);
        }

        _file.Exists.ShouldBeFalse();
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void Refuses_a_file_that_others_may_read_or_write(UnixFileMode more)
    {
        _file.CreateWhenMissing(Now);
        File.SetUnixFileMode(_path, UnixFileMode.UserRead | UnixFileMode.UserWrite | more);

        Should.Throw<KeyRingException>(() => _file.Load()).Message.ShouldContain("chmod 600");
        Should.Throw<KeyRingException>(() => _file.Add(Now));
    }

    [Fact]
    public void Looks_through_a_link_at_the_file_itself()
    {
        _file.CreateWhenMissing(Now);
        var link = Path.Combine(_folder, "link.json");
        File.CreateSymbolicLink(link, _path);
        new KeyRingFile(link).Load().Versions.ShouldBe([1]);

        File.SetUnixFileMode(_path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);

        Should.Throw<KeyRingException>(() => new KeyRingFile(link).Load());
    }

    [Fact]
    public void Refuses_a_truncated_file_wherever_it_ends()
    {
        _file.CreateWhenMissing(Now);
        var whole = File.ReadAllText(_path);
        for (var length = 0; length < whole.TrimEnd().Length; length += 3)
        {
            Put(whole[..length]);
            Should.Throw<KeyRingException>(() => _file.Load());
        }
    }

    [Fact]
    public void Refuses_a_changed_key_and_shows_none()
    {
        _file.CreateWhenMissing(Now);
        var secret = Json()["keys"]![0]!["secret"]!.GetValue<string>();
        for (var i = 0; i < secret.Length - 1; i++)
        {
            var changed = secret[..i] + (secret[i] == 'A' ? 'Q' : 'A') + secret[(i + 1)..];
            Change(j => j["keys"]![0]!["secret"] = changed);
            Should.Throw<KeyRingException>(() => _file.Load()).ToString().ShouldNotContain(changed[..8]);
        }
    }

    [Fact]
    public void Refuses_what_is_impossible()
    {
        _file.CreateWhenMissing(Now);
        _file.Add(Now);
        var whole = File.ReadAllText(_path);
        Action<JsonNode>[] changes =
        [
            j => j["format"] = "sparekey-keyring-2", j => j["format"] = null, j => j["active"] = 3, j => j["active"] = 0,
            j => j["active"] = "1", j => j["active"] = 1.5, j => j.AsObject().Remove("active"), j => j.AsObject().Remove("keys"),
            j => j["keys"] = new JsonArray(), j => j["keys"] = null, j => j["keys"]![0] = null, j => j["keys"]!.AsArray().RemoveAt(0),
            j => j["keys"]![1]!["version"] = 1, j => j["keys"]![1]!["version"] = -2, j => j["keys"]![1]!["version"] = int.MaxValue,
            j => j["keys"]![1]!["version"] = 4294967298, j => j["keys"]![0]!["secret"] = null, j => j["keys"]![0]!["secret"] = "",
            j => j["keys"]![0]!["secret"] = "AAAA", j => j["keys"]![0]!["secret"] = "not base64", j => j["keys"]![0]!["check"] = null,
            j => j["keys"]![0]!["check"] = "54f702fddcd8642a85dd170bd1eb7087", j => j["keys"]![0]!["created_at"] = "yesterday",
            j => j["keys"]![1] = j["keys"]![0]!.DeepClone(),
        ];
        for (var i = 0; i < changes.Length; i++)
        {
            Put(whole);
            Change(changes[i]);
            Should.Throw<KeyRingException>(() => _file.Load(), $"change {i}");
        }

        foreach (var text in new[] { "null", "[]", "{}", "1", "\"\"", "{\"format\":\"sparekey-keyring-1\"}", whole + whole, "\ufeff\ufeff" + whole })
        {
            Put(text);
            Should.Throw<KeyRingException>(() => _file.Load(), text);
        }

        Put(whole);
        _file.Load().Versions.ShouldBe([1, 2]);
    }

    [Fact]
    public void A_file_gone_wrong_leaves_the_ring_in_use_as_it_is()
    {
        _file.CreateWhenMissing(Now);
        var ring = _file.Load();
        var hash = ring.Hash(KeyPurpose.Session, "c", "s"u8);
        Put("{");

        Should.Throw<KeyRingException>(() => _file.Reload(ring));

        ring.Verify(hash, KeyPurpose.Session, "c", "s"u8).ShouldBeTrue();
    }

    [Fact]
    public void Another_installations_file_leaves_the_ring_in_use_as_it_is()
    {
        _file.CreateWhenMissing(Now);
        var ring = _file.Load();
        var check = ring.KeyCheckValue(1);
        File.Delete(_path);
        _file.CreateWhenMissing(Now);

        Should.Throw<KeyRingException>(() => _file.Reload(ring)).Message.ShouldContain("another key");

        ring.KeyCheckValue(1).ShouldBe(check);
        _file.Load().KeyCheckValue(1).ShouldNotBe(check);
    }

    [Fact]
    public async Task Of_changes_at_once_none_is_lost()
    {
        _file.CreateWhenMissing(Now);
        var ring = _file.Load();

        var versions = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            var version = _file.Add(Now);
            _file.Activate(version);
            _file.Reload(ring);
            return version;
        })));

        versions.Order().ShouldBe(Enumerable.Range(2, 8));
        var written = _file.Load();
        written.Versions.Count.ShouldBe(9);
        ring.Versions.ShouldBe(written.Versions);
        ring.ActiveVersion.ShouldBe(written.ActiveVersion);
        ring.Versions.Select(ring.KeyCheckValue).ShouldBe(written.Versions.Select(written.KeyCheckValue));
    }

    [Fact]
    public void What_a_crash_left_beside_it_is_in_nobodys_way()
    {
        _file.CreateWhenMissing(Now);
        File.WriteAllText(_path + ".new", "half a fi");

        _file.Add(Now).ShouldBe(2);

        _file.Load().Versions.ShouldBe([1, 2]);
        Directory.GetFiles(_folder).ShouldBe([_path]);
    }

    private JsonNode Json() => JsonNode.Parse(File.ReadAllText(_path))!;

    private void Change(Action<JsonNode> change)
    {
        var json = Json();
        change(json);
        Put(json.ToJsonString());
    }

    private void Put(string text)
    {
        File.WriteAllText(_path, text);
        File.SetUnixFileMode(_path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
