using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>
/// Messages of OpenPGP inside one profile: v3 session keys, AES-256, integrity protected (v1), SHA-512, no compression, armored with a
/// checksum. Work of milliseconds: never inside an act.
/// </summary>
public static unsafe class PgpMessages
{
    /// <summary>The most that is written into a message, in bytes. Never nothing: librnp does not take it.</summary>
    public const int MaxPlaintext = 512 * 1024;

    // The iterations under a password of ours, as clients write them: the password itself has 512 bits.
    private const int Iterations = 16_777_216;

    // A message grows by its session keys and signatures, a kilobyte each at most.
    private const int MostWritten = 2 * PgpMessageShape.MaxLength;

    // What clocks may differ by: a signature that seems to be made later than now would not count.
    private static readonly TimeSpan Leeway = TimeSpan.FromMinutes(5);

    /// <summary>Encrypts to one key and signs.</summary>
    /// <param name="plaintext">What is inside: not empty, <see cref="MaxPlaintext"/> bytes at most.</param>
    /// <param name="recipient">To whom. Judge it before: nothing here looks at its expiry or revocation.</param>
    /// <param name="now">The signatures' time.</param>
    /// <param name="signers">Who signs; may be nobody.</param>
    /// <returns>The armored message, checked to be encrypted to this key's subkey and to nothing else.</returns>
    /// <exception cref="OpenPgpException">The key cannot be encrypted to, or a signer's has expired.</exception>
    public static string Encrypt(ReadOnlySpan<byte> plaintext, PgpKey recipient, DateTimeOffset now, params ReadOnlySpan<PgpSecretKey> signers)
    {
        CheckLength(plaintext);
        if (recipient.EncryptionKeyIds is not [var expected, ..])
        {
            throw new OpenPgpException("The key cannot be encrypted to.");
        }

        using var context = new RnpContext(Latest(now, signers));
        context.LoadPublic(recipient.Packets);
        foreach (var signer in signers)
        {
            context.LoadSecret(signer.Packets);
        }

        using var output = RnpContext.Output(MostWritten);
        fixed (byte* bytes = plaintext)
        {
            using var input = RnpContext.Input(bytes, plaintext.Length);
            using var encryption = Encryption(context, input, output, now, signers);
            using var receiver = context.KeyOfId(expected);
            RnpContext.Check(Rnp.rnp_op_encrypt_add_recipient(encryption, receiver));
            RnpContext.Check(Rnp.rnp_op_encrypt_execute(encryption));
        }

        var armored = Armored(output);

        // Whatever the library understood: a message to anybody else must never leave.
        var shape = PgpMessageShape.Read(armored);
        return shape.Refusal is null && shape.Value.PasswordCount == 0 && shape.Value.RecipientKeyIds is [var only] && only == expected
            ? armored
            : throw new OpenPgpException("The message was not encrypted to the expected key.");
    }

    /// <summary>Opens a message with a key.</summary>
    /// <param name="armored">The message.</param>
    /// <param name="key">The key.</param>
    /// <param name="knownSigners">Whose signatures are recognised.</param>
    /// <param name="now">The time, for signatures made in the future or by a key that has expired.</param>
    /// <returns>
    /// What is inside with every signature judged (an unsigned one has none: look), or <see cref="PgpFault.OpensWithPassword"/>,
    /// <see cref="PgpFault.NoRecipient"/>, <see cref="PgpFault.SeveralRecipients"/>, <see cref="PgpFault.WrongRecipient"/>,
    /// <see cref="PgpFault.Damaged"/> or a fault of <see cref="PgpMessageShape.Read(string)"/>.
    /// </returns>
    public static Result<PgpPlaintext> Decrypt(string armored, PgpSecretKey key, IReadOnlyList<PgpKey> knownSigners, DateTimeOffset now)
    {
        OpenPgpLibrary.Require();
        var shape = PgpMessageShape.Read(armored);
        if (shape.Refusal is { } refusal)
        {
            return refusal;
        }

        // librnp tries the key on every session key that names it, a tenth of a second each, and cannot be stopped: whoever knows the
        // public half could keep it busy for minutes with one message.
        if (shape.Value.FaultOfRecipient(key.Public) is { } recipients)
        {
            return PgpRefusals.Of(recipients);
        }

        using var context = new RnpContext(now + Leeway);
        context.LoadSecret(key.Packets);
        context.LoadSigners(knownSigners);
        return Open(context, shape.Value.Packets, isEncrypted: true);
    }

