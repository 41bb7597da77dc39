using System.Text;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

[Trait("runs", "once")]
public sealed class VectorTests
{
    private const string Ada = "f848277c-5398-58f8-a82a-72397af2d450";
    private const string AdaFingerprint = "03F60E958F4CB29723ACDF761353B5B15D9B054F";

    [Fact]
    public async Task Adas_escrow_opens_and_gives_her_key_back()
    {
        using var secret = await OpenAda();
        secret.Domain.ShouldBe("https://passbolt.local");
        using var key = EscrowMessages.Recover(await PassboltVectors.Text("messages.ada.blob"), secret, await VectorKeys.Public("ada"), VectorKeys.Now).Value;
        key.Public.Fingerprint.ShouldBe(AdaFingerprint);
    }

    [Fact]
    public async Task Each_vector_opens_with_the_signatures_that_it_has()
    {
        var organisation = await VectorKeys.Secret("account_recovery_organization");
        PgpKey[] known = [await VectorKeys.Public("ada"), await VectorKeys.Public("betty"), await VectorKeys.Public("admin"), organisation.Public];
        await Holds("messages.ada.password", organisation, AdaFingerprint);
        await Holds("messages.betty.password", organisation, known[1].Fingerprint);
        await Holds("messages.answer.data", await VectorKeys.Secret("account_recovery_request"), organisation.Public.Fingerprint, known[2].Fingerprint);
        await Holds("messages.substitution.password", organisation);

        async Task Holds(string path, PgpSecretKey key, params string[] signers)
        {
            using var opened = PgpMessages.Decrypt(await PassboltVectors.Text(path), key, known, VectorKeys.Now).Value;
            opened.Signatures.ShouldAllBe(s => s.Validity == PgpValidity.Valid);
            opened.Signatures.Select(s => s.Fingerprint).ShouldBe(signers, ignoreOrder: true);
        }
    }

    [Fact]
    public async Task The_answer_that_is_made_for_a_request_opens_with_both_signatures_and_unchanged()
    {
        var organisation = await VectorKeys.Secret("account_recovery_organization");
        var reviewer = await VectorKeys.Secret("admin");
        var requestKey = await VectorKeys.Secret("account_recovery_request");
        using var secret = await OpenAda();
        var answer = EscrowMessages.Answer(secret, requestKey.Public, organisation, reviewer, VectorKeys.Now);

        PgpMessageShape.ReadPassword(answer, requestKey.Public).Refusal.ShouldBeNull();
        using var opened = PgpMessages.Decrypt(answer, requestKey, [organisation.Public, reviewer.Public], VectorKeys.Now).Value;
        opened.Signatures.Select(s => (s.Fingerprint, s.Validity)).ShouldBe(
            [(reviewer.Public.Fingerprint, PgpValidity.Valid), (organisation.Public.Fingerprint, PgpValidity.Valid)], ignoreOrder: true);
        using var before = PgpMessages.Decrypt(await PassboltVectors.Text("messages.ada.password"), organisation, [], VectorKeys.Now).Value;
        Encoding.UTF8.GetString(opened.Bytes).ShouldBe(Encoding.UTF8.GetString(before.Bytes));
    }

    [Fact]
    public async Task The_substituted_message_is_refused_because_nobody_signed_it() =>
        EscrowMessages.Open(
            await PassboltVectors.Text("messages.substitution.password"), await VectorKeys.Secret("account_recovery_organization"),
            await Expected(), VectorKeys.Now).Fault().ShouldBe(PgpFault.Unsigned);

    [Theory]
    [InlineData("account_recovery_organization", null)]
    [InlineData("account_recovery_organization_alternative", null)]
    [InlineData("account_recovery_request", null)]
    [InlineData("rsa_3072", null)]
    [InlineData("rsa_4096", null)]
    [InlineData("rsa_1024", PgpFault.SizeNotAllowed)]
    [InlineData("rsa_2048", PgpFault.SizeNotAllowed)]
    [InlineData("dsa_3072", PgpFault.AlgorithmNotAllowed)]
    public async Task An_organisation_key_is_of_a_strong_algorithm_and_size(string name, PgpFault? fault)
    {
        var vector = await PassboltVectors.Key(name);
        PgpKeyRules.ReadOrganisationKey(vector.Public, vector.Fingerprint, VectorKeys.Now).Fault().ShouldBe(fault);
    }

    [Theory]
    [InlineData("eddsa_ed25519")]
    [InlineData("ecdsa_p256")]
    [InlineData("ecdsa_p384")]
    [InlineData("ecdsa_p521")]
    [InlineData("ecdsa_secp256k1")]
    [InlineData("ecdsa_brainpoolp256r1")]
    public async Task A_request_key_may_be_on_a_curve_and_an_organisation_key_that_must_be_revocable_may_not(string name)
    {
        var vector = await PassboltVectors.Key(name);
        PgpKeyRules.ReadRequestKey(vector.Public, vector.Fingerprint, VectorKeys.Now).Fault().ShouldBeNull();
        PgpKeyRules.ReadOrganisationKey(vector.Public, vector.Fingerprint, VectorKeys.Now).Fault().ShouldBe(PgpFault.AlgorithmNotAllowed);
    }

