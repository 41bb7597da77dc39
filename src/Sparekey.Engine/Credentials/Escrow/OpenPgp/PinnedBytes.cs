using System.Security.Cryptography;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>
/// Bytes that are secret: in memory that the collector never copies, wiped when disposed. Nothing of them shows in <see cref="ToString"/>.
/// </summary>
public sealed class PinnedBytes : IDisposable
{
    private readonly byte[] _memory;
    private bool _disposed;

    /// <summary>A buffer of zeros.</summary>
    /// <param name="length">Its length.</param>
    public PinnedBytes(int length) => _memory = GC.AllocateArray<byte>(length, pinned: true);

    /// <summary>A copy.</summary>
    /// <param name="bytes">What is copied; wiping it is the caller's affair.</param>
    public PinnedBytes(ReadOnlySpan<byte> bytes)
        : this(bytes.Length) => bytes.CopyTo(_memory);

    /// <summary>The length.</summary>
    public int Length => _memory.Length;

    /// <summary>The bytes.</summary>
    /// <exception cref="ObjectDisposedException">They were wiped.</exception>
    public Span<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _memory;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_memory);
    }

    /// <summary>Shows nothing.</summary>
    public override string ToString() => nameof(PinnedBytes);
}
