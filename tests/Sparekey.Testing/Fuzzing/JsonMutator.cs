using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Sparekey.Testing.Fuzzing;

/// <summary>
/// Changes JSON as what it is, and what lies within it: members twice, other types, numbers without end, half surrogate pairs, and
/// texts that are base64url, of which the bytes are changed, or their writing.
/// </summary>
public static class JsonMutator
{
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-0", "1", "-1", "1e400", "-1e-400", "1e2147483648", "1e99999999999999999999", "9223372036854775808",
        "123456789012345678901234567890123456789", "0.1", "253402300800000", "1.0", "[]", "{}", "[[]]", "\"\"", "\" \"", "\"=\"", "\"A\"", "\"AA\"", "\"AB\"",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\"", "\"\\n\"", "\"\u00e9\"", "\"\\u202e\"", "\"2026-11-21T08:00:00Z\"", "\"9999-12-31T23:59:59.9999999-14:00\"",
        "\"0001-01-01T00:00:00+14:00\"", "\"1800000000\"", "\"key.get\"", "\"key.create\"", "\"webauthn.get\"", "\"public-key\"", "\"Key\"", "\"Fido2\"", "\"RecoveryKey\"",
        "\"passkey\"", "\"key\"", "\"SHA256\"", "\"SHA512\"", "\"MD5\"",
    ];

    private static readonly string[] Breaks =
        ["", ",", ":", "{", "}", "[", "]", "\"", "\\", "/*c*/", "//", "\ufeff", "\0", "NaN", "'", "\\u", "\\ud83d", "\t", " ", "\u2028", ",,", "{\"\":"];

    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Changes JSON; what is none, as bytes.</summary>
    /// <param name="bytes">The bytes; they stay as they are.</param>
    /// <param name="dice">What is changed, and how.</param>
    /// <param name="deeper">Changes what a text of base64url holds and is no JSON; null for any bytes.</param>
    public static byte[] Mutate(byte[] bytes, Dice dice, Func<byte[], Dice, byte[]>? deeper = null)
    {
        if (dice.OneIn(8) || Read(bytes) is not { } root)
        {
            return dice.OneIn(2) ? ByteMutator.Mutate(bytes, dice) : Broken(bytes, dice);
        }

        for (var rounds = 1 + (dice.OneIn(3) ? dice.Below(3) : 0); rounds > 0; rounds--)
        {
            var all = new List<Node>();
            Collect(root, all);
            Change(dice.Pick(all), dice, deeper ?? ByteMutator.Mutate);
        }

        var text = new StringBuilder();
        Write(root, text);
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>Changes a text of base64url: what it holds, or how it is written.</summary>
    /// <param name="text">The text.</param>
    /// <param name="dice">What is changed, and how.</param>
    /// <param name="deeper">Changes the bytes.</param>
    public static string MutateEncoded(string text, Dice dice, Func<byte[], Dice, byte[]> deeper)
    {
        if (dice.OneIn(4) || !Base64Url.IsValid(text) || text.Length < 4)
        {
            return dice.Below(7) switch
            {
                0 => text + "=",
                1 => text + "==",
                2 => text.Replace('-', '+').Replace('_', '/'),
                3 => text.Length == 0 ? " " : text.Insert(dice.Below(text.Length), dice.Pick([" ", "\n", "=", "*", "\u00e9", "A"])),
                4 => text[..dice.Below(text.Length)],
                5 => text + text,
                // The last character holds bits that mean nothing.
                _ => text.Length == 0 ? "A" : text[..^1] + (char)(text[^1] + 1),
            };
        }

        return Base64Url.EncodeToString(deeper(Base64Url.DecodeFromChars(text), dice));
    }

    private static byte[] Broken(byte[] bytes, Dice dice)
    {
        var text = Encoding.UTF8.GetString(bytes);
        return Encoding.UTF8.GetBytes(text.Insert(dice.Below(text.Length + 1), dice.Pick(Breaks)));
    }

    private static void Change(Node node, Dice dice, Func<byte[], Dice, byte[]> deeper)
    {
        var members = node.Members;
        switch (dice.Below(10))
        {
            case 0:
                node.Become(dice.Pick(Values));
                break;
            case 1:
                var depth = dice.Pick([1, 4, 7, 8, 16, 64, 1000]);
                node.Wrap = depth;
                break;
            case 2 when members is { Count: > 0 }:
                var twice = dice.Pick(members);
                members.Insert(dice.Below(members.Count + 1), (dice.OneIn(4) ? Escaped(twice.Name, dice) : twice.Name, twice.Value.Copy()));
                break;
            case 3 when members is { Count: > 0 }:
                members.RemoveAt(dice.Below(members.Count));
                break;
            case 4 when members is { Count: > 1 }:
                members.Reverse();
                break;
            case 5 when members is { Count: > 0 }:
                var (at, other) = (dice.Below(members.Count), dice.Below(members.Count));
                members[at] = (members[at].Name, members[other].Value.Copy());
                break;
            case 6 when members is not null:
                members.Add((dice.Pick(["\"x\"", "\"\"", "\"\\ud800\"", "\"crossOrigin\"", "\"topOrigin\"", "\"origin\"", "\"name\"", "\"__proto__\""]), Node.Of(dice.Pick(Values))));
                break;
            case 7 when members is { Count: > 0 }:
                var index = dice.Below(members.Count);
                members[index] = (Escaped(members[index].Name, dice), members[index].Value);
                break;
            default:
                ChangeText(node, dice, deeper);
                break;
        }
    }

    private static void ChangeText(Node node, Dice dice, Func<byte[], Dice, byte[]> deeper)
    {
        if (node.Raw is not ['"', ..] || TextOf(node.Raw) is not { } text)
        {
            return;
        }

        node.Become(text.Length >= 8 && Base64Url.IsValid(text) && !dice.OneIn(4)
            ? Quoted(MutateEncoded(text, dice, Deeper))
            : dice.Below(6) switch
            {
                0 => Escaped(node.Raw, dice),
                1 => Quoted(new string('x', dice.Pick([64, 65, 1024, 1025, 5000]))),
                2 => Quoted(text + dice.Pick([" ", "\n", "/", "x", "\0"])),
                3 => node.Raw[..^1] + dice.Pick(["\\ud800\"", "\\udfff\"", "\\u0000\"", "\\x\""]),
                4 => Quoted(text[..dice.Below(text.Length)]),
                _ => Quoted(text.ToUpperInvariant()),
            });

        byte[] Deeper(byte[] bytes, Dice inner) => bytes is [(byte)'{', ..] ? Mutate(bytes, inner, deeper) : deeper(bytes, inner);
    }

    // One character as an escape: the same text in another writing.
    private static string Escaped(string quoted, Dice dice)
    {
        var at = 1 + dice.Below(quoted.Length - 2);
        return quoted.Length < 3 || quoted.Contains('\\', StringComparison.Ordinal) ? quoted : $"{quoted[..at]}\\u{(int)quoted[at]:x4}{quoted[(at + 1)..]}";
    }

    private static string Quoted(string text)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Relaxed))
        {
            writer.WriteStringValue(text);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static string? TextOf(string raw)
    {
        try
        {
            return JsonSerializer.Deserialize<string>(raw);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Node? Read(byte[] bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null; // No JSON, or no text in it.
        }
    }

    private static Node Read(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => new Node { Members = [.. element.EnumerateObject().Select(m => (Quoted(m.Name), Read(m.Value)))] },
        JsonValueKind.Array => new Node { Items = [.. element.EnumerateArray().Select(Read)] },
        _ => Node.Of(element.GetRawText()),
    };

    private static void Collect(Node node, List<Node> all)
    {
        all.Add(node);
        node.Members?.ForEach(m => Collect(m.Value, all));
        node.Items?.ForEach(i => Collect(i, all));
    }

    private static void Write(Node node, StringBuilder text)
    {
        text.Append('[', node.Wrap);
        if (node.Members is { } members)
        {
            text.Append('{');
            for (var i = 0; i < members.Count; i++)
            {
                text.Append(i == 0 ? "" : ",").Append(members[i].Name).Append(':');
                Write(members[i].Value, text);
            }

            text.Append('}');
        }
        else if (node.Items is { } items)
        {
            text.Append('[');
            for (var i = 0; i < items.Count; i++)
            {
                text.Append(i == 0 ? "" : ",");
                Write(items[i], text);
            }

            text.Append(']');
        }
        else
        {
            text.Append(node.Raw);
        }

        text.Append(']', node.Wrap);
    }

    private sealed class Node
    {
        public List<(string Name, Node Value)>? Members { get; set; }

        public List<Node>? Items { get; set; }

        public string Raw { get; set; } = "";

        public int Wrap { get; set; }

        public static Node Of(string raw) => new() { Raw = raw };

        public void Become(string raw) => (Members, Items, Raw) = (null, null, raw);

        public Node Copy() => new()
        {
            Members = Members is null ? null : [.. Members.Select(m => (m.Name, m.Value.Copy()))],
            Items = Items is null ? null : [.. Items.Select(i => i.Copy())],
            Raw = Raw,
            Wrap = Wrap,
        };
    }
}