    /// <summary>Encrypts with a password and signs.</summary>
    /// <param name="plaintext">What is inside: not empty, <see cref="MaxPlaintext"/> bytes at most.</param>
    /// <param name="password">The password (UTF-8).</param>
    /// <param name="now">The signature's time.</param>
    /// <param name="signer">Who signs, or null.</param>
    public static string EncryptWithPassword(ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> password, DateTimeOffset now, PgpSecretKey? signer)
    {
        CheckLength(plaintext);
        if (password.IsEmpty || password.Contains((byte)0))
        {
            throw new ArgumentException("A password is neither empty nor holds a zero byte.", nameof(password));
        }

        ReadOnlySpan<PgpSecretKey> signers = signer is null ? [] : [signer];
        using var context = new RnpContext(Latest(now, signers));
        if (signer is not null)
        {
            context.LoadSecret(signer.Packets);
        }

        using var terminated = new PinnedBytes(password.Length + 1);
        password.CopyTo(terminated.Span);
        using var output = RnpContext.Output(MostWritten);
        fixed (byte* bytes = plaintext, text = terminated.Span)
        {
            using var input = RnpContext.Input(bytes, plaintext.Length);
            using var encryption = Encryption(context, input, output, now, signers);
            RnpContext.Check(Rnp.rnp_op_encrypt_add_password(encryption, text, "SHA256", Iterations, "AES256"));
            RnpContext.Check(Rnp.rnp_op_encrypt_execute(encryption));
        }

        var armored = Armored(output);
        return PgpMessageShape.Read(armored) is { Refusal: null, Value: { PasswordCount: 1, RecipientKeyIds.IsEmpty: true } }
            ? armored
            : throw new OpenPgpException("The message was not encrypted with the password alone.");
    }

    /// <summary>Opens a message with a password.</summary>
    /// <param name="armored">The message.</param>
    /// <param name="password">The password (UTF-8).</param>
    /// <param name="knownSigners">Whose signatures are recognised.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// What is inside, or <see cref="PgpFault.NoPassword"/>, <see cref="PgpFault.OpensWithKey"/>, <see cref="PgpFault.NotInProfile"/>,
    /// <see cref="PgpFault.WrongPassphrase"/>, <see cref="PgpFault.Damaged"/>.
    /// </returns>
    public static Result<PgpPlaintext> DecryptWithPassword(
        string armored, ReadOnlySpan<byte> password, IReadOnlyList<PgpKey> knownSigners, DateTimeOffset now)
    {
        OpenPgpLibrary.Require();
        var shape = PgpMessageShape.Read(armored);
        if (shape.Refusal is { } refusal)
        {
            return refusal;
        }

        if (shape.Value.FaultOfPasswords() is { } passwords)
        {
            return PgpRefusals.Of(passwords);
        }

        // It would end there for librnp.
        if (password.Contains((byte)0))
        {
            return PgpRefusals.Of(PgpFault.WrongPassphrase);
        }

        using var context = new RnpContext(now + Leeway);
        context.LoadSigners(knownSigners);
        fixed (byte* text = password)
        {
            var source = new Password { Text = text, Length = password.Length };
            RnpContext.Check(Rnp.rnp_ffi_set_pass_provider(context.Ffi, &Provide, &source));
            return Open(context, shape.Value.Packets, isEncrypted: true);
        }
    }

