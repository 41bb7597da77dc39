using System.Text;
using Sparekey.Core;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Tests.Keys;

[Trait("runs", "once")]
public sealed class KeyRingTests
{
    private static readonly byte[] First = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly byte[] Second = [.. Enumerable.Range(100, 32).Select(i => (byte)i)];
    private static readonly byte[] Clear = "a link with a secret"u8.ToArray();
    private static readonly TenantId Tenant = TenantId.Default;

    private readonly KeyRing _ring = new(new Dictionary<int, byte[]> { [1] = First }, active: 1);

    // Made with another implementation of RFC 5869 and RFC 2104: what is stored today must verify for ever.
    [Theory]
    [InlineData(KeyPurpose.AccessToken, "981a013483dbf7cf2fd057497b02f81195c804e772135fe1ed62d275d74d022e")]
    [InlineData(KeyPurpose.RecoverySecret, "ffe124f799e7cb948b5735e75ed3b599dc81f311f8ebd04a78f1b79470fb1e02")]
    [InlineData(KeyPurpose.Redemption, "7e60e7202a5bab542f970f291623beaace0029091b6478226bb86b94e1b05377")]
    [InlineData(KeyPurpose.Session, "9b2fa171dc7b38a7bcd73f4195eff49df7ac35b77d4133678e68680e08f7d1c1")]
    [InlineData(KeyPurpose.AddressConfirmation, "1e27fb8e2594af342547008582cd8e263e80f0d6b383d533094b4c1f62787951")]
    [InlineData(KeyPurpose.Ceremony, "5a07bdc4ff944c8d042cd474d2bcb6df6e8c44775a752540ea8a4bb192196855")]
    [InlineData(KeyPurpose.Idempotency, "a1fa224e82c862177cf51ad378cb3c78806abfe5f435f9427d40762fdb6191f9")]
    [InlineData(KeyPurpose.Throttle, "0c31816826fd801b91e421e26bc8c9761d50f1118fe387b1c7c3e7e17929d448")]
    [InlineData(KeyPurpose.Outbox, "9b1aad1200242027c9958780e33eeccf764588786db42869564248711a390838")]
    [InlineData(KeyPurpose.SigningKey, "cba82df873269468eb30c02b49ecb68ae4bbe8117ca0dc50118634d5a4f350e7")]
    public void Hashes_as_it_always_did(KeyPurpose purpose, string mac)
    {
        var hash = _ring.Hash(purpose, "default/row", "secret"u8);

        Convert.ToHexStringLower(hash.Mac).ShouldBe(mac);
        hash.KeyVersion.ShouldBe(1);
    }

    [Fact]
    public void Opens_what_it_always_sealed()
    {
        var envelope = Convert.FromHexString(
            "0100000001a0a1a2a3a4a5a6a7a8a9aaabff682ccc4929d782226099943fcc9b89f3ce52cec66397f3bb6e50391b90fc130393fa29");

        _ring.Open(KeyPurpose.Outbox, Tenant, "outbox", "row-1", envelope).ShouldBe(Clear);
        KeyRing.VersionOf(envelope).ShouldBe(1);
        _ring.KeyCheckValue(1).ShouldBe("54f702fddcd8642a85dd170bd1eb7087");
    }

    [Fact]
    public void A_hash_fits_its_purpose_context_and_secret_and_no_other()
    {
        var hash = _ring.Hash(KeyPurpose.RecoverySecret, "default/row", "secret"u8);

        _ring.Verify(hash, KeyPurpose.RecoverySecret, "default/row", "secret"u8).ShouldBeTrue();
        foreach (var purpose in Enum.GetValues<KeyPurpose>().Where(p => p != KeyPurpose.RecoverySecret))
        {
            _ring.Verify(hash, purpose, "default/row", "secret"u8).ShouldBeFalse();
        }

        _ring.Verify(hash, KeyPurpose.RecoverySecret, "default/rox", "secret"u8).ShouldBeFalse();
        _ring.Verify(hash, KeyPurpose.RecoverySecret, "default/row", "secreT"u8).ShouldBeFalse();
        _ring.Verify(hash, KeyPurpose.RecoverySecret, "default/row", ""u8).ShouldBeFalse();
    }

    [Fact]
    public void The_border_between_context_and_secret_counts() =>
        _ring.Hash(KeyPurpose.Session, "ab", "c"u8).Mac.ShouldNotBe(_ring.Hash(KeyPurpose.Session, "a", "bc"u8).Mac);

