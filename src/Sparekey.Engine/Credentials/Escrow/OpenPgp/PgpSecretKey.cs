using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>
/// An opened secret key. Its bytes lie in pinned memory and are wiped when it is disposed; nothing of it shows in <see cref="ToString"/>.
/// It may be used by several threads at once, until it is disposed.
/// </summary>
public sealed unsafe class PgpSecretKey : IDisposable
{
    private const int MostExported = 2 * PgpKey.MaxLength;

    // What protects an exported key: the most that OpenPGP can say, some tenths of a second.
    private const int Iterations = 65_011_712;

    // Unprotected, so that an operation does not pay for the passphrase again.
    private readonly PinnedBytes _packets;

    private PgpSecretKey(PinnedBytes packets, PgpKey publicKey)
    {
        _packets = packets;
        Public = publicKey;
    }

    /// <summary>Its public half.</summary>
    public PgpKey Public { get; }

    /// <summary>Its packets, unprotected.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed of.</exception>
    internal ReadOnlySpan<byte> Packets => _packets.Span;

    /// <summary>Opens a secret key.</summary>
    /// <param name="armored">The armored block (UTF-8), protected or not. Wiping it is the caller's affair.</param>
    /// <param name="passphrase">The passphrase (UTF-8); empty for a key without.</param>
    /// <returns>
    /// The key, or <see cref="PgpFault.Unparsable"/>, <see cref="PgpFault.TooLarge"/>, <see cref="PgpFault.WrongChecksum"/>,
    /// <see cref="PgpFault.NotInProfile"/>, <see cref="PgpFault.SeveralKeys"/>, <see cref="PgpFault.WrongPassphrase"/>.
    /// </returns>
    /// <exception cref="OpenPgpUnavailableException">The library is missing.</exception>
    public static Result<PgpSecretKey> Open(ReadOnlySpan<byte> armored, ReadOnlySpan<byte> passphrase)
    {
        OpenPgpLibrary.Require();
        if (armored.Length > PgpKey.MaxLength)
        {
            return PgpRefusals.Of(PgpFault.TooLarge);
        }

        if (PgpArmor.Read(armored, out var block) is { } fault)
        {
            return PgpRefusals.Of(fault);
        }

        using var packets = block.Packets;
        if (!string.Equals(block.Kind, PgpArmor.SecretKey, StringComparison.Ordinal))
        {
            return PgpRefusals.Of(PgpFault.Unparsable);
        }

        if (PgpBlocks.FaultOfSecret(packets.Span) is { } wrong)
        {
            return PgpRefusals.Of(wrong);
        }

        using var context = new RnpContext(DateTimeOffset.FromUnixTimeSeconds(uint.MaxValue));
        if (!context.LoadSecret(packets.Span) || context.OnlyPrimary() is not { } fingerprint)
        {
            return PgpRefusals.Of(PgpFault.Unparsable);
        }

        return Unprotect(context, fingerprint, passphrase) is { } refused ? PgpRefusals.Of(refused) : Of(context, fingerprint);
    }

    /// <summary>Makes an RSA key that signs, with a subkey that encrypts; neither ends. Takes a second or more.</summary>
    /// <param name="userId">Its user id, for example <c>Name &lt;name@example.com&gt;</c>.</param>
    /// <param name="now">When it is made.</param>
    /// <param name="bits">2048 to 4096.</param>
    public static PgpSecretKey Generate(string userId, DateTimeOffset now, int bits = 4096)
    {
        using var context = new RnpContext(now);
        RnpContext.Check(Rnp.rnp_op_generate_create(out var making, context.Ffi, "RSA"));
        using (making)
        {
            RnpContext.Check(Rnp.rnp_op_generate_set_userid(making, userId));
            RnpContext.Check(Rnp.rnp_op_generate_add_usage(making, "sign"));
            RnpContext.Check(Rnp.rnp_op_generate_add_usage(making, "certify"));
            RnpContext.Check(Rnp.rnp_op_generate_add_pref_cipher(making, "AES256"));
            RnpContext.Check(Rnp.rnp_op_generate_add_pref_hash(making, "SHA512"));
            using var primary = Made(making, bits);
            RnpContext.Check(Rnp.rnp_op_generate_subkey_create(out var subMaking, context.Ffi, primary, "RSA"));
            using (subMaking)
            {
                RnpContext.Check(Rnp.rnp_op_generate_add_usage(subMaking, "encrypt"));
                Made(subMaking, bits).Dispose();
            }
        }

        return Of(context, context.OnlyPrimary()!);
    }