    /// <summary>A signed message that everybody can read.</summary>
    /// <param name="plaintext">What is inside: not empty, <see cref="MaxPlaintext"/> bytes at most.</param>
    /// <param name="signer">Who signs.</param>
    /// <param name="now">The signature's time.</param>
    public static string Sign(ReadOnlySpan<byte> plaintext, PgpSecretKey signer, DateTimeOffset now)
    {
        CheckLength(plaintext);
        using var context = new RnpContext(Latest(now, [signer]));
        context.LoadSecret(signer.Packets);
        using var output = RnpContext.Output(MostWritten);
        fixed (byte* bytes = plaintext)
        {
            using var input = RnpContext.Input(bytes, plaintext.Length);
            RnpContext.Check(Rnp.rnp_op_sign_create(out var signing, context.Ffi, input, output));
            using (signing)
            {
                RnpContext.Check(Rnp.rnp_op_sign_set_hash(signing, "SHA512"));
                RnpContext.Check(Rnp.rnp_op_sign_set_compression(signing, "Uncompressed", 0));
                RnpContext.Check(Rnp.rnp_op_sign_set_armor(signing, armored: false));
                RnpContext.Check(Rnp.rnp_op_sign_set_creation_time(signing, (uint)now.ToUnixTimeSeconds()));
                using var key = context.Key(signer.Public.Fingerprint);
                RnpContext.Check(Rnp.rnp_op_sign_add_signature(signing, key, out _));
                RnpContext.Check(Rnp.rnp_op_sign_execute(signing));
            }
        }

        return Armored(output);
    }

    /// <summary>Reads a signed message that is not encrypted.</summary>
    /// <param name="armored">The message.</param>
    /// <param name="knownSigners">Whose signatures are recognised.</param>
    /// <param name="now">The time.</param>
    /// <returns>What is inside with every signature judged, or a fault.</returns>
    public static Result<PgpPlaintext> Verify(string armored, IReadOnlyList<PgpKey> knownSigners, DateTimeOffset now)
    {
        OpenPgpLibrary.Require();
        if (PgpArmor.Read(armored, PgpMessageShape.MaxLength, out var block) is { } fault)
        {
            return PgpRefusals.Of(fault);
        }

        using var packets = block.Packets;
        if (!string.Equals(block.Kind, PgpArmor.Message, StringComparison.Ordinal))
        {
            return PgpRefusals.Of(PgpFault.Unparsable);
        }

        using var context = new RnpContext(now + Leeway);
        context.LoadSigners(knownSigners);
        return Open(context, packets.Span, isEncrypted: false);
    }

    private static void CheckLength(ReadOnlySpan<byte> plaintext)
    {
        if (plaintext.Length is 0 or > MaxPlaintext)
        {
            throw new ArgumentException("A message holds something, and 512 KiB at most.", nameof(plaintext));
        }
    }

    private static EncryptHandle Encryption(
        RnpContext context, InputHandle input, OutputHandle output, DateTimeOffset now, ReadOnlySpan<PgpSecretKey> signers)
    {
        RnpContext.Check(Rnp.rnp_op_encrypt_create(out var encryption, context.Ffi, input, output));

        // Nothing is left to defaults: they differ between versions of the library.
        RnpContext.Check(Rnp.rnp_op_encrypt_set_cipher(encryption, "AES256"));
        RnpContext.Check(Rnp.rnp_op_encrypt_set_hash(encryption, "SHA512"));
        RnpContext.Check(Rnp.rnp_op_encrypt_set_aead(encryption, "None"));
        RnpContext.Check(Rnp.rnp_op_encrypt_set_compression(encryption, "Uncompressed", 0));
        RnpContext.Check(Rnp.rnp_op_encrypt_set_armor(encryption, armored: false));
        RnpContext.Check(Rnp.rnp_op_encrypt_set_creation_time(encryption, (uint)now.ToUnixTimeSeconds()));
        foreach (var signer in signers)
        {
            using var key = context.Key(signer.Public.Fingerprint);
            RnpContext.Check(Rnp.rnp_op_encrypt_add_signature(encryption, key, out _));
        }

        return encryption;
    }

    // A key's own signatures count only from its making on; a clock that stands before would make it unusable.
    private static DateTimeOffset Latest(DateTimeOffset now, ReadOnlySpan<PgpSecretKey> signers)
    {
        foreach (var signer in signers)
        {
            now = now < signer.Public.CreatedAt ? signer.Public.CreatedAt : now;
        }

        return now;
    }

