using System.Buffers.Binary;
using System.Text;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

[Trait("runs", "once")]
public sealed class PgpKeyTests
{
    [Fact]
    public async Task A_keys_facts_are_the_vendors()
    {
        var ada = await VectorKeys.Public("ada");
        (ada.Fingerprint, ada.KeyId, ada.Algorithm, ada.Bits).ShouldBe(
            ("03F60E958F4CB29723ACDF761353B5B15D9B054F", "1353B5B15D9B054F", PgpAlgorithm.Rsa, 4096));
        ada.CreatedAt.ShouldBe(DateTimeOffset.Parse("2015-08-09T12:48:31Z", null));
        (ada.ExpiresAt, ada.EncryptionExpiresAt, ada.IsRevoked).ShouldBe((null, null, false));
        ada.UserIds.ShouldBe(["Ada Lovelace <ada@passbolt.com>"]);
        ada.EncryptionKeyIds.ShouldHaveSingleItem().ShouldNotBe(ada.KeyId);
        var lasting = await VectorKeys.Public("validKeyWithExpirationDateDto");
        lasting.ExpiresAt.ShouldBe(DateTimeOffset.Parse("2072-04-02T12:16:53Z", null));
        (await VectorKeys.Public("eddsa_ed25519")).Algorithm.ShouldBe(PgpAlgorithm.Eddsa);
    }

    [Fact]
    public async Task A_fingerprint_is_compared_without_blanks_and_case()
    {
        var vector = await PassboltVectors.Key("rsa_4096");
        var spaced = string.Join(' ', vector.Fingerprint.ToLowerInvariant().Chunk(4).Select(c => new string(c)));
        Read(spaced).ShouldBeNull();
        Read(vector.Fingerprint[..39]).ShouldBe(PgpFault.FingerprintDiffers);
        Read("").ShouldBe(PgpFault.FingerprintDiffers);
        Read(new string('A', 40)).ShouldBe(PgpFault.FingerprintDiffers);
        PgpKeyRules.NormalFingerprint(new string(' ', 10_000)).ShouldBeNull();

        PgpFault? Read(string fingerprint) => PgpKeyRules.ReadOrganisationKey(vector.Public, fingerprint, VectorKeys.Now).Fault();
    }

    [Fact]
    public async Task A_key_from_the_future_is_refused()
    {
        var key = await VectorKeys.Public("rsa_4096");
        PgpKeyRules.FaultOfRequestKey(key, null, key.CreatedAt.AddSeconds(-1)).ShouldBe(PgpFault.CreatedInFuture);
        PgpKeyRules.FaultOfPersonKey(key, key.CreatedAt.AddSeconds(-1)).ShouldBe(PgpFault.CreatedInFuture);
        PgpKeyRules.FaultOfRequestKey(key, null, key.CreatedAt).ShouldBeNull();
    }

    [Fact]
    public async Task What_is_no_single_public_key_is_refused()
    {
        var (vector, other) = (await PassboltVectors.Key("rsa_4096"), await PassboltVectors.Key("rsa_3072"));
        var (packets, otherPackets) = (Packets(vector.Public), Packets(other.Public));
        Fault(vector.Private).ShouldBe(PgpFault.SecretKey);
        Fault(Armored(Packets(vector.Private))).ShouldBe(PgpFault.SecretKey);
        Fault(Armored([.. packets, .. otherPackets])).ShouldBe(PgpFault.SeveralKeys);
        Fault(Armored([.. packets, .. Packets(other.Private)])).ShouldBe(PgpFault.SecretKey);
        Fault(vector.Public + other.Public).ShouldBe(PgpFault.Unparsable);
        Fault(PgpArmor.WriteText(packets, PgpArmor.Message)).ShouldBe(PgpFault.Unparsable);
        Fault(Armored(packets[3..])).ShouldBe(PgpFault.Unparsable);
        Fault(new string('x', PgpKey.MaxLength + 1)).ShouldBe(PgpFault.TooLarge);
        Fault(await PassboltVectors.Text("messages.ada.password")).ShouldBe(PgpFault.Unparsable);
        PgpKeyRules.ReadOrganisationKey("", null, VectorKeys.Now, "/key").Refusal!.Faults.ShouldHaveSingleItem()
            .ShouldBe(new("/key", "It is no armored OpenPGP block of the right kind.", "unparsable"));
    }

    [Fact]
    public async Task No_beginning_of_a_key_is_a_key()
    {
        var packets = Packets((await PassboltVectors.Key("rsa_4096")).Public);
        var whole = PgpKey.Read(Armored(packets)).Value;
        for (var length = 1; length < packets.Length; length += 50)
        {
            var read = PgpKey.Read(Armored(packets[..length]));
            if (read.Refusal is null)
            {
                // Cut between packets: a key without its subkey, or without what binds it.
                PgpKeyRules.FaultOfOrganisationKey(read.Value, whole.Fingerprint, VectorKeys.Now).ShouldBe(PgpFault.CannotEncrypt);
            }
        }
    }

