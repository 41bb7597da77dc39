using Sparekey.Core.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Sessions;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>The answers that Dfns's clients read.</summary>
internal static class DfnsAnswers
{
    private static readonly string[] Factors = ["Fido2", "Key", "PasswordProtectedKey"];

    private static readonly object[] SignInKinds =
    [
        new { kind = "Fido2", factor = "either", requiresSecondFactor = false },
        new { kind = "Key", factor = "either", requiresSecondFactor = false },
        new { kind = "PasswordProtectedKey", factor = "either", requiresSecondFactor = false },
    ];

    // The two that every client knows.
    private static readonly object[] Algorithms =
        [new { type = "public-key", alg = (int)CoseAlgorithm.Es256 }, new { type = "public-key", alg = (int)CoseAlgorithm.Rs256 }];

    private static readonly object Selection = new { residentKey = "required", requireResidentKey = true, userVerification = "required" };

    /// <summary>What a user is called: the address that they were registered with, else their user name.</summary>
    /// <param name="account">The account.</param>
    public static string NameOf(Account account) =>
        account.Addresses.FirstOrDefault(a => a.Kind == AddressKind.Email)?.Value ?? account.Username ?? account.Addresses.FirstOrDefault()?.Value ?? "";

    /// <summary>A challenge to prove oneself.</summary>
    /// <param name="challenge">The challenge.</param>
    /// <param name="identifier">The token that names it.</param>
    public static object Challenge(FactorChallenge challenge, string identifier) => new
    {
        challenge = challenge.Challenge,
        challengeIdentifier = identifier,
        externalAuthenticationUrl = "",
        rp = Rp(challenge.Party),
        supportedCredentialKinds = SignInKinds,
        userVerification = "required",
        attestation = "direct",
        allowCredentials = new
        {
            key = challenge.Allowed.Keys.Select(Descriptor),
            passwordProtectedKey = challenge.Allowed.ProtectedKeys
                .Select(k => new { type = "public-key", id = k.CredentialId, encryptedPrivateKey = k.EncryptedPrivateKey }),
            webauthn = challenge.Allowed.Passkeys.Select(p => Descriptor(p.Id)),
        },
    };

    /// <summary>Registration options: what registering, adding and recovering have in common.</summary>
    /// <param name="account">Whose.</param>
    /// <param name="challenge">What every credential answers.</param>
    /// <param name="passkey">How a passkey is made; null where none can be.</param>
    /// <param name="token">The token that completes it.</param>
    public static Dictionary<string, object> Registration(Account account, string challenge, PasskeyCreation? passkey, string token) => new(StringComparer.Ordinal)
    {
        ["user"] = new { id = DfnsId.OfUser(account), displayName = NameOf(account), name = NameOf(account) },
        ["temporaryAuthenticationToken"] = token,
        ["challenge"] = challenge,
        ["rp"] = Rp(passkey?.Party),
        ["supportedCredentialKinds"] = new { firstFactor = Factors, secondFactor = Factors },
        ["authenticatorSelection"] = Selection,
        ["attestation"] = "direct",
        ["pubKeyCredParams"] = Algorithms,
        ["pubKeyCredParam"] = Algorithms,
        ["excludeCredentials"] = (passkey?.Exclude ?? []).Select(e => Descriptor(e.Id)),
        ["otpUrl"] = "",
    };

    /// <summary>What was registered or recovered.</summary>
    /// <param name="account">Whose.</param>
    /// <param name="orgId">The organisation.</param>
    /// <param name="first">The first factor.</param>
    /// <param name="isProtected">Whether its private half was left with us.</param>
    public static object Registered(Account account, string orgId, Credential first, bool isProtected) => new
    {
        credential = new
        {
            uuid = DfnsId.Of("cr", first.Id.Value),
            kind = KindOf(first.Kind, isProtected),
            credentialKind = KindOf(first.Kind, isProtected),
            name = first.Name ?? "Default Credential",
        },
        user = new { id = DfnsId.OfUser(account), username = NameOf(account), orgId },
    };

    /// <summary>One credential in a list.</summary>
    /// <param name="credential">The credential.</param>
    public static object Listed(DescribedCredential credential) => new
    {
        kind = KindOf(credential.Credential.Kind, credential.IsProtected),
        credentialId = credential.Credential.ExternalId ?? "",
        credentialUuid = DfnsId.Of("cr", credential.Credential.Id.Value),
        dateCreated = credential.Credential.CreatedAt,
        isActive = credential.Credential.State == CredentialState.Active,
        name = credential.Credential.Name ?? "Default Credential",
        publicKey = credential.Fingerprint ?? "",
        relyingPartyId = credential.RpId ?? "",
        origin = credential.Origin ?? "",
    };

    private static string KindOf(CredentialKind kind, bool isProtected) => kind switch
    {
        CredentialKind.Passkey => "Fido2",
        CredentialKind.Key => isProtected ? "PasswordProtectedKey" : "Key",
        CredentialKind.RecoveryKey => "RecoveryKey",
        _ => "Password",
    };

    private static object Rp(RelyingParty? party) => new { id = party?.Id ?? "", name = party?.Name ?? "" };

    private static object Descriptor(string id) => new { type = "public-key", id };
}