    [Fact]
    public void A16_equal_secrets_of_two_rows_have_two_hashes() =>
        _ring.Hash(KeyPurpose.RecoverySecret, "default/a", "123456"u8).Mac
            .ShouldNotBe(_ring.Hash(KeyPurpose.RecoverySecret, "default/b", "123456"u8).Mac);

    [Fact]
    public void A_hash_with_any_bit_changed_or_cut_verifies_nothing()
    {
        var hash = _ring.Hash(KeyPurpose.Session, "c", "s"u8);
        for (var bit = 0; bit < hash.Mac.Length * 8; bit++)
        {
            var changed = (byte[])hash.Mac.Clone();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            _ring.Verify(hash with { Mac = changed }, KeyPurpose.Session, "c", "s"u8).ShouldBeFalse();
        }

        foreach (var cut in new[] { [], hash.Mac[..31], [.. hash.Mac, 0] })
        {
            _ring.Verify(hash with { Mac = cut }, KeyPurpose.Session, "c", "s"u8).ShouldBeFalse();
        }

        _ring.Verify(default, KeyPurpose.Session, "c", "s"u8).ShouldBeFalse();
        _ring.Verify(hash with { KeyVersion = 2 }, KeyPurpose.Session, "c", "s"u8).ShouldBeFalse();
        _ring.Verify(hash with { KeyVersion = -1 }, KeyPurpose.Session, "c", "s"u8).ShouldBeFalse();
    }

    [Fact]
    public void A_seal_opens_for_its_own_row_alone()
    {
        var envelope = _ring.Seal(KeyPurpose.Outbox, Tenant, "outbox", "row", Clear);
        TenantId.TryParse("other", out var other).ShouldBeTrue();

        _ring.Open(KeyPurpose.Outbox, Tenant, "outbox", "row", envelope).ShouldBe(Clear);
        Broken(KeyPurpose.Ceremony, Tenant, "outbox", "row", envelope);
        Broken(KeyPurpose.Outbox, other, "outbox", "row", envelope);
        Broken(KeyPurpose.Outbox, Tenant, "outboy", "row", envelope);
        Broken(KeyPurpose.Outbox, Tenant, "outbox", "rox", envelope);
        Broken(KeyPurpose.Outbox, Tenant, "outbox", "", envelope);
    }

    [Fact]
    public void A_seal_with_any_byte_changed_or_left_out_opens_nothing()
    {
        var envelope = _ring.Seal(KeyPurpose.Outbox, Tenant, "outbox", "row", Clear);
        for (var i = 0; i < envelope.Length; i++)
        {
            var changed = (byte[])envelope.Clone();
            changed[i] ^= 1;
            Broken(KeyPurpose.Outbox, Tenant, "outbox", "row", changed);
            Broken(KeyPurpose.Outbox, Tenant, "outbox", "row", envelope[..i]);
        }

        Broken(KeyPurpose.Outbox, Tenant, "outbox", "row", [.. envelope, 0]);
        Should.Throw<SealBrokenException>(() => KeyRing.VersionOf([]));
        Should.Throw<SealBrokenException>(() => KeyRing.VersionOf(envelope.AsSpan(0, 20)));
    }

    [Fact]
    public void Seals_never_repeat_and_show_nothing()
    {
        var seals = Enumerable.Range(0, 200).Select(_ => _ring.Seal(KeyPurpose.Outbox, Tenant, "outbox", "row", Clear)).ToList();

        seals.Select(Convert.ToHexString).Distinct(StringComparer.Ordinal).Count().ShouldBe(200);
        seals.Select(s => Convert.ToHexString(s.AsSpan(5, 12))).Distinct(StringComparer.Ordinal).Count().ShouldBe(200);
        Encoding.Latin1.GetString(seals[0]).ShouldNotContain("link");
        _ring.Open(KeyPurpose.Outbox, Tenant, "t", "r", _ring.Seal(KeyPurpose.Outbox, Tenant, "t", "r", [])).ShouldBeEmpty();
    }

