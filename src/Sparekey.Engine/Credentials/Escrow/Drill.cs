using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>How a drill stands.</summary>
public enum DrillState
{
    /// <summary>Nobody has shown anything yet.</summary>
    Open,

    /// <summary>The key opened the test escrow.</summary>
    Passed,

    /// <summary>What came back was wrong too often.</summary>
    Failed,
}

/// <summary>A drill: whoever holds the organisation key shows that it opens what is encrypted to it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Key">The organisation key.</param>
/// <param name="State">How it stands.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="StartedBy">The id of the principal that began it.</param>
/// <param name="ExpiresAt">Until when it can be passed.</param>
public sealed record Drill(DrillId Id, EscrowKeyId Key, DrillState State, DateTimeOffset StartedAt, string StartedBy, DateTimeOffset ExpiresAt)
{
    /// <summary>When it was passed, or failed.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>The id of the principal that ended it.</summary>
    public string? EndedBy { get; init; }
}

/// <summary>A test escrow, as real ones are: a secret encrypted to the organisation key, and what that secret opens.</summary>
/// <param name="Password">The second half: opened with the organisation key.</param>
/// <param name="Blob">The first half: opened with the secret. It holds the proof in place of a private key.</param>
public sealed record TestEscrow(string Password, string Blob)
{
    private const string Server = "https://drill.invalid";
    private const string Prefix = "sparekey-drill-";
    private static readonly string NobodysKey = new('0', 40);

    /// <summary>Makes one.</summary>
    /// <param name="organisation">The organisation key.</param>
    /// <param name="now">The time.</param>
    /// <returns>The test escrow and the proof, ASCII, that only who opens it can give.</returns>
    internal static (TestEscrow Escrow, string Proof) Make(PgpKey organisation, DateTimeOffset now)
    {
        var proof = Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        using var secret = EscrowSecret.New(Server, Guid.Empty, NobodysKey, now);
        using var json = secret.Write();
        return (
            new TestEscrow(
                PgpMessages.Encrypt(json.Span, organisation, now),
                PgpMessages.EncryptWithPassword(Encoding.ASCII.GetBytes(proof), secret.Secret, now, signer: null)),
            proof);
    }

    /// <summary>
    /// Opens one, where the organisation key is. It opens nothing else: who sends a real escrow as a test learns nothing.
    /// </summary>
    /// <param name="organisation">The organisation key; the caller wipes it.</param>
    /// <param name="now">The time.</param>
    /// <returns>The proof, or why it cannot be given.</returns>
    public Result<string> Prove(PgpSecretKey organisation, DateTimeOffset now)
    {
        var opened = PgpMessages.Decrypt(Password, organisation, [], now);
        if (opened.Refusal is { } closed)
        {
            return closed;
        }

        using var json = opened.Value;
        var read = EscrowSecret.Read(json.Bytes);
        if (read.Refusal is { } unreadable)
        {
            return unreadable;
        }

        using var secret = read.Value;
        if (secret.Domain != Server || secret.UserId != Guid.Empty || secret.Fingerprint != NobodysKey)
        {
            return PgpRefusals.Of(PgpFault.WrongUser);
        }

        var inside = PgpMessages.DecryptWithPassword(Blob, secret.Secret, [], now);
        if (inside.Refusal is { } damaged)
        {
            return damaged;
        }

        using var proof = inside.Value;
        return proof.Bytes.StartsWith(Encoding.ASCII.GetBytes(Prefix)) && proof.Bytes.Length == Prefix.Length + 64
            ? Encoding.ASCII.GetString(proof.Bytes)
            : PgpRefusals.Of(PgpFault.NotAnEscrow);
    }
}