    /// <summary>The armored secret block without protection.</summary>
    public PinnedBytes ExportUnprotected() => PgpArmor.Write(Packets, PgpArmor.SecretKey);

    /// <summary>The armored secret block under a passphrase (AES-256, SHA-256).</summary>
    /// <param name="passphrase">The passphrase (UTF-8), not empty.</param>
    public PinnedBytes ExportProtected(ReadOnlySpan<byte> passphrase)
    {
        if (passphrase.IsEmpty || passphrase.Contains((byte)0))
        {
            throw new ArgumentException("A passphrase is neither empty nor holds a zero byte.", nameof(passphrase));
        }

        using var context = new RnpContext(DateTimeOffset.FromUnixTimeSeconds(uint.MaxValue));
        context.LoadSecret(Packets);
        using var terminated = Terminated(passphrase);
        var keys = context.KeyAndSubkeys(Public.Fingerprint);
        try
        {
            fixed (byte* password = terminated.Span)
            {
                foreach (var key in keys)
                {
                    RnpContext.Check(Rnp.rnp_key_protect(key, password, "AES256", null, "SHA256", Iterations));
                }
            }

            using var packets = Export(keys[0], Rnp.ExportSecret | Rnp.ExportSubkeys);
            return PgpArmor.Write(packets.Span, PgpArmor.SecretKey);
        }
        finally
        {
            keys.ForEach(k => k.Dispose());
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _packets.Dispose();

    /// <summary>Shows nothing.</summary>
    public override string ToString() => nameof(PgpSecretKey);

    private static PgpSecretKey Of(RnpContext context, string fingerprint)
    {
        using var key = context.Key(fingerprint);
        using var publicPackets = Export(key, Rnp.ExportPublic | Rnp.ExportSubkeys);
        var publicKey = PgpKey.Of(publicPackets.Span);
        return new PgpSecretKey(Export(key, Rnp.ExportSecret | Rnp.ExportSubkeys), publicKey);
    }

    // A subkey without its secret part (kept on a card, say) cannot be opened either, and is as good as a wrong passphrase.
    private static PgpFault? Unprotect(RnpContext context, string fingerprint, ReadOnlySpan<byte> passphrase)
    {
        if (passphrase.Contains((byte)0))
        {
            return PgpFault.WrongPassphrase;
        }

        using var terminated = Terminated(passphrase);
        var keys = context.KeyAndSubkeys(fingerprint);
        try
        {
            fixed (byte* password = terminated.Span)
            {
                foreach (var key in keys)
                {
                    RnpContext.Check(Rnp.rnp_key_have_secret(key, out var hasSecret));
                    RnpContext.Check(Rnp.rnp_key_is_protected(key, out var isProtected));
                    if (!hasSecret)
                    {
                        return PgpFault.Unparsable;
                    }

                    if (isProtected && Rnp.rnp_key_unprotect(key, password) != Rnp.Success)
                    {
                        return PgpFault.WrongPassphrase;
                    }
                }
            }

            return null;
        }
        finally
        {
            keys.ForEach(k => k.Dispose());
        }
    }

    private static PinnedBytes Terminated(ReadOnlySpan<byte> passphrase)
    {
        var terminated = new PinnedBytes(passphrase.Length + 1);
        passphrase.CopyTo(terminated.Span);
        return terminated;
    }

    private static PinnedBytes Export(KeyHandle key, uint flags)
    {
        using var output = RnpContext.Output(MostExported);
        RnpContext.Check(Rnp.rnp_key_export(key, output, flags));
        return RnpContext.Take(output);
    }

    private static KeyHandle Made(GenerateHandle making, int bits)
    {
        RnpContext.Check(Rnp.rnp_op_generate_set_bits(making, (uint)bits));
        RnpContext.Check(Rnp.rnp_op_generate_set_hash(making, "SHA512"));

        // librnp's own default ends after two years.
        RnpContext.Check(Rnp.rnp_op_generate_set_expiration(making, 0));
        RnpContext.Check(Rnp.rnp_op_generate_execute(making));
        RnpContext.Check(Rnp.rnp_op_generate_get_key(making, out var key));
        return key;
    }
}
