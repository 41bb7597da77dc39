using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Keys;

/// <summary>The key file is missing, unreadable, readable by others, or says something impossible.</summary>
/// <param name="message">What, for the operator.</param>
public sealed class KeyRingException(string message) : Exception(message);

/// <summary>
/// The file that holds an installation's keys: JSON, readable by its owner alone, replaced as a whole (temporary file, fsync,
/// rename, fsync of the directory), so that a crash leaves the old one or the new one. The number of a destroyed key stays in it:
/// another key under the same number would make every stored trace of the first one look forged.
/// </summary>
/// <param name="path">Where it is.</param>
public sealed class KeyRingFile(string path)
{
    private const string Format = "sparekey-keyring-1";
    private const UnixFileMode OthersMay =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        AllowDuplicateProperties = false,
    };

    // Reading and replacing is one step: of two changes at once none may undo the other.
    private readonly Lock _lock = new();

    /// <summary>Whether the file is there.</summary>
    public bool Exists => File.Exists(path);

    /// <summary>Makes the file with its first key, unless there is one: a key is never written over.</summary>
    /// <param name="now">The time.</param>
    public void CreateWhenMissing(DateTimeOffset now) =>
        PrivateFile.CreateWhenMissing(path, JsonSerializer.SerializeToUtf8Bytes(new Content(Format, 1, [NewKey(1, now)]), Json));

    /// <summary>Reads the file.</summary>
    /// <exception cref="KeyRingException">It is missing, readable by others, or says something impossible.</exception>
    public KeyRing Load()
    {
        var content = Read();
        return new KeyRing(Masters(content), content.Active);
    }

    /// <summary>Puts what the file says now in place of what a ring in use holds.</summary>
    /// <param name="ring">The ring.</param>
    /// <exception cref="KeyRingException">
    /// The file says something impossible, or has another key under a number of the ring's, as another installation's file does; the ring
    /// stays as it is.
    /// </exception>
    public void Reload(KeyRing ring)
    {
        ArgumentNullException.ThrowIfNull(ring);
        lock (_lock)
        {
            var content = Read();
            if (content.Keys.Any(k => k.Check is not null && ring.Versions.Contains(k.Version) && ring.KeyCheckValue(k.Version) != k.Check))
            {
                throw new KeyRingException("The key file is not the one that this process began with: another key has the number of one in use.");
            }

            ring.Replace(Masters(content), content.Active);
        }
    }

    /// <summary>Adds a key that is not used yet.</summary>
    /// <param name="now">The time.</param>
    /// <returns>Its version; one that no key had before.</returns>
    /// <exception cref="KeyRingException">The file says something impossible.</exception>
    public int Add(DateTimeOffset now)
    {
        lock (_lock)
        {
            var content = Read();
            var version = content.Keys.Max(k => k.Version) + 1;
            Write(content with { Keys = [.. content.Keys, NewKey(version, now)] });
            return version;
        }
    }

    /// <summary>Makes a key the one that hashes and seals from now on.</summary>
    /// <param name="version">Its version.</param>
    /// <exception cref="KeyRingException">There is no such key.</exception>
    public void Activate(int version)
    {
        lock (_lock)
        {
            var content = Read();
            Require(content, version);
            Write(content with { Active = version });
        }
    }

    /// <summary>Destroys a key. What was hashed or sealed under it and not renewed is dead.</summary>
    /// <param name="version">Its version.</param>
    /// <exception cref="KeyRingException">There is no such key, or it is the active one.</exception>
    public void Retire(int version)
    {
        lock (_lock)
        {
            var content = Read();
            Require(content, version);
            if (version == content.Active)
            {
                throw new KeyRingException("The active key is not retired: activate another first.");
            }

            Write(content with
            {
                Keys = [.. content.Keys.Select(k => k.Version == version ? k with { Secret = null, Check = null } : k)],
            });
        }
    }

    private static void Require(Content content, int version)
    {
        if (!content.Keys.Any(k => k.Version == version && k.Secret is not null))
        {
            throw new KeyRingException($"There is no key of version {version}.");
        }
    }

    private static Key NewKey(int version, DateTimeOffset now)
    {
        var master = RandomNumberGenerator.GetBytes(32);
        return new Key(version, Convert.ToBase64String(master), KeyRing.CheckValueOf(master), now);
    }

    private static Dictionary<int, byte[]> Masters(Content content) =>
        content.Keys.Where(k => k.Secret is not null).ToDictionary(k => k.Version, k => Convert.FromBase64String(k.Secret!));

    private Content Read()
    {
        if (!Exists)
        {
            throw new KeyRingException($"The key file {path} is missing. Without it nothing stored can be verified; restore it from its backup.");
        }

        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & OthersMay) != UnixFileMode.None)
        {
            throw new KeyRingException($"The key file {path} is readable by others; it must be its owner's alone (chmod 600).");
        }

        try
        {
            var content = JsonSerializer.Deserialize<Content>(File.ReadAllBytes(path), Json);
            return content is not null && IsPossible(content)
                ? content
                : throw new KeyRingException($"The key file {path} is not one of ours, or a key in it is missing or was changed.");
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new KeyRingException($"The key file {path} cannot be read: it is truncated or was changed.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyRingException($"The key file {path} cannot be read: {e.Message}");
        }
    }

    private static bool IsPossible(Content content) =>
        content is { Format: Format, Keys.Count: > 0 }
        && content.Keys.All(k => k is { Version: > 0 and < int.MaxValue } && (k.Secret is null || IsWhole(k)))
        && content.Keys.Select(k => k.Version).Distinct().Count() == content.Keys.Count
        && content.Keys.Any(k => k.Version == content.Active && k.Secret is not null);

    private static bool IsWhole(Key key) =>
        Convert.FromBase64String(key.Secret!) is { Length: 32 } master && KeyRing.CheckValueOf(master) == key.Check;

    private void Write(Content content) => PrivateFile.Replace(path, JsonSerializer.SerializeToUtf8Bytes(content, Json));

    private sealed record Content(string Format, int Active, IReadOnlyList<Key> Keys);

    /// <summary>A key, or the number of one that was destroyed.</summary>
    private sealed record Key(int Version, string? Secret, string? Check, DateTimeOffset CreatedAt)
    {
        public override string ToString() => $"key {Version}";
    }
}
