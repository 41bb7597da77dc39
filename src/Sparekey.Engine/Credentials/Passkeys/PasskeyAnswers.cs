using System.Buffers.Text;

namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>What a browser made (WebAuthn §5.1, <c>RegistrationResponseJSON</c>), still encoded as base64url.</summary>
/// <param name="Id">The credential's id.</param>
/// <param name="ClientData">The client data.</param>
/// <param name="AttestationObject">The attestation object.</param>
/// <param name="Transports">How it can be reached.</param>
public sealed record NewPasskey(string Id, string ClientData, string AttestationObject, IReadOnlyList<string> Transports)
{
    /// <summary>The bytes; null when one of them is no base64url.</summary>
    internal RegistrationResponse? ToResponse() =>
        Encoded.Bytes(Id) is { } id && Encoded.Bytes(ClientData) is { } client && Encoded.Bytes(AttestationObject) is { } attestation
            ? new RegistrationResponse(id, client, attestation, Transports)
            : null;
}

/// <summary>What a browser proved (WebAuthn §5.1, <c>AuthenticationResponseJSON</c>), still encoded as base64url.</summary>
/// <param name="Id">The credential's id.</param>
/// <param name="ClientData">The client data.</param>
/// <param name="AuthenticatorData">The authenticator data.</param>
/// <param name="Signature">The signature.</param>
/// <param name="UserHandle">Whose the authenticator believes it to be; null when it does not say.</param>
public sealed record PasskeyAssertion(string Id, string ClientData, string AuthenticatorData, string Signature, string? UserHandle)
{
    /// <summary>The bytes; null when one of them is no base64url.</summary>
    internal AssertionResponse? ToResponse() =>
        Encoded.Bytes(Id) is { } id && Encoded.Bytes(ClientData) is { } client && Encoded.Bytes(AuthenticatorData) is { } data
        && Encoded.Bytes(Signature) is { } signature && (UserHandle is null || Encoded.Bytes(UserHandle) is not null)
            ? new AssertionResponse(id, client, data, signature, UserHandle is null ? null : Encoded.Bytes(UserHandle))
            : null;
}

/// <summary>Base64url of strangers.</summary>
internal static class Encoded
{
    /// <summary>The bytes of a text; null when it is none.</summary>
    /// <param name="text">The text.</param>
    public static byte[]? Bytes(string text) => Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : null;
}
