using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Tests.Credentials;

public sealed class DecoyCredentialsTests
{
    private static KeyRing Ring() => new(new Dictionary<int, byte[]> { [1] = RandomNumberGenerator.GetBytes(32) }, active: 1);

    [Fact]
    public void A_name_is_shown_the_same_every_time_and_no_two_names_alike()
    {
        var decoys = new DecoyCredentials(Ring());
        static string Text(AllowedCredentials shown) => string.Join(' ', shown.Passkeys.Select(p => p.Id).Concat(shown.Keys));

        Text(decoys.Of(TenantId.Default, "Jane@example.com ", false)).ShouldBe(Text(decoys.Of(TenantId.Default, "jane@example.com", false)));
        Enumerable.Range(0, 200).Select(i => Text(decoys.Of(TenantId.Default, $"n{i}@example.com", false))).Distinct().Count().ShouldBe(200);
        Text(decoys.Of(TenantId.Parse("north"), "jane@example.com", false)).ShouldNotBe(Text(decoys.Of(TenantId.Default, "jane@example.com", false)));
        Text(new DecoyCredentials(Ring()).Of(TenantId.Default, "jane@example.com", false)).ShouldNotBe(Text(decoys.Of(TenantId.Default, "jane@example.com", false)));
    }

    [Fact]
    public void Names_look_like_people_of_every_kind_and_only_like_passkeys_where_nothing_else_is_shown()
    {
        var decoys = new DecoyCredentials(Ring());
        var shown = Enumerable.Range(0, 400).Select(i => decoys.Of(TenantId.Default, $"n{i}@example.com", passkeysOnly: false)).ToList();
        shown.Select(s => (s.Passkeys.Count, s.Keys.Count)).Distinct().ShouldBe([(1, 0), (2, 0), (0, 1), (0, 2)], ignoreOrder: true);
        shown.ShouldAllBe(s => !s.IsEmpty && s.ProtectedKeys.Count == 0);

        Enumerable.Range(0, 100).Select(i => decoys.Of(TenantId.Default, $"n{i}@example.com", passkeysOnly: true))
            .ShouldAllBe(s => s.Keys.Count == 0 && s.Passkeys.Count > 0);
    }
}
