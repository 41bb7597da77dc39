using System.Buffers.Text;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Credentials;

/// <summary>
/// What is shown for a name that has nothing to sign in with: the same every time, so that asking twice tells nothing; keyed, so that
/// nobody can tell it from real credentials by working it out; and not always of one form, because people are not.
/// </summary>
/// <param name="keys">The key ring.</param>
internal sealed class DecoyCredentials(KeyRing keys)
{
    private static readonly string[] Transports = ["internal", "hybrid"];

    /// <summary>The credentials of a name.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="name">The name as it was typed.</param>
    /// <param name="passkeysOnly">Whether nothing but passkeys is shown to anybody.</param>
    public AllowedCredentials Of(TenantId tenant, string name, bool passkeysOnly)
    {
        var form = Draw(tenant, "form", name);
        var isKey = !passkeysOnly && form[0] % 4 == 0;
        var ids = Enumerable.Range(0, form[1] % 4 == 0 ? 2 : 1).Select(i => Base64Url.EncodeToString(Draw(tenant, $"credential/{i}", name))).ToList();
        return isKey
            ? new AllowedCredentials([], ids, [])
            : new AllowedCredentials([.. ids.Select(i => new PasskeyDescriptor(i, Transports))], [], []);
    }

    private byte[] Draw(TenantId tenant, string what, string name) =>
        keys.Hash(KeyPurpose.Decoy, $"{tenant}/{what}", Encoding.UTF8.GetBytes(Identifier.Normalize(name) ?? name)).Mac;
}
