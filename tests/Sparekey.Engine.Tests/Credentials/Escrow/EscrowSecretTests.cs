using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;
using Sparekey.Testing.Fuzzing;

namespace Sparekey.Engine.Tests.Credentials.Escrow;

public sealed class EscrowSecretTests
{
    private static readonly string Hex = new('a', 128);

    private static readonly string Sound =
        "{\"type\":\"account-recovery-private-key-password-decrypted-data\",\"version\":\"v1\",\"domain\":\"https://pass.example.com:8443/sub\","
        + "\"private_key_user_id\":\"f848277c-5398-58f8-a82a-72397af2d450\",\"private_key_fingerprint\":\"03F60E958F4CB29723ACDF761353B5B15D9B054F\","
        + $"\"private_key_secret\":\"{Hex}\",\"created\":\"2026-11-21T02:58:18.704Z\"}}";

    [Fact]
    public void What_is_read_is_written_back_byte_by_byte()
    {
        using var secret = Read(Sound)!;
        secret.Domain.ShouldBe("https://pass.example.com:8443/sub");
        secret.UserId.ShouldBe(Guid.Parse("f848277c-5398-58f8-a82a-72397af2d450"));
        secret.Fingerprint.ShouldBe("03F60E958F4CB29723ACDF761353B5B15D9B054F");
        secret.Created.ShouldBe("2026-11-21T02:58:18.704Z");
        Encoding.UTF8.GetString(secret.Secret).ShouldBe(Hex);
        Written(secret).ShouldBe(Sound);
    }

    [Theory]
    [InlineData("https://pass.example.com", "https://pässe.example.com/<&'+>\\\"x")]
    [InlineData("f848277c", "F848277C")]
    [InlineData("2026-11-21T02:58:18.704Z", "2026-11-21T02:58:18+00:00")]
    public void Values_are_kept_as_they_were_written(string from, string to)
    {
        var json = Sound.Replace(from, to, StringComparison.Ordinal);
        Written(Read(json)!).ShouldBe(json);
    }

