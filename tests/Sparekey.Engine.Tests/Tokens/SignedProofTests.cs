using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Sparekey.Engine.Tokens;

namespace Sparekey.Engine.Tests.Tokens;

public sealed class SignedProofTests : IDisposable
{
    // The key of RFC 7515 appendix A.3, and a token that another implementation signed with it.
    private const string Foreign =
        "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0.eyJzdWIiOiJqb2UiLCJleHAiOjEzMDA4MTkzODB9."
        + "xUugH_gl-NKNLbfRWqzoCj6u9SzkyKTfKBo1hcMK6UWiFDnOB_g2KeUIryVwZ8UPz3oT9oMh9Sas-PoMMfd4hw";

    private static readonly PublicJwk Rfc = new(
        "EC", "P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "k1", "ES256", "sig");

    private readonly ECDsa _ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly SigningKey _key;
    private readonly PublicJwk _public;
    private readonly string _token;

    public SignedProofTests()
    {
        _key = new SigningKey("key-1", _ecdsa.ExportPkcs8PrivateKey());
        _public = PublicJwk.Of(_ecdsa, "key-1");
        _token = SignedProof.Write(_key, new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["sub"] = "someone", ["exp"] = 1300819380L, ["amr"] = new[] { "link", "code" },
        });
    }

    public void Dispose() => _ecdsa.Dispose();

    [Fact]
    public void Reads_what_it_wrote()
    {
        var claims = SignedProof.Read(_token, [Rfc, _public]).ShouldNotBeNull();

        claims.GetProperty("sub").GetString().ShouldBe("someone");
        claims.GetProperty("exp").GetInt64().ShouldBe(1300819380);
        claims.GetProperty("amr").EnumerateArray().Select(a => a.GetString()).ShouldBe(["link", "code"]);
        Encoding.UTF8.GetString(Base64Url.DecodeFromChars(_token.Split('.')[0])).ShouldBe("""{"alg":"ES256","kid":"key-1","typ":"JWT"}""");
        Base64Url.DecodeFromChars(_token.Split('.')[2]).Length.ShouldBe(64);
    }

    [Fact]
    public void Writes_header_and_claims_so_that_a_decoder_of_the_other_alphabet_reads_them()
    {
        var name = string.Concat(Enumerable.Range(1, 0x2FF).Select(c => (char)c)) + "名😀";
        for (var shift = 0; shift < 3; shift++)
        {
            var token = SignedProof.Write(
                _key, new Dictionary<string, object>(StringComparer.Ordinal) { ["udata"] = new string('a', shift) + name, ["?>~\u007f"] = 1 });
            var parts = token.Split('.');
            foreach (var part in parts[..2])
            {
                part.ShouldAllBe(c => char.IsAsciiLetterOrDigit(c));
                Base64Url.DecodeFromChars(part).ShouldAllBe(b => b < 0x80);
            }

            SignedProof.Read(token, [_public])!.Value.GetProperty("udata").GetString().ShouldBe(new string('a', shift) + name);
        }
    }

    [Fact]
    public void Reads_what_others_wrote() => SignedProof.Read(Foreign, [Rfc]).ShouldNotBeNull().GetProperty("sub").GetString().ShouldBe("joe");

