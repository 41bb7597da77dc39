using System.Security.Cryptography;
using System.Text;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

[Trait("runs", "once")]
public sealed class PgpMessagesTests
{
    private static readonly byte[] Text = "what nobody else may read"u8.ToArray();

    [Theory]
    [InlineData(1)]
    [InlineData(8_383)]
    [InlineData(PgpMessages.MaxPlaintext)]
    public async Task A_message_opens_with_its_key_whatever_its_length(int length)
    {
        var (anita, other) = (await VectorKeys.Secret("anita"), await VectorKeys.Secret("metadataKey"));
        var plaintext = RandomNumberGenerator.GetBytes(length);
        var message = PgpMessages.Encrypt(plaintext, anita.Public, VectorKeys.Now, other);
        PgpMessageShape.Read(message).Value.FaultOfPassword(anita.Public).ShouldBeNull();
        PgpMessageShape.Read(message).Value.FaultOfPassword(other.Public).ShouldBe(PgpFault.WrongRecipient);
        using var opened = PgpMessages.Decrypt(message, anita, [other.Public], VectorKeys.Now).Value;
        opened.Bytes.SequenceEqual(plaintext).ShouldBeTrue();
        opened.Signatures.ShouldBe([new PgpSignature(other.Public.Fingerprint, PgpValidity.Valid, VectorKeys.Now)]);
    }

    [Fact]
    public async Task Nothing_and_too_much_are_not_written()
    {
        var anita = await VectorKeys.Secret("anita");
        foreach (var length in new[] { 0, PgpMessages.MaxPlaintext + 1 })
        {
            Should.Throw<ArgumentException>(() => PgpMessages.Encrypt(new byte[length], anita.Public, VectorKeys.Now));
            Should.Throw<ArgumentException>(() => PgpMessages.EncryptWithPassword(new byte[length], "x"u8, VectorKeys.Now, null));
            Should.Throw<ArgumentException>(() => PgpMessages.Sign(new byte[length], anita, VectorKeys.Now));
        }

        PgpMessages.Decrypt(new string('x', PgpMessageShape.MaxLength + 1), anita, [], VectorKeys.Now).Fault().ShouldBe(PgpFault.TooLarge);
    }

    [Fact]
    public async Task A_message_to_another_key_does_not_open()
    {
        var (anita, other) = (await VectorKeys.Secret("anita"), await VectorKeys.Secret("metadataKey"));
        PgpMessages.Decrypt(PgpMessages.Encrypt(Text, anita.Public, VectorKeys.Now), other, [], VectorKeys.Now).Fault().ShouldBe(PgpFault.WrongRecipient);
        PgpMessages.Decrypt(await PassboltVectors.Text("messages.ada.blob"), other, [], VectorKeys.Now).Fault().ShouldBe(PgpFault.OpensWithPassword);
        PgpMessages.DecryptWithPassword(PgpMessages.Encrypt(Text, anita.Public, VectorKeys.Now), "x"u8, [], VectorKeys.Now).Fault().ShouldBe(PgpFault.NoPassword);
    }

    [Fact]
    public async Task Of_several_session_keys_none_is_tried()
    {
        var (anita, other) = (await VectorKeys.Secret("anita"), await VectorKeys.Secret("metadataKey"));
        var (message, toOther, locked) = (
            Packets(PgpMessages.Encrypt(Text, anita.Public, VectorKeys.Now)), Packets(PgpMessages.Encrypt(Text, other.Public, VectorKeys.Now)),
            Packets(PgpMessages.EncryptWithPassword(Text, "x"u8, VectorKeys.Now, null)));
        var (ours, password) = (First(message), First(locked));
        var hidden = message.ToArray();
        hidden.AsSpan(PgpPackets.Read(message)![0].Body + 1, 8).Clear();

        Fault([.. ours, .. message]).ShouldBe(PgpFault.SeveralRecipients);
        Fault([.. First(toOther), .. message]).ShouldBe(PgpFault.SeveralRecipients);
        Fault([.. First(hidden), .. message]).ShouldBe(PgpFault.SeveralRecipients);
        Fault(hidden).ShouldBe(PgpFault.WrongRecipient);
        Fault([.. password, .. message]).ShouldBe(PgpFault.OpensWithPassword);
        Fault([.. Enumerable.Repeat(ours, 300).SelectMany(p => p), .. message]).ShouldBe(PgpFault.NotInProfile);
        Under([.. ours, .. locked]).ShouldBe(PgpFault.OpensWithKey);
        Under([.. password, .. locked]).ShouldBe(PgpFault.NotInProfile);
        Under([.. Enumerable.Repeat(password, 300).SelectMany(p => p), .. locked]).ShouldBe(PgpFault.NotInProfile);

        static byte[] First(byte[] packets) => packets[..PgpPackets.Read(packets)![0].End];

        PgpFault? Fault(byte[] packets) => PgpMessages.Decrypt(PgpArmor.WriteText(packets, PgpArmor.Message), anita, [], VectorKeys.Now).Fault();

        static PgpFault? Under(byte[] packets) =>
            PgpMessages.DecryptWithPassword(PgpArmor.WriteText(packets, PgpArmor.Message), "x"u8, [], VectorKeys.Now).Fault();
    }

