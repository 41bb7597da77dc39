using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;

namespace Sparekey.Engine.Keys;

/// <summary>A stored hash: under which version of the key ring it was made, and the MAC.</summary>
/// <param name="KeyVersion">The key ring's version.</param>
/// <param name="Mac">32 bytes of HMAC-SHA-256.</param>
public readonly record struct KeyedHash(int KeyVersion, byte[] Mac);

/// <summary>Sealed bytes could not be opened: another key ring, another row, or changed bytes.</summary>
/// <param name="message">Which of the three, as far as it is known.</param>
public sealed class SealBrokenException(string message) : Exception(message);

/// <summary>
/// The installation's keys, outside the database. Every version is 32 random bytes, from which one subkey per purpose is
/// derived (HKDF-SHA-256, RFC 5869). What is only verified is stored as a keyed hash, what must be read back is sealed with
/// AES-256-GCM. Both name their version, so that keys can rotate.
/// </summary>
public sealed class KeyRing
{
    private const byte EnvelopeFormat = 1;
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int HeaderLength = 5;

    // Every operation takes this once: a key that is retired meanwhile still serves the operation that found it.
    private volatile State _state;

    /// <summary>A ring of versions.</summary>
    /// <param name="versions">Master keys of 32 bytes by version; at least the active one.</param>
    /// <param name="active">The version that makes new hashes and seals.</param>
    /// <exception cref="ArgumentException">No such active version, or a key of another length.</exception>
    public KeyRing(IReadOnlyDictionary<int, byte[]> versions, int active) => _state = new State(versions, active);

    /// <summary>The version that makes new hashes and seals.</summary>
    public int ActiveVersion => _state.Active;

    /// <summary>The versions in the ring, oldest first.</summary>
    public IReadOnlyList<int> Versions => _state.Versions;

    /// <summary>Puts the versions of a changed key file in place of the present ones, while the ring is in use.</summary>
    /// <param name="versions">Master keys of 32 bytes by version.</param>
    /// <param name="active">The version that makes new hashes and seals.</param>
    /// <exception cref="ArgumentException">No such active version, or a key of another length; the ring stays as it is.</exception>
    public void Replace(IReadOnlyDictionary<int, byte[]> versions, int active) => _state = new State(versions, active);

    /// <summary>Hashes a secret under the active version.</summary>
    /// <param name="purpose">What the secret is for.</param>
    /// <param name="context">What it belongs to (tenant, row), so that equal secrets never have equal hashes.</param>
    /// <param name="secret">The secret.</param>
    public KeyedHash Hash(KeyPurpose purpose, string context, ReadOnlySpan<byte> secret)
    {
        var state = _state;
        return new KeyedHash(state.Active, Mac(state, state.Active, purpose, context, secret));
    }

    /// <summary>Whether a secret has a stored hash, in a time that does not depend on where they differ.</summary>
    /// <param name="stored">The stored hash.</param>
    /// <param name="purpose">What the secret is for.</param>
    /// <param name="context">What it belongs to.</param>
    /// <param name="secret">The secret.</param>
    /// <returns>False too when the hash's version was retired.</returns>
    public bool Verify(KeyedHash stored, KeyPurpose purpose, string context, ReadOnlySpan<byte> secret)
    {
        // A retired version still costs a MAC, so that time does not tell retired from wrong.
        var state = _state;
        var known = state.Holds(stored.KeyVersion);
        var mac = Mac(state, known ? stored.KeyVersion : state.Active, purpose, context, secret);
        return CryptographicOperations.FixedTimeEquals(mac, stored.Mac) && known;
    }

