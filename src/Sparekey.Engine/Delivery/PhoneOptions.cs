using Sparekey.Core.Secrets;

namespace Sparekey.Engine.Delivery;

/// <summary>
/// Who sends text messages and makes calls: a programme that takes an HTTP request for each. What it looks like is Sparekey's own;
/// a few lines in front of any provider translate.
/// </summary>
/// <param name="Url">Where it is called.</param>
public sealed record PhoneOptions(Uri Url)
{
    /// <summary>The bearer token of the calls; null for none.</summary>
    public SecretText? Token { get; init; }

    /// <summary>The key that signs the calls as Standard Webhooks says; null for none.</summary>
    public SecretText? Secret { get; init; }

    /// <summary>Whether a text can be the key that signs: <c>whsec_</c> and the base64 of 24 bytes or more.</summary>
    /// <param name="secret">The text.</param>
    public static bool IsKey(string secret) => StandardWebhooks.KeyOf(secret) is not null;

    /// <summary>Whether it also calls telephones and reads out.</summary>
    public bool Calls { get; init; }
}