    [Fact]
    public async Task Whose_signature_it_is_depends_on_who_is_known()
    {
        var (anita, other, third) = (await VectorKeys.Secret("anita"), await VectorKeys.Secret("metadataKey"), await VectorKeys.Secret("ecdsa_p256"));
        var message = PgpMessages.Encrypt(Text, anita.Public, VectorKeys.Now, other, third);
        Faults(message, [other.Public]).ShouldBe((null, PgpFault.UnknownSigner));
        Faults(message, [anita.Public]).ShouldBe((PgpFault.UnknownSigner, PgpFault.UnknownSigner));
        Faults(message, [other.Public, third.Public]).ShouldBe((null, null));
        Faults(PgpMessages.Encrypt(Text, anita.Public, VectorKeys.Now), [other.Public]).ShouldBe((PgpFault.Unsigned, PgpFault.Unsigned));

        // A signature from after today is none, though five minutes are forgiven; a second good one does not make up for it.
        Faults(PgpMessages.Encrypt(Text, anita.Public, VectorKeys.Now.AddMinutes(4), other), [other.Public]).Of.ShouldBeNull();
        Faults(PgpMessages.Encrypt(Text, anita.Public, VectorKeys.Now.AddMinutes(6), other), [other.Public]).Of.ShouldBe(PgpFault.SignatureInvalid);

        (PgpFault? Of, PgpFault? Other) Faults(string text, PgpKey[] known)
        {
            using var opened = PgpMessages.Decrypt(text, anita, known, VectorKeys.Now).Value;
            opened.Bytes.SequenceEqual(Text).ShouldBeTrue();
            return (opened.FaultOfSigners([other.Public]), opened.FaultOfSigners([third.Public]));
        }
    }

    [Fact]
    public async Task A_key_that_has_expired_signs_no_more_but_what_it_signed_counts()
    {
        var vector = await PassboltVectors.Key("expired");
        using var expired = PgpSecretKey.Open(Encoding.UTF8.GetBytes(vector.Private), "expired@passbolt.com"u8).Value;
        PgpKeyRules.FaultOfPersonKey(expired.Public, VectorKeys.Now).ShouldBe(PgpFault.Expired);
        PgpKeyRules.FaultOfSigner(expired.Public, VectorKeys.Now).ShouldBe(PgpFault.Expired);
        PgpKeyRules.FaultOfSigner(expired.Public, expired.Public.CreatedAt.AddHours(1)).ShouldBeNull();
        using var opened = PgpMessages.Verify(
            PgpMessages.Sign(Text, expired, expired.Public.CreatedAt.AddHours(1)), [expired.Public], VectorKeys.Now).Value;
        opened.FaultOfSigners([expired.Public]).ShouldBeNull();
        Should.Throw<OpenPgpException>(() => PgpMessages.Sign(Text, expired, VectorKeys.Now));
        Should.Throw<OpenPgpException>(() => PgpMessages.Encrypt(Text, expired.Public, VectorKeys.Now, expired));
    }

    [Fact]
    public async Task Not_one_byte_of_a_message_can_be_cut_or_changed()
    {
        var (anita, other) = (await VectorKeys.Secret("anita"), await VectorKeys.Secret("metadataKey"));
        PgpArmor.Read(PgpMessages.Encrypt(Text, anita.Public, VectorKeys.Now, other), int.MaxValue, out var block);
        var packets = block.Packets.Span.ToArray();
        for (var at = 0; at < packets.Length; at += 25)
        {
            var changed = packets.ToArray();
            changed[at] ^= 0x10;
            foreach (var attack in new[] { changed, packets[..at] })
            {
                if (attack.Length > 0)
                {
                    PgpMessages.Decrypt(PgpArmor.WriteText(attack, PgpArmor.Message), anita, [other.Public], VectorKeys.Now).Fault()
                        .ShouldBeOneOf(PgpFault.Unparsable, PgpFault.NotInProfile, PgpFault.WrongRecipient, PgpFault.Damaged, PgpFault.WrongPassphrase);
                }
            }
        }
    }

