using System.Text;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Tests.Credentials.Escrow;

[Trait("runs", "once")]
public sealed class EscrowMessagesTests
{
    private const string Domain = "https://pass.example.com";
    private static readonly Guid User = Guid.Parse("f848277c-5398-48f8-a82a-72397af2d450");

    [Fact]
    public async Task An_escrow_goes_the_whole_way()
    {
        var cast = await Cast.Read();
        var halves = EscrowMessages.Enrol(cast.Person, cast.Organisation.Public, Domain, User, VectorKeys.Now);
        PgpMessageShape.ReadBlob(halves.Blob).Refusal.ShouldBeNull();
        PgpMessageShape.ReadPassword(halves.Password, cast.Organisation.Public).Refusal.ShouldBeNull();
        using var secret = EscrowMessages.Open(halves.Password, cast.Organisation, cast.Expected, VectorKeys.Now).Value;
        var answer = EscrowMessages.Answer(secret, cast.Request.Public, cast.Organisation, reviewer: null, VectorKeys.Now);
        using var answered = PgpMessages.Decrypt(answer, cast.Request, [cast.Organisation.Public], VectorKeys.Now).Value;
        answered.FaultOfSigners([cast.Organisation.Public]).ShouldBeNull();
        using var received = EscrowSecret.Read(answered.Bytes).Value;
        using var key = EscrowMessages.Recover(halves.Blob, received, cast.Person.Public, VectorKeys.Now).Value;
        key.Public.Fingerprint.ShouldBe(cast.Person.Public.Fingerprint);
    }

    [Fact]
    public async Task Two_enrolments_of_one_key_share_nothing()
    {
        var cast = await Cast.Read();
        var (one, other) = (cast.Enrol(), cast.Enrol());
        using var secret = EscrowMessages.Open(one.Password, cast.Organisation, cast.Expected, VectorKeys.Now).Value;
        EscrowMessages.Recover(other.Blob, secret, cast.Person.Public, VectorKeys.Now).Fault().ShouldBeOneOf(PgpFault.WrongPassphrase, PgpFault.Damaged);
    }

    [Fact]
    public async Task An_unsigned_escrow_is_refused()
    {
        var cast = await Cast.Read();
        Fault(cast, PgpMessages.Encrypt(cast.Json(), cast.Organisation.Public, VectorKeys.Now)).ShouldBe(PgpFault.Unsigned);
    }

    [Fact]
    public async Task An_escrow_that_a_stranger_signed_is_refused()
    {
        var cast = await Cast.Read();
        var message = PgpMessages.Encrypt(cast.Json(), cast.Organisation.Public, VectorKeys.Now, cast.Stranger);
        Fault(cast, message).ShouldBe(PgpFault.UnknownSigner);

        // Nor does the organisation's own signature do: whoever rotates names it, others have not.
        Fault(cast, PgpMessages.Encrypt(cast.Json(), cast.Organisation.Public, VectorKeys.Now, cast.Organisation)).ShouldBe(PgpFault.UnknownSigner);

        // With the person's beside it, the stranger's does no harm.
        Fault(cast, PgpMessages.Encrypt(cast.Json(), cast.Organisation.Public, VectorKeys.Now, cast.Stranger, cast.Person)).ShouldBeNull();
    }

    [Fact]
    public async Task An_escrow_whose_signature_is_from_the_future_is_refused()
    {
        var cast = await Cast.Read();
        Fault(cast, PgpMessages.Encrypt(cast.Json(), cast.Organisation.Public, VectorKeys.Now.AddHours(1), cast.Person)).ShouldBe(PgpFault.SignatureInvalid);
    }

    [Fact]
    public async Task An_escrow_to_another_key_is_refused()
    {
        var cast = await Cast.Read();
        Fault(cast, PgpMessages.Encrypt(cast.Json(), cast.Stranger.Public, VectorKeys.Now, cast.Person)).ShouldBe(PgpFault.WrongRecipient);
        Fault(cast, cast.Enrol().Blob).ShouldBe(PgpFault.OpensWithPassword);
    }

