using System.Buffers.Binary;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

public sealed class PgpMessageShapeTests
{
    private static readonly byte[] Sealed = Packet(18, [1, .. new byte[40]]);
    private static readonly byte[] ToKey = ToKeyId(0x1122334455667788);
    private static readonly byte[] ToPassword = Packet(3, [4, 9, 3, 8, .. new byte[8], 0xE0]);

    [Fact]
    public void Recipients_and_passwords_are_counted()
    {
        var shape = Read([.. ToKey, .. ToKeyId(0), .. ToPassword, .. Sealed]).Value!;
        shape.RecipientKeyIds.ShouldBe(["1122334455667788", "0000000000000000"]);
        shape.PasswordCount.ShouldBe(1);
    }

    [Fact]
    public void A_blob_opens_with_a_password_and_no_key()
    {
        Read([.. ToPassword, .. Sealed]).Value!.FaultOfBlob().ShouldBeNull();
        Read([.. ToPassword, .. ToPassword, .. Sealed]).Value!.FaultOfBlob().ShouldBeNull();
        Read([.. ToKey, .. Sealed]).Value!.FaultOfBlob().ShouldBe(PgpFault.NoPassword);
        Read([.. ToPassword, .. ToKey, .. Sealed]).Value!.FaultOfBlob().ShouldBe(PgpFault.OpensWithKey);
        Read([.. ToKeyId(0), .. ToPassword, .. Sealed]).Value!.FaultOfBlob().ShouldBe(PgpFault.OpensWithKey);
    }

    [Fact]
    public void The_armor_has_to_be_whole_for_what_is_stored()
    {
        var armored = PgpArmor.WriteText([.. ToPassword, .. Sealed], PgpArmor.Message);
        var lines = armored.Split('\n').ToList();
        lines.RemoveAll(l => l.Length == 5 && l[0] == '=');
        PgpMessageShape.ReadBlob(string.Join('\n', lines), "/data").Refusal!.Faults[0].ShouldBe(
            new("/data", "The armor has no checksum line.", "missing_checksum"));
        PgpMessageShape.ReadBlob(armored.Replace("\n-----END", "\n\n-----END", StringComparison.Ordinal)).Fault().ShouldBe(PgpFault.BlankLineBeforeEnd);
        PgpMessageShape.ReadBlob(armored).Refusal.ShouldBeNull();
    }

    public static TheoryData<string, PgpFault> Wrong => new()
    {
        { Hex(Sealed), PgpFault.Unparsable },
        { Hex([.. ToKey]), PgpFault.Unparsable },
        { Hex([.. ToKey, .. Packet(9, new byte[40])]), PgpFault.NotInProfile },
        { Hex([.. ToKey, .. Packet(20, [1, .. new byte[40]])]), PgpFault.NotInProfile },
        { Hex([.. ToKey, .. Packet(18, [2, .. new byte[40]])]), PgpFault.NotInProfile },
        { Hex([.. ToKey, .. Packet(18, [1])]), PgpFault.Unparsable },
        { Hex([.. ToKey, .. Packet(18, [])]), PgpFault.Unparsable },
        { Hex([.. Packet(1, [6, .. new byte[40]]), .. Sealed]), PgpFault.NotInProfile },
        { Hex([.. Packet(1, [2, .. new byte[40]]), .. Sealed]), PgpFault.NotInProfile },
        { Hex([.. Packet(3, [5, .. new byte[40]]), .. Sealed]), PgpFault.NotInProfile },
        { Hex([.. Packet(1, [3, .. new byte[7]]), .. Sealed]), PgpFault.Unparsable },
        { Hex([.. Packet(10, "PGP"u8.ToArray()), .. ToKey, .. Sealed]), PgpFault.Unparsable },
        { Hex([.. ToKey, .. Sealed, .. ToKey]), PgpFault.Unparsable },
        { Hex([.. ToKey, .. Sealed, .. Sealed]), PgpFault.Unparsable },
        { Hex([.. ToKey, .. Sealed, .. Packet(13, [65])]), PgpFault.Unparsable },
        { Hex([.. Packet(11, [0x62, 0, 0, 0, 0, 0]), .. Sealed]), PgpFault.Unparsable },
        { Hex([.. ToKey, .. Sealed, 0]), PgpFault.Unparsable },
        { Hex([0x40, 0]), PgpFault.Unparsable },
        { Hex([.. Enumerable.Repeat(ToKey, 2_000).SelectMany(p => p), .. Sealed]), PgpFault.Unparsable },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_no_message_of_the_profile_is_refused(string packets, PgpFault fault) => Read(Convert.FromHexString(packets)).Fault.ShouldBe(fault);

    [Fact]
    public void Every_form_of_length_is_read()
    {
        byte[] body = [1, .. new byte[300]];
        byte[] newTwo = [0xC0 | 18, 192, (byte)(body.Length - 192), .. body];
        byte[] newFive = [0xC0 | 18, 255, 0, 0, 1, 45, .. body];
        byte[] newParts = [0xC0 | 18, 224 | 7, .. body[..128], 224 | 6, .. body[128..192], (byte)(body.Length - 192), .. body[192..]];
        byte[] oldTwo = [0x80 | (18 & 15) << 2 | 1, 1, 45, .. body];
        foreach (var packet in new[] { newTwo, newFive, newParts })
        {
            Read([.. ToKey, .. packet]).Fault.ShouldBeNull();
            for (var cut = 1; cut < packet.Length; cut++)
            {
                Read([.. ToKey, .. packet[..cut]]).Fault.ShouldBe(PgpFault.Unparsable);
            }
        }

        // An old header has no room for this tag: it says another.
        Read([.. ToKey, .. oldTwo]).Fault.ShouldBe(PgpFault.Unparsable);
        byte[] oldSessionKey = [0x80 | 1 << 2, (byte)(ToKey.Length - 2), .. ToKey[2..]];
        Read([.. oldSessionKey, .. Sealed]).Fault.ShouldBeNull();
        byte[] oldEndless = [0x80 | 1 << 2 | 3, .. ToKey[2..]];
        Read([.. oldEndless, .. Sealed]).Fault.ShouldBe(PgpFault.Unparsable);
        byte[] sessionKeyInParts = [0xC0 | 1, 224 | 0, ToKey[2], (byte)(ToKey.Length - 3), .. ToKey[3..]];
        Read([.. sessionKeyInParts, .. Sealed]).Fault.ShouldBe(PgpFault.Unparsable);
    }

    [Fact]
    public void A_text_of_another_kind_or_size_is_refused()
    {
        PgpMessageShape.Read(PgpArmor.WriteText([.. ToKey, .. Sealed], PgpArmor.PublicKey)).Fault().ShouldBe(PgpFault.Unparsable);
        PgpMessageShape.Read(new string('x', PgpMessageShape.MaxLength + 1)).Fault().ShouldBe(PgpFault.TooLarge);
    }

    private static (PgpFault? Fault, PgpMessageShape? Value) Read(byte[] packets)
    {
        var read = PgpMessageShape.Read(PgpArmor.WriteText(packets, PgpArmor.Message));
        return (read.Fault(), read.Refusal is null ? read.Value : null);
    }

    private static byte[] ToKeyId(ulong id)
    {
        byte[] body = [3, .. new byte[8], 1, .. new byte[20]];
        BinaryPrimitives.WriteUInt64BigEndian(body.AsSpan(1), id);
        return Packet(1, body);
    }

    private static byte[] Packet(int tag, byte[] body) => [(byte)(0xC0 | tag), (byte)body.Length, .. body];

    private static string Hex(byte[] bytes) => Convert.ToHexString(bytes);
}