    /// <summary>Seals bytes for one row: <c>format(1) version(4, big-endian) nonce(12) ciphertext tag(16)</c>.</summary>
    /// <param name="purpose">What the bytes are.</param>
    /// <param name="tenant">The row's tenant.</param>
    /// <param name="table">The row's table.</param>
    /// <param name="row">The row's id.</param>
    /// <param name="clear">The bytes.</param>
    public byte[] Seal(KeyPurpose purpose, TenantId tenant, string table, string row, ReadOnlySpan<byte> clear)
    {
        var state = _state;
        var envelope = new byte[HeaderLength + NonceLength + clear.Length + TagLength];
        envelope[0] = EnvelopeFormat;
        BinaryPrimitives.WriteInt32BigEndian(envelope.AsSpan(1), state.Active);
        var nonce = envelope.AsSpan(HeaderLength, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(state.Subkey(state.Active, purpose), TagLength);
        aes.Encrypt(
            nonce, clear, envelope.AsSpan(HeaderLength + NonceLength, clear.Length), envelope.AsSpan(^TagLength..),
            AssociatedData(purpose, tenant, table, row));
        return envelope;
    }

    /// <summary>Opens what was sealed for the same row.</summary>
    /// <param name="purpose">What the bytes are.</param>
    /// <param name="tenant">The row's tenant.</param>
    /// <param name="table">The row's table.</param>
    /// <param name="row">The row's id.</param>
    /// <param name="envelope">The sealed bytes.</param>
    /// <exception cref="SealBrokenException">Not sealed for this row under a key of this ring.</exception>
    public byte[] Open(KeyPurpose purpose, TenantId tenant, string table, string row, ReadOnlySpan<byte> envelope)
    {
        var state = _state;
        var version = VersionOf(envelope);
        if (!state.Holds(version))
        {
            throw new SealBrokenException($"The bytes are sealed under key version {version}, which this ring does not hold.");
        }

        var clear = new byte[envelope.Length - HeaderLength - NonceLength - TagLength];
        using var aes = new AesGcm(state.Subkey(version, purpose), TagLength);
        try
        {
            aes.Decrypt(
                envelope.Slice(HeaderLength, NonceLength), envelope[(HeaderLength + NonceLength)..^TagLength],
                envelope[^TagLength..], clear, AssociatedData(purpose, tenant, table, row));
        }
        catch (AuthenticationTagMismatchException)
        {
            throw new SealBrokenException("The bytes were changed, or were sealed for another row.");
        }

        return clear;
    }

    /// <summary>The version that sealed some bytes.</summary>
    /// <param name="envelope">The sealed bytes.</param>
    /// <exception cref="SealBrokenException">They are no sealed bytes.</exception>
    public static int VersionOf(ReadOnlySpan<byte> envelope) =>
        envelope.Length >= HeaderLength + NonceLength + TagLength && envelope[0] == EnvelopeFormat
            ? BinaryPrimitives.ReadInt32BigEndian(envelope[1..])
            : throw new SealBrokenException("The sealed bytes have no known form.");

    /// <summary>
    /// A value that tells whether two rings hold the same key, and nothing else about it. It stands in the database, so that a
    /// start with the wrong key file is refused.
    /// </summary>
    /// <param name="version">The version.</param>
    /// <returns>16 bytes in hexadecimal.</returns>
    public string KeyCheckValue(int version) => CheckValueOf(_state.Master(version));

    /// <summary>The check value of a key that is in no ring yet.</summary>
    /// <param name="master">The key, 32 bytes.</param>
    internal static string CheckValueOf(byte[] master) =>
        Convert.ToHexStringLower(HKDF.DeriveKey(HashAlgorithmName.SHA256, master, 16, info: "sparekey/v1/key-check"u8.ToArray()));

    private static byte[] Mac(State state, int version, KeyPurpose purpose, string context, ReadOnlySpan<byte> secret)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, state.Subkey(version, purpose));
        AppendField(hmac, Encoding.UTF8.GetBytes(context));
        AppendField(hmac, secret);
        return hmac.GetHashAndReset();
    }

    private static byte[] AssociatedData(KeyPurpose purpose, TenantId tenant, string table, string row) =>
        Encoding.UTF8.GetBytes($"{WireName.Of(purpose)}\n{tenant}\n{table}\n{row}");

    // Every field is preceded by its length, so that no two pairs of fields give the same bytes.
    private static void AppendField(IncrementalHash hash, ReadOnlySpan<byte> field)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, field.Length);
        hash.AppendData(length);
        hash.AppendData(field);
    }

    // Copies, so that nobody changes a ring but through Replace; subkeys go with the versions they were derived from.
    private sealed class State
    {
        private readonly FrozenDictionary<int, byte[]> _masters;
        private readonly ConcurrentDictionary<(int Version, KeyPurpose Purpose), byte[]> _subkeys = new();

        public State(IReadOnlyDictionary<int, byte[]> masters, int active)
        {
            if (!masters.ContainsKey(active) || masters.Any(m => m.Value.Length != 32 || m.Key < 1))
            {
                throw new ArgumentException("A ring holds keys of 32 bytes by positive version, the active one among them.", nameof(masters));
            }

            _masters = masters.ToFrozenDictionary(m => m.Key, m => m.Value.ToArray());
            Versions = [.. _masters.Keys.Order()];
            Active = active;
        }

        public IReadOnlyList<int> Versions { get; }

        public int Active { get; }

        public bool Holds(int version) => _masters.ContainsKey(version);

        public byte[] Master(int version) => _masters[version];

        public byte[] Subkey(int version, KeyPurpose purpose) => _subkeys.GetOrAdd(
            (version, purpose),
            static (key, masters) => HKDF.DeriveKey(
                HashAlgorithmName.SHA256, masters[key.Version], 32,
                info: Encoding.ASCII.GetBytes($"sparekey/v1/{WireName.Of(key.Purpose)}")),
            _masters);
    }
}
