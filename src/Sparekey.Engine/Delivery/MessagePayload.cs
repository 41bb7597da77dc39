using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Delivery;

/// <summary>What a queued message says and where it goes. It may hold a secret: at rest it is sealed and bound to its row.</summary>
/// <param name="To">Where it goes; empty for every address that takes notices.</param>
/// <param name="Values">Values for its text, by name.</param>
internal sealed record MessagePayload(IReadOnlyList<Recipient> To, IReadOnlyDictionary<string, string> Values)
{
    private const string Table = "outbox";

    /// <summary>Seals it for a row.</summary>
    /// <param name="keys">The key ring.</param>
    /// <param name="tenant">The row's tenant.</param>
    /// <param name="row">The row's id.</param>
    public byte[] Seal(KeyRing keys, TenantId tenant, MessageId row) =>
        keys.Seal(KeyPurpose.Outbox, tenant, Table, row.ToString(), JsonSerializer.SerializeToUtf8Bytes(this));

    /// <summary>Opens what was sealed for a row.</summary>
    /// <param name="keys">The key ring.</param>
    /// <param name="tenant">The row's tenant.</param>
    /// <param name="row">The row's id.</param>
    /// <param name="envelope">The sealed bytes.</param>
    /// <returns>The payload; null when its key was retired, or the bytes are another row's.</returns>
    public static MessagePayload? Open(KeyRing keys, TenantId tenant, MessageId row, byte[] envelope)
    {
        try
        {
            return JsonSerializer.Deserialize<MessagePayload>(
                keys.Open(KeyPurpose.Outbox, tenant, Table, row.ToString(), envelope));
        }
        catch (SealBrokenException)
        {
            return null;
        }
    }

    /// <summary>Shows nothing of what it says.</summary>
    public override string ToString() => "[message]";
}
