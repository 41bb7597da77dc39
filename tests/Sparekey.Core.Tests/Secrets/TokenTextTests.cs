using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Sparekey.Core.Secrets;

namespace Sparekey.Core.Tests.Secrets;

public sealed class TokenTextTests
{
    private static readonly Guid Id = Guid.ParseExact("0123456789abcdef0123456789abcdef", "N");
    private static readonly string Secret = Base64Url.EncodeToString(Enumerable.Range(200, 32).Select(i => (byte)i).ToArray());
    private static readonly string Token = TokenText.Format(TokenPrefix.Access, TenantId.Default, Id, Secret).Reveal();

    [Fact]
    public void Has_this_form_for_ever()
    {
        Token.ShouldBe("spk_default_0123456789abcdef0123456789abcdef_yMnKy8zNzs_Q0dLT1NXW19jZ2tvc3d7f4OHi4-Tl5uc" + Token[^6..]);
        Token[^6..].ShouldBe(Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(Token[..^6])))[..6]);
        TokenText.Format(TokenPrefix.Link, TenantId.Default, Id, Secret).Reveal().ShouldStartWith("spl_default_");
        TokenText.Format(TokenPrefix.Reset, TenantId.Default, Id, Secret).Reveal().ShouldStartWith("spt_default_");
        TokenText.Format(TokenPrefix.Redemption, TenantId.Default, Id, Secret).Reveal().ShouldStartWith("spr_default_");
        TokenText.Format(TokenPrefix.Session, TenantId.Default, Id, Secret).Reveal().ShouldStartWith("sps_default_");
    }

    [Fact]
    public void Reads_back_what_it_wrote() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500),
        Prop.ForAll(Choices.Stories(1).Filter(s => s.Length == 1), seeds =>
        {
            var choices = new Choices(seeds[0]);
            var prefix = choices.Of(Enum.GetValues<TokenPrefix>());
            var tenant = TenantId.Parse("a" + string.Concat(Enumerable.Range(0, choices.Next(32)).Select(_ => choices.Of('z', '0', '-'))));
            var id = new Guid(Bytes(choices, 16));
            var secret = Base64Url.EncodeToString(Bytes(choices, 32));

            TokenText.TryParse(TokenText.Format(prefix, tenant, id, secret).Reveal(), prefix, out var read).ShouldBeTrue();

            (read.Tenant, read.Id, read.Secret.Reveal()).ShouldBe((tenant, id, secret));
        }));

    [Fact]
    public void Underscores_in_the_secret_do_not_move_the_parts()
    {
        var secret = new string('_', 42) + "8";
        var token = TokenText.Format(TokenPrefix.Link, TenantId.Default, Id, secret).Reveal();

        TokenText.TryParse(token, TokenPrefix.Link, out var read).ShouldBeTrue();
        (read.Id, read.Secret.Reveal()).ShouldBe((Id, secret));
    }

    [Fact]
    public void Refuses_a_token_with_any_one_character_changed_added_or_left_out()
    {
        for (var i = 0; i < Token.Length; i++)
        {
            foreach (var other in "A0a_- \n\0é=Z")
            {
                if (Token[i] != other)
                {
                    Refuses(Token[..i] + other + Token[(i + 1)..]);
                }

                Refuses(Token[..i] + other + Token[i..]);
            }

            Refuses(Token[..i] + Token[(i + 1)..]);
            Refuses(Token[..i]);
            Refuses(Token[i..][1..]);
        }
    }

    [Fact]
    public void Refuses_another_spelling_even_with_a_right_checksum()
    {
        var body = Token[..^6];
        foreach (var spelled in new[]
                 {
                     body.Replace("abcdef", "ABCDEF", StringComparison.Ordinal), // the id in upper case
                     body.Replace("default", "Default", StringComparison.Ordinal),
                     body.Replace("default", "", StringComparison.Ordinal),
                     body.Replace("default", "-default", StringComparison.Ordinal),
                     body.Replace("default", "def_ault", StringComparison.Ordinal),
                     body.Replace("default", new string('a', 33), StringComparison.Ordinal),
                     body[..^1] + "d", // bits beyond the 256th
                     body[..^1] + "=",
                     body[..^4] + " Tl5uc"[..4], // white space within
                     body[..^1] + "\n",
                 })
        {
            Refuses(spelled + Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(spelled)))[..6]);
        }
    }

    [Fact]
    public void A_token_is_for_one_thing()
    {
        foreach (var prefix in Enum.GetValues<TokenPrefix>())
        {
            TokenText.TryParse(Token, prefix, out _).ShouldBe(prefix == TokenPrefix.Access);
            var renamed = TokenText.Format(prefix, TenantId.Default, Id, Secret).Reveal()[..4] + Token[4..];
            TokenText.TryParse(renamed, prefix, out _).ShouldBe(prefix == TokenPrefix.Access);
        }
    }

    [Fact]
    public void Garbage_never_throws() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(2000),
        Prop.ForAll<string>(text =>
        {
            Refuses(text);
            Refuses("spk_" + text);
            Refuses("spk_default_" + text + Token[^50..]);
            Refuses(Token + text + "x");
        }));

    [Fact]
    public void Huge_texts_are_refused_at_once()
    {
        Refuses(null);
        Refuses("spk_" + new string('a', 10_000_000));
        Refuses(string.Concat(Enumerable.Repeat(Token, 10_000)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("short")]
    [InlineData("yMnKy8zNzs_Q0dLT1NXW19jZ2tvc3d7f4OHi4-Tl5u=")]
    [InlineData("yMnKy8zNzs_Q0dLT1NXW19jZ2tvc3d7f4OHi4-Tl5ud")]
    [InlineData("yMnKy8zNzs+Q0dLT1NXW19jZ2tvc3d7f4OHi4-Tl5uc")]
    public void Does_not_write_what_it_would_not_read(string secret) =>
        Should.Throw<ArgumentException>(() => TokenText.Format(TokenPrefix.Access, TenantId.Default, Id, secret));

    [Fact]
    public void Shows_no_secret()
    {
        TokenText.TryParse(Token, TokenPrefix.Access, out var read).ShouldBeTrue();

        $"{read} {TokenText.Format(TokenPrefix.Access, TenantId.Default, Id, Secret)}".ShouldNotContain(Secret[..10]);
    }

    private static byte[] Bytes(Choices choices, int count) => [.. Enumerable.Range(0, count).Select(_ => (byte)choices.Next(256))];

    private static void Refuses(string? text)
    {
        TokenText.TryParse(text, TokenPrefix.Access, out var token).ShouldBeFalse(text);
        token.ShouldBeNull();
    }
}
