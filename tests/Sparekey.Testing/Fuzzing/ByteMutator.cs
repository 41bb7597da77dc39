namespace Sparekey.Testing.Fuzzing;

/// <summary>Changes bytes that nothing is known of.</summary>
public static class ByteMutator
{
    private static readonly byte[] Edges = [0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF];

    /// <summary>Changes some bytes.</summary>
    /// <param name="bytes">The bytes; they stay as they are.</param>
    /// <param name="dice">What is changed, and how.</param>
    public static byte[] Mutate(byte[] bytes, Dice dice)
    {
        var changed = bytes.ToList();
        for (var rounds = 1 + (dice.OneIn(3) ? dice.Below(6) : 0); rounds > 0; rounds--)
        {
            Change(changed, dice);
        }

        return [.. changed];
    }

    private static void Change(List<byte> bytes, Dice dice)
    {
        var at = dice.Below(bytes.Count);
        var length = 1 + dice.Below(Math.Min(32, bytes.Count - at));
        switch (bytes.Count == 0 ? 5 : dice.Below(10))
        {
            case 0 or 1:
                bytes[at] ^= (byte)(1 << dice.Below(8));
                break;
            case 2:
                bytes[at] = dice.Pick(Edges);
                break;
            case 3:
                bytes.RemoveRange(at, length);
                break;
            case 4:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 5:
                bytes.InsertRange(at, dice.Bytes(1 + dice.Below(16)));
                break;
            case 6:
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 7:
                bytes.AddRange(dice.OneIn(2) ? dice.Bytes(1 + dice.Below(8)) : new byte[1 + dice.Below(8)]);
                break;
            case 8:
                // Two or four bytes as a length that is wrong.
                for (var i = at; i < Math.Min(bytes.Count, at + (dice.OneIn(2) ? 2 : 4)); i++)
                {
                    bytes[i] = dice.Pick(Edges);
                }

                break;
            default:
                var from = dice.Below(bytes.Count);
                bytes.InsertRange(at, bytes.GetRange(from, Math.Min(length, bytes.Count - from)));
                break;
        }
    }
}
