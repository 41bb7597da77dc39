using Sparekey.Core.Secrets;
using Sparekey.Server.Api;

namespace Sparekey.Server.Dialects.LoginId;

// What clients send. Every member may be missing, so that what is missing can be named.

/// <summary>A user, by id or by name.</summary>
internal sealed record UserBody(string? ClientId = null, string? UserId = null, string? Username = null);

/// <summary>A code to make, or codes to end.</summary>
internal sealed record CodesBody(
    string? ClientId = null, string? UserId = null, string? Username = null, string? Purpose = null, bool? Authorize = null,
    SecretText? Code = null, ReasonView? Reason = null);

/// <summary>A code that somebody presents.</summary>
internal sealed record AuthenticationCode(SecretText? Code = null, string? Type = null);

/// <summary>How a new credential is to be made.</summary>
internal sealed record CreationOptions(
    string? RegisterSession = null, string? DisplayName = null, bool? OverrideName = null, bool? RoamingAuthenticator = null,
    string? CredentialName = null);

/// <summary>The beginning of a registration, an addition or a sign-in.</summary>
internal sealed record InitBody(
    string? ClientId = null, string? UserId = null, string? Username = null, AuthenticationCode? AuthenticationCode = null,
    CreationOptions? Options = null, ReasonView? Reason = null, string? Purpose = null);

/// <summary>What an authenticator made.</summary>
internal sealed record AttestationPayload(
    string? Challenge = null, string? CredentialUuid = null, string? CredentialId = null, string? ClientData = null,
    string? AttestationData = null);

/// <summary>The end of a registration or an addition.</summary>
internal sealed record AttestationBody(
    string? ClientId = null, string? Username = null, string? UserId = null, AttestationPayload? AttestationPayload = null, bool? NoJwt = null,
    CreationOptions? Options = null);

/// <summary>What an authenticator proved.</summary>
internal sealed record AssertionPayload(
    string? Challenge = null, string? CredentialId = null, string? ClientData = null, string? AuthenticatorData = null,
    string? Signature = null);

/// <summary>The end of a sign-in.</summary>
internal sealed record AssertionBody(
    string? ClientId = null, string? Username = null, AssertionPayload? AssertionPayload = null, bool? NoJwt = null);

/// <summary>A password.</summary>
internal sealed record PasswordBody(
    string? ClientId = null, string? Username = null, SecretText? Password = null, SecretText? PasswordConfirmation = null,
    bool? NoJwt = null);

/// <summary>A wait for a code to be authorised.</summary>
internal sealed record WaitBody(
    string? ClientId = null, string? Username = null, string? UserId = null, AuthenticationCode? AuthenticationCode = null,
    bool? NoWait = null, bool? NoJwt = null);

/// <summary>One credential of a user.</summary>
internal sealed record CredentialBody(
    string? ClientId = null, string? UserId = null, string? Username = null, NamedCredential? Credential = null);

/// <summary>A credential, and what it shall be called.</summary>
internal sealed record NamedCredential(string? Uuid = null, string? Name = null);