    [Fact]
    public void A_new_key_takes_over_and_the_old_one_still_verifies()
    {
        var hash = _ring.Hash(KeyPurpose.Session, "c", "s"u8);
        var seal = _ring.Seal(KeyPurpose.Outbox, Tenant, "t", "r", Clear);

        _ring.Replace(new Dictionary<int, byte[]> { [1] = First, [2] = Second }, active: 2);

        (_ring.ActiveVersion, _ring.Versions).ShouldBe((2, _ring.Versions));
        _ring.Versions.ShouldBe([1, 2]);
        _ring.Verify(hash, KeyPurpose.Session, "c", "s"u8).ShouldBeTrue();
        _ring.Open(KeyPurpose.Outbox, Tenant, "t", "r", seal).ShouldBe(Clear);
        _ring.Hash(KeyPurpose.Session, "c", "s"u8).KeyVersion.ShouldBe(2);
        _ring.Hash(KeyPurpose.Session, "c", "s"u8).Mac.ShouldNotBe(hash.Mac);
        KeyRing.VersionOf(_ring.Seal(KeyPurpose.Outbox, Tenant, "t", "r", Clear)).ShouldBe(2);
    }

    [Fact]
    public void A_retired_key_verifies_and_opens_nothing_any_more()
    {
        var hash = _ring.Hash(KeyPurpose.Session, "c", "s"u8);
        var seal = _ring.Seal(KeyPurpose.Outbox, Tenant, "t", "r", Clear);

        _ring.Replace(new Dictionary<int, byte[]> { [2] = Second }, active: 2);

        _ring.Verify(hash, KeyPurpose.Session, "c", "s"u8).ShouldBeFalse();
        Broken(KeyPurpose.Outbox, Tenant, "t", "r", seal);
    }

    [Fact]
    public void Another_key_under_the_same_number_is_another_key()
    {
        var hash = _ring.Hash(KeyPurpose.Session, "c", "s"u8);
        var seal = _ring.Seal(KeyPurpose.Outbox, Tenant, "t", "r", Clear);

        _ring.Replace(new Dictionary<int, byte[]> { [1] = Second }, active: 1);

        _ring.Verify(hash, KeyPurpose.Session, "c", "s"u8).ShouldBeFalse("no subkey of the former key may linger");
        Broken(KeyPurpose.Outbox, Tenant, "t", "r", seal);
        _ring.KeyCheckValue(1).ShouldNotBe("54f702fddcd8642a85dd170bd1eb7087");
    }

    [Fact]
    public async Task Keys_may_come_and_go_while_the_ring_is_in_use()
    {
        var one = new Dictionary<int, byte[]> { [1] = First };
        var two = new Dictionary<int, byte[]> { [2] = Second };
        using var stop = new CancellationTokenSource();
        var swapping = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                _ring.Replace(two, 2);
                _ring.Replace(one, 1);
            }
        });
        for (var i = 0; i < 20_000; i++)
        {
            var hash = _ring.Hash(KeyPurpose.Session, "c", "s"u8);
            _ring.Verify(hash, KeyPurpose.Session, "c", "s"u8);
            _ring.Verify(hash, KeyPurpose.Session, "c", "other"u8).ShouldBeFalse();
        }

        await stop.CancelAsync();
        await swapping;
    }

    [Fact]
    public void Nobody_changes_a_ring_from_outside()
    {
        var masters = new Dictionary<int, byte[]> { [1] = [.. First] };
        var ring = new KeyRing(masters, 1);
        var hash = ring.Hash(KeyPurpose.Session, "c", "s"u8);

        masters[1][0] ^= 1;
        masters.Clear();

        ring.Verify(hash, KeyPurpose.Session, "c", "s"u8).ShouldBeTrue();
        ring.KeyCheckValue(1).ShouldBe(_ring.KeyCheckValue(1));
        ring.Hash(KeyPurpose.Outbox, "c", "s"u8).Mac.ShouldBe(_ring.Hash(KeyPurpose.Outbox, "c", "s"u8).Mac);
    }

    [Fact]
    public void Refuses_impossible_rings_and_stays_what_it_was()
    {
        (Dictionary<int, byte[]> Masters, int Active)[] impossible =
        [
            ([], 1), (new() { [1] = First }, 2), (new() { [1] = First[..31] }, 1), (new() { [1] = [.. First, 0] }, 1),
            (new() { [0] = First }, 0), (new() { [-1] = First, [1] = First }, 1),
        ];
        foreach (var (masters, active) in impossible)
        {
            Should.Throw<ArgumentException>(() => new KeyRing(masters, active));
            Should.Throw<ArgumentException>(() => _ring.Replace(masters, active));
        }

        _ring.Versions.ShouldBe([1]);
    }

    private void Broken(KeyPurpose purpose, TenantId tenant, string table, string row, byte[] envelope) =>
        Should.Throw<SealBrokenException>(() => _ring.Open(purpose, tenant, table, row, envelope));
}
