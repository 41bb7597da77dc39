using System.Security.Cryptography;

namespace Sparekey.Engine.Storage;

/// <summary>A file that holds a secret is missing, too large, or open to others; or what it holds cannot be used.</summary>
/// <param name="message">Which and what, for the operator; nothing of the content.</param>
public sealed class SecretFileException(string message) : Exception(message);

/// <summary>
/// The content of a file that holds a secret, in memory that does not move and is wiped at the end. It is never a string. A file that
/// others than its owner may read is refused. systemd's credentials are not for others, though their group may read them: it gives them
/// to a service's user by an access list, which shows as that bit, in a directory that nobody else may enter.
/// </summary>
public sealed class SecretFile : IDisposable
{
    private const int Largest = 256 * 1024;

    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly byte[] _bytes;
    private int _length;

    private SecretFile(byte[] bytes, int length) => (_bytes, _length) = (bytes, length);

    /// <summary>The content.</summary>
    public ReadOnlySpan<byte> Bytes => Memory.Span;

    /// <summary>The content, for who keeps it a while.</summary>
    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, _length);

    private static string? Credentials =>
        Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY") is { Length: > 0 } directory ? directory : null;

    /// <summary>The path of a file that a setting names: a name without a slash is one of systemd's credentials, where it hands such a one over.</summary>
    /// <param name="setting">The setting; null or empty where it is not set.</param>
    /// <returns>The path; null where nothing is set.</returns>
    public static string? PathOf(string? setting) => PathOf(setting, Credentials);

    /// <summary>Reads a file.</summary>
    /// <param name="path">Where.</param>
    /// <param name="firstLine">Whether only what stands before the first line end counts, as with passphrases.</param>
    /// <exception cref="SecretFileException">It cannot be read, is empty or too large, or others than its owner may read it.</exception>
    public static SecretFile Read(string path, bool firstLine = false) => Read(path, firstLine, Credentials);

    /// <summary>Reads a passphrase.</summary>
    /// <param name="path">Where; null for a key without one.</param>
    /// <exception cref="SecretFileException">As <see cref="Read(string, bool)"/>.</exception>
    public static SecretFile Passphrase(string? path) => path is null ? new SecretFile([], 0) : Read(path, firstLine: true);

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);

    /// <summary>Shows nothing.</summary>
    public override string ToString() => "[secret file]";

    /// <summary>As <see cref="PathOf(string)"/>, with the directory of systemd's credentials; null for none.</summary>
    internal static string? PathOf(string? setting, string? credentials) => setting switch
    {
        null or "" => null,
        _ when credentials is not null && !setting.Contains('/', StringComparison.Ordinal)
            && File.Exists(Path.Combine(credentials, setting)) => Path.Combine(credentials, setting),
        _ => setting,
    };

    /// <summary>As <see cref="Read(string, bool)"/>, with the directory of systemd's credentials; null for none.</summary>
    internal static SecretFile Read(string path, bool firstLine, string? credentials)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(stream.SafeFileHandle) & ~MayBe(path, credentials)) != UnixFileMode.None)
            {
                throw new SecretFileException($"{path}: others may read it; its mode must be 0600 or 0400.");
            }

            // The room is that of the largest from the start, so that nothing of it is copied and left behind while it grows.
            var file = new SecretFile(GC.AllocateUninitializedArray<byte>(Largest + 1, pinned: true), 0);
            try
            {
                file._length = stream.ReadAtLeast(file._bytes, file._bytes.Length, throwOnEndOfStream: false);
                if (file._length is 0 or > Largest)
                {
                    throw new SecretFileException($"{path}: it is empty or larger than {Largest} bytes.");
                }

                if (firstLine && file.Bytes.IndexOfAny((byte)'\r', (byte)'\n') is >= 0 and var end)
                {
                    file._length = end;
                }

                return file;
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new SecretFileException($"{path}: it cannot be read.");
        }
    }

    private static UnixFileMode MayBe(string path, string? credentials) =>
        credentials is not null && Path.GetDirectoryName(Path.GetFullPath(path)) == Path.TrimEndingDirectorySeparator(Path.GetFullPath(credentials))
            ? Owner | UnixFileMode.GroupRead
            : Owner;
}
