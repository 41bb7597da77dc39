using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.PersonalCodes;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>A type of code: how it looks and how long it lives.</summary>
/// <param name="Name">Its name in paths and bodies.</param>
/// <param name="Format">Its form.</param>
/// <param name="Lifetime">How long it lives.</param>
internal sealed record CodeType(string Name, CodeFormat Format, TimeSpan Lifetime)
{
    private static readonly IReadOnlyList<CodeType> All =
    [
        new("short", CodeFormat.Digits, TimeSpan.FromMinutes(3)),
        new("long", CodeFormat.Long, TimeSpan.FromHours(1)),
        new("phrase", CodeFormat.Phrase, TimeSpan.FromMinutes(15)),
    ];

    /// <summary>The type of a name; null when there is none.</summary>
    /// <param name="name">The name.</param>
    public static CodeType? Of(string? name) => All.FirstOrDefault(t => t.Name == name);
}

/// <summary>Things of ours as LoginID's clients read them.</summary>
internal static class Mapping
{
    /// <summary>What codes are for, in LoginID's words.</summary>
    public const string AddCredential = "add_credential";

    /// <summary>What codes are for, in LoginID's words.</summary>
    public const string TemporaryAuthentication = "temporary_authentication";

    // The same for all: clients do not say how a credential can be reached, and what a stranger is shown must not tell which one is real.
    private static readonly string[] Transports = ["usb", "nfc", "ble", "internal"];

    /// <summary>A user.</summary>
    /// <param name="call">Who asks.</param>
    /// <param name="user">The account.</param>
    public static object Profile(ClientCall call, Account user) => new UserView(
        user.Id.ToString(), Names.Of(user), user.Status == AccountStatus.Active ? "active" : "inactive", "user", call.Namespace, call.Namespace,
        call.ClientId, WireJson.Time(user.CreatedAt), WireJson.Time(user.CreatedAt),
        [.. user.Addresses.Select(a => new ContactView(a.Kind == AddressKind.Email ? "email" : "phone_number", a.Value, a.IsUsable))]);

    /// <summary>A credential.</summary>
    /// <param name="credential">The credential.</param>
    public static CredentialView Credential(Credential credential) => new(
        credential.Id.ToString(), TypeOf(credential.Kind), StatusOf(credential.State), credential.Name ?? TypeOf(credential.Kind),
        WireJson.Time(credential.CreatedAt), WireJson.Time(credential.LastUsedAt ?? credential.CreatedAt));

    /// <summary>What a credential is called.</summary>
    /// <param name="kind">Its kind.</param>
    public static string TypeOf(CredentialKind kind) => kind is CredentialKind.Passkey or CredentialKind.Key ? "public_key" : WireName.Of(kind);

    /// <summary>A code.</summary>
    /// <param name="code">The code.</param>
    /// <param name="expiresAt">When it ends.</param>
    /// <param name="isAuthorized">Whether it can be used.</param>
    public static CodeView Code(SecretText code, DateTimeOffset expiresAt, bool isAuthorized) =>
        new(code.Reveal(), WireJson.Time(expiresAt), WireJson.Time(expiresAt), isAuthorized);

    /// <summary>A code.</summary>
    /// <param name="code">The code.</param>
    public static CodeView Code(IssuedCode code) => Code(code.Text, code.ExpiresAt, code.IsAuthorized);

    /// <summary>What a browser is asked to make. Its members beside <c>credential_uuid</c> are WebAuthn's, in WebAuthn's spelling.</summary>
    /// <param name="creation">What is to be made.</param>
    /// <param name="username">The user's name.</param>
    /// <param name="options">How.</param>
    public static Dictionary<string, object> Attestation(PasskeyCreation creation, string username, CreationOptions? options) => new(StringComparer.Ordinal)
    {
        ["credential_uuid"] = creation.Credential?.ToString() ?? "",
        ["challenge"] = creation.Challenge,
        ["rp"] = new Dictionary<string, string>(StringComparer.Ordinal) { ["id"] = creation.Party.Id, ["name"] = creation.Party.Name },
        ["user"] = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["id"] = Decodable(creation.UserHandle), ["name"] = username, ["displayName"] = options?.DisplayName ?? username,
        },
        ["pubKeyCredParams"] = CoseAlgorithms.Offered.Select(a => new Dictionary<string, object>(StringComparer.Ordinal) { ["type"] = "public-key", ["alg"] = (int)a }),
        ["authenticatorSelection"] = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["authenticatorAttachment"] = options?.RoamingAuthenticator == true ? "cross-platform" : "platform", ["userVerification"] = "required",
        },
        ["excludeCredentials"] = creation.Exclude.Select(Descriptor),
    };

    /// <summary>A credential that a browser shall know.</summary>
    /// <param name="known">The credential.</param>
    public static Dictionary<string, object> Descriptor(PasskeyDescriptor known) => new(StringComparer.Ordinal)
    {
        ["id"] = Decodable(known.Id),
        ["type"] = "public-key",
        ["transports"] = Transports,
    };

    /// <summary>
    /// A text that the browser's client decodes to all of its bytes: its decoder drops zero bytes at the end, unless padding comes
    /// after them. Challenges are made without such bytes; ids are whatever an authenticator chose.
    /// </summary>
    /// <param name="base64Url">The text without padding.</param>
    public static string Decodable(string base64Url) => EndsInZero(base64Url) ? base64Url + "==" : base64Url;

    /// <summary>What a credential is called when nobody gave it a name: browser and system, as far as the browser says so.</summary>
    /// <param name="userAgent">The <c>User-Agent</c> of the request.</param>
    public static string DefaultName(string userAgent)
    {
        var browser = First(("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"));
        var system = First(
            ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iPadOS"), ("Mac OS X", "macOS"), ("CrOS", "ChromeOS"),
            ("Linux", "Linux"));
        return (browser, system) switch
        {
            (null, null) => "Passkey",
            (null, { } on) => $"Passkey on {on}",
            ({ } by, null) => by,
            ({ } by, { } on) => $"{by} on {on}",
        };

        string? First(params ReadOnlySpan<(string Mark, string Name)> known)
        {
            foreach (var (mark, name) in known)
            {
                if (userAgent.Contains(mark, StringComparison.Ordinal))
                {
                    return name;
                }
            }

            return null;
        }
    }

    private static bool EndsInZero(string base64Url) =>
        Base64Url.DecodeFromChars(base64Url) is [.., var last, var end] && (last == 0 || end == 0);

    private static string StatusOf(CredentialState state) => state switch
    {
        CredentialState.Active => "active",
        CredentialState.Suspended => "inactive",
        CredentialState.Revoked => "revoked",
    };

    private sealed record ContactView(string Type, string Contact, bool IsVerified);

    // One client reads the namespace under a misspelt name.
    private sealed record UserView(
        string Id, string Username, string Status, string Type, string NamespaceId, string NamspaceId, string ClientId, string CreatedAt,
        string UpdatedAt, IReadOnlyList<ContactView> Contacts);
}

/// <summary>A credential on the wire.</summary>
internal sealed record CredentialView(string Uuid, string Type, string Status, string Name, string CreatedAt, string UpdatedAt);

/// <summary>A code on the wire; one client reads its end under another name.</summary>
internal sealed record CodeView(string Code, string ExpiresAt, string ExpireAt, bool IsAuthorized);
