using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>Ids that follow from names (RFC 9562 §5.5), where the clients want a UUID and Sparekey has a name.</summary>
internal static class PassboltIds
{
    // The namespace in which the vendor names its actions; everything else of ours is named in it too, under a prefix.
    private static readonly Guid Namespace = new("d5447ca1-950f-459d-8b20-86ddfdd0f922");

    /// <summary>The id of an action.</summary>
    /// <param name="name">Its name, for example <c>AccountRecoveryResponsesCreate.post</c>.</param>
    public static string Action(string name) => Named(name).ToString("D");

    /// <summary>The id of a thing of Sparekey's that has only a name.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="name">Its name.</param>
    public static string Of(string kind, string name) => Named($"sparekey.{kind}.{name}").ToString("D");

    /// <summary>Who did something: the account's id, and an id made of the name of whoever is no person.</summary>
    /// <param name="principal">The principal's id.</param>
    public static string OfPrincipal(string principal) =>
        Ids.TryParse<AccountId>(principal, out var account) ? account.ToString() : Of("principal", principal);

    // SHA-1 is what the form asks for; nothing rests on it here.
    private static Guid Named(string name)
    {
        var text = Encoding.UTF8.GetBytes(name);
        var bytes = new byte[16 + text.Length];
        Namespace.TryWriteBytes(bytes, bigEndian: true, out _);
        text.CopyTo(bytes.AsSpan(16));
        var hash = CryptographicOperations.HashData(HashAlgorithmName.SHA1, bytes).AsSpan(0, 16);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash, bigEndian: true);
    }
}
