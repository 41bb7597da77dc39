using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Testing;

/// <summary>Messages that no client writes.</summary>
public static class PgpAttacks
{
    /// <summary>A message whose first session key stands there many times over: each costs whoever tries it a private operation.</summary>
    /// <param name="armored">The message.</param>
    /// <param name="times">How often besides.</param>
    public static string WithMoreSessionKeys(string armored, int times)
    {
        _ = PgpArmor.Read(armored, int.MaxValue, out var block);
        var packets = block.Packets.Span.ToArray();
        var first = packets[..PgpPackets.Read(packets)![0].End];
        return PgpArmor.WriteText([.. Enumerable.Repeat(first, times).SelectMany(p => p), .. packets], PgpArmor.Message);
    }
}