    [Fact]
    public void Order_and_white_space_do_not_matter_to_the_reader()
    {
        var members = JsonNode.Parse(Sound)!.AsObject().Reverse().ToList();
        var turned = new JsonObject(members.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value!.DeepClone())));
        Written(Read("\n " + turned.ToJsonString(new() { WriteIndented = true }) + "\n")!).ShouldBe(Sound);
    }

    [Fact]
    public void Every_member_is_there_once_and_a_text()
    {
        foreach (var (name, value) in JsonNode.Parse(Sound)!.AsObject())
        {
            var text = $"\"{name}\":{value!.ToJsonString()}";
            Read(Sound.Replace(text, "\"x\":1", StringComparison.Ordinal)).ShouldBeNull();
            Read(Sound.Replace(text, $"{text},{text}", StringComparison.Ordinal)).ShouldBeNull();
            foreach (var other in new[] { "null", "1", "true", "[]", "{}", "\"\"", $"[{value.ToJsonString()}]" })
            {
                Read(Sound.Replace(text, $"\"{name}\":{other}", StringComparison.Ordinal)).ShouldBeNull($"{name}: {other}");
            }
        }
    }

    [Theory]
    [InlineData("v1\"", "v2\"")]
    [InlineData("account-recovery-private-key-password", "account-recovery-private-key")]
    [InlineData("f848277c-5398-58f8-a82a-72397af2d450", "f848277c539858f8a82a72397af2d450")]
    [InlineData("f848277c-5398-58f8-a82a-72397af2d450", "{f848277c-5398-58f8-a82a-72397af2d450}")]
    [InlineData("03F60E95", "03f60e95")]
    [InlineData("03F60E95", "03F60E9")]
    [InlineData("aaaaa\"", "aaaa\"")]
    [InlineData("aaaaa\"", "aaaaaa\"")]
    [InlineData("aaaaa\"", "aaaa \"")]
    [InlineData("aaaaa\"", "aaaa\\u0061\"")]
    [InlineData("aaaaa\"", "aaa\u00e9\"")]
    [InlineData("2026-11-21", "2026-13-21")]
    [InlineData("}", ",\"extra\":\"1\"}")]
    [InlineData("}", "} {}")]
    [InlineData("}", "")]
    [InlineData("}", ",}")]
    [InlineData("{\"type\"", "[{\"type\"")]
    public void Another_value_is_refused(string from, string to) => Read(Sound.Replace(from, to, StringComparison.Ordinal)).ShouldBeNull();

    [Fact]
    public void What_is_too_large_or_no_text_is_refused()
    {
        Read(Sound.Replace("pass.example.com", new string('a', 1100), StringComparison.Ordinal)).ShouldBeNull();
        Read(Sound + new string(' ', 8 * 1024)).ShouldBeNull();
        Read(new string('[', 8_000)).ShouldBeNull();
        Read("").ShouldBeNull();
        var bytes = Encoding.UTF8.GetBytes(Sound);
        bytes[bytes.AsSpan().IndexOf("pass.example"u8)] = 0xFF;
        EscrowSecret.Read(bytes).Fault().ShouldBe(PgpFault.NotAnEscrow);
        for (var length = 0; length < Sound.Length; length++)
        {
            Read(Sound[..length]).ShouldBeNull();
        }
    }

    [Fact]
    public void No_change_of_the_text_breaks_the_reader()
    {
        var dice = new Dice(20261121);
        var sound = Encoding.UTF8.GetBytes(Sound);
        for (var i = 0; i < 2_000; i++)
        {
            var changed = i % 2 == 0 ? JsonMutator.Mutate(sound, dice) : ByteMutator.Mutate(sound, dice);
            var read = EscrowSecret.Read(changed);
            if (read.Refusal is null)
            {
                // What is taken is written so that it reads back the same.
                using var secret = read.Value;
                using var written = secret.Write();
                using var again = EscrowSecret.Read(written.Span).Value;
                (again.Domain, again.UserId, again.Fingerprint, again.Created).ShouldBe((secret.Domain, secret.UserId, secret.Fingerprint, secret.Created));
                again.Secret.SequenceEqual(secret.Secret).ShouldBeTrue();
            }
        }
    }

    [Fact]
    public void A_new_secret_is_512_bits_that_nobody_had_before()
    {
        using var one = EscrowSecret.New("https://example.com", Guid.Parse("f848277c-5398-48f8-a82a-72397af2d450"), new string('A', 40), VectorKeys.Now);
        using var other = EscrowSecret.New("https://example.com", one.UserId, one.Fingerprint, VectorKeys.Now);
        one.Created.ShouldBe("2026-11-21T08:00:00.000Z");
        Encoding.UTF8.GetString(one.Secret).ShouldMatch("^[0-9a-f]{128}$");
        one.Secret.SequenceEqual(other.Secret).ShouldBeFalse();
        Read(Written(one))!.Secret.SequenceEqual(one.Secret).ShouldBeTrue();
    }

    [Fact]
    public void A_secret_is_wiped_and_shows_nothing()
    {
        var secret = Read(Sound)!;
        var bytes = secret.Secret;
        secret.ToString().ShouldBe("EscrowSecret");
        secret.Dispose();
        bytes.ContainsAnyExcept((byte)0).ShouldBeFalse();
        Should.Throw<ObjectDisposedException>(() => secret.Secret.Length);
        Should.Throw<ObjectDisposedException>(() => secret.Write());
    }

    private static EscrowSecret? Read(string json)
    {
        var read = EscrowSecret.Read(Encoding.UTF8.GetBytes(json));
        return read.Refusal is null ? read.Value : null;
    }

    private static string Written(EscrowSecret secret)
    {
        using var written = secret.Write();
        return Encoding.UTF8.GetString(written.Span);
    }
}