    [Theory]
    [InlineData("expired")]
    [InlineData("lynne")]
    [InlineData("validKeyWithExpirationDateDto")]
    [InlineData("revokedKey")]
    public async Task A_key_that_ends_or_is_revoked_is_told(string name)
    {
        var key = await VectorKeys.Public(name);
        key.IsRevoked.ShouldBe(name == "revokedKey");
        PgpKeyRules.FaultOfPersonKey(key, VectorKeys.Now).ShouldBe(name switch
        {
            "revokedKey" => PgpFault.Revoked,
            "validKeyWithExpirationDateDto" => null,
            _ => PgpFault.Expired,
        });
    }

    [Fact]
    public async Task A_key_block_without_a_checksum_is_told()
    {
        var vector = await PassboltVectors.Key("invalidKeyWithoutChecksum");
        PgpKey.Read(vector.Private).Fault().ShouldBe(PgpFault.SecretKey);
        var bare = WithoutChecksum((await PassboltVectors.Key("rsa_4096")).Public);
        PgpKey.Read(bare).Value.HasChecksum.ShouldBeFalse();
        PgpKeyRules.ReadOrganisationKey(bare, null, VectorKeys.Now).Fault().ShouldBe(PgpFault.MissingChecksum);
    }

    [Fact]
    public async Task The_vendors_own_revocation_counts_only_while_an_unsigned_issuer_is_accepted()
    {
        var vector = await PassboltVectors.Key("account_recovery_organization");
        var active = PgpKey.Read(vector.Public).Value;
        PgpKey.Read(vector.Revoked!).Value.IsRevoked.ShouldBeTrue();
        PgpRevocation.FaultOf(vector.Revoked!, active, acceptUnhashedIssuer: true, VectorKeys.Now).ShouldBeNull();
        PgpRevocation.FaultOf(vector.Revoked!, active, acceptUnhashedIssuer: false, VectorKeys.Now).ShouldBe(PgpFault.RevocationWithoutIssuer);
        PgpRevocation.FaultOf(vector.Public, active, acceptUnhashedIssuer: true, VectorKeys.Now).ShouldBe(PgpFault.NotRevoked);
        PgpRevocation.FaultOf(vector.Revoked!, await VectorKeys.Public("admin"), acceptUnhashedIssuer: true, VectorKeys.Now)
            .ShouldBe(PgpFault.RevocationOfAnotherKey);
    }

    [Fact]
    public async Task A_signature_of_a_revoked_key_counts_only_where_the_former_key_is_asked_for()
    {
        var vector = await PassboltVectors.Key("account_recovery_organization");
        var revoked = PgpKey.Read(vector.Revoked!).Value;
        revoked.BeforeRevocation().Fingerprint.ShouldBe(revoked.Fingerprint);
        revoked.BeforeRevocation().IsRevoked.ShouldBeFalse();
        (await ValidSignersOf(revoked)).ShouldBe(0);
        (await ValidSignersOf(revoked.BeforeRevocation())).ShouldBe(1);

        static async Task<int> ValidSignersOf(PgpKey signer)
        {
            using var opened = PgpMessages.Decrypt(
                await PassboltVectors.Text("messages.answer.data"), await VectorKeys.Secret("account_recovery_request"), [signer], VectorKeys.Now).Value;
            return opened.Signatures.Count(s => s.Validity == PgpValidity.Valid);
        }
    }

    [Fact]
    public async Task The_vendors_sign_in_token_opens_with_the_persons_key()
    {
        var token = Uri.UnescapeDataString((await PassboltVectors.Text("signIn.token")).Replace("\\", "", StringComparison.Ordinal).Replace('+', ' '));
        using var opened = PgpMessages.Decrypt(token, await VectorKeys.Secret("betty"), [], VectorKeys.Now).Value;
        Encoding.UTF8.GetString(opened.Bytes).ShouldBe(await PassboltVectors.Text("signIn.nonce"));
    }

    private static string WithoutChecksum(string armored) =>
        string.Join('\n', armored.Split('\n').Where(l => !(l.StartsWith('=') && l.TrimEnd().Length == 5)));

    private static async Task<EscrowExpectation> Expected() =>
        new(["https://passbolt.local"], Guid.Parse(Ada), AdaFingerprint, [await VectorKeys.Public("ada")]);

    private static async Task<EscrowSecret> OpenAda() =>
        EscrowMessages.Open(
            await PassboltVectors.Text("messages.ada.password"), await VectorKeys.Secret("account_recovery_organization"),
            await Expected(), VectorKeys.Now).Value;
}
