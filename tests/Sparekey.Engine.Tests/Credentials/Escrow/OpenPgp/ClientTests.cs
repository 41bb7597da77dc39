using System.Text;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

/// <summary>What we write, the vendor's own classes read, and the other way round.</summary>
public sealed class ClientTests(ClientTests.Started started) : IClassFixture<ClientTests.Started>
{
    private const string Domain = "https://passbolt.example.com/sub";
    private static readonly Guid Ada = Guid.Parse("f848277c-5398-58f8-a82a-72397af2d450");
    private readonly PassboltClients _clients = started.Clients;

    private static DateTimeOffset Now => VectorKeys.Now;

    [Fact]
    public async Task Their_device_reads_the_answer_and_sees_both_signatures_in_it()
    {
        var (organisation, reviewer, request) = (await VectorKeys.Secret("account_recovery_organization"), await VectorKeys.Secret("admin"), await PassboltVectors.Key("account_recovery_request"));
        using var secret = EscrowSecret.New(Domain, Ada, (await PassboltVectors.Key("ada")).Fingerprint, Now);
        var answer = EscrowMessages.Answer(secret, PgpKey.Read(request.Public).Value, organisation, reviewer, Now);

        var read = await _clients.OpenAnswer(answer, request, Ada.ToString(), Domain);
        read["private_key_secret"]!.ToString().ShouldBe(Encoding.UTF8.GetString(secret.Secret));
        read["created"]!.ToString().ShouldBe("2026-11-21T08:00:00.000Z");
        var (text, signatures) = await _clients.Decrypt(answer, request, organisation.Public.Armored, reviewer.Public.Armored);
        text.ShouldStartWith("{\"type\":\"account-recovery-private-key-password-decrypted-data\",\"version\":\"v1\",\"domain\":\"https://passbolt.example.com/sub\",");
        signatures.Select(s => (s!["by"]!.ToString(), s["valid"]!.GetValue<bool>()))
            .ShouldBe([(organisation.Public.Fingerprint, true), (reviewer.Public.Fingerprint, true)], ignoreOrder: true);

        // Their classes compare these exactly.
        (await Should.ThrowAsync<NodeClientException>(() => _clients.OpenAnswer(answer, request, Ada.ToString(), Domain + "/"))).Said.ShouldContain("domain");
        (await Should.ThrowAsync<NodeClientException>(() => _clients.OpenAnswer(answer, request, Guid.Empty.ToString(), Domain))).Said.ShouldContain("user id");
    }

    [Fact]
    public async Task A_reviewers_browser_reads_our_escrow_before_and_after_a_rotation()
    {
        var (person, old, reviewer) = (await VectorKeys.Secret("anita"), await VectorKeys.Secret("account_recovery_organization"), await VectorKeys.Secret("metadataKey"));
        var next = await PassboltVectors.Key("rsa_3072");
        var halves = EscrowMessages.Enrol(person, old.Public, Domain, Ada, Now);
        var read = await _clients.OpenPassword(halves.Password, await PassboltVectors.Key("account_recovery_organization"), Ada.ToString(), Domain, person.Public.Armored);
        (await _clients.OpenBlob(halves.Blob, read["private_key_secret"]!.ToString())).ShouldBe((person.Public.Fingerprint, true));

        using var opened = EscrowMessages.Open(halves.Password, old, new EscrowExpectation([Domain], Ada, person.Public.Fingerprint, [person.Public]), Now).Value;
        var moved = EscrowMessages.Rewrap(opened, PgpKey.Read(next.Public).Value, old, reviewer, Now);
        var again = await _clients.OpenPassword(moved, next, Ada.ToString(), Domain, person.Public.Armored);
        again.ToJsonString().ShouldBe(read.ToJsonString());
    }