    [Fact]
    public async Task An_escrow_to_two_keys_or_with_a_password_beside_is_refused()
    {
        var cast = await Cast.Read();
        var toUs = Packets(cast.Password());
        var toStranger = Packets(PgpMessages.Encrypt("x"u8, cast.Stranger.Public, VectorKeys.Now));
        var underPassword = Packets(PgpMessages.EncryptWithPassword("x"u8, "x"u8, VectorKeys.Now, null));
        foreach (var (other, fault) in new[] { (toStranger, PgpFault.SeveralRecipients), (underPassword, PgpFault.OpensWithPassword), (toUs, PgpFault.SeveralRecipients) })
        {
            var first = other[..PgpPackets.Read(other)![0].End];
            Fault(cast, PgpArmor.WriteText([.. first, .. toUs], PgpArmor.Message)).ShouldBe(fault);
        }
    }

    [Theory]
    [InlineData("https://pass.example.com/", PgpFault.WrongDomain)]
    [InlineData("https://Pass.example.com", PgpFault.WrongDomain)]
    [InlineData("https://pass.example.com.evil.example", PgpFault.WrongDomain)]
    [InlineData("http://pass.example.com", PgpFault.WrongDomain)]
    [InlineData("https://old.example.com", null)]
    public async Task An_escrow_for_another_server_is_refused(string domain, PgpFault? fault)
    {
        var cast = await Cast.Read();
        var expected = cast.Expected with { Domains = [Domain, "https://old.example.com"] };
        var opened = EscrowMessages.Open(cast.Password(domain), cast.Organisation, expected, VectorKeys.Now);
        opened.Fault().ShouldBe(fault);
        if (fault is null)
        {
            // The person's own device compares with what it wrote.
            using var secret = opened.Value;
            using var answer = PgpMessages.Decrypt(
                EscrowMessages.Answer(secret, cast.Request.Public, cast.Organisation, null, VectorKeys.Now), cast.Request, [], VectorKeys.Now).Value;
            Encoding.UTF8.GetString(answer.Bytes).ShouldContain("\"domain\":\"https://old.example.com\"");
        }
    }

    [Fact]
    public async Task An_escrow_of_another_person_or_key_is_refused()
    {
        var cast = await Cast.Read();
        Fault(cast, cast.Password(), cast.Expected with { UserId = Guid.Parse("e97b14ba-8957-47c9-a357-f78a6e1e1a46") }).ShouldBe(PgpFault.WrongUser);
        Fault(cast, cast.Password(), cast.Expected with { Fingerprint = cast.Stranger.Public.Fingerprint }).ShouldBe(PgpFault.WrongFingerprint);
        Fault(cast, cast.Password(), cast.Expected with { Domains = [] }).ShouldBe(PgpFault.WrongDomain);
        Fault(cast, cast.Password(), cast.Expected with { Signers = [] }).ShouldBe(PgpFault.UnknownSigner);
    }

    [Fact]
    public async Task What_is_no_escrow_inside_or_too_large_is_refused()
    {
        var cast = await Cast.Read();
        Fault(cast, PgpMessages.Encrypt("{}"u8, cast.Organisation.Public, VectorKeys.Now, cast.Person)).ShouldBe(PgpFault.NotAnEscrow);
        Fault(cast, PgpMessages.Encrypt(new byte[500_000], cast.Organisation.Public, VectorKeys.Now, cast.Person)).ShouldBe(PgpFault.NotAnEscrow);
        Fault(cast, new string('x', PgpMessageShape.MaxLength + 1)).ShouldBe(PgpFault.TooLarge);
        Fault(cast, PgpMessages.Encrypt(Encoding.UTF8.GetBytes(cast.Password()), cast.Organisation.Public, VectorKeys.Now, cast.Person)).ShouldBe(PgpFault.NotAnEscrow);
    }

    [Fact]
    public async Task An_escrow_cut_anywhere_is_refused()
    {
        var cast = await Cast.Read();
        var text = cast.Password();
        for (var length = 0; length < text.Length - 1; length += 50)
        {
            Fault(cast, text[..length]).ShouldNotBeNull();
        }

        var packets = Packets(text);
        for (var length = 0; length < packets.Length; length += 50)
        {
            Fault(cast, PgpArmor.WriteText(packets.AsSpan(0, length), PgpArmor.Message)).ShouldNotBeNull();
        }

        // A checksum that somebody left out does not matter here: what is sealed has its own.
        Fault(cast, string.Join('\n', text.Split('\n').Where(l => l.Length != 5))).ShouldBeNull();
    }

