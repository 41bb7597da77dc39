using System.Text;

namespace Sparekey.Testing.Fuzzing;

/// <summary>Changes CBOR (RFC 8949) as what it is: heads that lie, maps with a key twice, lists without an end, other types.</summary>
public static class CborMutator
{
    private static readonly ulong[] Edges =
        [0, 1, 23, 24, 255, 256, 65535, 65536, int.MaxValue, uint.MaxValue, 1UL << 32, long.MaxValue, 1UL << 63, ulong.MaxValue];

    /// <summary>Changes CBOR; what is none, as bytes.</summary>
    /// <param name="bytes">The bytes; they stay as they are.</param>
    /// <param name="dice">What is changed, and how.</param>
    /// <param name="deeper">Changes what lies in a byte string; null for any bytes.</param>
    public static byte[] Mutate(byte[] bytes, Dice dice, Func<byte[], Dice, byte[]>? deeper = null)
    {
        var at = 0;
        if (dice.OneIn(5) || Read(bytes, ref at, 0) is not { } root)
        {
            return ByteMutator.Mutate(bytes, dice);
        }

        for (var rounds = 1 + dice.Below(2); rounds > 0; rounds--)
        {
            var all = new List<Item>();
            Collect(root, all);
            Change(dice.Pick(all), dice, deeper ?? ByteMutator.Mutate);
        }

        var output = new List<byte>();
        Write(root, output, 0);
        output.AddRange(bytes.Skip(at));
        if (dice.OneIn(16))
        {
            output.AddRange(dice.Bytes(1 + dice.Below(4)));
        }

        return [.. output];
    }

    private static void Change(Item item, Dice dice, Func<byte[], Dice, byte[]> deeper)
    {
        var inner = item.Children.Count;
        switch (dice.Below(13))
        {
            case 0:
                item.Argument = dice.Pick(Edges);
                item.Lies = true;
                break;
            case 1:
                item.Argument += dice.OneIn(2) ? 1UL : ulong.MaxValue;
                item.Lies = true;
                break;
            case 2:
                item.Width = dice.Pick([1, 2, 4, 8]);
                break;
            case 3:
                item.IsOpen = !item.IsOpen;
                break;
            case 4:
                item.Major = (byte)dice.Below(8);
                break;
            case 5:
                item.Nested = dice.Pick([1, 8, 63, 64, 65, 1000]);
                break;
            case 6:
                item.Tag = dice.Pick(Edges);
                break;
            case 7 or 8 when inner > 0:
                // One member, or one key or value, twice.
                var from = dice.Below(inner) & ~(item.Major == 5 && dice.OneIn(2) ? 1 : 0);
                item.Children.InsertRange(dice.Below(inner), item.Children.Skip(from).Take(1 + dice.Below(2)).Select(c => c.Copy()));
                break;
            case 9 when inner > 0:
                item.Children.RemoveAt(dice.Below(inner));
                break;
            case 10 when inner > 1:
                item.Children.Reverse(dice.Below(inner - 1), 2);
                break;
            case 11 when item.Major == 3:
                item.Payload = Encoding.UTF8.GetBytes(dice.Pick(["", "fmt", "authData", "attStmt", "x5c", "none", "packed", "tpm", new string('x', 300)]));
                break;
            default:
                item.Payload = item.Major is 2 or 3 ? deeper(item.Payload, dice) : item.Payload;
                break;
        }
    }

    private static void Collect(Item item, List<Item> all)
    {
        all.Add(item);
        item.Children.ForEach(c => Collect(c, all));
    }

    private static Item? Read(byte[] bytes, ref int at, int depth)
    {
        if (at >= bytes.Length || depth > 32)
        {
            return null;
        }

        var (major, short5) = ((byte)(bytes[at] >> 5), bytes[at] & 31);
        at++;
        var width = short5 < 24 ? 0 : short5 <= 27 ? 1 << (short5 - 24) : -1;
        if (width < 0 || at + width > bytes.Length)
        {
            return null;
        }

        var argument = width == 0 ? (ulong)short5 : bytes.Skip(at).Take(width).Aggregate(0UL, (sum, b) => (sum << 8) | b);
        at += width;
        var item = new Item { Major = major, Argument = argument };
        if (major is 2 or 3)
        {
            if (argument > (ulong)(bytes.Length - at))
            {
                return null;
            }

            item.Payload = bytes[at..(at + (int)argument)];
            at += (int)argument;
        }

        for (var left = major is 4 ? argument : major is 5 ? argument * 2 : 0; left > 0; left--)
        {
            if (Read(bytes, ref at, depth + 1) is not { } child)
            {
                return null;
            }

            item.Children.Add(child);
        }

        return item;
    }

    private static void Write(Item item, List<byte> output, int depth)
    {
        for (var i = 0; i < item.Nested; i++)
        {
            output.Add(0x81);
        }

        if (item.Tag is { } tag)
        {
            Head(6, tag, 0, output);
        }

        var count = item.Major is 2 or 3 ? (ulong)item.Payload.Length
            : item.Major is 4 ? (ulong)item.Children.Count
            : item.Major is 5 ? (ulong)item.Children.Count / 2
            : item.Argument;
        if (item.IsOpen)
        {
            output.Add((byte)((item.Major << 5) | 31));
            if (item.Major is 2 or 3)
            {
                Head(item.Major, count, 0, output);
            }
        }
        else
        {
            Head(item.Major, item.Lies ? item.Argument : count, item.Width, output);
        }

        output.AddRange(item.Payload);
        item.Children.ForEach(c => Write(c, output, depth + 1));
        if (item.IsOpen)
        {
            output.Add(0xFF);
        }
    }

    private static void Head(byte major, ulong argument, int width, List<byte> output)
    {
        var least = argument < 24 ? 0 : argument <= 0xFF ? 1 : argument <= 0xFFFF ? 2 : argument <= uint.MaxValue ? 4 : 8;
        var used = Math.Max(width, least);
        output.Add((byte)((major << 5) | (used == 0 ? (int)argument : 24 + (used == 1 ? 0 : used == 2 ? 1 : used == 4 ? 2 : 3))));
        for (var i = used - 1; i >= 0; i--)
        {
            output.Add((byte)(argument >> (8 * i)));
        }
    }

    private sealed class Item
    {
        public byte Major { get; set; }

        public ulong Argument { get; set; }

        public byte[] Payload { get; set; } = [];

        public List<Item> Children { get; private init; } = [];

        public bool Lies { get; set; }

        public bool IsOpen { get; set; }

        public int Width { get; set; }

        public int Nested { get; set; }

        public ulong? Tag { get; set; }

        public Item Copy() => new()
        {
            Major = Major, Argument = Argument, Payload = Payload, Children = [.. Children.Select(c => c.Copy())], Lies = Lies, IsOpen = IsOpen,
            Width = Width,
        };
    }
}
