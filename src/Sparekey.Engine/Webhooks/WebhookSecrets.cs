using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Webhooks;

/// <summary>The secrets that sign what endpoints are told (Standard Webhooks 1.0.0): 32 random bytes each, sealed at rest.</summary>
/// <param name="keys">The key ring.</param>
internal sealed class WebhookSecrets(KeyRing keys)
{
    private const string Table = "webhooks";
    private const string Prefix = "whsec_";

    /// <summary>Makes a secret.</summary>
    public static byte[] Make() => RandomNumberGenerator.GetBytes(32);

    /// <summary>A secret as its receiver keeps it.</summary>
    /// <param name="secret">The secret.</param>
    public static SecretText Write(byte[] secret) => new(Prefix + Convert.ToBase64String(secret));

    /// <summary>Seals a secret for its row.</summary>
    /// <param name="tenant">The row's tenant.</param>
    /// <param name="webhook">The row's id.</param>
    /// <param name="secret">The secret.</param>
    public byte[] Seal(TenantId tenant, WebhookId webhook, byte[] secret) => keys.Seal(KeyPurpose.Webhook, tenant, Table, webhook.ToString(), secret);

    /// <summary>The header <c>webhook-signature</c>: one signature for each secret that holds.</summary>
    /// <param name="tenant">The row's tenant.</param>
    /// <param name="webhook">The row's id.</param>
    /// <param name="envelopes">The sealed secrets, the present one first.</param>
    /// <param name="messageId">The <c>webhook-id</c>.</param>
    /// <param name="at">The <c>webhook-timestamp</c>.</param>
    /// <param name="body">The body as it is sent.</param>
    /// <exception cref="SealBrokenException">The key of a seal was retired.</exception>
    public string Sign(TenantId tenant, WebhookId webhook, IEnumerable<byte[]> envelopes, string messageId, DateTimeOffset at, string body)
    {
        var signed = Encoding.UTF8.GetBytes($"{messageId}.{at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)}.{body}");
        return string.Join(' ', envelopes.Select(e =>
            "v1," + Convert.ToBase64String(HMACSHA256.HashData(keys.Open(KeyPurpose.Webhook, tenant, Table, webhook.ToString(), e), signed))));
    }
}
