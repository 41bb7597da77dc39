using System.Security.Cryptography;
using System.Text;

namespace Sparekey.Engine.Credentials.Keys;

/// <summary>A key that its holder registers, and the proof that they hold it.</summary>
/// <param name="CredentialId">What the holder calls it: any text, compared exactly, never decoded.</param>
/// <param name="ClientData">The client data of type <c>key.create</c>, as it was signed.</param>
/// <param name="PublicKey">The public key as PEM, exactly as it was signed.</param>
/// <param name="Signature">The signature over hash and key (<see cref="KeyCeremonies.Fingerprint"/>).</param>
public sealed record NewKey(string CredentialId, byte[] ClientData, string PublicKey, byte[] Signature)
{
    /// <summary>What is signed with: <c>SHA256</c>, <c>RSA-SHA256</c>, <c>SHA512</c>; null for the key's own.</summary>
    public string? Algorithm { get; init; }

    /// <summary>The private key as its holder encrypted it; opaque, given back byte for byte.</summary>
    public string? EncryptedPrivateKey { get; init; }
}

/// <summary>Something that the holder of a key signed.</summary>
/// <param name="CredentialId">Which key.</param>
/// <param name="ClientData">The client data of type <c>key.get</c>, as it was signed.</param>
/// <param name="Signature">The signature over it.</param>
public sealed record KeyProof(string CredentialId, byte[] ClientData, byte[] Signature)
{
    /// <summary>What is signed with; null for the key's own.</summary>
    public string? Algorithm { get; init; }
}

/// <summary>
/// Verifies what keys sign, step by step: a registration over a fingerprint of client data and key, an assertion over the client data
/// itself. Signatures are checked over received bytes; nothing is written anew.
/// </summary>
internal static class KeyCeremonies
{
    private const int LongestSignature = 1024;

    /// <summary>Verifies that whoever registers a key holds it, here and now.</summary>
    /// <param name="made">The key and its proof.</param>
    /// <param name="challenge">The challenge that was sent.</param>
    /// <param name="origins">The application's origins.</param>
    /// <returns>Null, or what is wrong.</returns>
    public static KeyFault? VerifyRegistration(NewKey made, string challenge, IReadOnlyList<string> origins)
    {
        // 1. The key is one that is taken.
        if (SigningPublicKey.Parse(made.PublicKey) is not { } key || made.CredentialId.Length is 0 or > SigningPublicKey.LongestName)
        {
            return KeyFault.KeyMalformed;
        }

        // 2. The signature, before anything is believed.
        if (!Verify(key, Fingerprint(made.ClientData, made.PublicKey), made.Signature, made.Algorithm))
        {
            return KeyFault.WrongSignature;
        }

        // 3. What was signed: for this, now, here.
        return SignedClientData.Parse(made.ClientData) is not { } data ? KeyFault.ClientDataMalformed
            : Check(data, "key.create", origins) ?? (data.Answers(challenge) ? null : KeyFault.WrongChallenge);
    }

    /// <summary>Verifies that the holder of a key answers a challenge.</summary>
    /// <param name="proof">What was signed.</param>
    /// <param name="publicKey">The key, as PEM.</param>
    /// <param name="challenge">The challenge that was sent.</param>
    /// <param name="origins">The application's origins.</param>
    /// <returns>Null, or what is wrong.</returns>
    public static KeyFault? VerifyAssertion(KeyProof proof, string publicKey, string challenge, IReadOnlyList<string> origins) =>
        VerifySigned(proof, publicKey, origins, out var data) ?? (data!.Answers(challenge) ? null : KeyFault.WrongChallenge);

    /// <summary>Verifies that the holder of a key signed something of their own; what it is stands in the challenge.</summary>
    /// <param name="proof">What was signed.</param>
    /// <param name="publicKey">The key, as PEM.</param>
    /// <param name="origins">The application's origins.</param>
    /// <param name="data">What was signed, when nothing is wrong.</param>
    /// <returns>Null, or what is wrong.</returns>
    public static KeyFault? VerifySigned(KeyProof proof, string publicKey, IReadOnlyList<string> origins, out SignedClientData? data)
    {
        data = null;
        if (SigningPublicKey.Parse(publicKey) is not { } key)
        {
            return KeyFault.KeyMalformed;
        }

        if (!Verify(key, proof.ClientData, proof.Signature, proof.Algorithm))
        {
            return KeyFault.WrongSignature;
        }

        data = SignedClientData.Parse(proof.ClientData);
        return data is null ? KeyFault.ClientDataMalformed : Check(data, "key.get", origins);
    }

    /// <summary>
    /// What a new key signs: the hash of the client data in lower-case hexadecimal and the key, as the one JSON text that all clients
    /// write. Built by hand: a serializer would escape the plus signs of the key, and nothing would verify.
    /// </summary>
    /// <param name="clientData">The client data.</param>
    /// <param name="publicKey">The key as PEM, exactly as it was given.</param>
    public static byte[] Fingerprint(byte[] clientData, string publicKey)
    {
        var escaped = publicKey.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes(
            $$"""{"clientDataHash":"{{Convert.ToHexStringLower(SHA256.HashData(clientData))}}","publicKey":"{{escaped}}"}""");
    }

    private static KeyFault? Check(SignedClientData data, string type, IReadOnlyList<string> origins) =>
        data.Type != type ? KeyFault.WrongType
        : data.IsFrom(origins) ? null
        : KeyFault.WrongOrigin;

    private static bool Verify(SigningPublicKey key, byte[] data, byte[] signature, string? algorithm)
    {
        HashAlgorithmName? hash = algorithm switch
        {
            null or "SHA256" or "RSA-SHA256" => HashAlgorithmName.SHA256,
            "SHA512" or "RSA-SHA512" => HashAlgorithmName.SHA512,
            "" => HashAlgorithmName.SHA256,
            _ => null,
        };
        return hash is { } known && signature.Length <= LongestSignature && key.Verify(data, signature, SignatureForm.Der, known);
    }
}
