using System.Security.Cryptography;
using System.Text.Json;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Keys;

/// <summary>The key file is missing, unreadable, readable by others, or says something impossible.</summary>
/// <param name="message">What, for the operator.</param>
public sealed class KeyRingException(string message) : Exception(message);

/// <summary>
/// The file that holds an installation's keys: JSON, readable by its owner alone, replaced as a whole (temporary file, fsync,
/// rename), so that a crash leaves the old one or the new one.
/// </summary>
/// <param name="path">Where it is.</param>
public sealed class KeyRingFile(string path)
{
    private const string Format = "sparekey-keyring-1";
    private const UnixFileMode OthersMay =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Whether the file is there.</summary>
    public bool Exists => File.Exists(path);

    /// <summary>Makes the file with its first key.</summary>
    /// <param name="now">The time.</param>
    /// <exception cref="KeyRingException">There is a file already: a key is never written over.</exception>
    public void Create(DateTimeOffset now)
    {
        if (Exists)
        {
            throw new KeyRingException("There is a key file already; it is never written over.");
        }

        Write(new Content(Format, 1, [NewKey(1, now)]));
    }

    /// <summary>Reads the file.</summary>
    /// <exception cref="KeyRingException">It is missing, readable by others, or says something impossible.</exception>
    public KeyRing Load()
    {
        var content = Read();
        return new KeyRing(Masters(content), content.Active);
    }

    /// <summary>Puts what the file says now in place of what a ring in use holds.</summary>
    /// <param name="ring">The ring.</param>
    /// <exception cref="KeyRingException">The file says something impossible; the ring stays as it is.</exception>
    public void Reload(KeyRing ring)
    {
        var content = Read();
        ring.Replace(Masters(content), content.Active);
    }

    /// <summary>Adds a key that is not used yet.</summary>
    /// <param name="now">The time.</param>
    /// <returns>Its version.</returns>
    /// <exception cref="KeyRingException">The file says something impossible.</exception>
    public int Add(DateTimeOffset now)
    {
        var content = Read();
        var version = content.Keys.Max(k => k.Version) + 1;
        Write(content with { Keys = [.. content.Keys, NewKey(version, now)] });
        return version;
    }

    /// <summary>Makes a key the one that hashes and seals from now on.</summary>
    /// <param name="version">Its version.</param>
    /// <exception cref="KeyRingException">There is no such key.</exception>
    public void Activate(int version)
    {
        var content = Read();
        Write(content.Keys.Any(k => k.Version == version)
            ? content with { Active = version }
            : throw new KeyRingException($"There is no key of version {version}."));
    }

    /// <summary>Destroys a key. What was hashed or sealed under it and not renewed is dead.</summary>
    /// <param name="version">Its version.</param>
    /// <exception cref="KeyRingException">There is no such key, or it is the active one.</exception>
    public void Retire(int version)
    {
        var content = Read();
        if (version == content.Active || content.Keys.All(k => k.Version != version))
        {
            throw new KeyRingException(version == content.Active
                ? "The active key is not retired: activate another first."
                : $"There is no key of version {version}.");
        }

        Write(content with { Keys = [.. content.Keys.Where(k => k.Version != version)] });
    }

    private static Key NewKey(int version, DateTimeOffset now) =>
        new(version, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), now);

    private static Dictionary<int, byte[]> Masters(Content content) =>
        content.Keys.ToDictionary(k => k.Version, k => Convert.FromBase64String(k.Secret));

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
            if (content is { Format: Format, Keys.Count: > 0 }
                && content.Keys.Select(k => k.Version).Distinct().Count() == content.Keys.Count
                && content.Keys.All(k => k.Version > 0 && Convert.FromBase64String(k.Secret).Length == 32)
                && content.Keys.Any(k => k.Version == content.Active))
            {
                return content;
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentNullException)
        {
            throw new KeyRingException($"The key file {path} cannot be read: it is truncated or was changed.");
        }

        throw new KeyRingException($"The key file {path} is not one of ours, or its active key is missing.");
    }

    private void Write(Content content) => PrivateFile.Replace(path, JsonSerializer.SerializeToUtf8Bytes(content, Json));

    private sealed record Content(string Format, int Active, IReadOnlyList<Key> Keys);

    private sealed record Key(int Version, string Secret, DateTimeOffset CreatedAt);
}