    [Fact]
    public async Task A_key_without_a_subkey_that_its_owner_bound_cannot_be_encrypted_to()
    {
        var packets = Packets((await PassboltVectors.Key("rsa_4096")).Public);
        var all = PgpPackets.Read(packets)!;
        var subkey = all.Single(p => p.Tag == PgpPackets.PublicSubkey);
        var foreign = Packets((await PassboltVectors.Key("rsa_3072")).Public);
        var foreignSubkey = PgpPackets.Read(foreign)!.Single(p => p.Tag == PgpPackets.PublicSubkey);
        var damaged = packets.ToArray();
        damaged[^3] ^= 1;
        foreach (var attack in new[]
        {
            packets[..subkey.Start],                                          // None.
            packets[..subkey.End],                                            // Not bound.
            damaged,                                                          // Its binding changed.
            [.. packets[..subkey.Start], .. foreign[foreignSubkey.Start..]],  // Another's, with the other's binding.
            [.. packets[..subkey.Start], .. foreign[foreignSubkey.Start..foreignSubkey.End], .. packets[subkey.End..]],
        })
        {
            PgpKeyRules.ReadOrganisationKey(Armored(attack), null, VectorKeys.Now).Fault().ShouldBe(PgpFault.CannotEncrypt);
        }

        // With its own beside it, another's subkey is not the one that is used.
        var both = PgpKeyRules.ReadOrganisationKey(Armored([.. packets, .. foreign[foreignSubkey.Start..]]), null, VectorKeys.Now).Value;
        both.EncryptionKeyIds.ShouldBe(PgpKey.Read(Armored(packets)).Value.EncryptionKeyIds);
    }

    [Fact]
    public async Task A_key_that_is_costly_to_check_is_refused_unchecked()
    {
        var packets = Packets((await PassboltVectors.Key("rsa_4096")).Public);
        var primary = PgpPackets.Read(packets)![0];
        var exponent = primary.Body + 6 + 2 + 512;
        BinaryPrimitives.ReadUInt16BigEndian(packets.AsSpan(exponent)).ShouldBe<ushort>(17);
        BinaryPrimitives.WriteUInt16BigEndian(packets.AsSpan(exponent), 4096);
        Fault(Armored(packets)).ShouldBe(PgpFault.NotInProfile);
        BinaryPrimitives.WriteUInt16BigEndian(packets.AsSpan(primary.Body + 6), 16384);
        Fault(Armored(packets)).ShouldBe(PgpFault.NotInProfile);
        packets[primary.Body] = 6;
        Fault(Armored(packets)).ShouldBe(PgpFault.NotInProfile);
        packets[primary.Body] = 3;
        Fault(Armored(packets)).ShouldBe(PgpFault.NotInProfile);
        Fault(Armored([.. packets[..primary.End], .. Enumerable.Repeat(new byte[] { 0xCD, 1, 65 }, 200).SelectMany(p => p)])).ShouldBe(PgpFault.TooLarge);
    }

    [Fact]
    public async Task A_key_with_a_large_order_or_many_subkeys_is_refused_unchecked()
    {
        var packets = Packets((await PassboltVectors.Key("dsa_3072")).Public);
        var primary = PgpPackets.Read(packets)![0];
        packets[primary.Body + 5].ShouldBe<byte>(17);
        Fault(Armored(packets)).ShouldBeNull();
        var order = primary.Body + 6 + 2 + ((BinaryPrimitives.ReadUInt16BigEndian(packets.AsSpan(primary.Body + 6)) + 7) / 8);
        BinaryPrimitives.WriteUInt16BigEndian(packets.AsSpan(order), 513);
        Fault(Armored(packets)).ShouldBe(PgpFault.NotInProfile);
        BinaryPrimitives.WriteUInt16BigEndian(packets.AsSpan(primary.Body + 6), 4097);
        Fault(Armored(packets)).ShouldBe(PgpFault.NotInProfile);

        foreach (var armored in new[] { (await PassboltVectors.Key("anita")).Public, (await PassboltVectors.Key("anita")).Private })
        {
            var small = Packets(armored);
            var subkey = PgpPackets.Read(small)!.Single(p => p.Tag is PgpPackets.PublicSubkey or PgpPackets.SecretSubkey);
            byte[] many = [.. small, .. Enumerable.Repeat(small[subkey.Start..], 20).SelectMany(p => p)];
            (subkey.Tag == PgpPackets.PublicSubkey
                ? Fault(Armored(many))
                : PgpSecretKey.Open(Encoding.ASCII.GetBytes(PgpArmor.WriteText(many, PgpArmor.SecretKey)), "x"u8).Fault()).ShouldBe(PgpFault.TooLarge);
        }
    }

