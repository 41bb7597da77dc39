using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

[Trait("runs", "once")]
public sealed class PgpRevocationTests
{
    private static readonly byte[] Reason = [2, 29, 0];

    [Fact]
    public async Task A_revocation_of_our_own_holds_by_every_rule()
    {
        var key = await VectorKeys.Secret("account_recovery_organization_alternative");
        var revoked = PgpRevocation.Revoke(key, VectorKeys.Now);
        PgpRevocation.FaultOf(revoked, key.Public, acceptUnhashedIssuer: false, VectorKeys.Now).ShouldBeNull();
        PgpKey.Read(revoked).Value.IsRevoked.ShouldBeTrue();
        PgpKeyRules.ReadOrganisationKey(revoked, null, VectorKeys.Now).Fault().ShouldBe(PgpFault.Revoked);
        PgpKey.Read(revoked).Value.BeforeRevocation().IsRevoked.ShouldBeFalse();
    }

    [Fact]
    public async Task Each_part_of_a_revocation_counts()
    {
        var key = await VectorKeys.Secret("account_recovery_organization_alternative");
        byte[] time = [5, 2, .. Seconds(VectorKeys.Now)];
        byte[] issuer = [9, 16, .. Convert.FromHexString(key.Public.KeyId)];
        byte[] otherIssuer = [9, 16, .. new byte[8]];
        byte[] critical = [2, 0x80 | 29, 0];

        Fault([.. time, .. issuer, .. Reason], []).ShouldBeNull();
        Fault([.. time, .. issuer, .. critical], []).ShouldBeNull();
        Fault([.. time, .. Reason], issuer).ShouldBe(PgpFault.RevocationWithoutIssuer);
        Fault([.. time, .. Reason], issuer, acceptUnhashed: true).ShouldBeNull();
        Fault([.. time, .. Reason], otherIssuer, acceptUnhashed: true).ShouldNotBeNull();
        Fault([.. time, .. issuer], Reason).ShouldBe(PgpFault.RevocationWithoutReason);
        Fault([.. time, .. issuer], []).ShouldBe(PgpFault.RevocationWithoutReason);

        // What does not verify is none; nor does one that verifies lend itself to one that says the right things.
        var sound = Revocation(key, [.. time, .. issuer, .. Reason], []);
        var damaged = sound.ToArray();
        damaged[^5] ^= 1;
        var silent = Revocation(key, [.. time, .. Reason], issuer);
        Judge(key, damaged, acceptUnhashed: true).ShouldBe(PgpFault.NotRevoked);
        Judge(key, [.. damaged, .. silent], acceptUnhashed: false).ShouldBe(PgpFault.RevocationWithoutIssuer);
        Judge(key, [.. silent, .. damaged], acceptUnhashed: false).ShouldBe(PgpFault.NotRevoked);
        Judge(key, [.. silent, .. damaged, .. sound], acceptUnhashed: false).ShouldBeNull();

        PgpFault? Fault(byte[] hashed, byte[] unhashed, bool acceptUnhashed = false) => Judge(key, Revocation(key, hashed, unhashed), acceptUnhashed);
    }

    [Fact]
    public async Task A_revocation_by_another_key_is_none()
    {
        var (key, other) = (await VectorKeys.Secret("account_recovery_organization_alternative"), await VectorKeys.Secret("ada"));
        byte[] said = [5, 2, .. Seconds(VectorKeys.Now), 9, 16, .. Convert.FromHexString(key.Public.KeyId), .. Reason];
        Judge(key, Revocation(other, said, [], of: key), acceptUnhashed: true).ShouldBe(PgpFault.NotRevoked);

        // Another key's revocation, moved.
        var revoked = PgpRevocation.Revoke(other, VectorKeys.Now);
        PgpRevocation.FaultOf(revoked, key.Public, acceptUnhashedIssuer: true, VectorKeys.Now).ShouldBe(PgpFault.RevocationOfAnotherKey);
        Judge(key, Revocation(other, said, []), acceptUnhashed: true).ShouldBe(PgpFault.NotRevoked);
    }

