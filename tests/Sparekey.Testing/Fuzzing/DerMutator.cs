namespace Sparekey.Testing.Fuzzing;

/// <summary>Changes DER (X.690) as what it is, with the lengths around it made right again: keys and certificates whose form is sound.</summary>
public static class DerMutator
{
    private static readonly byte[] Tags = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x1E, 0x30, 0x31, 0x80, 0xA0, 0xA3];

    /// <summary>Changes DER; what is none, as bytes.</summary>
    /// <param name="bytes">The bytes; they stay as they are.</param>
    /// <param name="dice">What is changed, and how.</param>
    public static byte[] Mutate(byte[] bytes, Dice dice)
    {
        if (dice.OneIn(5) || Read(bytes, 0) is not { Count: > 0 } roots)
        {
            return ByteMutator.Mutate(bytes, dice);
        }

        for (var rounds = 1 + dice.Below(2); rounds > 0; rounds--)
        {
            var all = new List<(List<Node> Among, int Index)>();
            Collect(roots, all);
            if (all.Count > 0)
            {
                var (among, index) = dice.Pick(all);
                Change(among, index, dice);
            }
        }

        return Write(roots);
    }

    private static void Change(List<Node> among, int index, Dice dice)
    {
        var node = among[index];
        switch (dice.Below(7))
        {
            case 0:
                among.Insert(index, node.Copy());
                break;
            case 1 when among.Count > 1:
                among.RemoveAt(index);
                break;
            case 2 when among.Count > 1:
                among.Reverse(Math.Min(index, among.Count - 2), 2);
                break;
            case 3:
                node.Tag = dice.Pick(Tags);
                break;
            case 4:
                node.Children.Clear();
                node.Payload = dice.Bytes(dice.Below(40));
                break;
            case 5 when node.Children.Count > 0:
                node.Children.Add(dice.Pick(node.Children).Copy());
                break;
            default:
                node.Payload = ByteMutator.Mutate(node.Payload, dice);
                break;
        }
    }

    private static void Collect(List<Node> nodes, List<(List<Node> Among, int Index)> all)
    {
        for (var i = 0; i < nodes.Count; i++)
        {
            all.Add((nodes, i));
            Collect(nodes[i].Children, all);
        }
    }

    // Null where the bytes are no sequence of whole values.
    private static List<Node>? Read(byte[] bytes, int depth)
    {
        var nodes = new List<Node>();
        for (var at = 0; at < bytes.Length;)
        {
            if (at + 2 > bytes.Length || (bytes[at] & 0x1F) == 0x1F || depth > 16)
            {
                return null;
            }

            var (tag, length) = (bytes[at], (int)bytes[at + 1]);
            at += 2;
            if (length is 0x81 or 0x82)
            {
                var more = length & 3;
                if (at + more > bytes.Length)
                {
                    return null;
                }

                length = bytes.Skip(at).Take(more).Aggregate(0, (sum, b) => (sum << 8) | b);
                at += more;
            }
            else if (length >= 0x80)
            {
                return null;
            }

            if (at + length > bytes.Length)
            {
                return null;
            }

            var content = bytes[at..(at + length)];
            at += length;

            // An octet string of an extension holds DER too.
            var children = (tag & 0x20) != 0 || tag == 0x04 ? Read(content, depth + 1) : null;
            nodes.Add(children is { Count: > 0 } ? new Node { Tag = tag, Children = children } : new Node { Tag = tag, Payload = content });
        }

        return nodes;
    }

    private static byte[] Write(List<Node> nodes)
    {
        var output = new List<byte>();
        foreach (var node in nodes)
        {
            byte[] content = [.. Write(node.Children), .. node.Payload];
            output.Add(node.Tag);
            output.AddRange(content.Length switch
            {
                < 0x80 => [(byte)content.Length],
                < 0x100 => [0x81, (byte)content.Length],
                _ => new byte[] { 0x82, (byte)(content.Length >> 8), (byte)content.Length },
            });
            output.AddRange(content);
        }

        return [.. output];
    }

    private sealed class Node
    {
        public byte Tag { get; set; }

        public byte[] Payload { get; set; } = [];

        public List<Node> Children { get; init; } = [];

        public Node Copy() => new() { Tag = Tag, Payload = Payload, Children = [.. Children.Select(c => c.Copy())] };
    }
}
