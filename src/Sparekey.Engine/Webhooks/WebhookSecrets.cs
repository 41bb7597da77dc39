using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Webhooks;

/// <summary>The secrets that sign what endpoints are told (Standard Webhooks 1.0.0): 32 random bytes each, sealed at rest.</summary>
/// <param name="keys">The key ring.</param>
internal sealed class WebhookSecrets(KeyRing keys)
{
    private const string Table = "webhooks";

    /// <summary>Makes a secret.</summary>
    public static byte[] Make() => RandomNumberGenerator.GetBytes(32);

    /// <summary>A secret as its receiver keeps it.</summary>
    /// <param name="secret">The secret.</param>
    public static SecretText Write(byte[] secret) => new(StandardWebhooks.Write(secret));

    /// <summary>Seals a secret for its row.</summary>
    /// <param name="tenant">The row's tenant.</param>
    /// <param name="webhook">The row's id.</param>
    /// <param name="secret">The secret.</param>
    public byte[] Seal(TenantId tenant, WebhookId webhook, byte[] secret) => keys.Seal(KeyPurpose.Webhook, tenant, Table, webhook.ToString(), secret);

    /// <summary>Adds the headers of Standard Webhooks to a request, with one signature for each secret that holds.</summary>
    /// <param name="request">The request.</param>
    /// <param name="tenant">The row's tenant.</param>
    /// <param name="webhook">The row's id.</param>
    /// <param name="envelopes">The sealed secrets, the present one first.</param>
    /// <param name="messageId">The <c>webhook-id</c>.</param>
    /// <param name="at">The <c>webhook-timestamp</c>.</param>
    /// <param name="body">The body as it is sent.</param>
    /// <exception cref="SealBrokenException">The key of a seal was retired.</exception>
    public void Sign(
        HttpRequestMessage request, TenantId tenant, WebhookId webhook, IEnumerable<byte[]> envelopes, string messageId, DateTimeOffset at,
        string body) =>
        StandardWebhooks.Sign(
            request, messageId, at, body, envelopes.Select(e => keys.Open(KeyPurpose.Webhook, tenant, Table, webhook.ToString(), e)));
}
