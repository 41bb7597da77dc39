using System.Buffers.Text;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Credentials;

/// <summary>
/// The passkey that is shown for a name that has none: the same one every time, so that asking twice tells nothing, and keyed, so that
/// nobody can tell it from a real one by working it out.
/// </summary>
/// <param name="keys">The key ring.</param>
internal sealed class DecoyCredential(KeyRing keys)
{
    private static readonly string[] Transports = ["internal", "hybrid"];

    /// <summary>The passkey of a name.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="name">The name as it was typed.</param>
    public PasskeyDescriptor Of(TenantId tenant, string name) => new(
        Base64Url.EncodeToString(
            keys.Hash(KeyPurpose.Decoy, $"{tenant}/passkey", Encoding.UTF8.GetBytes(Identifier.Normalize(name) ?? name)).Mac),
        Transports);
}
