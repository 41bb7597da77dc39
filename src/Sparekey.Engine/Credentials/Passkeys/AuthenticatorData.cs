using System.Buffers.Binary;
using System.Formats.Cbor;

namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>What an authenticator says of itself and of a new credential (WebAuthn §6.1).</summary>
/// <param name="RpIdHash">The SHA-256 of the relying-party id.</param>
/// <param name="Flags">The flags.</param>
/// <param name="SignCount">The signature counter.</param>
internal sealed record AuthenticatorData(byte[] RpIdHash, AuthenticatorFlags Flags, uint SignCount)
{
    private const int FixedLength = 37;

    /// <summary>The longest credential id (§4), in bytes.</summary>
    public const int LongestCredentialId = 1023;

    /// <summary>The model of the authenticator; all zeros when it does not say. Only of a new credential.</summary>
    public Guid Aaguid { get; private init; }

    /// <summary>The new credential's id; null when there is no new one.</summary>
    public byte[]? CredentialId { get; private init; }

    /// <summary>The new credential's public key; null when there is no new one.</summary>
    public CoseKey? PublicKey { get; private init; }

    /// <summary>Reads it. Everything must be there, and nothing behind it.</summary>
    /// <param name="bytes">The bytes.</param>
    public static Verdict<AuthenticatorData> Parse(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < FixedLength)
        {
            return PasskeyFault.AuthenticatorDataMalformed;
        }

        var data = new AuthenticatorData(
            bytes[..32].ToArray(), (AuthenticatorFlags)bytes.Span[32], BinaryPrimitives.ReadUInt32BigEndian(bytes.Span[33..]));
        var rest = bytes[FixedLength..];
        if (data.Flags.HasFlag(AuthenticatorFlags.AttestedCredential))
        {
            var attested = data.Attested(rest, out rest);
            if (attested.Value is null)
            {
                return attested;
            }

            data = attested.Value;
        }

        return data.Flags.HasFlag(AuthenticatorFlags.Extensions) && !SkipMap(ref rest) ? PasskeyFault.AuthenticatorDataMalformed
            : rest.Length > 0 ? PasskeyFault.AuthenticatorDataMalformed
            : data;
    }

    // §6.5.1: AAGUID, the length of the id, the id, the key.
    private Verdict<AuthenticatorData> Attested(ReadOnlyMemory<byte> bytes, out ReadOnlyMemory<byte> rest)
    {
        rest = bytes;
        if (bytes.Length < 18)
        {
            return PasskeyFault.AuthenticatorDataMalformed;
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(bytes.Span[16..]);
        if (length is 0 or > LongestCredentialId || bytes.Length < 18 + length)
        {
            return PasskeyFault.WrongCredentialId;
        }

        var key = CoseKey.Parse(bytes[(18 + length)..], out var fault);
        if (key is null)
        {
            return fault!.Value;
        }

        rest = bytes[(18 + length + key.Encoded.Length)..];
        return this with
        {
            Aaguid = new Guid(bytes.Span[..16], bigEndian: true),
            CredentialId = bytes.Slice(18, length).ToArray(),
            PublicKey = key,
        };
    }

    // Extensions that nobody asked for are ignored (§7.1 step 28), but they are CBOR.
    private static bool SkipMap(ref ReadOnlyMemory<byte> rest)
    {
        try
        {
            var reader = new CborReader(rest, CborConformanceMode.Ctap2Canonical, allowMultipleRootLevelValues: true);
            if (reader.PeekState() != CborReaderState.StartMap)
            {
                return false;
            }

            reader.SkipValue();
            rest = rest[^reader.BytesRemaining..];
            return true;
        }
        catch (Exception e) when (Cbor.IsMalformed(e))
        {
            return false;
        }
    }
}

/// <summary>The flags of <see cref="AuthenticatorData"/> (WebAuthn §6.1); reserved ones are ignored.</summary>
[Flags]
internal enum AuthenticatorFlags
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>UP: somebody was present.</summary>
    UserPresent = 0x01,

    /// <summary>UV: the user was verified.</summary>
    UserVerified = 0x04,

    /// <summary>BE: the credential may be backed up (a synced passkey).</summary>
    BackupEligible = 0x08,

    /// <summary>BS: it is.</summary>
    BackedUp = 0x10,

    /// <summary>AT: a new credential follows.</summary>
    AttestedCredential = 0x40,

    /// <summary>ED: extensions follow.</summary>
    Extensions = 0x80,
}