    private static Result<PgpPlaintext> Open(RnpContext context, ReadOnlySpan<byte> packets, bool isEncrypted)
    {
        using var output = RnpContext.Output(PgpMessageShape.MaxLength);
        fixed (byte* bytes = packets)
        {
            using var input = RnpContext.Input(bytes, packets.Length);
            RnpContext.Check(Rnp.rnp_op_verify_create(out var opening, context.Ffi, input, output));
            using (opening)
            {
                // A stranger's signature would fail the whole; every signature is judged below.
                RnpContext.Check(Rnp.rnp_op_verify_set_flags(opening, Rnp.IgnoreSignaturesOnDecrypt));
                var result = Rnp.rnp_op_verify_execute(opening);
                using var plaintext = RnpContext.Take(output);
                if (result != Rnp.Success && (isEncrypted || !IsOfSignatures(result)))
                {
                    return PgpRefusals.Of(result == Rnp.BadPassword ? PgpFault.WrongPassphrase : PgpFault.Damaged);
                }

                return isEncrypted && FaultOfProtection(opening) is { } fault
                    ? PgpRefusals.Of(fault)
                    : new PgpPlaintext(new PinnedBytes(plaintext.Span), SignaturesOf(opening));
            }
        }
    }

    private static bool IsOfSignatures(uint result) =>
        result is Rnp.SignatureInvalid or Rnp.KeyNotFound or Rnp.SignatureExpired or Rnp.SignatureUnknown;

    private static PgpFault? FaultOfProtection(VerifyHandle opening)
    {
        RnpContext.Check(Rnp.rnp_op_verify_get_protection_info(opening, out var modeText, out var cipherText, out var isValid));
        var mode = RnpContext.Take(modeText);
        var cipher = RnpContext.Take(cipherText);
        if (mode != "cfb-mdc" || cipher is not ("AES128" or "AES192" or "AES256"))
        {
            return PgpFault.NotInProfile;
        }

        return isValid ? null : PgpFault.Damaged;
    }

    private static ImmutableArray<PgpSignature> SignaturesOf(VerifyHandle opening)
    {
        RnpContext.Check(Rnp.rnp_op_verify_get_signature_count(opening, out var count));
        var signatures = ImmutableArray.CreateBuilder<PgpSignature>((int)count);
        for (nuint i = 0; i < count; i++)
        {
            RnpContext.Check(Rnp.rnp_op_verify_get_signature_at(opening, i, out var signature));
            var validity = Rnp.rnp_op_verify_signature_get_status(signature) switch
            {
                Rnp.Success => PgpValidity.Valid,
                Rnp.KeyNotFound or Rnp.SignatureUnknown => PgpValidity.UnknownSigner,
                _ => PgpValidity.Invalid,
            };
            DateTimeOffset? signedAt = Rnp.rnp_op_verify_signature_get_times(signature, out var created, out _) == Rnp.Success
                ? DateTimeOffset.FromUnixTimeSeconds(created)
                : null;
            signatures.Add(new PgpSignature(validity == PgpValidity.Valid ? SignerOf(signature) : null, validity, signedAt));
        }

        return signatures.DrainToImmutable();
    }

    // The key that verified, not the one that the signature names: older ones name a short id only.
    private static string SignerOf(nint signature)
    {
        RnpContext.Check(Rnp.rnp_op_verify_signature_get_key(signature, out var key));
        using (key)
        {
            RnpContext.Check(Rnp.rnp_key_is_sub(key, out var isSubkey));
            nint fingerprint;
            RnpContext.Check(isSubkey ? Rnp.rnp_key_get_primary_fprint(key, out fingerprint) : Rnp.rnp_key_get_fprint(key, out fingerprint));
            return RnpContext.Take(fingerprint).ToUpperInvariant();
        }
    }

    private static string Armored(OutputHandle output)
    {
        using var packets = RnpContext.Take(output);
        return PgpArmor.WriteText(packets.Span, PgpArmor.Message);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte Provide(nint ffi, nint context, nint key, nint purpose, byte* buffer, nuint length)
    {
        var password = (Password*)context;
        if ((nuint)password->Length >= length)
        {
            return 0;
        }

        new ReadOnlySpan<byte>(password->Text, password->Length).CopyTo(new Span<byte>(buffer, (int)length));
        buffer[password->Length] = 0;
        return 1;
    }

    // Where the callback finds the password: on the stack of the call that waits for it.
    [StructLayout(LayoutKind.Sequential)]
    private struct Password
    {
        public byte* Text;
        public int Length;
    }
}

/// <summary>The library failed at something that it can do: a key it cannot use, or no memory. Its text names no secret.</summary>
public sealed class OpenPgpException : InvalidOperationException
{
    internal OpenPgpException(string message)
        : base(message)
    {
    }
}
