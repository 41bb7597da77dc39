using System.Security.Cryptography;
using System.Text;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Tests.Recoveries;

namespace Sparekey.Core.Tests.Ledger;

/// <summary>The bytes that are hashed for ever. The vectors were computed outside of this project.</summary>
public sealed class LedgerEntryTests
{
    private const string Reason = "The phone fell into a lake: ünï €.";
    private static readonly byte[] Salt = [.. Enumerable.Range(0, 16).Select(i => (byte)i)];

    private static readonly LedgerEntry Entry = new(LedgerEvent.RecoveryOpened, Sample.RequestersProgramme, Sample.Account, Sample.Recovery)
    {
        Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["rules"] = new List<string> { "a", "b" },
            ["means"] = "link",
            ["generation"] = 3,
            ["usable"] = false,
            ["none"] = null,
            ["at"] = 1795248000000L,
        },
        Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["reason"] = Reason },
    };

    [Fact]
    public void The_canonical_bytes_are_the_published_vector()
    {
        var bytes = Canonical(Entry);

        Encoding.UTF8.GetString(bytes).ShouldBe(
            """{"account":"00000000-0000-4000-8000-000000000001","actor":{"id":"00000000-0000-4000-8000-000000000016","kind":"service_account","owner":"00000000-0000-4000-8000-000000000005"},"at":1795248000123,"event":"recovery_opened","facts":{"at":1795248000000,"generation":3,"means":"link","none":null,"rules":["a","b"],"usable":false},"id":"00000000-0000-4000-8000-000000000009","recovery":"00000000-0000-4000-8000-000000000003","tenant":"default","texts":{"reason":"dfd3e104ce34796e7beabda6cada0c7462f6232eb78addeda17ebac5650ccd76"},"v":1}""");
        Convert.ToHexStringLower(SHA256.HashData(bytes)).ShouldBe("9150226c6330d226bbc4db40a4f4f7aae5c637c75421208a2b8c252505ec5001");
        Convert.ToHexStringLower(LedgerEntry.LeafHash(bytes)).ShouldBe("b768c46416e2603f88e6abc61a5ced13f5ef5dd487cd7846eb8bda9d47d1797c");
    }

    [Fact]
    public void A21_A_personal_text_is_nowhere_in_the_entry()
    {
        var text = Encoding.UTF8.GetString(Canonical(Entry));

        text.ShouldNotContain("lake");
        text.ShouldNotContain(Convert.ToHexStringLower(Salt));
        text.ShouldNotContain(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Reason))));
    }

    [Fact]
    public void The_same_text_under_another_salt_cannot_be_recognised() => new[]
    {
        LedgerEntry.Commitment(Salt, Reason), LedgerEntry.Commitment(new byte[16], Reason), LedgerEntry.Commitment(Salt, Reason + " "),
    }.ShouldBeUnique();

    [Fact]
    public void A_text_without_a_salt_is_not_written() =>
        Should.Throw<KeyNotFoundException>(() => Entry.Canonical(
            Sample.Id<EntryId>(9), TenantId.Default, Sample.Now, new Dictionary<string, byte[]>(StringComparer.Ordinal)));

    [Fact]
    public void Every_part_changes_the_bytes() => new[]
    {
        Entry,
        Entry with { Event = LedgerEvent.RecoveryDenied },
        Entry with { Actor = Sample.Requester },
        Entry with { Actor = Entry.Actor with { Kind = PrincipalKind.Account } },
        Entry with { Account = null },
        Entry with { Recovery = null },
        Entry with { Facts = new Dictionary<string, object?>(StringComparer.Ordinal) },
        Entry with { Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["reason"] = "" } },
        Entry with { Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["why"] = Reason } },
    }.Select(e => Convert.ToHexStringLower(Canonical(e))).ShouldBeUnique();

    [Fact]
    public void A_leaf_is_no_node_and_no_plain_hash() =>
        LedgerEntry.LeafHash([]).ShouldBe(SHA256.HashData([0])); // RFC 6962 §2.1

    private static byte[] Canonical(LedgerEntry entry) => entry.Canonical(
        Sample.Id<EntryId>(9), TenantId.Default, Sample.Now.AddMilliseconds(123).AddTicks(7),
        entry.Texts.ToDictionary(t => t.Key, _ => Salt, StringComparer.Ordinal));
}
