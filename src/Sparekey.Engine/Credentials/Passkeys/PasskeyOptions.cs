using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Applications;

namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>Who asks for a passkey: the relying party of an application.</summary>
/// <param name="Id">Its id, a domain.</param>
/// <param name="Name">Its name, for people.</param>
/// <param name="Origins">Where its pages are.</param>
public sealed record RelyingParty(string Id, string Name, IReadOnlyList<string> Origins)
{
    /// <summary>The relying party of an application; null when it has none, and passkeys cannot be used there.</summary>
    /// <param name="application">The application.</param>
    public static RelyingParty? Of(Application application) => application.RpId is { } id
        ? new RelyingParty(id, application.Name, [.. application.Origins.Select(o => o.GetLeftPart(UriPartial.Authority))])
        : null;
}

/// <summary>A credential that a browser shall look for, or shall not make a second one beside.</summary>
/// <param name="Id">Its id, base64url.</param>
/// <param name="Transports">How it can be reached.</param>
public sealed record PasskeyDescriptor(string Id, IReadOnlyList<string> Transports);

/// <summary>What a browser is asked to make (WebAuthn §5.4); the rest of the options is the same for everybody.</summary>
/// <param name="Challenge">The challenge, base64url.</param>
/// <param name="Party">The relying party.</param>
/// <param name="UserHandle">The account's handle, base64url: nothing that says who it is.</param>
/// <param name="UserName">What the person recognises the account by.</param>
/// <param name="Exclude">The passkeys that the account keeps.</param>
public sealed record PasskeyCreation(
    string Challenge, RelyingParty Party, string UserHandle, string UserName, IReadOnlyList<PasskeyDescriptor> Exclude)
{
    /// <summary>The id that the credential will have here; null where it is not known beforehand.</summary>
    public CredentialId? Credential { get; init; }

    /// <summary>What is asked for an account.</summary>
    /// <param name="account">The account.</param>
    /// <param name="challenge">The challenge.</param>
    /// <param name="party">The relying party.</param>
    /// <param name="kept">The passkeys that it keeps.</param>
    /// <param name="credential">The id that the credential will have here.</param>
    internal static PasskeyCreation For(
        Account account, string challenge, RelyingParty party, IEnumerable<Passkey> kept, CredentialId? credential = null) => new(
        challenge, party, Base64Url.EncodeToString(PasskeyChallenge.HandleOf(account.Id)),
        account.Username ?? account.Addresses.FirstOrDefault()?.Value ?? party.Name,
        [.. kept.Select(p => new PasskeyDescriptor(Base64Url.EncodeToString(p.CredentialId), p.Transports))]) { Credential = credential };
}

/// <summary>
/// What a browser is told after passkeys changed, so that authenticators forget those that are gone (WebAuthn Level 3 §5.1.10.2).
/// </summary>
/// <param name="RpId">The relying party.</param>
/// <param name="UserHandle">The account's handle, base64url.</param>
/// <param name="Accepted">The ids of every passkey that the account has, base64url.</param>
public sealed record PasskeySignal(string RpId, string UserHandle, IReadOnlyList<string> Accepted);

/// <summary>What a browser is asked to prove (WebAuthn §5.5). It names no credential: the authenticator finds its own.</summary>
/// <param name="Challenge">The challenge, base64url.</param>
/// <param name="Party">The relying party.</param>
public sealed record PasskeyRequest(string Challenge, RelyingParty Party);

/// <summary>Handles, challenges, and which challenge an answer is to.</summary>
internal static class PasskeyChallenge
{
    /// <summary>How long a ceremony may take.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <summary>A new challenge: 256 random bits, base64url.</summary>
    public static string New()
    {
        // Some decoders in browsers drop a zero byte at the end: the authenticator would sign another challenge.
        var bytes = RandomNumberGenerator.GetBytes(32);
        return bytes[^1] == 0 || bytes[^2] == 0 ? New() : Base64Url.EncodeToString(bytes);
    }

    /// <summary>The handle of an account: its id, which says nothing of the person (WebAuthn §14.6.1).</summary>
    /// <param name="account">The account.</param>
    public static byte[] HandleOf(AccountId account) => account.Value.ToByteArray(bigEndian: true);

    /// <summary>The account of a handle; null when it is none of ours.</summary>
    /// <param name="handle">The handle.</param>
    public static AccountId? AccountOf(byte[]? handle) => handle is { Length: 16 } ? new AccountId(new Guid(handle, bigEndian: true)) : null;

    /// <summary>The challenge that an answer says it is to, to look its ceremony up by; what it proves is verified afterwards.</summary>
    /// <param name="clientData">The client data.</param>
    public static string? SaidBy(byte[] clientData)
    {
        try
        {
            using var document = JsonDocument.Parse(Encoding.UTF8.GetString(clientData), new JsonDocumentOptions { MaxDepth = 8 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("challenge", out var challenge) && challenge.ValueKind == JsonValueKind.String
                ? challenge.GetString()
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, or half a surrogate pair in one of its texts.
            return null;
        }
    }
}