    [Fact]
    public void Refuses_a_token_with_any_one_character_changed_added_or_left_out()
    {
        for (var i = 0; i < _token.Length; i++)
        {
            Refuses(_token[..i] + (_token[i] == 'A' ? 'B' : 'A') + _token[(i + 1)..]);
            Refuses(_token[..i] + _token[(i + 1)..]);
        }

        foreach (var last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".Where(c => c != _token[^1]))
        {
            Refuses(_token[..^1] + last);
        }

        foreach (var more in new[] { "=", "==", " ", "\n", ".", "A", "é" })
        {
            Refuses(_token + more);
            Refuses(more + _token);
            Refuses(_token.Replace(".", more + ".", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Refuses_other_algorithms_even_when_the_header_is_signed()
    {
        foreach (var header in new[]
                 {
                     """{"alg":"none","kid":"key-1"}""", """{"alg":"HS256","kid":"key-1"}""", """{"alg":"ES384","kid":"key-1"}""",
                     """{"alg":"es256","kid":"key-1"}""", """{"alg":null,"kid":"key-1"}""", """{"alg":1,"kid":"key-1"}""",
                     """{"kid":"key-1"}""", """{"alg":"ES256"}""", """{"alg":"ES256","kid":null}""", """{"alg":"ES256","kid":"key-2"}""",
                     """{"alg":"ES256","kid":"key-1","crit":["b64"],"b64":false}""", "[]", "1", "null", "", "{", "\"\ud83d\"",
                 })
        {
            Refuses(Signed(header, """{"sub":"someone"}"""));
        }

        SignedProof.Read(Signed("""{"alg":"ES256","kid":"key-1"}""", """{"sub":"someone"}"""), [_public]).ShouldNotBeNull();
    }

    [Fact]
    public void Refuses_claims_that_are_no_object()
    {
        foreach (var claims in new[] { "[]", "1", "null", "\"x\"", "", "{", "{}{}" })
        {
            Refuses(Signed("""{"alg":"ES256","kid":"key-1"}""", claims));
        }
    }

    [Fact]
    public void Refuses_a_public_key_used_as_a_shared_secret()
    {
        var signed = $"{Part("""{"alg":"HS256","kid":"key-1"}""")}.{Part("""{"sub":"someone"}""")}";
        foreach (var secret in new[] { _ecdsa.ExportSubjectPublicKeyInfo(), Encoding.UTF8.GetBytes(JsonSerializer.Serialize(_public)) })
        {
            Refuses($"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(signed)))}");
        }
    }

    [Fact]
    public void Refuses_signatures_of_other_forms()
    {
        var parts = _token.Split('.');
        var signed = $"{parts[0]}.{parts[1]}";
        var der = _ecdsa.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        foreach (var signature in new[] { new byte[64], der, [], new byte[63], [.. Base64Url.DecodeFromChars(parts[2]), 0], new byte[2000] })
        {
            Refuses($"{signed}.{Base64Url.EncodeToString(signature)}");
        }

        Refuses($"{signed}.");
        Refuses(signed);
    }

    [Fact]
    public void Refuses_the_right_id_with_another_key()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        SignedProof.Read(_token, [PublicJwk.Of(other, "key-1")]).ShouldBeNull();
        SignedProof.Read(_token, [Rfc with { Kid = "key-1" }]).ShouldBeNull();
        SignedProof.Read(_token, []).ShouldBeNull();
        SignedProof.Read(_token, [_public with { X = _public.Y }]).ShouldBeNull("that point is not on the curve");
        SignedProof.Read(_token, [_public with { X = "" }]).ShouldBeNull();
    }

    [Fact]
    public void Refuses_garbage_and_huge_texts_at_once()
    {
        foreach (var text in new[] { "", ".", "..", "...", "a.b.c", "é.é.é", new string('.', 8192), new string('a', 10_000_000), _token + new string('a', 9000) })
        {
            Refuses(text);
        }
    }

    [Fact]
    public void A_published_key_has_public_members_alone()
    {
        var json = JsonSerializer.Serialize(_public);

        using var read = JsonDocument.Parse(json);
        read.RootElement.EnumerateObject().Select(p => p.Name).ShouldBe(["kty", "crv", "x", "y", "kid", "alg", "use"]);
        JsonSerializer.Deserialize<PublicJwk>(json).ShouldBe(_public);
        $"{_key} {JsonSerializer.Serialize(_key)}".ShouldBe("""signing key key-1 {"Id":"key-1"}""");
    }

    private void Refuses(string token) => SignedProof.Read(token, [_public]).ShouldBeNull(token.Length > 300 ? "" : token);

    private string Signed(string header, string claims)
    {
        var signed = $"{Part(header)}.{Part(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(_key.Sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    private static string Part(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
