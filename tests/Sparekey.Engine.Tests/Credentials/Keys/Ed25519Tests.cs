using System.Numerics;
using System.Security.Cryptography;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Keys;

/// <summary>Ed25519 as RFC 8032 has it: its vectors, and what must not pass.</summary>
[Trait("runs", "once")]
public sealed class Ed25519Tests
{
    private const string Key = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
    private const string Signature =
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

    private static readonly byte[] Message = [0xAF, 0x82];

    [Fact]
    public void Is_there() => Ed25519.IsSupported.ShouldBeTrue();

    /// <summary>RFC 8032 §7.1: tests 1, 2, 3 and SHA(abc).</summary>
    [Theory]
    [InlineData(
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(Key, "af82", Signature)]
    [InlineData(
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704")]
    public void Takes_the_vectors_of_the_specification(string key, string message, string signature) =>
        Ed25519.Verify(Hex(key), Hex(message), Hex(signature)).ShouldBeTrue();

    [Fact]
    public void Refuses_every_change_of_a_bit()
    {
        Ed25519.Verify(Hex(Key), Message, Hex(Signature)).ShouldBeTrue();
        foreach (var changed in Bits(Hex(Key)))
        {
            Ed25519.Verify(changed, Message, Hex(Signature)).ShouldBeFalse(Convert.ToHexString(changed));
        }

        foreach (var changed in Bits(Message))
        {
            Ed25519.Verify(Hex(Key), changed, Hex(Signature)).ShouldBeFalse(Convert.ToHexString(changed));
        }

        foreach (var changed in Bits(Hex(Signature)))
        {
            Ed25519.Verify(Hex(Key), Message, changed).ShouldBeFalse(Convert.ToHexString(changed));
        }
    }

    [Fact]
    public void Refuses_other_lengths()
    {
        foreach (var key in new byte[][] { [], Hex(Key)[..31], [.. Hex(Key), 0] })
        {
            Ed25519.Verify(key, Message, Hex(Signature)).ShouldBeFalse();
            Ed25519.IsPublicKey(key).ShouldBeFalse();
        }

        foreach (var signature in new byte[][] { [], Hex(Signature)[..63], [.. Hex(Signature), 0], new byte[64] })
        {
            Ed25519.Verify(Hex(Key), Message, signature).ShouldBeFalse();
        }
    }

    [Fact]
    public void Refuses_the_second_form_of_a_signature()
    {
        var order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493");
        var signature = Hex(Signature);
        var scalar = new BigInteger(signature.AsSpan(32), isUnsigned: true) + order;
        var second = new byte[32];
        scalar.TryWriteBytes(second, out _, isUnsigned: true).ShouldBeTrue();
        Ed25519.Verify(Hex(Key), Message, [.. signature[..32], .. second]).ShouldBeFalse();
    }

    /// <summary>With the neutral point as key, R the neutral point and S zero fit every message.</summary>
    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000080")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85")]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("0200000000000000000000000000000000000000000000000000000000000000")]
    public void Refuses_keys_that_fit_many_messages_or_are_no_point(string key)
    {
        Ed25519.IsPublicKey(Hex(key)).ShouldBeFalse();
        byte[] neutral = [1, .. new byte[63]];
        for (byte i = 0; i < 32; i++)
        {
            Ed25519.Verify(Hex(key), [i], neutral).ShouldBeFalse();
        }
    }

    [Fact]
    public void Takes_what_another_signer_made()
    {
        for (var length = 0; length < 200; length++)
        {
            using var signer = new Ed25519Signer();
            var message = RandomNumberGenerator.GetBytes(length);
            Ed25519.IsPublicKey(signer.PublicKey).ShouldBeTrue();
            Ed25519.Verify(signer.PublicKey, message, signer.Sign(message)).ShouldBeTrue();
            Ed25519.Verify(signer.PublicKey, [.. message, 0], signer.Sign(message)).ShouldBeFalse();
        }
    }

    [Fact]
    public void Serves_many_at_once() => Parallel.For(0, 2_000, i =>
        Ed25519.Verify(Hex(Key), i % 2 == 0 ? Message : [0], Hex(Signature)).ShouldBe(i % 2 == 0));

    private static byte[] Hex(string text) => Convert.FromHexString(text);

    private static IEnumerable<byte[]> Bits(byte[] whole)
    {
        for (var bit = 0; bit < whole.Length * 8; bit++)
        {
            var changed = (byte[])whole.Clone();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            yield return changed;
        }
    }
}
