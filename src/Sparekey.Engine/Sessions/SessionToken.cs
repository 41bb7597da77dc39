using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sparekey.Core;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// A session token in its parts: tenant and session, which are no secret and say where to look, and 256 random bits.
/// </summary>
internal sealed class SessionToken
{
    private const string Prefix = "sps_";
    private const int SecretLength = 32;

    private SessionToken(TenantId tenant, SessionId id, byte[] secret)
    {
        Tenant = tenant;
        Id = id;
        Secret = secret;
    }

    /// <summary>The tenant.</summary>
    public TenantId Tenant { get; }

    /// <summary>The session.</summary>
    public SessionId Id { get; }

    /// <summary>What proves it.</summary>
    public byte[] Secret { get; }

    /// <summary>The whole token, as its holder sends it.</summary>
    public string Text =>
        $"{Prefix}{Tenant}.{Base64Url.EncodeToString(Id.Value.ToByteArray(bigEndian: true))}.{Base64Url.EncodeToString(Secret)}";

    /// <summary>Makes a token.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The session.</param>
    public static SessionToken New(TenantId tenant, SessionId id) => new(tenant, id, RandomNumberGenerator.GetBytes(SecretLength));

    /// <summary>Reads a token. False for every text that <see cref="Text"/> does not write.</summary>
    /// <param name="text">The text.</param>
    /// <param name="token">The token.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SessionToken? token)
    {
        token = null;
        if (text is not { Length: <= 128 } || !text.StartsWith(Prefix, StringComparison.Ordinal)
            || text[Prefix.Length..].Split('.') is not [var name, var id, var secret]
            || !TenantId.TryParse(name, out var tenant) || !Base64Url.IsValid(id, out var idLength) || idLength != 16
            || !Base64Url.IsValid(secret, out var secretLength) || secretLength != SecretLength)
        {
            return false;
        }

        var read = new SessionToken(
            tenant, SessionId.From(new Guid(Base64Url.DecodeFromChars(id), bigEndian: true)), Base64Url.DecodeFromChars(secret));
        token = read.Text == text ? read : null;
        return token is not null;
    }

    /// <summary>Shows nothing of the secret.</summary>
    public override string ToString() => $"token of session {Id}";
}
