using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>
/// A context of librnp for one operation, with the keys that this operation may use and its time: librnp resolves recipients and signers
/// from everything that a context holds. Not shared between threads.
/// </summary>
internal sealed unsafe class RnpContext : IDisposable
{
    private const int StackUsed = 256 * 1024;

    private readonly FfiHandle _ffi;

    /// <summary>An empty context.</summary>
    /// <param name="now">The time by which signatures are made and judged.</param>
    public RnpContext(DateTimeOffset now)
    {
        OpenPgpLibrary.Require();
        Check(Rnp.rnp_ffi_create(out _ffi, "GPG", "GPG"));
        FreedMemory.Enter();
        _ = Rnp.rnp_set_timestamp(_ffi, (ulong)Math.Clamp(now.ToUnixTimeSeconds(), 0, uint.MaxValue));
    }

    /// <summary>The context's handle.</summary>
    public FfiHandle Ffi => _ffi;

    /// <summary>Loads a public block. False when librnp does not read it.</summary>
    /// <param name="block">Its packets.</param>
    public bool LoadPublic(ReadOnlySpan<byte> block) => Load(block, Rnp.LoadPublic);

    /// <summary>Loads a secret block. False when librnp does not read it.</summary>
    /// <param name="block">Its packets, in pinned memory.</param>
    public bool LoadSecret(ReadOnlySpan<byte> block) => Load(block, Rnp.LoadPublic | Rnp.LoadSecret);

    /// <summary>Loads the keys whose signatures are to be recognised.</summary>
    /// <param name="keys">The keys.</param>
    public void LoadSigners(IEnumerable<PgpKey> keys)
    {
        foreach (var key in keys)
        {
            LoadPublic(key.Packets);
        }
    }

    /// <summary>The fingerprint of the only primary key in the context, or null when there is not exactly one.</summary>
    public string? OnlyPrimary()
    {
        string? found = null;
        Check(Rnp.rnp_identifier_iterator_create(_ffi, out var iterator, "fingerprint"));
        using (iterator)
        {
            while (Rnp.rnp_identifier_iterator_next(iterator, out var text) == Rnp.Success && text != 0)
            {
                var fingerprint = Marshal.PtrToStringUTF8(text)!;
                using var key = Key(fingerprint);
                Check(Rnp.rnp_key_is_primary(key, out var isPrimary));
                if (isPrimary && found is not null)
                {
                    return null;
                }

                found = isPrimary ? fingerprint : found;
            }
        }

        return found;
    }

    /// <summary>A key of the context.</summary>
    /// <param name="fingerprint">Its fingerprint.</param>
    public KeyHandle Key(string fingerprint) => Locate("fingerprint", fingerprint);

    /// <summary>A key of the context.</summary>
    /// <param name="keyId">Its id.</param>
    public KeyHandle KeyOfId(string keyId) => Locate("keyid", keyId);

    /// <summary>A key of the context and its subkeys; the caller disposes of them.</summary>
    /// <param name="fingerprint">The primary key's fingerprint.</param>
    public List<KeyHandle> KeyAndSubkeys(string fingerprint)
    {
        var keys = new List<KeyHandle> { Key(fingerprint) };
        Check(Rnp.rnp_key_get_subkey_count(keys[0], out var count));
        for (nuint i = 0; i < count; i++)
        {
            Check(Rnp.rnp_key_get_subkey_at(keys[0], i, out var subkey));
            keys.Add(subkey);
        }

        return keys;
    }

    /// <summary>An output in librnp's memory.</summary>
    /// <param name="most">The most that it takes, in bytes; more fails the operation.</param>
    public static OutputHandle Output(int most)
    {
        Check(Rnp.rnp_output_to_memory(out var output, (nuint)most));
        return output;
    }

    /// <summary>An input over memory that stays where it is until the input is disposed of.</summary>
    /// <param name="bytes">The memory; not empty.</param>
    /// <param name="length">Its length.</param>
    public static InputHandle Input(byte* bytes, int length)
    {
        Check(Rnp.rnp_input_from_memory(out var input, bytes, (nuint)length, copy: false));
        return input;
    }

    /// <summary>Takes what was written out of librnp's memory, which is overwritten.</summary>
    /// <param name="output">The output.</param>
    public static PinnedBytes Take(OutputHandle output)
    {
        if (Rnp.rnp_output_memory_get_buf(output, out var bytes, out var length, copy: false) != Rnp.Success)
        {
            return new PinnedBytes(0); // Nothing was written at all: what failed says so itself.
        }

        var taken = new PinnedBytes(new ReadOnlySpan<byte>((void*)bytes, (int)length));
        Rnp.rnp_buffer_clear(bytes, length);
        return taken;
    }

    /// <summary>Takes a text that librnp allocated.</summary>
    /// <param name="text">Where it is.</param>
    public static string Take(nint text)
    {
        var taken = Marshal.PtrToStringUTF8(text) ?? "";
        Rnp.rnp_buffer_destroy(text);
        return taken;
    }

    /// <summary>Throws unless a function succeeded.</summary>
    /// <param name="result">Its result.</param>
    public static void Check(uint result)
    {
        if (result != Rnp.Success)
        {
            throw new OpenPgpException($"librnp refused with 0x{result:x8}.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ffi.Dispose();
        WipeStack();
        FreedMemory.Leave();
    }

    // librnp wipes its keys and what it allocates for them, but a plaintext goes through buffers of 32 KiB on the stack too.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void WipeStack()
    {
        Span<byte> below = stackalloc byte[StackUsed];
        CryptographicOperations.ZeroMemory(below);
    }

    private bool Load(ReadOnlySpan<byte> block, uint flags)
    {
        fixed (byte* bytes = block)
        {
            using var input = Input(bytes, block.Length);
            return Rnp.rnp_load_keys(_ffi, "GPG", input, flags) == Rnp.Success;
        }
    }

    private KeyHandle Locate(string type, string identifier)
    {
        Check(Rnp.rnp_locate_key(_ffi, type, identifier, out var key));
        return key.IsInvalid ? throw new OpenPgpException("librnp does not hold the key.") : key;
    }
}