    [Fact]
    public async Task What_their_device_puts_into_escrow_opens_and_gives_the_key_back()
    {
        var (person, organisation) = (await PassboltVectors.Key("ada"), await VectorKeys.Secret("account_recovery_organization"));
        var (blob, password) = await _clients.Enrolment(person, Ada.ToString(), Domain, organisation.Public.Armored, Now);
        var known = PgpKey.Read(person.Public).Value;
        using var secret = EscrowMessages.Open(password, organisation, new EscrowExpectation([Domain], Ada, person.Fingerprint, [known]), Now).Value;
        using var key = EscrowMessages.Recover(blob, secret, known, Now).Value;
        key.Public.Fingerprint.ShouldBe(person.Fingerprint);
    }

    [Fact]
    public async Task Messages_of_another_make_are_refused_each_for_its_own_reason()
    {
        // What is wrong does not depend on sizes: small keys, and none of them under iterations of its own.
        var organisation = await VectorKeys.Secret("metadataKey");
        var (person, stranger) = (await PassboltVectors.Key("anita"), await PassboltVectors.Key("ecdsa_p256"));
        var known = PgpKey.Read(person.Public).Value;
        using var secret = EscrowSecret.New(Domain, Ada, person.Fingerprint, Now);
        using var json = secret.Write();
        var good = new PassboltMessage(Encoding.UTF8.GetString(json.Span)) { To = [organisation.Public.Armored], SignedBy = [person] };
        (await Fault(good)).ShouldBeNull();

        (await Fault(good with { SignedBy = [] })).ShouldBe(PgpFault.Unsigned);
        (await Fault(good with { SignedBy = [stranger] })).ShouldNotBeNull();
        (await Fault(good with { To = [stranger.Public] })).ShouldNotBeNull();
        (await Fault(good with { To = [organisation.Public.Armored, stranger.Public] })).ShouldNotBeNull();
        (await Fault(good with { Hidden = true })).ShouldNotBeNull();
        (await Fault(good with { Passwords = ["a password of somebody"] })).ShouldNotBeNull();
        (await Fault(good with { Text = good.Text.Replace("/sub", "/SUB", StringComparison.Ordinal) })).ShouldBe(PgpFault.WrongDomain);
        (await Fault(good with { Text = good.Text.Replace(Ada.ToString(), Guid.Empty.ToString(), StringComparison.Ordinal) })).ShouldBe(PgpFault.WrongUser);
        (await Fault(good with { Text = good.Text.Replace(person.Fingerprint, stranger.Fingerprint, StringComparison.Ordinal) })).ShouldBe(PgpFault.WrongFingerprint);
        (await Fault(good with { Text = good.Text.Replace("\"v1\"", "\"v2\"", StringComparison.Ordinal) })).ShouldNotBeNull();
        (await Fault(good with { Text = good.Text + new string(' ', 1_100_000) })).ShouldNotBeNull();

        // What was stored elsewhere may lack its checksum.
        (await Fault(good with { Checksum = false })).ShouldBeNull();

        async Task<PgpFault?> Fault(PassboltMessage message) => EscrowMessages.Open(
            await _clients.Encrypt(message, Now), organisation, new EscrowExpectation([Domain], Ada, person.Fingerprint, [known]), Now).Fault();
    }

    [Fact]
    public async Task A_revocation_of_either_make_counts_for_the_other()
    {
        var organisation = await PassboltVectors.Key("account_recovery_organization");
        var active = PgpKey.Read(organisation.Public).Value;
        PgpRevocation.FaultOf(await _clients.Revoke(organisation, Now), active, acceptUnhashedIssuer: true, Now).ShouldBeNull();

        var ours = PgpRevocation.Revoke(await VectorKeys.Secret("account_recovery_organization"), Now);
        var seen = await _clients.Describe(ours);
        (seen["revoked"]!.GetValue<bool>(), seen["fingerprint"]!.ToString()).ShouldBe((true, organisation.Fingerprint));
        PgpRevocation.FaultOf(ours, active, acceptUnhashedIssuer: false, Now).ShouldBeNull();
    }

    /// <summary>The vendor's classes, bundled once.</summary>
    public sealed class Started : IAsyncLifetime
    {
        public PassboltClients Clients { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Clients = await PassboltClients.Start();

        public ValueTask DisposeAsync() => Clients.DisposeAsync();
    }
}
