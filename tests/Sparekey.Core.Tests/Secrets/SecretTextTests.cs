using System.Text.Json;
using Sparekey.Core.Secrets;

namespace Sparekey.Core.Tests.Secrets;

public sealed class SecretTextTests
{
    private static readonly SecretText Secret = new("correct horse");

    [Fact]
    public void Shows_itself_only_when_asked()
    {
        Secret.Reveal().ShouldBe("correct horse");

        foreach (var shown in new[]
                 {
                     Secret.ToString(), $"{Secret}", string.Concat("", Secret), JsonSerializer.Serialize(Secret),
                     JsonSerializer.Serialize<object>(Secret), JsonSerializer.Serialize(new { Secret }),
                     JsonSerializer.Serialize(new Dictionary<string, object>(StringComparer.Ordinal) { ["a"] = new[] { Secret } }),
                     new Holder(Secret).ToString(),
                 })
        {
            shown.ShouldNotContain("horse");
        }
    }

    [Fact]
    public void Reads_from_json_and_does_not_write_back()
    {
        var read = JsonSerializer.Deserialize<Holder>("""{"Secret":"correct horse"}""")!;

        read.Secret.Reveal().ShouldBe("correct horse");
        JsonSerializer.Serialize(read).ShouldBe("""{"Secret":"[secret]"}""");
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<SecretText[]>("[1]"));
    }

    [Fact]
    public void Equal_secrets_are_not_equal_objects()
    {
        Secret.Equals(new SecretText("correct horse")).ShouldBeFalse();
        new HashSet<SecretText> { Secret, new("correct horse") }.Count.ShouldBe(2);
    }

    private sealed record Holder(SecretText Secret);
}
