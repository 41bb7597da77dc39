using System.Text.Json;
using System.Text.Json.Serialization;
using Sparekey.Core.Secrets;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>An identity as a programme wants it made or replaced. A member that is not here is refused, as there.</summary>
internal sealed record IdentityBody(
    string? SchemaId = null, JsonElement Traits = default, CredentialsBody? Credentials = null,
    IReadOnlyList<AddressBody>? RecoveryAddresses = null, IReadOnlyList<AddressBody>? VerifiableAddresses = null,
    JsonElement MetadataPublic = default, JsonElement MetadataAdmin = default, string? State = null, string? ExternalId = null,
    string? OrganizationId = null)
{
    /// <summary>Shows nothing: it may hold a password.</summary>
    public override string ToString() => "identity";
}

/// <summary>What an identity proves itself with from its first day on.</summary>
internal sealed record CredentialsBody(
    PasswordBody? Password = null, JsonElement Oidc = default, JsonElement Saml = default, JsonElement Passkey = default,
    JsonElement Webauthn = default, JsonElement Totp = default, JsonElement LookupSecret = default)
{
    /// <summary>Whether there is anything but a password.</summary>
    [JsonIgnore]
    public bool HasOthers => new[] { Oidc, Saml, Passkey, Webauthn, Totp, LookupSecret }.Any(
        c => c.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null));

    /// <summary>Whether there is nothing.</summary>
    [JsonIgnore]
    public bool IsEmpty => Password is null && !HasOthers;

    /// <summary>Shows nothing: it may hold a password.</summary>
    public override string ToString() => "credentials";
}

/// <summary>A password.</summary>
internal sealed record PasswordBody(PasswordConfig? Config = null);

/// <summary>A password, or the hash of the person's own in another system.</summary>
internal sealed record PasswordConfig(SecretText? Password = null, SecretText? HashedPassword = null, bool UsePasswordMigrationHook = false)
{
    /// <summary>Shows nothing.</summary>
    public override string ToString() => "password";
}

/// <summary>An address of an identity.</summary>
internal sealed record AddressBody(
    string Value, string Via, bool Verified = false, string? Status = null, string? Id = null, DateTimeOffset? VerifiedAt = null,
    DateTimeOffset? CreatedAt = null, DateTimeOffset? UpdatedAt = null, string? BreakGlassForOrganization = null);

/// <summary>A step of a patch.</summary>
internal sealed record PatchBody(string Op, string Path, JsonElement Value = default, string? From = null);