    [Fact]
    public async Task A_rotated_escrow_opens_with_the_new_key_and_the_old_ones_signature()
    {
        var cast = await Cast.Read();
        var next = await VectorKeys.Secret("account_recovery_request");
        cast = cast with { Organisation = await VectorKeys.Secret("rsa_3072") };
        using var secret = EscrowMessages.Open(cast.Password(), cast.Organisation, cast.Expected, VectorKeys.Now).Value;
        var rotated = EscrowMessages.Rewrap(secret, next.Public, cast.Organisation, cast.Stranger, VectorKeys.Now);
        PgpMessageShape.ReadPassword(rotated, next.Public).Refusal.ShouldBeNull();
        EscrowMessages.Open(rotated, cast.Organisation, cast.Expected, VectorKeys.Now).Fault().ShouldBe(PgpFault.WrongRecipient);
        EscrowMessages.Open(rotated, next, cast.Expected, VectorKeys.Now).Fault().ShouldBe(PgpFault.UnknownSigner);

        // The old key is revoked by now.
        var old = PgpKey.Read(PgpRevocation.Revoke(cast.Organisation, VectorKeys.Now)).Value;
        using var again = EscrowMessages.Open(rotated, next, cast.Expected with { Signers = [cast.Person.Public, old] }, VectorKeys.Now).Value;
        again.Secret.SequenceEqual(secret.Secret).ShouldBeTrue();
        again.Created.ShouldBe(secret.Created);
    }

    [Fact]
    public async Task A_blob_that_is_not_the_persons_gives_no_key()
    {
        var cast = await Cast.Read();
        using var secret = EscrowMessages.Open(cast.Password(), cast.Organisation, cast.Expected, VectorKeys.Now).Value;
        using var other = cast.Stranger.ExportUnprotected();
        using var own = cast.Person.ExportUnprotected();
        Recover(own.Span, null).ShouldBe(PgpFault.Unsigned);
        Recover(own.Span, cast.Stranger).ShouldBe(PgpFault.UnknownSigner);
        Recover(other.Span, cast.Person).ShouldBe(PgpFault.WrongFingerprint);
        Recover("no key"u8, cast.Person).ShouldBe(PgpFault.Unparsable);
        EscrowMessages.Recover(cast.Password(), secret, cast.Person.Public, VectorKeys.Now).Fault().ShouldBe(PgpFault.NoPassword);

        PgpFault? Recover(ReadOnlySpan<byte> inside, PgpSecretKey? signer) => EscrowMessages.Recover(
            PgpMessages.EncryptWithPassword(inside, secret.Secret, VectorKeys.Now, signer), secret, cast.Person.Public, VectorKeys.Now).Fault();
    }

    private static byte[] Packets(string armored)
    {
        PgpArmor.Read(armored, int.MaxValue, out var block).ShouldBeNull();
        return block.Packets.Span.ToArray();
    }

    private static PgpFault? Fault(Cast cast, string message, EscrowExpectation? expected = null) =>
        EscrowMessages.Open(message, cast.Organisation, expected ?? cast.Expected, VectorKeys.Now).Fault();

    // Elliptic keys: a private operation of RSA-4096 takes a tenth of a second.
    private sealed record Cast(PgpSecretKey Person, PgpSecretKey Organisation, PgpSecretKey Request, PgpSecretKey Stranger)
    {
        public EscrowExpectation Expected => new([Domain], User, Person.Public.Fingerprint, [Person.Public]);

        public static async Task<Cast> Read() => new(
            await VectorKeys.Secret("anita"), await VectorKeys.Secret("metadataKey"), await VectorKeys.Secret("ecdsa_p256"), await VectorKeys.Secret("ecdsa_p384"));

        public EscrowHalves Enrol() => EscrowMessages.Enrol(Person, Organisation.Public, Domain, User, VectorKeys.Now);

        // A blob costs a password's iterations: where nobody opens it, none is made.
        public string Password(string domain = Domain) => PgpMessages.Encrypt(Json(domain), Organisation.Public, VectorKeys.Now, Person);

        public byte[] Json(string domain = Domain)
        {
            using var secret = EscrowSecret.New(domain, User, Person.Public.Fingerprint, VectorKeys.Now);
            using var json = secret.Write();
            return json.Span.ToArray();
        }
    }
}
