using System.Text;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

/// <summary>What the library that clients use makes of our keys, and we of its stranger messages.</summary>
[Trait("runs", "once")]
public sealed class OpenPgpJsTests
{
    [Fact]
    public async Task Keys_and_messages_go_from_one_library_to_the_other()
    {
        await using var client = await NodeProgram.Start("passbolt/openpgp.mjs");
        var (anita, other) = (await VectorKeys.Secret("anita"), await VectorKeys.Secret("metadataKey"));

        // A key that was made here.
        using var made = PgpSecretKey.Generate("Made Here <made@example.org>", VectorKeys.Now, bits: 2048);
        var key = await client.Call(new { op = "key", armored = made.Public.Armored });
        (key!["fingerprint"]!.ToString(), (bool)key["revoked"]!, (string?)key["expires"], (int)key["bits"]!).ShouldBe((made.Public.Fingerprint, false, null, 2048));
        (await client.Call(new { op = "key", armored = PgpRevocation.Revoke(made, VectorKeys.Now) }))!["revoked"]!.GetValue<bool>().ShouldBeTrue();
        using var export = made.ExportProtected("a passphrase"u8);
        var opened = await client.Call(new
        {
            op = "open", message = PgpMessages.Encrypt("grüße"u8, made.Public, VectorKeys.Now, anita, other),
            key = Encoding.ASCII.GetString(export.Span), passphrase = "a passphrase", signers = new[] { anita.Public.Armored, other.Public.Armored }, time = Time,
        });
        opened!["text"]!.ToString().ShouldBe("grüße");
        opened["signatures"]!.AsArray().Select(s => (string?)s).ShouldBe([anita.Public.Fingerprint, other.Public.Fingerprint], ignoreOrder: true);

        // A message that was made there, to a key and under a password, by two.
        var password = new string('f', 128);
        using (var read = PgpMessages.DecryptWithPassword(
            await Seal("key", password: password, signers: [anita, other]), Encoding.ASCII.GetBytes(password), [anita.Public, other.Public], VectorKeys.Now).Value)
        {
            read.Signatures.Count(s => s.Validity == PgpValidity.Valid).ShouldBe(2);
        }

        // One that opens both ways, and one that swells when it is opened.
        var both = PgpMessageShape.Read(await Seal("x", to: anita.Public, password: "x")).Value;
        (both.FaultOfBlob(), both.FaultOfPassword(anita.Public)).ShouldBe((PgpFault.OpensWithKey, PgpFault.OpensWithPassword));
        var bomb = await Seal(new string('a', 5_000_000), to: anita.Public, compress: true);
        bomb.Length.ShouldBeLessThan(100_000);
        PgpMessages.Decrypt(bomb, anita, [], VectorKeys.Now).Fault().ShouldBe(PgpFault.Damaged);

        async Task<string> Seal(string text, PgpKey? to = null, string? password = null, bool compress = false, params PgpSecretKey[] signers) => (await client.Call(new
        {
            op = "seal", text, password, compress, to = to is null ? null : new[] { to.Armored }, time = Time,
            signers = signers.Select(s =>
            {
                using var secret = s.ExportUnprotected();
                return Encoding.ASCII.GetString(secret.Span);
            }),
        }))!.ToString();
    }

    private static string Time => VectorKeys.Now.ToString("O");
}
