using System.Collections.Immutable;
using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>What a message shows without any key: to whom it is encrypted, and how. Needs no library.</summary>
public sealed class PgpMessageShape
{
    /// <summary>The largest message that is read, in characters.</summary>
    public const int MaxLength = 1024 * 1024;

    private const int KeyIdLength = 8;

    // Each costs whoever opens the message a private operation, or a password's iterations.
    private const int MostSessionKeys = 16;

    private readonly byte[] _packets;

    private PgpMessageShape(PgpArmor.Block block, ImmutableArray<string> recipients, int passwords)
    {
        _packets = block.Packets.Span.ToArray();
        HasChecksum = block.HasChecksum;
        HasBlankLineBeforeEnd = block.HasBlankLineBeforeEnd;
        RecipientKeyIds = recipients;
        PasswordCount = passwords;
    }

    /// <summary>The key ids that it is encrypted to, 16 upper-case hex digits each; zeros for a hidden one.</summary>
    public ImmutableArray<string> RecipientKeyIds { get; }

    /// <summary>How many passwords open it.</summary>
    public int PasswordCount { get; }

    /// <summary>Whether the armor has its checksum line.</summary>
    public bool HasChecksum { get; }

    /// <summary>Whether a blank line stands directly before the END line.</summary>
    public bool HasBlankLineBeforeEnd { get; }

    /// <summary>Its packets.</summary>
    internal ReadOnlySpan<byte> Packets => _packets;

    /// <summary>Reads a message's outside.</summary>
    /// <param name="armored">An armored message.</param>
    /// <returns>
    /// The shape, or <see cref="PgpFault.Unparsable"/>, <see cref="PgpFault.TooLarge"/>, <see cref="PgpFault.WrongChecksum"/>,
    /// <see cref="PgpFault.NotInProfile"/>.
    /// </returns>
    public static Result<PgpMessageShape> Read(string armored)
    {
        if (PgpArmor.Read(armored, MaxLength, out var block) is { } fault)
        {
            return PgpRefusals.Of(fault);
        }

        var bytes = block.Packets.Span;
        if (!string.Equals(block.Kind, PgpArmor.Message, StringComparison.Ordinal) || PgpPackets.Read(bytes) is not { Count: > 1 } packets)
        {
            return PgpRefusals.Of(PgpFault.Unparsable);
        }

        if (packets.Count > MostSessionKeys + 1)
        {
            return PgpRefusals.Of(PgpFault.NotInProfile);
        }

        // Session keys, then what they open, then nothing: whatever else a message may hold by the standard, no client of ours writes.
        var recipients = ImmutableArray.CreateBuilder<string>();
        var passwords = 0;
        foreach (var packet in packets[..^1])
        {
            var body = bytes.Slice(packet.Body, packet.Length);
            switch (packet.Tag)
            {
                case PgpPackets.PublicKeySessionKey when body.Length > 1 + KeyIdLength:
                    if (body[0] != 3)
                    {
                        return PgpRefusals.Of(PgpFault.NotInProfile);
                    }

                    recipients.Add(Convert.ToHexString(body.Slice(1, KeyIdLength)));
                    break;
                case PgpPackets.PasswordSessionKey when body.Length > 1:
                    if (body[0] != 4)
                    {
                        return PgpRefusals.Of(PgpFault.NotInProfile);
                    }

                    passwords++;
                    break;
                default:
                    return PgpRefusals.Of(PgpFault.Unparsable);
            }
        }

        return FaultOfProtection(packets[^1], bytes) is { } wrong
            ? PgpRefusals.Of(wrong)
            : new PgpMessageShape(block, recipients.DrainToImmutable(), passwords);
    }

    /// <summary>Why it is no escrowed blob, or null: opened by a password and by no key, armor whole.</summary>
    public PgpFault? FaultOfBlob()
    {
        if (FaultOfArmor() is { } fault)
        {
            return fault;
        }

        if (PasswordCount == 0)
        {
            return PgpFault.NoPassword;
        }

        return RecipientKeyIds.IsEmpty ? null : PgpFault.OpensWithKey;
    }

    /// <summary>
    /// Why it is no message to one key, or null: exactly this recipient, no password, armor whole. Escrow passwords and answers.
    /// </summary>
    /// <param name="recipient">The organisation's key, or the request key.</param>
    public PgpFault? FaultOfPassword(PgpKey recipient) => FaultOfArmor() ?? FaultOfRecipient(recipient);

    /// <summary>Reads a blob and judges it.</summary>
    /// <param name="armored">The message.</param>
    /// <param name="pointer">Where it stands in the request.</param>
    public static Result<PgpMessageShape> ReadBlob(string armored, string pointer = "") => Read(armored, s => s.FaultOfBlob(), pointer);

    /// <summary>Reads a message to one key and judges it.</summary>
    /// <param name="armored">The message.</param>
    /// <param name="recipient">The organisation's key, or the request key.</param>
    /// <param name="pointer">Where it stands in the request.</param>
    public static Result<PgpMessageShape> ReadPassword(string armored, PgpKey recipient, string pointer = "") =>
        Read(armored, s => s.FaultOfPassword(recipient), pointer);

    /// <summary>Why it is not encrypted to exactly one key, or null. Says nothing about the armor.</summary>
    /// <param name="recipient">The key.</param>
    internal PgpFault? FaultOfRecipient(PgpKey recipient)
    {
        if (PasswordCount > 0)
        {
            return PgpFault.OpensWithPassword;
        }

        return RecipientKeyIds switch
        {
            [] => PgpFault.NoRecipient,
            [var only] => recipient.EncryptionKeyIds.Contains(only, StringComparer.Ordinal) ? null : PgpFault.WrongRecipient,
            _ => PgpFault.SeveralRecipients,
        };
    }

    /// <summary>Why it is not encrypted under exactly one password, or null. Says nothing about the armor.</summary>
    internal PgpFault? FaultOfPasswords() =>
        PasswordCount == 0 ? PgpFault.NoPassword
        : !RecipientKeyIds.IsEmpty ? PgpFault.OpensWithKey
        : PasswordCount > 1 ? PgpFault.NotInProfile
        : null;

    private static PgpFault? FaultOfProtection(PgpPackets.Packet packet, ReadOnlySpan<byte> bytes) => packet.Tag switch
    {
        PgpPackets.Protected when packet.Length > 1 => bytes[packet.Body] == 1 ? null : PgpFault.NotInProfile,

        // Encrypted without a check of integrity, or with one that is not in the profile.
        9 or 20 => PgpFault.NotInProfile,
        _ => PgpFault.Unparsable,
    };

    private static Result<PgpMessageShape> Read(string armored, Func<PgpMessageShape, PgpFault?> faultOf, string pointer)
    {
        var read = Read(armored);
        if (read.Refusal is { } refusal)
        {
            return PgpRefusals.At(refusal, pointer);
        }

        return faultOf(read.Value) is { } fault ? PgpRefusals.Of(fault, pointer) : read;
    }

    private PgpFault? FaultOfArmor()
    {
        if (!HasChecksum)
        {
            return PgpFault.MissingChecksum;
        }

        return HasBlankLineBeforeEnd ? PgpFault.BlankLineBeforeEnd : null;
    }
}