    [Fact]
    public async Task A_revoked_block_keeps_the_rules_of_form()
    {
        var key = await VectorKeys.Secret("account_recovery_organization_alternative");
        var revoked = PgpRevocation.Revoke(key, VectorKeys.Now);
        Fault(string.Join('\n', revoked.Split('\n').Where(l => l.Length != 5))).ShouldBe(PgpFault.MissingChecksum);
        Fault(revoked.Replace("\n-----END", "\n\n-----END", StringComparison.Ordinal)).ShouldBe(PgpFault.BlankLineBeforeEnd);
        Fault("").ShouldBe(PgpFault.Unparsable);
        using var secret = key.ExportUnprotected();
        Fault(System.Text.Encoding.ASCII.GetString(secret.Span)).ShouldBe(PgpFault.SecretKey);

        PgpFault? Fault(string block) => PgpRevocation.FaultOf(block, key.Public, acceptUnhashedIssuer: true, VectorKeys.Now);
    }

    [Fact]
    public async Task A_key_that_is_not_RSA_is_not_revoked_here()
    {
        var vector = await PassboltVectors.Key("anita");
        using var key = PgpSecretKey.Open(System.Text.Encoding.UTF8.GetBytes(vector.Private), System.Text.Encoding.UTF8.GetBytes(vector.Passphrase)).Value;
        Should.Throw<OpenPgpException>(() => PgpRevocation.Revoke(key, VectorKeys.Now));
    }

    [Fact]
    public void The_remainder_is_the_arithmetic_one()
    {
        for (var i = 0; i < 50; i++)
        {
            var (value, prime) = (RandomNumberGenerator.GetBytes(1 + (i * 3)), RandomNumberGenerator.GetBytes(2 + i));
            prime[^1] |= 1;
            prime[0] |= 1;
            var expected = new BigInteger(value, isUnsigned: true, isBigEndian: true) % (new BigInteger(prime, isUnsigned: true, isBigEndian: true) - 1);
            new BigInteger(PgpRsa.ModuloBefore(value, prime, 80), isUnsigned: true, isBigEndian: true).ShouldBe(expected);
        }
    }

    [Theory]
    [InlineData("", "0000")]
    [InlineData("01", "000101")]
    [InlineData("00FF", "0008FF")]
    [InlineData("0100", "00090100")]
    public void A_number_is_written_with_its_length_in_bits(string number, string written) =>
        Convert.ToHexString(PgpRsa.Number(Convert.FromHexString(number))).ShouldBe(written);

    private static PgpFault? Judge(PgpSecretKey key, byte[] revocations, bool acceptUnhashed)
    {
        var packets = key.Public.Packets;
        var end = PgpPackets.Read(packets)![0].End;
        byte[] block = [.. packets[..end], .. revocations, .. packets[end..]];
        return PgpRevocation.FaultOf(PgpArmor.WriteText(block, PgpArmor.PublicKey), key.Public, acceptUnhashed, VectorKeys.Now);
    }

    // RFC 4880 §5.2.3 and §5.2.4, once more and by itself.
    private static byte[] Revocation(PgpSecretKey by, byte[] hashed, byte[] unhashed, PgpSecretKey? of = null)
    {
        var packets = (of ?? by).Public.Packets;
        var primary = PgpPackets.Read(packets)![0];
        byte[] head = [4, 0x20, 1, 10, 0, (byte)hashed.Length, .. hashed];
        byte[] signed =
        [
            0x99, (byte)(primary.Length >> 8), (byte)primary.Length, .. packets.Slice(primary.Body, primary.Length), .. head, 4, 0xFF, 0, 0, 0, (byte)head.Length,
        ];
        var hash = SHA512.HashData(signed);
        byte[] body = [.. head, 0, (byte)unhashed.Length, .. unhashed, hash[0], hash[1], .. PgpRsa.Number(PgpRsa.Sign(hash, by))];
        var packet = new List<byte>();
        PgpPackets.Write(packet, PgpPackets.Signature, body);
        return [.. packet];
    }

    private static byte[] Seconds(DateTimeOffset time)
    {
        var seconds = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(seconds, (uint)time.ToUnixTimeSeconds());
        return seconds;
    }
}