    [Fact]
    public async Task A_secret_key_opens_with_its_passphrase_only()
    {
        var vector = await PassboltVectors.Key("anita");
        var block = Encoding.UTF8.GetBytes(vector.Private);
        using (var opened = PgpSecretKey.Open(block, Encoding.UTF8.GetBytes(vector.Passphrase)).Value)
        {
            opened.Public.Fingerprint.ShouldBe(vector.Fingerprint);
            opened.Public.EncryptionKeyIds.ShouldBe((await VectorKeys.Public("anita")).EncryptionKeyIds);
        }

        PgpSecretKey.Open(block, "wrong"u8).Fault().ShouldBe(PgpFault.WrongPassphrase);
        PgpSecretKey.Open(block, []).Fault().ShouldBe(PgpFault.WrongPassphrase);
        PgpSecretKey.Open(block, Encoding.UTF8.GetBytes(vector.Passphrase + "\0")).Fault().ShouldBe(PgpFault.WrongPassphrase);
        PgpSecretKey.Open(block.AsSpan(0, block.Length / 2), []).Fault().ShouldBe(PgpFault.Unparsable);
        PgpSecretKey.Open(Encoding.UTF8.GetBytes(vector.Public), []).Fault().ShouldBe(PgpFault.Unparsable);
        PgpSecretKey.Open(new byte[PgpKey.MaxLength + 1], []).Fault().ShouldBe(PgpFault.TooLarge);
        PgpSecretKey.Open([], []).Fault().ShouldBe(PgpFault.Unparsable);
        byte[] two = [.. Packets(vector.Private), .. Packets((await PassboltVectors.Key("ecdsa_p256")).Private)];
        PgpSecretKey.Open(Encoding.UTF8.GetBytes(PgpArmor.WriteText(two, PgpArmor.SecretKey)), []).Fault().ShouldBe(PgpFault.SeveralKeys);
    }

    [Fact]
    public void A_key_of_our_own_lasts_and_opens_again_under_its_passphrase()
    {
        using var made = PgpSecretKey.Generate("Recovery Ö <recovery@example.org>", VectorKeys.Now, bits: 2048);
        (made.Public.Algorithm, made.Public.Bits, made.Public.CreatedAt).ShouldBe((PgpAlgorithm.Rsa, 2048, VectorKeys.Now));
        (made.Public.ExpiresAt, made.Public.EncryptionExpiresAt, made.Public.IsRevoked).ShouldBe((null, null, false));
        made.Public.UserIds.ShouldBe(["Recovery Ö <recovery@example.org>"]);
        PgpKeyRules.FaultOfOrganisationKey(made.Public, made.Public.Fingerprint, VectorKeys.Now).ShouldBe(PgpFault.SizeNotAllowed);
        PgpKeyRules.FaultOfPersonKey(made.Public, VectorKeys.Now).ShouldBeNull();

        using var locked = made.ExportProtected("a passphrase"u8);
        using var unlocked = PgpSecretKey.Open(locked.Span, "a passphrase"u8).Value;
        using var export = unlocked.ExportUnprotected();
        using var again = PgpSecretKey.Open(export.Span, []).Value;
        again.Public.Fingerprint.ShouldBe(made.Public.Fingerprint);
        using var text = PgpMessages.Decrypt(PgpMessages.Encrypt("hello"u8, made.Public, VectorKeys.Now, again), unlocked, [made.Public], VectorKeys.Now).Value;
        text.FaultOfSigners([made.Public]).ShouldBeNull();
        Should.Throw<ArgumentException>(() => made.ExportProtected([]));
    }

    [Fact]
    public async Task A_key_that_was_disposed_of_does_nothing_any_more()
    {
        var vector = await PassboltVectors.Key("anita");
        var key = PgpSecretKey.Open(Encoding.UTF8.GetBytes(vector.Private), Encoding.UTF8.GetBytes(vector.Passphrase)).Value;
        var packets = key.Packets;
        packets.ContainsAnyExcept((byte)0).ShouldBeTrue();
        var message = PgpMessages.Encrypt("hello"u8, key.Public, VectorKeys.Now);
        key.Dispose();
        packets.ContainsAnyExcept((byte)0).ShouldBeFalse();
        Should.Throw<ObjectDisposedException>(() => key.ExportUnprotected());
        Should.Throw<ObjectDisposedException>(() => PgpMessages.Decrypt(message, key, [], VectorKeys.Now));
        Should.Throw<ObjectDisposedException>(() => PgpMessages.Encrypt("hello"u8, key.Public, VectorKeys.Now, key));
    }

    private static PgpFault? Fault(string armored) => PgpKey.Read(armored).Fault();

    private static string Armored(byte[] packets) => PgpArmor.WriteText(packets, PgpArmor.PublicKey);

    private static byte[] Packets(string armored)
    {
        PgpArmor.Read(armored, int.MaxValue, out var block).ShouldBeNull();
        return block.Packets.Span.ToArray();
    }
}
