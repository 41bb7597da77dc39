using System.Text;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

[Trait("runs", "once")]
public sealed class PgpArmorTests
{
    private const string Sound = "-----BEGIN PGP MESSAGE-----\n\naGVsbG8=\n=R/WK\n-----END PGP MESSAGE-----\n";

    [Fact]
    public void What_is_written_reads_back_whatever_its_length()
    {
        for (var length = 1; length < 300; length++)
        {
            var packets = Enumerable.Range(0, length).Select(i => (byte)(i * 7)).ToArray();
            var text = PgpArmor.WriteText(packets, PgpArmor.PublicKey);
            PgpArmor.Read(text, int.MaxValue, out var block).ShouldBeNull();
            block.Kind.ShouldBe(PgpArmor.PublicKey);
            block.Packets.Span.ToArray().ShouldBe(packets);
            (block.HasChecksum, block.HasBlankLineBeforeEnd).ShouldBe((true, false));
            text.Split('\n').ShouldAllBe(l => l.Length <= 64);
        }
    }

    [Fact]
    public void The_checksum_is_the_standards()
    {
        // The CRC-24 of "hello", from another program.
        PgpArmor.WriteText("hello"u8, PgpArmor.Message).ShouldBe(Sound);
        Read(Sound).Fault.ShouldBeNull();
    }

    [Theory]
    [InlineData("\r\n")]
    [InlineData(" \t\n")]
    public void Line_ends_and_white_space_around_do_not_matter(string end) =>
        Read($"\n  {Sound.Replace("\n", end, StringComparison.Ordinal)}\n\n").Fault.ShouldBeNull();

    [Theory]
    [InlineData("Version: 1\nComment: http://a.example: b\n\n", null)]
    [InlineData("", PgpFault.Unparsable)]
    [InlineData("Version\n\n", PgpFault.Unparsable)]
    [InlineData(": x\n\n", PgpFault.Unparsable)]
    public void Headers_end_with_a_blank_line(string headers, PgpFault? fault) =>
        Read(Sound.Replace("-----\n\n", "-----\n" + headers, StringComparison.Ordinal)).Fault.ShouldBe(fault);

    [Theory]
    [InlineData("=R/WK\n", "")]
    [InlineData("=R/WK\n-----END", "-----END")]
    public void A_missing_checksum_is_told_and_no_fault_here(string from, string to)
    {
        var (fault, block) = Read(Sound.Replace(from, to, StringComparison.Ordinal));
        fault.ShouldBeNull();
        block!.HasChecksum.ShouldBeFalse();
    }

    [Fact]
    public void A_blank_line_before_the_end_is_told_and_no_fault_here() =>
        Read(Sound.Replace("R/WK\n", "R/WK\n \t\n", StringComparison.Ordinal)).Block!.HasBlankLineBeforeEnd.ShouldBeTrue();

    [Theory]
    [InlineData("=R/WK", "=R/WA", PgpFault.WrongChecksum)]
    [InlineData("aGVsbG8=", "aGVsbG9=", PgpFault.Unparsable)]
    [InlineData("aGVsbG8=", "aGVsbG4=", PgpFault.WrongChecksum)]
    [InlineData("aGVsbG8=", "", PgpFault.Unparsable)]
    [InlineData("aGVsbG8=\n", "aGVs\n\nbG8=\n", PgpFault.Unparsable)]
    [InlineData("aGVsbG8=", "aGVs bG8=", PgpFault.Unparsable)]
    [InlineData("aGVsbG8=", "aGVsbG8", PgpFault.Unparsable)]
    [InlineData("aGVsbG8=", "aGVsb\u00e98=", PgpFault.Unparsable)]
    [InlineData("=R/WK", "=R/WK\n=R/WK", PgpFault.Unparsable)]
    [InlineData("=R/WK\n", "=R/WK\naGVs\n", PgpFault.Unparsable)]
    [InlineData("END PGP MESSAGE", "END PGP PUBLIC KEY BLOCK", PgpFault.Unparsable)]
    [InlineData("-----END PGP MESSAGE-----\n", "", PgpFault.Unparsable)]
    [InlineData("-----END PGP MESSAGE-----", "-----END PGP MESSAGE-----x", PgpFault.Unparsable)]
    [InlineData("-----END PGP MESSAGE-----", "-----END PGP MESSAGE-----\nx", PgpFault.Unparsable)]
    [InlineData("-----BEGIN PGP MESSAGE-----", "x\n-----BEGIN PGP MESSAGE-----", PgpFault.Unparsable)]
    [InlineData("PGP MESSAGE", "PGP SIGNATURE", PgpFault.Unparsable)]
    [InlineData("PGP MESSAGE", "PGP MESSAGE, PART 1/2", PgpFault.Unparsable)]
    [InlineData("-----BEGIN PGP MESSAGE-----", "-----BEGIN -----", PgpFault.Unparsable)]
    public void A_text_that_is_not_one_sound_block_is_refused(string from, string to, PgpFault fault) =>
        Read(Sound.Replace(from, to, StringComparison.Ordinal)).Fault.ShouldBe(fault);

    [Theory]
    [InlineData("")]
    [InlineData("\0")]
    [InlineData("-----BEGIN PGP MESSAGE-----")]
    [InlineData("-----BEGIN PGP MESSAGE-----\n\n-----END PGP MESSAGE-----")]
    public void What_is_no_block_is_refused(string text) => Read(text).Fault.ShouldBe(PgpFault.Unparsable);

    [Fact]
    public void Two_blocks_are_refused() => Read(Sound + Sound).Fault.ShouldBe(PgpFault.Unparsable);

    [Fact]
    public void No_beginning_of_a_sound_text_is_taken()
    {
        var text = PgpArmor.WriteText(Enumerable.Range(0, 400).Select(i => (byte)i).ToArray(), PgpArmor.Message).TrimEnd();
        for (var length = 0; length < text.Length; length++)
        {
            Read(text[..length]).Fault.ShouldNotBeNull();
        }
    }

    [Fact]
    public void More_than_the_most_is_refused_unread() => PgpArmor.Read(new string('\n', 11), 10, out _).ShouldBe(PgpFault.TooLarge);

    private static (PgpFault? Fault, PgpArmor.Block? Block) Read(string text)
    {
        var fault = PgpArmor.Read(Encoding.UTF8.GetBytes(text), out var block);
        return (fault, block);
    }
}