    [Fact]
    public async Task A_message_under_a_password_opens_with_this_password_alone()
    {
        var anita = await VectorKeys.Secret("anita");
        var password = Encoding.ASCII.GetBytes(new string('a', 128));
        var message = PgpMessages.EncryptWithPassword(Text, password, VectorKeys.Now, anita);
        PgpMessageShape.ReadBlob(message).Refusal.ShouldBeNull();
        using (var opened = PgpMessages.DecryptWithPassword(message, password, [anita.Public], VectorKeys.Now).Value)
        {
            opened.Bytes.SequenceEqual(Text).ShouldBeTrue();
            opened.FaultOfSigners([anita.Public]).ShouldBeNull();
        }

        foreach (var wrong in new[] { password[..127], [.. password[..127], (byte)'b'], [], [.. password, 0], Encoding.ASCII.GetBytes(new string('a', 1000)) })
        {
            PgpMessages.DecryptWithPassword(message, wrong, [anita.Public], VectorKeys.Now).Fault().ShouldBeOneOf(PgpFault.WrongPassphrase, PgpFault.Damaged);
        }

        Should.Throw<ArgumentException>(() => PgpMessages.EncryptWithPassword(Text, "a\0b"u8, VectorKeys.Now, null));
        Should.Throw<ArgumentException>(() => PgpMessages.EncryptWithPassword(Text, [], VectorKeys.Now, null));
    }

    [Fact]
    public async Task A_signed_message_is_verified_without_a_key()
    {
        var (anita, other) = (await VectorKeys.Secret("anita"), await VectorKeys.Secret("metadataKey"));
        var signed = PgpMessages.Sign(Text, anita, VectorKeys.Now);
        Of(signed, anita.Public).ShouldBeNull();
        Of(signed, other.Public).ShouldBe(PgpFault.UnknownSigner);
        PgpArmor.Read(signed, int.MaxValue, out var block);
        var at = block.Packets.Span.IndexOf("nobody"u8);
        block.Packets.Span[at] ^= 1;
        Of(PgpArmor.WriteText(block.Packets.Span, PgpArmor.Message), anita.Public).ShouldBe(PgpFault.SignatureInvalid);
        PgpMessages.Verify("?", [], VectorKeys.Now).Fault().ShouldBe(PgpFault.Unparsable);
        PgpMessages.Verify(PgpArmor.WriteText("?"u8, PgpArmor.Message), [], VectorKeys.Now).Fault().ShouldBe(PgpFault.Damaged);

        static PgpFault? Of(string message, PgpKey signer)
        {
            using var opened = PgpMessages.Verify(message, [signer], VectorKeys.Now).Value;
            return opened.FaultOfSigners([signer]);
        }
    }

    [Fact]
    public async Task Sixty_four_at_once_do_not_disturb_each_other()
    {
        var (anita, other) = (await VectorKeys.Secret("anita"), await VectorKeys.Secret("metadataKey"));
        await Parallel.ForEachAsync(Enumerable.Range(0, 64), new ParallelOptions { MaxDegreeOfParallelism = 64 }, (i, _) =>
        {
            var (from, to) = i % 2 == 0 ? (anita, other) : (other, anita);
            var text = Encoding.UTF8.GetBytes($"message {i}");
            using var opened = PgpMessages.Decrypt(PgpMessages.Encrypt(text, to.Public, VectorKeys.Now, from), to, [from.Public], VectorKeys.Now).Value;
            opened.Bytes.SequenceEqual(text).ShouldBeTrue();
            opened.FaultOfSigners([from.Public]).ShouldBeNull();
            return ValueTask.CompletedTask;
        });
    }

    [Fact]
    public async Task What_was_opened_is_wiped_and_shows_nothing()
    {
        var anita = await VectorKeys.Secret("anita");
        var opened = PgpMessages.Decrypt(PgpMessages.Encrypt(Text, anita.Public, VectorKeys.Now), anita, [], VectorKeys.Now).Value;
        var bytes = opened.Bytes;
        $"{opened} {anita}".ShouldBe("PgpPlaintext PgpSecretKey");
        opened.Dispose();
        bytes.ContainsAnyExcept((byte)0).ShouldBeFalse();
        Should.Throw<ObjectDisposedException>(() => opened.Bytes.Length);
    }

    private static byte[] Packets(string armored)
    {
        PgpArmor.Read(armored, int.MaxValue, out var block).ShouldBeNull();
        return block.Packets.Span.ToArray();
    }
}
