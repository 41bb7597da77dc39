using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>What a tenant is to clients that speak OpenPGP with it. Nothing of it is secret.</summary>
/// <param name="Domain">The URL that clients know it by, without a slash at the end; it stands in every escrow and is compared letter by letter.</param>
/// <param name="Aliases">URLs that it was known by before: escrows that name one are still good.</param>
/// <param name="Fingerprint">The fingerprint of its key, 40 upper-case hexadecimal digits.</param>
/// <param name="ArmoredKey">Its public key.</param>
/// <param name="AccessKeyPem">The public key that verifies its access tokens (RS256).</param>
public sealed record OpenPgpServer(
    string Domain, ImmutableArray<string> Aliases, string Fingerprint, string ArmoredKey, string AccessKeyPem)
{
    /// <summary>What names the key that verifies access tokens.</summary>
    public string AccessKeyId => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(AccessKeyPem)))[..16];

    /// <summary>The URL it is known by, and those it was known by before.</summary>
    public IEnumerable<string> Domains => Aliases.Prepend(Domain);
}
